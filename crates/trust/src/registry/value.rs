//! The small values of the registry, each with one text form.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Month, macros::format_description};

macro_rules! text_serde {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

text_serde!(ControlId, Day, Quarter, Span);

/// A permanent id such as `GW-01`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlId(String);

impl ControlId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ControlId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for ControlId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.split_once('-').is_some_and(|(area, number)| {
            (2..=3).contains(&area.len())
                && area.bytes().all(|byte| byte.is_ascii_uppercase())
                && number.len() == 2
                && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if valid { Ok(Self(text.to_owned())) } else { Err("a control id looks like GW-01") }
    }
}

/// A calendar day, as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    #[must_use]
    pub const fn get(self) -> Date {
        self.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

impl FromStr for Day {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Date::parse(text, format_description!("[year]-[month]-[day]"))
            .map(Self)
            .map_err(|_| "a day looks like 2026-11-20")
    }
}

/// A quarter of a year, as `2027-Q1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter {
    year: u16,
    quarter: u8,
}

impl Quarter {
    /// The day after its last one.
    #[must_use]
    pub fn end(self) -> Option<Date> {
        let year = i32::from(self.year);
        match self.quarter {
            1 => Date::from_calendar_date(year, Month::April, 1),
            2 => Date::from_calendar_date(year, Month::July, 1),
            3 => Date::from_calendar_date(year, Month::October, 1),
            _ => Date::from_calendar_date(year + 1, Month::January, 1),
        }
        .ok()
    }

    /// For a reader: "first quarter of 2027".
    #[must_use]
    pub fn words(self) -> String {
        let name = match self.quarter {
            1 => "first",
            2 => "second",
            3 => "third",
            _ => "fourth",
        };
        format!("{name} quarter of {}", self.year)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-Q{}", self.year, self.quarter)
    }
}

impl FromStr for Quarter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a quarter looks like 2027-Q1";
        let (year, quarter) = text.split_once("-Q").ok_or(wrong)?;
        let quarter = quarter.parse().ok().filter(|at| (1..=4).contains(at)).ok_or(wrong)?;
        let year = year.parse().ok().filter(|at| (2000..=9999).contains(at)).ok_or(wrong)?;
        Ok(Self { year, quarter })
    }
}

/// A length of time, as `60s`, `15m`, `3h` or `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    #[must_use]
    pub const fn new(length: Duration) -> Self {
        Self(length)
    }

    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// For a reader: "15 minutes".
    #[must_use]
    pub fn words(self) -> String {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            _ if seconds >= 172_800 && seconds.is_multiple_of(86_400) => (seconds / 86_400, "day"),
            _ if seconds >= 3_600 && seconds.is_multiple_of(3_600) => (seconds / 3_600, "hour"),
            _ if seconds >= 60 && seconds.is_multiple_of(60) => (seconds / 60, "minute"),
            _ => (seconds, "second"),
        };
        if count == 1 { unit.to_owned() } else { format!("{count} {unit}s") }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}s", self.0.as_secs())
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a length of time looks like 60s, 15m, 3h or 30d";
        let at = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at)).ok_or(wrong)?;
        let (count, unit) = text.split_at(at);
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong),
        };
        let count: u64 = count.parse().map_err(|_| wrong)?;
        count.checked_mul(seconds).map(|all| Self(Duration::from_secs(all))).ok_or(wrong)
    }
}

/// A number a promise contains, and which way is stronger, so that weakening it is recognised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    pub value: ParamValue,
    pub unit: String,
    pub direction: Direction,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    Number(f64),
    Text(String),
}

impl fmt::Display for ParamValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(out, "{number}"),
            Self::Text(text) => out.write_str(text),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    LowerIsStronger,
    HigherIsStronger,
    Exact,
}

impl Param {
    /// Whether `self` promises less than `before` did.
    #[must_use]
    pub fn weaker_than(&self, before: &Self) -> bool {
        match (&self.value, &before.value, before.direction) {
            (ParamValue::Number(now), ParamValue::Number(then), Direction::LowerIsStronger) => {
                now > then
            }
            (ParamValue::Number(now), ParamValue::Number(then), Direction::HigherIsStronger) => {
                now < then
            }
            // Whether another text or another exact number is weaker is nothing a machine can tell: assume so.
            (now, then, _) => now != then,
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The programs that can fail.
    ProbeId {
        Canary = "canary",
        TenantAttack = "tenant_attack",
        Ciphertext = "ciphertext",
        Tree = "tree",
        Tamper = "tamper",
        Keys = "keys",
        Routing = "routing",
        Minimum = "minimum",
        Choice = "choice",
        Notice = "notice",
        Register = "register",
        Exposure = "exposure",
        Families = "families",
        Reconcile = "reconcile",
        Told = "told",
        Contract = "contract",
        Training = "training",
        Doors = "doors",
        Storage = "storage",
        Consent = "consent",
        Kept = "kept",
        Meter = "meter",
        Partners = "partners",
        Sources = "sources",
        Health = "health",
        Transport = "transport",
        Pages = "pages",
        SignIn = "sign_in",
        Sessions = "sessions",
        EmailCodes = "email_codes",
        Guessing = "guessing",
        Addresses = "addresses",
        Roles = "roles",
        Separation = "separation",
    }
}

words! {
    /// Where a probe runs and with whose rights.
    Vantage { Inside = "inside", Outside = "outside", Customer = "customer", Auditor = "auditor" }
}

words! {
    /// What a statement is about.
    Reach { Platform = "platform", Deployment = "deployment", Tenant = "tenant" }
}

words! {
    /// What it would mean for a customer if the statement were false.
    Severity { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

words! {
    /// How a planned control will be verified.
    PlannedKind { Probed = "probed", Enforced = "enforced", Attested = "attested" }
}
