//! What was agreed with a provider: the name that a credential gives for it, and until when it holds.

use serde::{Deserialize, Serialize};
use time::{Date, macros::format_description};

use super::ProviderEntry;
use crate::Timestamp;

/// The paid service on its ordinary terms. Every provider of the catalogue is taken to have one.
pub const STANDARD_CONTRACT: &str = "standard";

/// What an organization has with a server of its own choice: nobody else can say anything about it.
pub const OWN_CONTRACT: &str = "own";

/// Milliseconds.
const DAY: i64 = 86_400_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// As postures and credentials name it.
    pub id: String,
    /// The last day on which it holds, in UTC, as `YYYY-MM-DD`; without one it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Whether such a contract is none: a word of its name says that nothing is paid. The database repeats this.
#[must_use]
pub fn is_free_tier(contract: &str) -> bool {
    contract.split('-').any(|word| matches!(word, "free" | "trial"))
}

/// Whether it can name a contract: lower-case letters, digits and dashes, so that its words can be told apart.
#[must_use]
pub fn is_contract_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 60 && text.bytes().all(plain)
}

/// The first moment after a day that is written as `YYYY-MM-DD`; `None` when it is no day.
#[must_use]
pub fn after_day(text: &str) -> Option<Timestamp> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
    let seconds = day.midnight().assume_utc().unix_timestamp();
    Some(Timestamp::from_millis(seconds.checked_mul(1_000)?.checked_add(DAY)?))
}

/// The last day before a moment, as `YYYY-MM-DD`.
#[must_use]
pub fn last_day(end: Timestamp) -> String {
    let last = Timestamp::from_millis(end.as_millis().saturating_sub(1)).to_datetime();
    last.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

impl ProviderEntry {
    /// Whether anybody knows a contract of that name with this provider.
    #[must_use]
    pub fn has_contract(&self, name: &str) -> bool {
        let row = || self.contracts.iter().any(|contract| contract.id == name);
        name == STANDARD_CONTRACT || row() || self.contracts().contains(name)
    }

    /// The first moment at which a contract no longer holds; `None` for one without an end.
    #[must_use]
    pub fn contract_end(&self, name: &str) -> Option<Timestamp> {
        let row = self.contracts.iter().find(|contract| contract.id == name)?;
        row.expires.as_deref().and_then(after_day)
    }

    /// Whether a model of that name is a variant for which nothing is paid.
    #[must_use]
    pub fn is_free_model(&self, model: &str) -> bool {
        let ends = |ending: &String| {
            let start = model.len().checked_sub(ending.len());
            let end = start.and_then(|start| model.as_bytes().get(start..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(ending.as_bytes()))
        };
        self.free_models.iter().any(ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_tier_is_told_by_a_word() {
        for free in ["free", "free-tier", "trial", "90-day-trial", "our-free-plan"] {
            assert!(is_free_tier(free) && is_contract_name(free), "{free}");
        }
        for paid in ["standard", "zero-retention", "industrial-2026", "freedom", "our-2026", "own"]
        {
            assert!(!is_free_tier(paid) && is_contract_name(paid), "{paid}");
        }
        for wrong in ["", "Free", "free tier", "free_tier", "frée", "a/b"] {
            assert!(!is_contract_name(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_contract_holds_through_its_last_day() {
        let end = after_day("2026-11-30").unwrap();
        assert_eq!(end.rfc3339(), "2026-12-01T00:00:00Z");
        assert_eq!(last_day(end), "2026-11-30");
        for wrong in ["2026-11-31", "30.11.2026", "", "2026-11-30T00:00:00Z"] {
            assert_eq!(after_day(wrong), None, "{wrong}");
        }
    }
}
