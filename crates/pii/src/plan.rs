//! The numbering plans of all countries, from libphonenumber's data.
//!
//! The library keeps a hundred compiled patterns behind one lock, and compiles the hundred-and-first anew each
//! time; so its data is used, each pattern is compiled at most once, and nothing is locked.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{LazyLock, OnceLock},
};

use phonenumber::{Metadata, metadata::DATABASE};
use regex::bytes::{Regex, RegexBuilder};

use crate::Kind;

/// Numbers of at most fifteen digits, of which up to three are the country's.
const CODE_DIGITS: usize = 3;

const EUROPE: &[&str] = &[
    "DE", "FR", "IT", "ES", "PL", "NL", "BE", "DK", "SE", "NO", "FI", "AT", "CH", "CZ", "SK", "RO",
    "BG", "PT", "IE", "GR", "HU", "HR", "SI", "EE", "LV", "LT", "LU", "IS", "CY", "MT", "LI", "GB",
];

static PLANS: LazyLock<Plans> = LazyLock::new(Plans::load);

#[derive(Default)]
struct Plans {
    by_code: HashMap<u16, Vec<Plan>>,
}

/// What the numbers of one country look like behind its calling code.
struct Plan {
    region: String,
    /// What is dialled before a number at home.
    prefix: Option<String>,
    lengths: BTreeSet<u16>,
    pattern: String,
    compiled: OnceLock<Option<Regex>>,
}

/// Whose national numbers are understood, as ISO codes.
pub(crate) struct Regions {
    codes: Vec<String>,
    /// Somebody said so; otherwise it is all of Europe.
    chosen: bool,
}

impl Default for Regions {
    fn default() -> Self {
        let mut all = Self::new(EUROPE);
        all.chosen = false;
        all
    }
}

impl Regions {
    pub(crate) fn new(codes: &[&str]) -> Self {
        Self { codes: codes.iter().map(|code| code.to_ascii_uppercase()).collect(), chosen: true }
    }

    /// Whether the organization is at home where this kind of number is given out, as far as it said.
    pub(crate) fn are_home_of(&self, kind: Kind) -> bool {
        let country = kind.name().get(..2).unwrap_or_default();
        self.chosen && self.codes.iter().any(|code| code.eq_ignore_ascii_case(country))
    }

    /// Whether somebody in one of these regions could dial this.
    pub(crate) fn understand(&self, digits: &str) -> bool {
        let plans = PLANS.by_code.values().flatten();
        plans
            .filter(|plan| self.codes.contains(&plan.region))
            .any(|plan| plan.holds_at_home(digits))
    }
}

/// Whether these digits are a number behind a plus.
pub(crate) fn is_international(digits: &str) -> bool {
    (1..=CODE_DIGITS).any(|length| {
        let Some((code, number)) = digits.split_at_checked(length) else { return false };
        let plans = code.parse().ok().and_then(|code: u16| PLANS.by_code.get(&code));
        plans.is_some_and(|plans| plans.iter().any(|plan| plan.holds(number)))
    })
}

/// Loads the data, which the first number would otherwise wait for.
pub(crate) fn warm_up() {
    LazyLock::force(&PLANS);
}

impl Plans {
    fn load() -> Self {
        let mut plans = Self::default();
        for country in DATABASE.iter() {
            plans.by_code.entry(country.country_code()).or_default().push(Plan::of(country));
        }
        plans
    }
}

impl Plan {
    fn of(country: &Metadata) -> Self {
        let all = country.descriptors();
        let kinds = [
            all.fixed_line(),
            all.mobile(),
            all.toll_free(),
            all.premium_rate(),
            all.shared_cost(),
            all.personal_number(),
            all.voip(),
            all.pager(),
            all.uan(),
        ];
        let kinds = || kinds.into_iter().flatten();
        let patterns: Vec<&str> = kinds().map(|kind| kind.national_number().as_str()).collect();
        let lengths = kinds().flat_map(|kind| kind.possible_length().iter().copied()).collect();
        Self {
            region: country.id().to_owned(),
            prefix: country.national_prefix().map(str::to_owned),
            lengths,
            pattern: format!("^(?:{})$", patterns.join("|")),
            compiled: OnceLock::new(),
        }
    }

    fn holds(&self, number: &str) -> bool {
        if !u16::try_from(number.len()).is_ok_and(|length| self.lengths.contains(&length)) {
            return false;
        }
        let compiled = self.compiled.get_or_init(|| {
            RegexBuilder::new(&self.pattern).unicode(false).ignore_whitespace(true).build().ok()
        });
        compiled.as_ref().is_some_and(|pattern| pattern.is_match(number.as_bytes()))
    }

    fn holds_at_home(&self, digits: &str) -> bool {
        let bare = self.prefix.as_deref().and_then(|prefix| digits.strip_prefix(prefix));
        bare.is_some_and(|bare| self.holds(bare)) || self.holds(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_a_pattern_that_compiles() {
        assert!(PLANS.by_code.len() > 200);
        for region in EUROPE {
            let mut all = PLANS.by_code.values().flatten();
            let plan = all.find(|plan| plan.region == *region).unwrap();
            plan.holds("0");
            assert!(!plan.lengths.is_empty(), "{region}");
            let compiled =
                RegexBuilder::new(&plan.pattern).unicode(false).ignore_whitespace(true).build();
            assert!(compiled.is_ok(), "{region}");
        }
    }

    #[test]
    fn numbers_hold_whole_or_not_at_all() {
        assert!(is_international("4520123456") && is_international("4915123456789"));
        assert!(!is_international("45201234567") && !is_international("452012345"));
        assert!(
            !is_international("99920123456") && !is_international("") && !is_international("45")
        );
        let sweden = Regions::new(&["se"]);
        assert!(sweden.understand("0701234567") && sweden.understand("701234567"));
        assert!(!sweden.understand("00701234567") && !sweden.understand("112"));
    }
}
