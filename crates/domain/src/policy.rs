//! Where the requests of an organization or a project may go: what its administrators decide.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Timestamp};

/// Rules about providers. Nobody has to set any: a new organization's requests go to providers that say they do
/// not train on prompts, wherever those are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoutingPolicy {
    /// Whether providers are asked that train on prompts, or do not say that they do not.
    pub allow_training: bool,
    /// The most days that a provider may keep prompts; who does not say keeps them for ever. `None` for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retention_days: Option<u32>,
    /// Where requests may be processed: `EU`, a country's code, or a region as a provider names it. `None` for
    /// anywhere; nowhere where two sets of rules have nothing in common.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<BTreeSet<String>>,
    /// Countries (ISO 3166-1 alpha-2) whose companies are not asked.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub deny_countries: BTreeSet<String>,
    /// The catalogue's ids of the only providers that are asked. `None` for every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_providers: Option<BTreeSet<String>>,
    /// The catalogue's ids of providers that are not asked.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub deny_providers: BTreeSet<String>,
    /// How much of what one person says a single provider may see. Only of an organization as a whole: its projects are
    /// counted together. `None` for all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// Whether requests may hold health data of people: then only providers are asked with which a business associate
    /// agreement is in force, none that trains, and nothing is stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub health_data: bool,
}

/// A business associate agreement: a provider may receive health data that the law of the United States protects (HIPAA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthAgreement {
    /// The first moment at which it holds.
    pub signed: Timestamp,
    /// The first moment at which it no longer does.
    pub until: Option<Timestamp>,
}

impl HealthAgreement {
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.signed <= now && self.until.is_none_or(|until| now < until)
    }
}

/// The largest share of one person's conversations that a single provider may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    /// Of a hundred conversations.
    pub percent: u32,
    /// Conversations that began in so many days are counted together.
    pub days: u32,
}

impl Exposure {
    /// Nobody with fewer conversations is held to a share: of one conversation it is always the whole.
    pub const FEWEST: u64 = 20;
    /// Days.
    pub const LONGEST: u32 = 30;

    /// How many conversations a provider may have seen of somebody with `conversations`: the share, rounded up.
    #[must_use]
    pub fn most(&self, conversations: u64) -> u64 {
        let share = u128::from(conversations.max(Self::FEWEST)) * u128::from(self.percent);
        u64::try_from(share.div_ceil(100)).unwrap_or(u64::MAX)
    }

    fn is_sound(self) -> bool {
        (10..=95).contains(&self.percent) && (1..=Self::LONGEST).contains(&self.days)
    }
}

/// What an organization says of a provider that it registered: of a server of its own choice, or because it agreed
/// on other terms than the catalogue's. `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatedTerms {
    /// Whether it trains on prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trains: Option<bool>,
    /// How many days it keeps prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

impl StatedTerms {
    /// Of a server that the organization runs itself: prompts stay with it.
    pub const OWN: Self = Self { trains: Some(false), retention_days: Some(0) };
}

/// ISO 3166-1 alpha-2 codes of the European Union's members.
const EU_MEMBERS: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// The Union as a region: a place in any of its members.
const EU: &str = "EU";

/// Every country of ISO 3166-1, alpha-2.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN \
    BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ \
    DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL \
    GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM \
    JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME \
    MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP \
    NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD \
    SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO \
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// A country's code in capitals.
fn country(text: &str) -> Option<String> {
    let code = text.to_ascii_uppercase();
    COUNTRIES.split(' ').any(|known| known == code).then_some(code)
}

const MOST: usize = 100;

impl RoutingPolicy {
    /// What holds where both do: never more than either.
    #[must_use]
    pub fn narrowed(&self, by: &Self) -> Self {
        Self {
            allow_training: self.allow_training && by.allow_training,
            max_retention_days: least(self.max_retention_days, by.max_retention_days),
            regions: both(&regions(self.regions.as_ref()), &regions(by.regions.as_ref())),
            deny_countries: &self.deny_countries | &by.deny_countries,
            only_providers: both(&self.only_providers, &by.only_providers),
            deny_providers: &self.deny_providers | &by.deny_providers,
            exposure: self.exposure,
            health_data: self.health_data || by.health_data,
        }
    }

    /// The regions with the Union's members spelled out; `None` for anywhere.
    #[must_use]
    pub fn places(&self) -> Option<BTreeSet<String>> {
        regions(self.regions.as_ref())
    }

    /// The rules as they are kept: trimmed, codes in capitals.
    ///
    /// # Errors
    /// `Invalid` with codes `invalid_region`, `invalid_country`, `invalid_only_providers`, `invalid_deny_providers`,
    /// `invalid_retention`, `invalid_exposure`.
    pub fn checked(self) -> Result<Self> {
        if self.max_retention_days.is_some_and(|days| days > 3650) {
            return Err(Error::invalid("Prompts can be kept for 0 to 3,650 days.")
                .with_code("invalid_retention"));
        }
        if self.exposure.is_some_and(|exposure| !exposure.is_sound()) {
            let says = "The largest share is 10 to 95 percent, counted over 1 to 30 days.";
            return Err(Error::invalid(says).with_code("invalid_exposure"));
        }
        let region = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let fits = (1..=40).contains(&text.len()) && text.bytes().all(plain);
            match text.to_ascii_uppercase() {
                union if union == EU => Some(union),
                code if code.len() == 2 => country(&code),
                _ => fits.then(|| text.to_owned()),
            }
        };
        let provider = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let fits = (1..=40).contains(&text.len()) && text.bytes().all(plain);
            fits.then(|| text.to_ascii_lowercase())
        };
        let regions =
            "A region is EU, a country's code of two letters, or a name such as eu-central-1.";
        let countries = "A country is its code of two letters, such as CN or GB.";
        let providers = "A provider is its id in the catalogue, such as openai.";
        Ok(Self {
            allow_training: self.allow_training,
            max_retention_days: self.max_retention_days,
            regions: self
                .regions
                .map(|all| listed(&all, region, regions, "invalid_region"))
                .transpose()?,
            deny_countries: each(&self.deny_countries, country, countries, "invalid_country")?,
            only_providers: self
                .only_providers
                .map(|all| listed(&all, provider, providers, "invalid_only_providers"))
                .transpose()?,
            deny_providers: each(
                &self.deny_providers,
                provider,
                providers,
                "invalid_deny_providers",
            )?,
            exposure: self.exposure,
            health_data: self.health_data,
        })
    }
}

