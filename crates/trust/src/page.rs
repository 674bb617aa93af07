//! What the page shows, as plain values: templates loop and branch over them, and nothing more.

mod encryption;
mod view;
mod words;

use domain::{Catalogue, ProviderEntry, Timestamp};

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
    /// `14 verified · 0 failing · 249 coming soon`.
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

/// A provider of models: a sub-processor once somebody uses it. What it is stands in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRow {
    /// Of the catalogue.
    pub id: String,
    /// Whether an organization of this deployment has registered it.
    pub in_use: bool,
}

/// Something a regular reader should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    pub at: Timestamp,
    pub text: String,
    /// A weakened or retired control: shown in red for twelve months.
    pub weaker: bool,
}

/// The providers of the catalogue, those in use first, by name.
#[must_use]
pub fn providers(catalogue: &Catalogue, in_use: impl Fn(&str) -> bool) -> Vec<ProviderRow> {
    let mut entries: Vec<_> = catalogue.providers().map(|one| (!in_use(&one.id), one)).collect();
    entries.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.name.cmp(&other.name)));
    let row =
        |(unused, one): (bool, &ProviderEntry)| ProviderRow { id: one.id.clone(), in_use: !unused };
    entries.into_iter().map(row).collect()
}
