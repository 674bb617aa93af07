//! The head of each log: what the next entry is appended to, and what was signed last.

use domain::{Error, OrgId, Result, Timestamp};
use ledger::{Appender, Checkpoint, Hash};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};

use super::{
    entity::{audit_entry as entry, audit_head as head, audit_node as node},
    signer::LogKey,
};
use crate::{engine::Tx, error::from_db, tenant};

/// A log as it stands, ready to grow.
pub(super) struct Log {
    pub(super) org: OrgId,
    pub(super) origin: String,
    pub(super) tree: Appender,
    /// Whether the head is in the database already.
    stored: bool,
}

/// Codes of the errors that concern one log only: the others go on.
pub(super) const REFUSALS: [&str; 3] = ["log_damaged", "log_rolled_back", "log_forked"];

pub(super) fn damaged(what: &str, origin: &str) -> Error {
    Error::internal(format!("the audit log {origin} is damaged: {what}")).with_code("log_damaged")
}

impl Log {
    /// Reads the head of `org`'s log, which must be the one that was signed.
    pub(super) async fn load(tx: &Tx, key: &LogKey, org: OrgId) -> Result<Self> {
        let origin = key.origin(org);
        let row = tenant::deployed::<head::Entity>()
            .filter(head::Column::OrgId.eq(org.uuid()))
            .one(tx.on())
            .await
            .map_err(from_db)?;
        let Some(row) = row else {
            return Ok(Self { org, origin, tree: Appender::default(), stored: false });
        };
        let tree = Appender::resume(count(row.size)?, hashes(&row.frontier))
            .ok_or_else(|| damaged("its frontier does not fit its size", &origin))?;
        if !is_signed(&row, key)? || tree.root().as_slice() != row.root.as_slice() {
            return Err(damaged("its head is not the one that was signed", &origin));
        }
        Ok(Self { org, origin, tree, stored: true })
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint { origin: self.origin.clone(), size: self.tree.size(), root: self.tree.root() }
    }

    /// Signs the head and keeps it; returns the note.
    pub(super) async fn store(&self, tx: &Tx, key: &LogKey, now: Timestamp) -> Result<String> {
        let checkpoint = self.checkpoint();
        let note = key.sign(&checkpoint)?;
        let row = head::ActiveModel {
            org_id: Set(self.org.uuid()),
            size: Set(number(checkpoint.size)?),
            root: Set(checkpoint.root.to_vec()),
            frontier: Set(self.tree.frontier().concat()),
            note: Set(note.clone()),
            changed_at: Set(now.as_millis()),
            ..Default::default()
        };
        if self.stored {
            tenant::deployed_update::<head::Entity>()
                .set(row)
                .filter(head::Column::OrgId.eq(self.org.uuid()))
                .exec(tx.on())
                .await
                .map_err(from_db)?;
        } else {
            let row = head::ActiveModel {
                epoch_size: Set(0),
                epoch_root: Set(ledger::tree::empty_root().to_vec()),
                ..row
            };
            tenant::deployed_insert::<head::Entity>(tx, row).await?;
        }
        Ok(note)
    }
}

/// Whether the note in the row is signed, and over the row's own size and root.
pub(super) fn is_signed(row: &head::Model, key: &LogKey) -> Result<bool> {
    let org = OrgId::from_uuid(row.org_id);
    let size = count(row.size)?;
    let signed = Checkpoint::verified(&row.note, &key.verifier(org)?);
    Ok(signed.is_some_and(|signed| signed.size == size && signed.root.as_slice() == row.root))
}

/// Complete subtrees of a log, by level and place. `tx` is bound to `org`.
pub(super) async fn nodes(tx: &Tx, org: OrgId, wanted: &[(u8, u64)]) -> Result<Vec<Option<Hash>>> {
    let mut leaves = Vec::new();
    let mut inner = Condition::any();
    for &(level, place) in wanted {
        if level == 0 {
            leaves.push(number(place)?);
        } else {
            inner = inner.add(
                Condition::all()
                    .add(node::Column::Level.eq(i64::from(level)))
                    .add(node::Column::Place.eq(number(place)?)),
            );
        }
    }
    let mut found: Vec<(i64, i64, Vec<u8>)> = tenant::select::<entry::Entity>(org)
        .select_only()
        .column(entry::Column::Seq)
        .column(entry::Column::LeafHash)
        .filter(entry::Column::Seq.is_in(leaves))
        .into_tuple::<(i64, Vec<u8>)>()
        .all(tx.on())
        .await
        .map_err(from_db)?
        .into_iter()
        .map(|(seq, hash)| (0, seq, hash))
        .collect();
    if !inner.is_empty() {
        let rows = tenant::select::<node::Entity>(org)
            .filter(inner)
            .order_by_asc(node::Column::Level)
            .all(tx.on())
            .await
            .map_err(from_db)?;
        found.extend(rows.into_iter().map(|row| (row.level, row.place, row.hash)));
    }
    Ok(wanted
        .iter()
        .map(|&(level, place)| {
            let place = i64::try_from(place).ok()?;
            let row = found.iter().find(|row| row.0 == i64::from(level) && row.1 == place)?;
            row.2.as_slice().try_into().ok()
        })
        .collect())
}

/// The root the log had at `size`; `None` when nodes are missing. `tx` is bound to `org`.
pub(super) async fn root_at(tx: &Tx, org: OrgId, size: u64) -> Result<Option<Hash>> {
    let mut wanted = Vec::new();
    let mut low = 0u64;
    while low < size {
        let level = 63 - (size - low).leading_zeros();
        wanted.push((u8::try_from(level).unwrap_or(u8::MAX), low >> level));
        low += 1 << level;
    }
    let frontier: Option<Vec<Hash>> = nodes(tx, org, &wanted).await?.into_iter().collect();
    Ok(frontier.and_then(|frontier| Appender::resume(size, frontier)).map(|tree| tree.root()))
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks::<32>().0.to_vec()
}

/// Sizes and places in the database's signed integers.
pub(super) fn number(count: u64) -> Result<i64> {
    i64::try_from(count).map_err(Error::internal)
}

pub(super) fn count(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(Error::internal)
}
