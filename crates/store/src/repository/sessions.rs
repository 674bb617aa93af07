//! Sessions of people.

use domain::{Error, Proofs, Result, SessionId, Timestamp, UserId};
use sea_orm::{
    ColumnTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait as _},
};

use super::at;
use crate::{
    DeploymentRead, DeploymentWrite, entity::session, error::from_db, session as mint, tenant,
};

/// A session to be created.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    pub user: UserId,
    /// SHA-256 of the token's text; the token itself is never stored.
    pub digest: [u8; 32],
    pub expires: Timestamp,
    pub proofs: Proofs,
    /// Whether it outlives the browser.
    pub lasting: bool,
}

/// A session that was not ended.
#[derive(Clone, Debug)]
pub struct SessionRow {
    pub id: SessionId,
    pub user: UserId,
    pub created: Timestamp,
    /// Exact to a few minutes.
    pub seen: Timestamp,
    pub expires: Timestamp,
}

impl DeploymentRead {
    /// The live sessions of a person, newest first.
    pub async fn sessions_list(&mut self, user: UserId) -> Result<Vec<SessionRow>> {
        let now = self.store.clock().now();
        let used = |since| session::Column::SeenAt.gt(now.minus(since).as_millis());
        let lasting = session::Column::Lasting.ne(0).and(used(mint::IDLE_LASTING));
        let rows = tenant::deployed::<session::Entity>()
            .filter(session::Column::UserId.eq(user.uuid()))
            .filter(session::Column::EndedAt.is_null())
            .filter(session::Column::ExpiresAt.gt(now.as_millis()))
            .filter(used(mint::IDLE).or(lasting))
            .order_by_desc(session::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows
            .into_iter()
            .map(|row| SessionRow {
                id: SessionId::from_uuid(row.id),
                user: UserId::from_uuid(row.user_id),
                created: at(row.created_at),
                seen: at(row.seen_at),
                expires: at(row.expires_at),
            })
            .collect())
    }
}

impl DeploymentWrite {
    pub async fn session_create(&mut self, new: NewSession) -> Result<SessionId> {
        let now = self.store.clock().now();
        let id = SessionId::new(now);
        let row = mint::row(id, new, now);
        tenant::deployed_insert::<session::Entity>(&self.tx, row).await?;
        Ok(id)
    }

    /// Says when a session was used last: for sessions of probes, which cannot wait.
    pub async fn session_unused_since(&mut self, id: SessionId, seen: Timestamp) -> Result<()> {
        tenant::deployed_update::<session::Entity>()
            .filter(session::Column::Id.eq(id.uuid()))
            .col_expr(session::Column::SeenAt, Expr::value(seen.as_millis()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)
            .map(drop)
    }

    /// Ends one session of `user`.
    pub async fn session_end(&mut self, user: UserId, id: SessionId) -> Result<()> {
        let now = self.store.clock().now();
        let done = tenant::deployed_update::<session::Entity>()
            .filter(session::Column::Id.eq(id.uuid()))
            .filter(session::Column::UserId.eq(user.uuid()))
            .filter(session::Column::EndedAt.is_null())
            .col_expr(session::Column::EndedAt, Expr::value(now.as_millis()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 { Err(Error::not_found("session")) } else { Ok(()) }
    }
}
