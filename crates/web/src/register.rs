//! The list of sub-processors that everybody may read: the register and the catalogue put together.

use std::{collections::BTreeSet, time::Duration};

use domain::{Announcement, Cause, Posture, ProviderEntry, Result, Timestamp};
use serde::Serialize;
use store::Authority;

use crate::{App, site::listed};

/// What every company on the list does for this installation.
pub(crate) const PURPOSE: &str =
    "Runs AI models: receives the requests that an organization sends to it, and answers them.";

/// The whole list at one moment.
pub(crate) struct PublicList {
    /// The newest change, as the log dates it.
    pub(crate) updated: Option<Timestamp>,
    /// How long a new sub-processor is announced before it may be used.
    pub(crate) notice: Option<Duration>,
    pub(crate) rows: Vec<PublicRow>,
    /// The mail servers that letters were handed to within thirty days; none where no mail is sent.
    pub(crate) mail_hosts: Vec<String>,
    /// Newest first.
    pub(crate) changes: Vec<Announcement>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PublicRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) purpose: &'static str,
    pub(crate) legal_entity: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub(crate) country: String,
    pub(crate) regions: BTreeSet<String>,
    /// Where it is reached; `{name}` stands for what an organization fills in.
    pub(crate) hosts: BTreeSet<String>,
    /// Companies behind it, as far as it names them.
    pub(crate) subprocessors: Vec<Behind>,
    pub(crate) chooses: bool,
    /// On its ordinary terms; `null` is unknown and counts as yes.
    pub(crate) trains: Option<bool>,
    /// On its ordinary terms; `null` is unknown and counts as for ever.
    pub(crate) retention_days: Option<u32>,
    pub(crate) condition: Option<String>,
    pub(crate) source: Option<String>,
    /// The day the source was read.
    pub(crate) read: Option<String>,
    /// Whether an organization here has registered it.
    pub(crate) in_use: bool,
    pub(crate) revision: u32,
    #[serde(serialize_with = "stamp")]
    pub(crate) announced: Timestamp,
    /// From when all of it may be used by those who did not accept it earlier.
    #[serde(serialize_with = "stamp")]
    pub(crate) usable_from: Timestamp,
}

#[derive(Debug, Serialize)]
pub(crate) struct Behind {
    pub(crate) name: String,
    pub(crate) country: String,
    pub(crate) purpose: String,
}

fn stamp<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&at.rfc3339())
}

/// The host of an address of the catalogue, braces and all.
fn host(base_url: &str) -> String {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default().to_owned()
}

/// Everything that is reached: where models are called, and where credentials are exchanged.
fn hosts(entry: &ProviderEntry) -> BTreeSet<String> {
    let endpoints = entry.endpoints.iter().map(|endpoint| host(&endpoint.base_url));
    endpoints.chain(entry.token.iter().map(|token| host(&token.url))).collect()
}

fn row(entry: &ProviderEntry, in_use: bool, listing: &domain::Listing) -> PublicRow {
    let Posture { trains, retention_days, condition, source, read, .. } =
        entry.general_posture().cloned().unwrap_or_default();
    let behind = entry.subprocessors.iter().map(|one| Behind {
        name: one.name.clone(),
        country: one.country.clone(),
        purpose: one.purpose.clone(),
    });
    PublicRow {
        id: entry.id.clone(),
        name: entry.name.clone(),
        purpose: PURPOSE,
        legal_entity: entry.legal_entity.clone(),
        country: entry.country.clone(),
        regions: listing.sheet.regions.clone(),
        hosts: hosts(entry),
        subprocessors: behind.collect(),
        chooses: entry.chooses,
        trains,
        retention_days,
        condition,
        source,
        read,
        in_use,
        revision: listing.revision,
        announced: listing.announced,
        usable_from: listing.usable_from(),
    }
}

/// # Errors
/// `Unavailable` when the database cannot be reached.
pub(crate) async fn public_list(app: &App) -> Result<PublicList> {
    let (register, catalogue) = (app.store.register().await?, app.catalogue.current());
    let mut read = app.store.deployment(Authority::SignIn).await?.read().await?;
    let mail_hosts = read.mail_hosts().await?;
    let newest = read.events_last(domain::Action::SubprocessorAnnounce, 1).await?;
    let page = app.trust.page(app.now())?;
    let shown = page.providers.iter().filter_map(|known| {
        let entry = catalogue.provider(&known.id)?;
        let listing = register.listing(&known.id)?;
        listed(app, entry, known.in_use).then(|| row(entry, known.in_use, listing))
    });
    let rows: Vec<_> = shown.collect();
    // What nobody can use here is not told of either; what was on the list once is.
    let told = |change: &&Announcement| {
        change.cause == Cause::Removed
            || catalogue.provider(&change.provider).is_none()
            || rows.iter().any(|row| row.id == change.provider)
    };
    let changes: Vec<_> = register.changes().iter().rev().filter(told).cloned().collect();
    Ok(PublicList {
        updated: newest.first().map(|event| event.at),
        notice: register.notice(),
        mail_hosts,
        rows,
        changes,
    })
}
