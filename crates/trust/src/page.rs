//! What the page shows, as plain values: templates loop and branch over them, and nothing more.

mod encryption;
mod view;
mod words;

use domain::{Catalogue, Timestamp};

pub use encryption::{EncryptionRow, encryption};
pub(crate) use view::Latest;
pub use view::{AreaView, ControlView, EvidenceView, ParamView, StatusView, StripView};
pub use words::{CANNOT_PROVE, mark};
pub(crate) use words::{labels, moment};

use crate::snapshot::LogHead;

/// The whole trust page at one instant.
#[derive(Clone, Debug)]
pub struct TrustPage {
    pub deployment: String,
    /// The first characters of the running build's digest.
    pub build: String,
    /// The first characters of the registry's digest.
    pub registry: String,
    /// The first characters of the digest of the signed snapshot this page was made from.
    pub snapshot: String,
    pub issued: Timestamp,
    pub valid_until: Timestamp,
    /// `8 verified · 0 failing · 255 coming soon`.
    pub headline: String,
    pub counts: Vec<Count>,
    /// Limits of the evidence itself, such as "checked from inside only".
    pub labels: Vec<&'static str>,
    pub log: Option<LogHead>,
    pub areas: Vec<AreaView>,
    pub encryption: Vec<EncryptionRow>,
    pub providers: Vec<ProviderRow>,
    pub changes: Vec<ChangeRow>,
    pub cannot_prove: &'static [&'static str],
}

/// One part of the headline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The status's stable name, such as `coming_soon`: also the style class.
    pub status: &'static str,
    pub words: &'static str,
    pub mark: &'static str,
    pub count: u32,
}

/// A provider of models: a sub-processor once somebody uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRow {
    pub id: String,
    pub name: String,
    /// Empty where nobody could be found who says it.
    pub legal_entity: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub region: Option<String>,
    /// Whether this version can call it at all.
    pub callable: bool,
    /// Whether an organization of this deployment has registered it.
    pub in_use: bool,
    /// `yes`, `no` or `not known`.
    pub trains: &'static str,
    /// `30 days`, `not kept` or `not known`.
    pub retention: String,
    /// What has to be agreed or switched on for that, in a sentence.
    pub condition: Option<String>,
    pub source: Option<String>,
    /// The day the source was read, as `YYYY-MM-DD`.
    pub read: Option<String>,
}

/// Something a regular reader should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    pub at: Timestamp,
    pub text: String,
    /// A weakened or retired control: shown in red for twelve months.
    pub weaker: bool,
}

/// The providers of the catalogue, those in use first.
#[must_use]
pub fn providers(catalogue: &Catalogue, in_use: impl Fn(&str) -> bool) -> Vec<ProviderRow> {
    let mut rows: Vec<_> = catalogue
        .providers()
        .map(|entry| (entry, entry.general_posture().cloned().unwrap_or_default()))
        .map(|(entry, posture)| ProviderRow {
            id: entry.id.clone(),
            name: entry.name.clone(),
            legal_entity: entry.legal_entity.clone().unwrap_or_default(),
            country: entry.country.clone(),
            region: entry.region().map(str::to_owned),
            callable: entry.callable().next().is_some(),
            in_use: in_use(&entry.id),
            trains: match posture.trains {
                Some(true) => "yes",
                Some(false) => "no",
                None => "not known",
            },
            retention: match posture.retention_days {
                Some(0) => "not kept".to_owned(),
                Some(1) => "1 day".to_owned(),
                Some(days) => format!("{days} days"),
                None => "not known".to_owned(),
            },
            condition: posture.condition,
            source: posture.source,
            read: posture.read,
        })
        .collect();
    rows.sort_by(|a, b| b.in_use.cmp(&a.in_use).then_with(|| a.name.cmp(&b.name)));
    rows
}
