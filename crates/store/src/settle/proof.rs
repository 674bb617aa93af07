//! Recomputing what the log says about a batch of usage rows.

use domain::{EventId, RequestId, Result};
use ledger::tree::{Hash, leaf_hash, root_of};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};

use super::row;
use crate::{Read, entity::usage, error::from_db, tenant};

/// The rows that one `usage.settle` event stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageBatch {
    /// In the order of the tree.
    pub requests: Vec<RequestId>,
    /// To be compared with the event's fact `root`.
    pub root: Hash,
}

impl Read {
    /// The batch of `event`, its root recomputed from the rows as they are now.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn usage_batch(&mut self, event: EventId) -> Result<UsageBatch> {
        let rows = tenant::select::<usage::Entity>(self.org())
            .filter(usage::Column::EventId.eq(event.uuid()))
            .order_by_asc(usage::Column::RequestId)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let leaves: Vec<Hash> =
            rows.iter().map(|row| Ok(leaf_hash(&row::leaf(row)?))).collect::<Result<_>>()?;
        let requests = rows.iter().map(|row| RequestId::from_uuid(row.request_id)).collect();
        Ok(UsageBatch { requests, root: root_of(&leaves) })
    }
}
