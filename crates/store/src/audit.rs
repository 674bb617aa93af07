//! The audit log: outbox in the transaction of the change, sequencer, trees, signed heads, epochs, lists and exports.
//!
//! Invariants: an event is recorded exactly if its change is; a log only grows, and its entries hold no personal data;
//! no head is signed that does not continue the last one this node signed, as a file outside the database remembers it.

use std::{collections::BTreeSet, sync::OnceLock, time::Duration};

use domain::{Error, OrgId, Result, Timestamp};
use ledger::Hash;
use parking_lot::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{Store, background::every, engine::Tx};

mod attack;
mod entity;
mod epoch;
mod erase;
mod export;
mod heads;
mod journal;
mod last;
mod list;
pub(crate) mod migration;
mod outbox;
mod pseudonym;
mod receipt;
mod sequencer;
mod signer;

pub use attack::Attack;
pub(crate) use attack::attempts;
pub(crate) use entity::{audit_entry, audit_head};
pub(crate) use export::spine_path;
pub use list::{AuditFilter, AuditPerson, AuditRow};
pub(crate) use outbox::append;

use heads::Log;
use journal::{Heads, Signed};
use signer::LogKey;

/// How long an event waits in the outbox, at most, on a server that keeps up.
const SEQUENCE: Duration = Duration::from_millis(250);
/// How long a log's head waits for the spine's commitment, at most.
const EPOCH: Duration = Duration::from_secs(10);

/// What the log keeps in memory.
#[derive(Default)]
pub(crate) struct State {
    opened: OnceLock<Opened>,
    /// Organizations whose outbox holds something.
    pending: Mutex<BTreeSet<OrgId>>,
}

struct Opened {
    key: LogKey,
    heads: Mutex<Heads>,
    /// Sequencer and epochs take turns.
    turn: tokio::sync::Mutex<()>,
    scanned: Mutex<Option<Timestamp>>,
}

impl State {
    fn opened(&self) -> Result<&Opened> {
        self.opened.get().ok_or_else(|| {
            Error::unavailable("The database has no tables yet. Run `probity migrate`.")
                .with_code("not_migrated")
        })
    }

    fn pend(&self, orgs: impl IntoIterator<Item = OrgId>) {
        self.pending.lock().extend(orgs);
    }

    /// Up to `most` organizations that wait.
    fn take(&self, most: usize) -> BTreeSet<OrgId> {
        let mut pending = self.pending.lock();
        let taken: BTreeSet<OrgId> = pending.iter().take(most).copied().collect();
        pending.retain(|org| !taken.contains(org));
        taken
    }
}

/// Called once the tables exist: opens or creates the log key, and compares the database with what was signed.
///
/// # Errors
/// `log_rolled_back` or `log_forked` when the database is not the one whose heads this data directory remembers.
pub(crate) async fn open(store: &Store, deployment: Uuid) -> Result<()> {
    if store.inner().audit.opened.get().is_some() {
        return Ok(());
    }
    let heads = Heads::open(store.data_dir(), deployment)?;
    let key = log_key(store, deployment).await?;
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    for (org, signed) in heads.all() {
        tx.bind(org).await?;
        let log = Log::load(&tx, &key, org).await?;
        agrees(store, &tx, &log, &signed).await?;
    }
    drop(tx);
    let opened = Opened {
        key,
        heads: Mutex::new(heads),
        turn: tokio::sync::Mutex::default(),
        scanned: Mutex::default(),
    };
    drop(store.inner().audit.opened.set(opened));
    Ok(())
}

async fn log_key(store: &Store, deployment: Uuid) -> Result<LogKey> {
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    if let Some(key) = LogKey::find(store, &tx, deployment).await? {
        return Ok(key);
    }
    drop(tx);
    let tx = sequencer::alone(store).await?;
    if let Some(key) = LogKey::find(store, &tx, deployment).await? {
        return Ok(key);
    }
    let key = LogKey::create(store, &tx, deployment, store.clock().now()).await?;
    tx.commit().await?;
    Ok(key)
}

/// Whether the log in the database is, or continues, what was signed; `tx` is bound to its organization.
async fn agrees(store: &Store, tx: &Tx, log: &Log, signed: &Signed) -> Result<()> {
    let size = log.tree.size();
    if size < signed.size {
        return Err(journal::rolled_back(store.data_dir(), &log.origin, signed, size));
    }
    let root: Option<Hash> = if size == signed.size {
        Some(log.tree.root())
    } else {
        heads::root_at(tx, log.org, signed.size).await?
    };
    if root == Some(signed.root) {
        Ok(())
    } else {
        Err(journal::forked(store.data_dir(), &log.origin, signed))
    }
}

/// Called after a commit: the sequencer has something to do in these logs.
pub(crate) fn appended(store: &Store, orgs: impl IntoIterator<Item = OrgId>) {
    store.inner().audit.pend(orgs);
}

/// Starts sequencer and epochs.
pub(crate) fn run(store: &Store, tasks: &TaskTracker, stop: &CancellationToken) {
    every(store, tasks, stop, "audit sequencer", SEQUENCE, |store| async move {
        sequencer::sweep(&store).await
    });
    every(
        store,
        tasks,
        stop,
        "audit epoch",
        EPOCH,
        |store| async move { epoch::sweep(&store).await },
    );
}

/// Sequences everything that is in the outboxes, and commits to it.
pub(crate) async fn drain(store: &Store) -> Result<()> {
    sequencer::sweep(store).await?;
    epoch::sweep(store).await
}

impl Store {
    /// What a contract and the trust page pin: the fingerprint of the key that signs all logs, as
    /// `probity verify --root` takes it.
    ///
    /// # Errors
    /// `Unavailable` before the first `migrate`.
    pub fn log_fingerprint(&self) -> Result<String> {
        let key = &self.inner().audit.opened()?.key;
        Ok(key.verifier(OrgId::DEPLOYMENT)?.fingerprint())
    }

    /// The spine's verifier key, as c2sp.org/signed-note writes it.
    ///
    /// # Errors
    /// `Unavailable` before the first `migrate`.
    pub fn log_verifier(&self) -> Result<String> {
        let key = &self.inner().audit.opened()?.key;
        Ok(key.verifier(OrgId::DEPLOYMENT)?.to_string())
    }
}
