//! One-time links that create the first operator.

use domain::{Error, Result, Timestamp};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, sea_query::Expr};

use crate::{
    DeploymentRead, DeploymentWrite, entity::operator_link as link, error::from_db, tenant,
};

fn over() -> Error {
    Error::not_found("link").with_code("link_invalid")
}

impl DeploymentRead {
    /// Whether a link with this digest can still be used.
    pub async fn operator_link_is_live(&mut self, digest: &[u8; 32]) -> Result<bool> {
        let now = self.store.clock().now().as_millis();
        tenant::deployed::<link::Entity>()
            .filter(link::Column::Digest.eq(digest.to_vec()))
            .filter(link::Column::ConsumedAt.is_null())
            .filter(link::Column::ExpiresAt.gt(now))
            .one(self.tx.on())
            .await
            .map_err(from_db)
            .map(|row| row.is_some())
    }
}

impl DeploymentWrite {
    /// Stores the digest of a new link's token; links that were not used stop working.
    pub async fn operator_link_create(
        &mut self,
        digest: &[u8; 32],
        expires: Timestamp,
    ) -> Result<()> {
        let now = self.store.clock().now();
        tenant::deployed_delete::<link::Entity>()
            .filter(link::Column::ConsumedAt.is_null())
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        let row = link::ActiveModel {
            digest: Set(digest.to_vec()),
            created_at: Set(now.as_millis()),
            expires_at: Set(expires.as_millis()),
            consumed_at: Set(None),
        };
        tenant::deployed_insert::<link::Entity>(&self.tx, row).await
    }

    /// Uses a link up. Of two that try at once, one succeeds.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid` when it was used, has expired or never existed.
    pub async fn operator_link_consume(&mut self, digest: &[u8; 32]) -> Result<()> {
        let now = self.store.clock().now().as_millis();
        let done = tenant::deployed_update::<link::Entity>()
            .filter(link::Column::Digest.eq(digest.to_vec()))
            .filter(link::Column::ConsumedAt.is_null())
            .filter(link::Column::ExpiresAt.gt(now))
            .col_expr(link::Column::ConsumedAt, Expr::value(now))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 1 { Ok(()) } else { Err(over()) }
    }
}
