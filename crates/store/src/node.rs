//! The servers that share the database. A server that counts budgets with others is on this list before it spends
//! anything, and stays there until it ended well or an operator said that it will not come back.

use std::time::Duration;

use domain::{OrgId, Result, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait as _},
};
use uuid::Uuid;

use crate::{Store, entity::node as table, error::from_db, repository::at, tenant};

/// A server that was not seen for so long does not count as running.
const QUIET: Duration = Duration::from_secs(20);

/// A server that has not left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    pub id: Uuid,
    /// Its last start.
    pub entered: Timestamp,
    pub seen: Timestamp,
}

impl Store {
    /// Puts this server on the list.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn node_enter(&self) -> Result<()> {
        let tx = self.engine().write(OrgId::DEPLOYMENT).await?;
        let now = tx.now(self.clock()).await?.as_millis();
        let row = table::ActiveModel {
            id: Set(self.node()),
            entered_at: Set(now),
            seen_at: Set(now),
            left_at: Set(None),
        };
        let changed = [table::Column::EnteredAt, table::Column::SeenAt, table::Column::LeftAt];
        tenant::deployed_upsert::<table::Entity>(&tx, row, &[table::Column::Id], &changed).await?;
        tx.commit().await
    }

    /// Says that this server runs: the how manieth it is, from zero on, and of how many.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn node_seen(&self) -> Result<(usize, usize)> {
        let tx = self.engine().write(OrgId::DEPLOYMENT).await?;
        let now = tx.now(self.clock()).await?;
        tenant::deployed_update::<table::Entity>()
            .filter(table::Column::Id.eq(self.node()))
            .col_expr(table::Column::SeenAt, Expr::value(now.as_millis()))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        tx.commit().await?;
        let all = self.nodes().await?;
        let running =
            all.iter().filter(|node| node.id == self.node() || now.since(node.seen) < QUIET);
        let mut running: Vec<Uuid> = running.map(|node| node.id).collect();
        running.sort_unstable();
        let number = running.iter().position(|node| *node == self.node()).unwrap_or(0);
        Ok((number, running.len().max(1)))
    }

    /// Takes a server off the list: this one when it has nothing set aside any more, another one when an operator says
    /// that it will not come back.
    ///
    /// # Errors
    /// `NotFound` when it is not on the list.
    pub async fn node_leave(&self, node: Uuid) -> Result<()> {
        let tx = self.engine().write(OrgId::DEPLOYMENT).await?;
        let now = tx.now(self.clock()).await?;
        let done = tenant::deployed_update::<table::Entity>()
            .filter(table::Column::Id.eq(node).and(table::Column::LeftAt.is_null()))
            .col_expr(table::Column::LeftAt, Expr::value(now.as_millis()))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 {
            return Err(domain::Error::not_found("server"));
        }
        tx.commit().await
    }

    /// Every server on the list, the oldest first.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        let tx = self.engine().read(OrgId::DEPLOYMENT).await?;
        let rows = tenant::deployed::<table::Entity>()
            .filter(table::Column::LeftAt.is_null())
            .order_by_asc(table::Column::EnteredAt)
            .all(tx.on())
            .await
            .map_err(from_db)?;
        let node = |row: table::Model| Node {
            id: row.id,
            entered: at(row.entered_at),
            seen: at(row.seen_at),
        };
        Ok(rows.into_iter().map(node).collect())
    }
}
