//! What was ever registered: builds, registries and probers, each with the time. The log holds the same.

use domain::{Action, Actor, Error, Event, Result, Timestamp};
use serde::{Deserialize, Serialize};
use store::DeploymentRead;

use super::Archive;
use crate::{
    Digest,
    page::ChangeRow,
    registry::{Change, Registry, changes},
    stamp,
};

const REGISTERED: &str = "trust.registered";
const REGISTRY: &str = "trust.registry";
const CHANGES: &str = "trust.changes";

/// Changes stay on the page for twelve months.
const SHOWN: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);

/// One registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    #[serde(with = "stamp")]
    pub(crate) at: Timestamp,
    pub(crate) build: Digest,
    pub(crate) registry: Digest,
    /// The prober's public key.
    pub(crate) prober: Digest,
}

/// Something the page tells of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    #[serde(with = "stamp")]
    at: Timestamp,
    text: String,
    weaker: bool,
}

async fn read<T: for<'de> Deserialize<'de>>(
    from: &mut DeploymentRead,
    name: &str,
) -> Result<Vec<T>> {
    let text = from.setting_find(name).await?;
    text.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(&text).map_err(Error::internal))
}

pub(crate) async fn registrations(from: &mut DeploymentRead) -> Result<Vec<Registration>> {
    read(from, REGISTERED).await
}

/// The changes that are still to be shown.
pub(crate) async fn told(from: &mut DeploymentRead, now: Timestamp) -> Result<Vec<ChangeRow>> {
    let all: Vec<Told> = read(from, CHANGES).await?;
    let recent = all.into_iter().filter(|told| now.since(told.at) < SHOWN);
    Ok(recent.map(|Told { at, text, weaker }| ChangeRow { at, text, weaker }).collect())
}

/// Registers what is new; the same as last time is not repeated.
pub(super) async fn note(
    archive: &Archive,
    build: Digest,
    registry: Digest,
    prober: Digest,
) -> Result<()> {
    let now = archive.now();
    let mut write = archive.deployment.write().await?;
    let mut known = registrations(&mut write).await?;
    let last = known.last().cloned();
    let new = Registration { at: now, build, registry, prober };
    let same = last.as_ref().is_some_and(|last| Registration { at: now, ..last.clone() } == new);
    if same {
        return Ok(());
    }
    let before = write.setting_find(REGISTRY).await?;
    let said = differences(archive.trust.registry(), before.as_deref(), last.as_ref(), &new);
    let weaker = said.iter().filter(|told| told.weaker).count();
    let mut all: Vec<Told> = read(&mut write, CHANGES).await?;
    all.extend(said.iter().cloned());
    known.push(new);
    write.setting_set(REGISTERED, &json(&known)?).await?;
    write.setting_set(CHANGES, &json(&all)?).await?;
    let published = String::from_utf8_lossy(archive.trust.registry().json());
    write.setting_set(REGISTRY, &published).await?;
    let event = Event::new(Action::ControlRegister)
        .by(Actor::System)
        .fact("registry", registry.to_string())
        .fact("build", build.to_string())
        .fact("prober", prober.to_string())
        .fact("snapshot_key", hex::encode(archive.trust.public_key()))
        .fact("controls", archive.trust.registry().controls().count())
        .fact("weakened", weaker);
    write.commit(event).await?;
    archive.trust.registered([build]);
    for Told { at, text, weaker } in said {
        archive.trust.changed(ChangeRow { at, text, weaker });
    }
    Ok(())
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

fn differences(
    registry: &Registry,
    before: Option<&str>,
    last: Option<&Registration>,
    new: &Registration,
) -> Vec<Told> {
    let mut all = Vec::new();
    let mut tell = |text: String, weaker| all.push(Told { at: new.at, text, weaker });
    let Some(last) = last else {
        tell(
            format!("{} controls were registered for the first time.", registry.controls().count()),
            false,
        );
        return all;
    };
    if last.build != new.build {
        let (from, to) = (last.build.short(), new.build.short());
        tell(format!("A new build is running: {to} after {from}."), false);
    }
    if last.prober != new.prober {
        tell("The prober signs with a new key.".to_owned(), false);
    }
    match before.map(|text| Registry::from_json(text.as_bytes())) {
        Some(Ok(before)) => {
            changes(&before, registry).into_iter().for_each(|change| {
                let (text, weaker) = words(&change);
                tell(text, weaker);
            });
        }
        // A registry that can no longer be read may have promised anything.
        _ if last.registry != new.registry => {
            tell(
                "The controls were registered anew; the earlier ones cannot be compared."
                    .to_owned(),
                true,
            );
        }
        _ => {}
    }
    all
}

fn words(change: &Change) -> (String, bool) {
    match change {
        Change::Added { control } => (format!("{control} is a new control."), false),
        Change::Retired { control } => (format!("{control} was retired."), true),
        Change::Shipped { control } => {
            (format!("{control} is built and checked from now on."), false)
        }
        Change::Weakened { control, what } => {
            (format!("{control} promises less than before: {what}."), true)
        }
        Change::Strengthened { control, what } => {
            (format!("{control} promises more than before: {what}."), false)
        }
        Change::Reworded { control } => (format!("{control} is worded differently."), false),
    }
}
