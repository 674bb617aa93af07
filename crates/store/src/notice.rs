//! The register of sub-processors in memory, and how it follows the catalogue.

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering, time::Duration};

use domain::{Action, Actor, Announcement, Catalogue, Error, Event, OrgId, Register, Result};
use serde_json::{Map, Value, json};

use crate::{Authority, DeploymentWrite, Store, engine::Tx, key_index, repository::notice};

const CHANGES: &str = "notice";

/// The twin of the demo, which is no company.
const SANDBOX: &str = "sandbox";

/// The overlays that were last found right, as `{"name": "text"}`.
const OVERLAYS: &str = "catalogue.overlays";

/// A version of the catalogue that is about to be put in force.
#[derive(Clone, Copy, Debug)]
pub struct CatalogueVersion<'a> {
    pub catalogue: &'a Catalogue,
    /// The operator's files that are in it, by name.
    pub overlays: &'a BTreeMap<String, String>,
    /// How long what is new has to wait.
    pub notice: Duration,
}

impl Store {
    /// The register of sub-processors, from memory once read.
    ///
    /// # Errors
    /// `Unavailable` when it is not in memory and the database cannot be reached.
    pub async fn register(&self) -> Result<Arc<Register>> {
        let cache = &self.inner().routing;
        if let Some(known) = cache.register.read().clone() {
            return Ok(known);
        }
        let before = cache.register_seen.load(Ordering::Acquire);
        // Boxed, as every request asks and hardly any waits.
        let read = Box::pin(async {
            let tx = self.engine().read(OrgId::DEPLOYMENT).await?;
            notice::announcements(&tx).await
        });
        let fresh = Arc::new(Register::replay(read.await?));
        let mut kept = cache.register.write();
        // Keep only what no change overtook.
        if cache.register_seen.load(Ordering::Acquire) == before {
            *kept = Some(Arc::clone(&fresh));
        }
        Ok(fresh)
    }

    /// Announces what is new in a version of the catalogue, and remembers its overlays; one event when anything
    /// changed. Puts the news on their way to every organization's administrators and webhooks, and to whoever
    /// subscribed. Says what was announced.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached: then nothing was announced.
    pub async fn catalogue_announce(
        &self,
        version: CatalogueVersion<'_>,
    ) -> Result<Vec<Announcement>> {
        let mut write = self.deployment(Authority::Bootstrap).await?.write().await?;
        let register = Register::replay(write.announcements_list().await?);
        let news = register.news(version.catalogue, self.clock().now(), version.notice);
        let text = serde_json::to_string(version.overlays).map_err(Error::internal)?;
        let known = write.setting_find(OVERLAYS).await?;
        let same =
            known.as_ref() == Some(&text) || (known.is_none() && version.overlays.is_empty());
        if news.is_empty() && same {
            return Ok(news);
        }
        write.announcements_append(&news).await?;
        write.announcements_tell(&told(&news, version.catalogue)).await?;
        write.setting_set(OVERLAYS, &text).await?;
        write.commit(event(&news, version.overlays)).await?;
        Ok(news)
    }

    /// The overlays that were last found right, by name.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn catalogue_overlays(&self) -> Result<BTreeMap<String, String>> {
        let mut read = self.deployment(Authority::Sweep).await?.read().await?;
        let text = read.setting_find(OVERLAYS).await?;
        text.map_or_else(
            || Ok(BTreeMap::new()),
            |text| serde_json::from_str(&text).map_err(Error::internal),
        )
    }

    /// Announces the drill of the notice period anew when its own notice is running out.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn notice_drill(&self) -> Result<()> {
        let register = self.register().await?;
        let now = self.clock().now();
        let Some(next) = register.notice().and_then(|notice| register.drill(now, notice)) else {
            return Ok(());
        };
        let mut write: DeploymentWrite = self.deployment(Authority::Sweep).await?.write().await?;
        write.announcements_append(&[next]).await?;
        let event = Event::new(Action::CatalogueLoad).by(Actor::System).fact("drill", true);
        write.commit(event).await.map(drop)
    }
}

/// Those that people are told of: what nobody can use here is not on the public list either.
fn told(news: &[Announcement], catalogue: &Catalogue) -> Vec<Announcement> {
    let usable = |one: &&Announcement| {
        let entry = catalogue.provider(&one.provider);
        entry.is_none_or(|entry| entry.id != SANDBOX && entry.callable().next().is_some())
    };
    news.iter().filter(|one| one.is_news()).filter(usable).cloned().collect()
}

/// What was announced, and the digest of every file that was laid over the shipped catalogue.
fn event(news: &[Announcement], overlays: &BTreeMap<String, String>) -> Event {
    let told: Vec<_> = news.iter().filter(|one| one.provider != domain::DRILL).map(fact).collect();
    let action = if told.is_empty() { Action::CatalogueLoad } else { Action::SubprocessorAnnounce };
    let digest = |text: &String| Value::from(hex::encode(vault::sha256(text.as_bytes())));
    let files: Map<String, Value> =
        overlays.iter().map(|(name, text)| (name.clone(), digest(text))).collect();
    let event = Event::new(action).by(Actor::System).fact("overlays", Value::Object(files));
    if told.is_empty() { event } else { event.fact("changes", told) }
}

fn fact(one: &Announcement) -> Value {
    let mut fact = json!({
        "provider": one.provider,
        "revision": one.revision,
        "cause": one.cause.as_str(),
    });
    if one.cause.waits()
        && let Some(fact) = fact.as_object_mut()
    {
        fact.insert("usable_from".to_owned(), Value::from(one.usable_from.rfc3339()));
    }
    fact
}

/// Whether anything announced has to be told to other nodes.
pub(crate) async fn bump(tx: &Tx) -> Result<()> {
    key_index::bump(tx, CHANGES).await.map(drop)
}

/// Forgets the register when it changed since the last look.
pub(crate) async fn refresh(store: &Store) -> Result<()> {
    let cache = &store.inner().routing;
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    let latest = key_index::version(&tx, CHANGES).await?;
    drop(tx);
    let mut kept = cache.register.write();
    if cache.register_seen.fetch_max(latest, Ordering::AcqRel) < latest {
        *kept = None;
    }
    Ok(())
}
