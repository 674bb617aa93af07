//! Areas, controls and their evidence as the page shows them.

use domain::{EvidenceId, Timestamp};

use super::words;
use crate::{
    Digest,
    evidence::ProbeResult,
    registry::{Area, Control, Kind},
    status::{Logged, Status},
    strip::StripDay,
};

#[derive(Clone, Debug)]
pub struct AreaView {
    pub id: String,
    pub title: String,
    pub summary: String,
    /// `5 verified · 2 coming soon`.
    pub counts: String,
    pub controls: Vec<ControlView>,
}

#[derive(Clone, Debug)]
pub struct ControlView {
    pub id: String,
    pub rev: u32,
    pub statement: String,
    pub why: String,
    /// What it does not prove.
    pub limits: String,
    /// How it is checked; `None` while it is planned.
    pub how: Option<String>,
    /// `every 15 minutes, from inside`, for each probe.
    pub cadence: Vec<String>,
    pub status: StatusView,
    pub severity: &'static str,
    pub owner: String,
    pub classes: Vec<&'static str>,
    pub params: Vec<ParamView>,
    /// `iso-27001-2022: A.8.24`.
    pub maps: Vec<String>,
    /// Ninety days, oldest first; empty for controls that no probe has looked at yet.
    pub strip: Vec<StripView>,
    pub evidence: Option<EvidenceView>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusView {
    /// The stable name, such as `coming_soon`: also the style class.
    pub name: &'static str,
    pub mark: &'static str,
    pub label: &'static str,
    pub sentence: String,
    pub last_shown: Option<Timestamp>,
    pub fresh_until: Option<Timestamp>,
    pub red_after: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamView {
    /// `breach hours`.
    pub name: String,
    pub value: String,
    pub unit: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripView {
    /// `20 Nov 2026`.
    pub day: String,
    /// Percent of the day in which it was verified.
    pub percent: u8,
    /// `verified`, `partly`, `failing` or `unknown`: also the style class.
    pub state: &'static str,
}

/// The latest result of a control.
#[derive(Clone, Debug)]
pub struct EvidenceView {
    pub id: String,
    pub outcome: &'static str,
    pub reason: &'static str,
    pub started: Timestamp,
    pub finished: Timestamp,
    pub probe: &'static str,
    pub vantage: &'static str,
    pub subjects: u64,
    pub population: u64,
    pub planted_found: bool,
    pub uncovered: Vec<String>,
    /// Name, value and unit of what was measured.
    pub measures: Vec<(String, u64, String)>,
    /// SHA-256 of the signed envelope: the digest the log holds.
    pub digest: String,
    pub log_index: u64,
    pub slot: Option<String>,
    pub scheduled: bool,
}

/// A result with what the log knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Latest {
    pub(crate) id: EvidenceId,
    pub(crate) result: ProbeResult,
    pub(crate) digest: Digest,
    pub(crate) logged: Logged,
}

impl StatusView {
    pub(crate) fn of(status: &Status) -> Self {
        let deadlines = status.deadlines();
        Self {
            name: status.as_str(),
            mark: words::mark(status.as_str()),
            label: words::label(status),
            sentence: words::sentence(status),
            last_shown: deadlines.map(|deadlines| deadlines.passed),
            fresh_until: deadlines.map(|deadlines| deadlines.until),
            red_after: deadlines.map(|deadlines| deadlines.hard),
        }
    }
}

impl EvidenceView {
    pub(crate) fn of(latest: &Latest) -> Self {
        let result = &latest.result;
        Self {
            id: latest.id.to_string(),
            outcome: result.outcome.as_str(),
            reason: result.reason.says(),
            started: result.started,
            finished: result.finished,
            probe: result.probe.as_str(),
            vantage: result.vantage.as_str(),
            subjects: result.subjects,
            population: result.population,
            planted_found: result.positive_control,
            uncovered: result.uncovered.clone(),
            measures: result
                .measures
                .iter()
                .map(|measure| (measure.name.clone(), measure.value, measure.unit.clone()))
                .collect(),
            digest: latest.digest.to_string(),
            log_index: latest.logged.index,
            slot: result.slot.as_ref().map(ToString::to_string),
            scheduled: result.slot.is_some(),
        }
    }
}

impl StripView {
    pub(crate) fn of((start, day): (Timestamp, StripDay)) -> Self {
        let percent = day.percent();
        let state = match (day.failed, day.known, percent) {
            (true, ..) => "failing",
            (_, false, _) => "unknown",
            (_, _, 95..) => "verified",
            _ => "partly",
        };
        Self { day: words::day(start.to_datetime().date()), percent, state }
    }
}

impl ControlView {
    pub(crate) fn of(
        area: &Area,
        control: &Control,
        status: &Status,
        latest: Option<&Latest>,
        strip: Vec<(Timestamp, StripDay)>,
    ) -> Self {
        let cadence = control.bindings().iter().map(|binding| {
            let places: Vec<_> = binding.vantages.iter().map(|vantage| vantage.as_str()).collect();
            format!("every {}, from {}", binding.cadence.words(), places.join(" and "))
        });
        let params = control.params.iter().map(|(name, param)| ParamView {
            name: name.replace('_', " "),
            value: param.value.to_string(),
            unit: param.unit.clone(),
        });
        let maps = area.maps.iter().chain(&control.maps);
        Self {
            id: control.id.to_string(),
            rev: control.rev,
            statement: control.statement.clone(),
            why: control.why.clone(),
            limits: control.limits.clone(),
            how: control.how.clone(),
            cadence: cadence.collect(),
            status: StatusView::of(status),
            severity: control.severity.as_str(),
            owner: control.owner.clone(),
            classes: control.classes.iter().map(|class| class.as_str()).collect(),
            params: params.collect(),
            maps: maps.map(|map| format!("{}: {}", map.framework, map.refs.join(", "))).collect(),
            strip: match control.kind {
                Kind::Planned(_) => Vec::new(),
                _ => strip.into_iter().map(StripView::of).collect(),
            },
            evidence: latest.map(EvidenceView::of),
        }
    }
}
