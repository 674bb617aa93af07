//! Attempts to sign in, counted by keyed indexes of address and network address.

use domain::{Result, Timestamp};
use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait as _, QueryFilter};
use uuid::Uuid;

use crate::{
    DeploymentRead, DeploymentWrite, entity::sign_in_attempt as attempt, error::from_db, tenant,
};

impl DeploymentRead {
    /// Failed attempts since `since`, as `(for this e-mail index, from this address index)`.
    pub async fn sign_in_failures(
        &mut self,
        email_index: &[u8],
        address_index: &[u8],
        since: Timestamp,
    ) -> Result<(u64, u64)> {
        let by_email = self.failures(attempt::Column::EmailIndex, email_index, since).await?;
        let by_address = self.failures(attempt::Column::AddressIndex, address_index, since).await?;
        Ok((by_email, by_address))
    }

    async fn failures(
        &mut self,
        column: attempt::Column,
        index: &[u8],
        since: Timestamp,
    ) -> Result<u64> {
        tenant::deployed::<attempt::Entity>()
            .filter(column.eq(index.to_vec()))
            .filter(attempt::Column::At.gte(since.as_millis()))
            .filter(attempt::Column::Success.eq(false))
            .count(self.tx.on())
            .await
            .map_err(from_db)
    }
}

impl DeploymentWrite {
    pub async fn sign_in_record(
        &mut self,
        email_index: &[u8],
        address_index: &[u8],
        success: bool,
    ) -> Result<()> {
        let row = attempt::ActiveModel {
            id: Set(Uuid::new_v4()),
            email_index: Set(email_index.to_vec()),
            address_index: Set(address_index.to_vec()),
            at: Set(self.store.clock().now().as_millis()),
            success: Set(success),
        };
        tenant::deployed_insert::<attempt::Entity>(&self.tx, row).await
    }

    /// Forgets attempts older than `before`.
    pub async fn sign_in_attempts_forget(&mut self, before: Timestamp) -> Result<u64> {
        let done = tenant::deployed_delete::<attempt::Entity>()
            .filter(attempt::Column::At.lt(before.as_millis()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected)
    }
}
