//! Content that a project asked to be kept: files, and batches with their results, each sealed under a key of its own.
//!
//! Invariants: every piece is sealed by the key of its own file and bound to its place in it; a key is destroyed before
//! what it sealed is removed, with an event in the same transaction; what has no key any more reads as absent.

mod batch;
mod end;
mod file;
mod key;
mod read;
mod run;
mod setting;
mod sweep;

use std::{sync::atomic::AtomicBool, time::Duration};

use domain::{DataClass, Error, OrgId, Result, Timestamp};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;
use vault::Aad;

use crate::{engine::Tx, entity::content_due as due, error::from_db, tenant};

pub use batch::{Batch, BatchProblem, NewBatch};
pub use file::{FileFilter, NewFile, StoredFile};
pub(crate) use key::find as find_key;
pub use run::BatchRun;
pub(crate) use sweep::sweep;

/// How long content is kept when nobody says: a day, counted from the end of the batch it belongs to.
const KEEP: Duration = Duration::from_secs(24 * 3600);
/// How long a batch may take.
const WINDOW: Duration = Duration::from_secs(24 * 3600);
/// How long the record of a batch stays once it has ended: states and counts, no content.
const RECORD: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is remembered between two sweeps.
#[derive(Default)]
pub(crate) struct State {
    /// Pages with a key that was destroyed may still stand in SQLite's write-ahead log.
    stale: AtomicBool,
}

/// What becomes of content when its time has come. The one list that knows of all organizations what is due when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A file whose key is destroyed then.
    File,
    /// A batch that is worked on; its worker knows when its time is over.
    Open,
    /// A batch that has ended, whose key is destroyed then.
    Ended,
    /// A file without a key: what is left goes.
    Keyless,
    /// A batch without a key: its record goes.
    Record,
}

impl Stage {
    const ALL: [Self; 5] = [Self::File, Self::Open, Self::Ended, Self::Keyless, Self::Record];

    const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Keyless => "keyless",
            Self::Record => "record",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}

async fn due_insert(tx: &Tx, org: OrgId, id: Uuid, stage: Stage, at: Timestamp) -> Result<()> {
    let row = due::ActiveModel {
        id: Set(id),
        org_id: Set(org.uuid()),
        stage: Set(stage.as_str().to_owned()),
        due_at: Set(at.as_millis()),
    };
    tenant::deployed_insert::<due::Entity>(tx, row).await
}

async fn due_set(tx: &Tx, ids: &[Uuid], stage: Stage, at: Timestamp) -> Result<()> {
    tenant::deployed_update::<due::Entity>()
        .filter(due::Column::Id.is_in(ids.iter().copied()))
        .col_expr(due::Column::Stage, Expr::value(stage.as_str()))
        .col_expr(due::Column::DueAt, Expr::value(at.as_millis()))
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}

async fn due_remove(tx: &Tx, id: Uuid) -> Result<()> {
    tenant::deployed_delete::<due::Entity>()
        .filter(due::Column::Id.eq(id))
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}

/// Where a piece of content lies. A piece that is moved, within its file too, does not open.
pub(crate) struct Spot {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) row: Vec<u8>,
}

impl Spot {
    fn name(file: Uuid) -> Self {
        Self { table: "stored_file", column: "name", row: file.as_bytes().to_vec() }
    }

    fn metadata(batch: Uuid) -> Self {
        Self { table: "batch", column: "metadata", row: batch.as_bytes().to_vec() }
    }

    pub(crate) fn chunk(file: Uuid, number: i64) -> Self {
        let row = [file.as_bytes().as_slice(), &number.to_be_bytes()].concat();
        Self { table: "file_chunk", column: "sealed", row }
    }

    pub(crate) fn aad(&self, org: OrgId) -> Aad<'_> {
        Aad { org, table: self.table, column: self.column, row: &self.row }
    }
}

/// The class of everything that is sealed here.
pub(crate) const CLASS: DataClass = DataClass::Prompt;

fn int(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(Error::internal)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn utf8(bytes: &[u8]) -> Result<String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(Error::internal)
}