/// A list that says something: one of nothing would let nothing through, and is more likely a mistake.
fn listed(
    all: &BTreeSet<String>,
    one: impl Fn(&str) -> Option<String>,
    says: &'static str,
    code: &'static str,
) -> Result<BTreeSet<String>> {
    if all.is_empty() {
        return Err(Error::invalid("List at least one, or leave the rule out.").with_code(code));
    }
    each(all, one, says, code)
}

fn each(
    all: &BTreeSet<String>,
    one: impl Fn(&str) -> Option<String>,
    says: &'static str,
    code: &'static str,
) -> Result<BTreeSet<String>> {
    if all.len() > MOST {
        return Err(Error::invalid("List at most 100.").with_code(code));
    }
    let wrong = || Error::invalid(says).with_code(code);
    all.iter().map(|text| one(text.trim()).ok_or_else(wrong)).collect()
}

fn least(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn regions(all: Option<&BTreeSet<String>>) -> Option<BTreeSet<String>> {
    let mut all = all?.clone();
    if all.contains(EU) {
        all.extend(EU_MEMBERS.map(str::to_owned));
    }
    Some(all)
}

fn both(
    one: &Option<BTreeSet<String>>,
    other: &Option<BTreeSet<String>>,
) -> Option<BTreeSet<String>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one & other),
        (one, other) => one.clone().or_else(|| other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<const N: usize>(all: [&str; N]) -> BTreeSet<String> {
        all.map(str::to_owned).into()
    }

    #[test]
    fn a_rule_only_narrows() {
        let org = RoutingPolicy {
            allow_training: true,
            max_retention_days: Some(30),
            regions: Some(set(["EU", "US"])),
            deny_countries: set(["CN"]),
            only_providers: Some(set(["openai", "mistral"])),
            ..RoutingPolicy::default()
        };
        let project = RoutingPolicy {
            regions: Some(set(["DE", "CN"])),
            deny_countries: set(["RU"]),
            only_providers: Some(set(["mistral", "xai"])),
            ..RoutingPolicy::default()
        };
        let both = org.narrowed(&project);
        assert!(!both.allow_training);
        assert_eq!(both.max_retention_days, Some(30));
        assert_eq!(both.regions, Some(set(["DE"])), "a member of the Union, and not another place");
        assert_eq!(both.deny_countries, set(["CN", "RU"]));
        assert_eq!(both.only_providers, Some(set(["mistral"])));
        assert_eq!(both, project.narrowed(&org));
    }

    #[test]
    fn nothing_in_common_is_nowhere_and_not_anywhere() {
        let one = RoutingPolicy { regions: Some(set(["EU"])), ..RoutingPolicy::default() };
        let other = RoutingPolicy { regions: Some(set(["US"])), ..RoutingPolicy::default() };
        assert_eq!(one.narrowed(&other).regions, Some(set([])));
        assert_eq!(one.narrowed(&RoutingPolicy::default()).places().unwrap().len(), 28);
    }

    #[test]
    fn codes_are_written_in_capitals_and_nonsense_is_refused() {
        let rules = RoutingPolicy {
            regions: Some(set([" eu ", "eu-central-1"])),
            deny_countries: set(["cn"]),
            ..RoutingPolicy::default()
        };
        let rules = rules.checked().unwrap();
        assert_eq!(rules.regions, Some(set(["EU", "eu-central-1"])));
        assert_eq!(rules.deny_countries, set(["CN"]));
        let refused = |rules: RoutingPolicy| rules.checked().unwrap_err().code();
        let of = RoutingPolicy::default;
        assert_eq!(
            refused(RoutingPolicy { regions: Some(set(["E U"])), ..of() }),
            "invalid_region"
        );
        assert_eq!(
            refused(RoutingPolicy { deny_countries: set(["China"]), ..of() }),
            "invalid_country"
        );
        assert_eq!(
            refused(RoutingPolicy { deny_providers: set([""]), ..of() }),
            "invalid_deny_providers"
        );
        for code in ["UK", "EU", "XX"] {
            let rules = RoutingPolicy { deny_countries: set([code]), ..of() };
            assert_eq!(refused(rules), "invalid_country", "{code} would rule out nobody");
        }
        assert_eq!(refused(RoutingPolicy { regions: Some(set([])), ..of() }), "invalid_region");
        assert_eq!(refused(RoutingPolicy { regions: Some(set(["UK"])), ..of() }), "invalid_region");
        assert_eq!(
            refused(RoutingPolicy { max_retention_days: Some(4000), ..of() }),
            "invalid_retention"
        );
    }
}
