//! One control: a public sentence and how it is verified.

use std::collections::{BTreeMap, BTreeSet};

use domain::DataClass;
use serde::{Deserialize, Serialize};

use super::value::{
    ControlId, Day, Param, PlannedKind, ProbeId, Quarter, Reach, Severity, Span, Vantage,
};

/// Controls that belong together on the page, and the frameworks they answer by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    pub id: String,
    pub title: String,
    pub summary: String,
    #[serde(default)]
    pub maps: Vec<Mapping>,
    #[serde(rename = "control")]
    pub controls: Vec<Control>,
}

/// A reference into somebody else's list of requirements: ids only, their texts are not ours to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub framework: String,
    pub refs: Vec<String>,
    pub rel: Relation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    Implements,
    Supports,
    Evidences,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    pub id: ControlId,
    /// Raised by any change of wording or parameter.
    pub rev: u32,
    /// The exact public sentence.
    pub statement: String,
    pub why: String,
    /// What a green line here does not prove.
    pub limits: String,
    /// How it is checked, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    pub reach: Reach,
    pub severity: Severity,
    /// The role that answers for it.
    pub owner: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub classes: BTreeSet<DataClass>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
    /// Besides those of its area.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maps: Vec<Mapping>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<ControlId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Lifecycle>,
    pub kind: Kind,
}

/// A control that no longer holds; the page shows it for twelve months.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    pub at: Day,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<ControlId>,
}

/// How a control is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    Probed(Probed),
    Enforced(Enforced),
    Attested(Attested),
    Planned(Planned),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probed {
    pub bindings: Vec<Binding>,
}

/// A gate that makes a violation impossible, and the probe that attacks the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enforced {
    pub gates: Vec<Gate>,
    pub sabotage: Binding,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    pub name: String,
}

/// A document with an owner and an end. Without the document it is not yet verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    pub attestor: String,
    /// SHA-256 of the document, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    pub valid_from: Day,
    pub expires: Day,
    /// The sub-processor whose document it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited_from: Option<String>,
}

/// Shown as "coming soon".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    pub announced: Day,
    pub target: Quarter,
    /// How often the target was moved.
    pub slips: u32,
    /// How it will be verified.
    pub will_be: PlannedKind,
}

/// A control bound to a probe: how often it runs and how long a pass holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    pub probe: ProbeId,
    pub vantages: BTreeSet<Vantage>,
    pub cadence: Span,
    /// A pass older than this no longer makes the control green.
    pub fresh: Span,
    /// A pass older than this makes it red.
    pub hard: Span,
    /// Whether a pass counts for the build it ran against only.
    pub build_bound: bool,
    /// Fewer subjects than this prove nothing.
    pub min_subjects: u64,
    /// What the subjects are counted against, and where that number comes from.
    pub population: String,
}

impl Control {
    /// The bindings whose passes it takes to be green; none for documents and plans.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        match &self.kind {
            Kind::Probed(probed) => &probed.bindings,
            Kind::Enforced(enforced) => std::slice::from_ref(&enforced.sabotage),
            Kind::Attested(_) | Kind::Planned(_) => &[],
        }
    }

    /// What would make the control unable to fail, or to be read.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.rev == 0 {
            return Err("rev starts at 1");
        }
        if self.statement.is_empty() || self.why.is_empty() || self.limits.is_empty() {
            return Err("needs a statement, a reason and its limits");
        }
        if self.bindings().is_empty() && matches!(self.kind, Kind::Probed(_)) {
            return Err("a probed control needs a probe");
        }
        self.bindings().iter().try_for_each(Binding::check)
    }
}

impl Binding {
    fn check(&self) -> Result<(), &'static str> {
        if self.min_subjects == 0 {
            return Err("a probe without subjects proves nothing");
        }
        if self.vantages.is_empty() {
            return Err("a probe needs a vantage");
        }
        if self.cadence.get().is_zero() || self.cadence >= self.fresh || self.fresh >= self.hard {
            return Err("cadence, fresh and hard must grow in this order");
        }
        Ok(())
    }
}
