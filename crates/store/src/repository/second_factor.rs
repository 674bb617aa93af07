//! Second factors of people: the seed of their authenticator app, recovery codes, and sign-ins that wait for one of them.

use domain::{ConnectionId, DataClass, First, Proofs, Result, Secret, Timestamp, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait as _, QueryFilter, sea_query::Expr};
use uuid::Uuid;

use super::at;
use crate::{
    DeploymentRead, DeploymentWrite,
    entity::{authenticator, half_sign_in, recovery_code},
    error::from_db,
    keyring::Place,
    tenant,
};

/// A sign-in that waits for its second factor.
#[derive(Clone, Copy, Debug)]
pub struct HalfSignIn {
    pub user: UserId,
    /// What was shown so far.
    pub proofs: Proofs,
}

/// The authenticator app of a person.
#[derive(Debug)]
pub struct Authenticator {
    /// As `vault::totp` reads it.
    pub seed: Secret<String>,
    /// The step of the last code that was taken; no earlier code and not the same one counts again.
    pub last_step: u64,
    pub created: Timestamp,
}

const fn place(user: &Uuid) -> Place<'_> {
    Place {
        class: DataClass::Credential,
        table: "authenticator",
        column: "seed",
        row: user.as_bytes(),
    }
}

fn step(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl DeploymentRead {
    pub async fn authenticator_find(&mut self, user: UserId) -> Result<Option<Authenticator>> {
        let row = tenant::deployed::<authenticator::Entity>()
            .filter(authenticator::Column::UserId.eq(user.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        row.map(|row| {
            let seed = self.keys.open_text(place(&row.user_id), &row.seed)?;
            Ok(Authenticator { seed, last_step: step(row.last_step), created: at(row.created_at) })
        })
        .transpose()
    }

    /// How many recovery codes are left.
    pub async fn recovery_codes_left(&mut self, user: UserId) -> Result<u64> {
        tenant::deployed::<recovery_code::Entity>()
            .filter(recovery_code::Column::UserId.eq(user.uuid()))
            .count(self.tx.on())
            .await
            .map_err(from_db)
    }

    /// The sign-in that waits for a second factor under this digest.
    pub async fn half_sign_in_find(&mut self, digest: &[u8; 32]) -> Result<Option<HalfSignIn>> {
        let now = self.store.clock().now().as_millis();
        let row = tenant::deployed::<half_sign_in::Entity>()
            .filter(half_sign_in::Column::Digest.eq(digest.to_vec()))
            .filter(half_sign_in::Column::ExpiresAt.gt(now))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        row.map(|row| {
            let connection = row.first_connection.map(ConnectionId::from_uuid);
            let first = First::parse(&row.first_kind, connection)?;
            let proofs = Proofs::of(first, at(row.created_at));
            Ok(HalfSignIn { user: UserId::from_uuid(row.user_id), proofs })
        })
        .transpose()
    }
}

impl DeploymentWrite {
    /// Keeps the seed of a person's app, in place of one they had. `last_step` is the step of the code that proved it.
    pub async fn authenticator_set(
        &mut self,
        user: UserId,
        seed: &Secret<String>,
        last_step: u64,
    ) -> Result<()> {
        let id = user.uuid();
        let row = authenticator::ActiveModel {
            user_id: Set(id),
            seed: Set(self.keys.seal(place(&id), seed.expose().as_bytes())?),
            last_step: Set(i64::try_from(last_step).unwrap_or(i64::MAX)),
            created_at: Set(self.store.clock().now().as_millis()),
        };
        use authenticator::Column::{CreatedAt, LastStep, Seed, UserId as Key};
        let changed = [Seed, LastStep, CreatedAt];
        tenant::deployed_upsert::<authenticator::Entity>(&self.tx, row, &[Key], &changed).await
    }

    /// Takes the code of `step`, once; of two that try at once, one succeeds.
    pub async fn authenticator_take(&mut self, user: UserId, step: u64) -> Result<bool> {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let done = tenant::deployed_update::<authenticator::Entity>()
            .filter(authenticator::Column::UserId.eq(user.uuid()))
            .filter(authenticator::Column::LastStep.lt(step))
            .col_expr(authenticator::Column::LastStep, Expr::value(step))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected == 1)
    }

    /// Forgets the app and every recovery code.
    pub async fn authenticator_remove(&mut self, user: UserId) -> Result<()> {
        tenant::deployed_delete::<authenticator::Entity>()
            .filter(authenticator::Column::UserId.eq(user.uuid()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        self.recovery_codes_set(user, &[]).await
    }

    /// Keeps the digests of new recovery codes in place of all that were there.
    pub async fn recovery_codes_set(&mut self, user: UserId, digests: &[Vec<u8>]) -> Result<()> {
        tenant::deployed_delete::<recovery_code::Entity>()
            .filter(recovery_code::Column::UserId.eq(user.uuid()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        let now = self.store.clock().now().as_millis();
        for digest in digests {
            let row = recovery_code::ActiveModel {
                user_id: Set(user.uuid()),
                digest: Set(digest.clone()),
                created_at: Set(now),
            };
            tenant::deployed_insert::<recovery_code::Entity>(&self.tx, row).await?;
        }
        Ok(())
    }

    /// Uses a recovery code up; whether there was one with this digest.
    pub async fn recovery_code_take(&mut self, user: UserId, digest: &[u8]) -> Result<bool> {
        let done = tenant::deployed_delete::<recovery_code::Entity>()
            .filter(recovery_code::Column::UserId.eq(user.uuid()))
            .filter(recovery_code::Column::Digest.eq(digest.to_vec()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected == 1)
    }

    /// A sign-in that waits for a second factor until `expires`; those that waited too long are forgotten.
    pub async fn half_sign_in_create(
        &mut self,
        (user, first): (UserId, First),
        digest: &[u8; 32],
        expires: Timestamp,
    ) -> Result<()> {
        let now = self.store.clock().now().as_millis();
        tenant::deployed_delete::<half_sign_in::Entity>()
            .filter(half_sign_in::Column::ExpiresAt.lte(now))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        let row = half_sign_in::ActiveModel {
            digest: Set(digest.to_vec()),
            user_id: Set(user.uuid()),
            created_at: Set(now),
            expires_at: Set(expires.as_millis()),
            first_kind: Set(first.as_str().to_owned()),
            first_connection: Set(first.connection().map(ConnectionId::uuid)),
        };
        tenant::deployed_insert::<half_sign_in::Entity>(&self.tx, row).await
    }

    /// Uses a waiting sign-in up; whether it was there. Of two that try at once, one succeeds.
    pub async fn half_sign_in_take(&mut self, digest: &[u8; 32]) -> Result<bool> {
        let done = tenant::deployed_delete::<half_sign_in::Entity>()
            .filter(half_sign_in::Column::Digest.eq(digest.to_vec()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected == 1)
    }

    /// Every sign-in of a person that waits for a second factor.
    pub async fn half_sign_ins_forget(&mut self, user: UserId) -> Result<()> {
        tenant::deployed_delete::<half_sign_in::Entity>()
            .filter(half_sign_in::Column::UserId.eq(user.uuid()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)
            .map(drop)
    }
}
