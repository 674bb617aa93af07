//! The facade the rest of the house uses: what is known, and everything that is shown of it.

mod state;

use std::sync::Arc;

use domain::{DataClass, Error, LiveCatalogue, Result, Timestamp};
use parking_lot::RwLock;
use tokio::sync::watch;
use vault::SigningKey;

pub(crate) use state::HEAD_BOUND;
pub use state::{Observed, Published, Update};

use crate::{
    Digest,
    badge::badge,
    page::{self, AreaView, ChangeRow, ControlView, Count, EncryptionRow, TrustPage},
    registry::{ControlId, Registry},
    snapshot::{Counts, LogHead, Snapshot},
    status::{Build, Outcome, Profile},
};
use state::State;

/// What a deployment is, as far as its trust page is concerned.
pub struct Settings {
    /// The permanent id of this installation.
    pub deployment: String,
    /// SHA-256 of the running program.
    pub build: Digest,
    pub profile: Profile,
    pub catalogue: LiveCatalogue,
    /// Signs snapshots.
    pub key: SigningKey,
    /// Table, column and class of the whole database.
    pub columns: Vec<(&'static str, &'static str, DataClass)>,
    /// Whether this program encrypts the database file as a whole.
    pub file_encrypted: bool,
}

/// Controls, their evidence and their status. Cheap to clone.
#[derive(Clone)]
pub struct Trust(Arc<Inner>);

struct Inner {
    registry: Registry,
    profile: Profile,
    catalogue: LiveCatalogue,
    key: SigningKey,
    encryption: Vec<EncryptionRow>,
    state: RwLock<State>,
    updates: watch::Sender<Arc<Update>>,
}

impl Trust {
    #[must_use]
    pub fn new(registry: Registry, settings: Settings) -> Self {
        let Settings { deployment, build, profile, catalogue, key, columns, file_encrypted } =
            settings;
        let build = Build { deployment, digest: build, probes: [build].into() };
        Self(Arc::new(Inner {
            registry,
            profile,
            catalogue,
            key,
            encryption: page::encryption(columns.into_iter(), file_encrypted),
            state: RwLock::new(State::new(build)),
            updates: watch::Sender::new(Arc::new(Update::default())),
        }))
    }

    /// The catalogue in force.
    pub(crate) fn catalogue(&self) -> Arc<domain::Catalogue> {
        self.0.catalogue.current()
    }

    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    #[must_use]
    pub fn deployment(&self) -> String {
        self.0.state.read().build.deployment.clone()
    }

    #[must_use]
    pub fn build(&self) -> Digest {
        self.0.state.read().build.digest
    }

