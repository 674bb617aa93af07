//! The fixed words of the page.

use domain::Timestamp;

use crate::{
    registry::Vantage,
    status::{FailReason, Profile, StaleReason, Status},
};

/// What no program on this machine can show, whatever its colour.
pub const CANNOT_PROVE: &[&str] = &[
    "That the disk stands in the building it is said to stand in.",
    "That a provider does not train on what it receives, or deletes it when it says so.",
    "That a contract is honoured.",
    "That nobody with full control of this machine tampered with the prober, the log and this page together.",
    "That a person was trained, or is careful.",
    "That the set of probes is complete: they find what they look for.",
];

/// The shape that stands beside every status, so that colour is never alone.
#[must_use]
pub fn mark(status: &str) -> &'static str {
    match status {
        "verified" => "●",
        "recovering" | "stale" => "◐",
        "failing" => "■",
        "attested" | "inherited" => "◆",
        "coming_soon" => "○",
        "not_applicable" => "–",
        _ => "▢",
    }
}

/// What the page says about its own evidence.
pub(crate) fn labels(profile: &Profile) -> Vec<&'static str> {
    let mut labels = Vec::new();
    if profile.vantages.iter().all(|vantage| *vantage == Vantage::Inside) {
        labels.push("checked from inside only");
        labels.push("prober shares host and user");
    }
    if profile.witnesses == 0 {
        labels.push("log not independently witnessed");
    }
    labels
}

/// The status in one or two words.
pub(super) const fn label(status: &Status) -> &'static str {
    match status {
        Status::Verified(_) => "verified",
        Status::Recovering { .. } => "recovering",
        Status::Stale { .. } => "stale",
        Status::Failing { .. } => "failing",
        Status::Attested { .. } => "attested",
        Status::Inherited { .. } => "inherited",
        Status::ComingSoon { .. } => "coming soon",
        Status::NotYetVerified => "not yet verified",
        Status::NotApplicable { .. } => "not applicable here",
    }
}

/// The status in a sentence.
pub(super) fn sentence(status: &Status) -> String {
    match status {
        Status::Verified(pass) => {
            let deadlines = pass.deadlines();
            format!(
                "Shown to hold at {}; this proof is fresh until {}.",
                moment(deadlines.passed),
                moment(deadlines.until)
            )
        }
        Status::Recovering { failed, .. } => format!(
            "The latest probe passed, but one failed at {}. It is green again after two passes in a row.",
            moment(*failed)
        ),
        Status::Stale { why, deadlines } => {
            let passed = moment(deadlines.passed);
            match why {
                StaleReason::Age => {
                    format!("Last shown to hold at {passed}; that is too long ago.")
                }
                StaleReason::NewBuild => {
                    format!(
                        "A new build is running and has yet to pass. An earlier one passed at {passed}."
                    )
                }
                StaleReason::LogHead => {
                    format!("The head of the log is too old. Last shown to hold at {passed}.")
                }
                StaleReason::Copy => {
                    format!("This copy of the page is out of date. Last shown to hold at {passed}.")
                }
            }
        }
        Status::Failing { why, since } => match why {
            FailReason::Probe => {
                format!("A probe has found it violated, since {}.", moment(*since))
            }
            FailReason::Age => {
                format!("Nothing has shown it to hold for too long; red since {}.", moment(*since))
            }
            FailReason::Log => "The log contradicts itself, so nothing in it counts.".to_owned(),
            FailReason::Expired => format!("The document behind it expired at {}.", moment(*since)),
        },
        Status::Attested { expires, days_left } => {
            format!(
                "A document says so until {expires}; {days_left} days are left. No program checks it."
            )
        }
        Status::Inherited { from, expires, .. } => {
            format!("A document of {from} says so until {expires}. No program checks it.")
        }
        Status::ComingSoon { announced, target, slips } => {
            let moved = match slips {
                0 => String::new(),
                1 => " The date was moved once.".to_owned(),
                times => format!(" The date was moved {times} times."),
            };
            format!(
                "Announced on {}, planned for the {}.{moved}",
                day(announced.get()),
                target.words()
            )
        }
        Status::NotYetVerified => "No probe has decided it yet.".to_owned(),
        Status::NotApplicable { reason } => reason.clone(),
    }
}

/// `20 Nov 2026, 14:05:09 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    let at = at.to_datetime();
    let (hour, minute, second) = at.to_hms();
    format!("{}, {hour:02}:{minute:02}:{second:02} UTC", day(at.date()))
}

/// `20 Nov 2026`.
pub(super) fn day(date: time::Date) -> String {
    let month: String = date.month().to_string().chars().take(3).collect();
    format!("{} {month} {}", date.day(), date.year())
}
