//! When the log was last written: what the clock of a start is held against.

use domain::{OrgId, Result, Timestamp};
use sea_orm::{QuerySelect as _, prelude::*};

use super::entity::audit_head as head;
use crate::{Store, error::from_db, tenant};

impl Store {
    /// When any log of this installation was last written; `None` before the first entry.
    ///
    /// A clock far behind this was set back: entries would lie before their predecessors, and what has expired would
    /// live again.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn last_written(&self) -> Result<Option<Timestamp>> {
        let tx = self.engine().read(OrgId::DEPLOYMENT).await?;
        let newest: Option<Option<i64>> = tenant::deployed::<head::Entity>()
            .select_only()
            .column_as(head::Column::ChangedAt.max(), "newest")
            .into_tuple()
            .one(tx.on())
            .await
            .map_err(from_db)?;
        Ok(newest.flatten().map(Timestamp::from_millis))
    }
}