    /// The public half of the key that signs snapshots.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.key.public()
    }

    /// The signed status of everything. The same value for everybody who asks within a few seconds.
    ///
    /// # Errors
    /// `Internal`, never in practice.
    pub fn snapshot(&self, now: Timestamp) -> Result<Arc<Published>> {
        if let Some(published) = self.0.state.read().current(now) {
            return Ok(published);
        }
        let mut state = self.0.state.write();
        let statuses = state.statuses(&self.0.registry, &self.0.profile, now);
        let mut counts = Counts::default();
        statuses.iter().for_each(|(_, status)| counts.add(status.as_str()));
        let holds = Snapshot::holds_until(statuses.values(), now);
        let snapshot = Snapshot {
            deployment: state.build.deployment.clone(),
            build: state.build.digest,
            registry: self.0.registry.digest(),
            log: state.log.clone(),
            seen: state.seen,
            profile: self.0.profile.clone(),
            labels: page::labels(&self.0.profile).into_iter().map(str::to_owned).collect(),
            issued: now,
            valid_until: state.head_holds_until(now).map_or(holds, |head| holds.min(head)),
            headline: counts.headline(),
            counts,
            controls: state.entries(&self.0.registry, &statuses),
        };
        let envelope = snapshot.sign(&self.0.key)?.to_bytes()?;
        let published = Arc::new(Published::new(snapshot, statuses, envelope));
        state.published = Some(Arc::clone(&published));
        Ok(published)
    }

    /// The page, made from [`Trust::snapshot`].
    ///
    /// # Errors
    /// `Internal`, never in practice.
    pub fn page(&self, now: Timestamp) -> Result<TrustPage> {
        let published = self.snapshot(now)?;
        let state = self.0.state.read();
        let snapshot = &published.snapshot;
        let counts = snapshot.counts.parts().into_iter();
        Ok(TrustPage {
            deployment: snapshot.deployment.clone(),
            build: snapshot.build.short(),
            registry: snapshot.registry.short(),
            snapshot: Digest::of(&published.envelope).short(),
            issued: snapshot.issued,
            valid_until: snapshot.valid_until,
            headline: snapshot.headline.clone(),
            counts: counts
                .map(|(status, words, count)| Count {
                    status,
                    words,
                    mark: page::mark(status),
                    count,
                })
                .collect(),
            labels: page::labels(&self.0.profile),
            log: snapshot.log.clone(),
            areas: self.areas(&state, &published, now),
            encryption: self.0.encryption.clone(),
            providers: page::providers(&self.0.catalogue.current(), |id| {
                state.providers.contains(id)
            }),
            changes: state.changes.clone(),
            cannot_prove: page::CANNOT_PROVE,
        })
    }

    fn areas(&self, state: &State, published: &Published, now: Timestamp) -> Vec<AreaView> {
        let view = |area: &crate::registry::Area| {
            let mut counts = Counts::default();
            let controls = area
                .controls
                .iter()
                .filter_map(|control| {
                    let status = published.statuses.get(&control.id)?;
                    counts.add(status.as_str());
                    let strip = state.strips.get(&control.id);
                    let days = strip.map(|strip| strip.days(now)).unwrap_or_default();
                    let latest = state.latest.get(&control.id);
                    Some(ControlView::of(area, control, status, latest, days))
                })
                .collect();
            let parts = counts.parts().into_iter().filter(|(_, _, count)| *count > 0);
            let counts: Vec<_> =
                parts.map(|(_, words, count)| format!("{count} {words}")).collect();
            AreaView {
                id: area.id.clone(),
                title: area.title.clone(),
                summary: area.summary.clone(),
                counts: counts.join(" · "),
                controls,
            }
        };
        self.0.registry.areas().iter().map(view).collect()
    }

    /// The body of `/trust.json`: the snapshot for reading and the envelope around the same bytes for checking.
    ///
    /// # Errors
    /// `Internal`, never in practice.
    pub fn json(&self, now: Timestamp) -> Result<Vec<u8>> {
        let published = self.snapshot(now)?;
        let snapshot = serde_json::to_string(&published.snapshot).map_err(Error::internal)?;
        let signed = String::from_utf8_lossy(&published.envelope);
        let key = hex::encode(self.public_key());
        Ok(format!("{{\"snapshot\":{snapshot},\"signed\":{signed},\"key\":\"{key}\"}}")
            .into_bytes())
    }

    /// The body of `/trust/badge.svg`.
    ///
    /// # Errors
    /// `Internal`, never in practice.
    pub fn badge(&self, now: Timestamp) -> Result<String> {
        Ok(badge(&self.snapshot(now)?.snapshot, now))
    }

    /// The latest news; a new value after every change of a status and every new result.
    #[must_use]
    pub fn events(&self) -> watch::Receiver<Arc<Update>> {
        self.0.updates.subscribe()
    }

    /// Takes in the next result of the log. Its signature was checked by whoever accepted it.
    pub fn observe(&self, observed: Observed, now: Timestamp) {
        let known = self.snapshot(now).ok();
        self.0.state.write().observe(&self.0.registry, observed);
        self.tell(known.as_deref(), now);
    }

    /// What was known before this start: control, outcome and end of earlier results, in order.
    pub fn recall(&self, outcomes: impl IntoIterator<Item = (ControlId, Outcome, Timestamp)>) {
        self.0.state.write().recall(&self.0.registry, outcomes);
    }

    /// Takes in a newer head of the log; `continues` says whether it continues the one before.
    pub fn head(&self, head: LogHead, continues: bool, now: Timestamp) {
        let known = self.snapshot(now).ok();
        self.0.state.write().head(head, continues);
        self.tell(known.as_deref(), now);
    }

    /// Takes in the head of the log as it stands now. A shorter log, or another one of the same length,
    /// does not continue the one before.
    pub(crate) fn grew(&self, head: LogHead, now: Timestamp) {
        let known = self.0.state.read().log.clone();
        let continues = known.as_ref().is_none_or(|known| {
            head.size > known.size || (head.size == known.size && head.root == known.root)
        });
        if known.as_ref() != Some(&head) {
            self.head(head, continues, now);
        }
    }

    /// The programs that were registered as probes of this deployment, besides the running one.
    pub fn registered(&self, probes: impl IntoIterator<Item = Digest>) {
        let mut state = self.0.state.write();
        state.build.probes.extend(probes);
        state.published = None;
    }

    /// The providers of the catalogue that organizations of this deployment have registered.
    pub fn providers_in_use(&self, ids: impl IntoIterator<Item = String>) {
        self.0.state.write().providers = ids.into_iter().collect();
    }

    /// Something for the list of changes, newest first.
    pub fn changed(&self, change: ChangeRow) {
        let mut state = self.0.state.write();
        let at = state.changes.partition_point(|known| known.at > change.at);
        state.changes.insert(at, change);
    }

    /// Sends the news, with what differs from `known`.
    fn tell(&self, known: Option<&Published>, now: Timestamp) {
        let Ok(published) = self.snapshot(now) else { return };
        self.0.updates.send_modify(|update| {
            *update = Arc::new(Update::between(update.version + 1, known, &published));
        });
    }
}

#[cfg(test)]
mod tests;
