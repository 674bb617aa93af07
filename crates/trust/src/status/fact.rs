//! One result as the evaluator sees it: signature already checked, place in the log known.

use std::fmt;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Digest,
    registry::{ControlId, ProbeId, Vantage},
};

/// What a run of a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
    /// The probe broke; says nothing about the control, but keeps nothing green.
    Error,
    Inconclusive,
    NotApplicable,
}

impl Outcome {
    pub const ALL: &'static [Self] =
        &[Self::Pass, Self::Fail, Self::Error, Self::Inconclusive, Self::NotApplicable];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Inconclusive => "inconclusive",
            Self::NotApplicable => "not_applicable",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.as_str() == text)
    }
}

/// The name of one planned run, unique for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotId(pub String);

impl fmt::Display for SlotId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The slot a run claims to fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub id: SlotId,
    /// When the log committed to it; `None` if it never did.
    pub committed: Option<Timestamp>,
}

/// Where a result stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    pub index: u64,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub control: ControlId,
    pub rev: u32,
    pub probe: ProbeId,
    pub probe_digest: Digest,
    pub vantage: Vantage,
    pub deployment: String,
    pub build: Digest,
    /// A run without a slot can turn a control red, never green.
    pub slot: Option<Slot>,
    pub started: Timestamp,
    pub finished: Timestamp,
    pub outcome: Outcome,
    /// Whether the violation planted in this run was found.
    pub positive_control: bool,
    pub subjects: u64,
    pub logged: Option<Logged>,
}
