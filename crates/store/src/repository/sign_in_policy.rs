//! What an organization asks of the sessions of its members.

use domain::{OrgId, Result, SignInPolicy};
use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait as _, QueryFilter};
use uuid::Uuid;

use crate::{
    DeploymentWrite, Read, Write,
    engine::Tx,
    entity::{authenticator, member, organization},
    error::from_db,
    tenant,
};

impl From<&organization::Model> for SignInPolicy {
    fn from(row: &organization::Model) -> Self {
        Self {
            second_factor: row.asks_second != 0,
            // What cannot be read is asked for at its strictest.
            session_hours: row.asks_hours.map(|hours| u32::try_from(hours).unwrap_or(0)),
        }
    }
}

async fn set(tx: &Tx, org: OrgId, policy: SignInPolicy) -> Result<()> {
    let change = organization::ActiveModel {
        asks_second: Set(i64::from(policy.second_factor)),
        asks_hours: Set(policy.session_hours.map(i64::from)),
        ..Default::default()
    };
    tenant::deployed_update::<organization::Entity>()
        .set(change)
        .filter(organization::Column::Id.eq(org.uuid()))
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}

impl Read {
    /// How many members have no second factor set up, and how many there are.
    pub async fn members_without_second_factor(&mut self) -> Result<(u64, u64)> {
        let rows = tenant::select::<member::Entity>(self.org())
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let all = rows.len() as u64;
        let ids: Vec<Uuid> = rows.into_iter().map(|row| row.user_id).collect();
        let with = tenant::deployed::<authenticator::Entity>()
            .filter(authenticator::Column::UserId.is_in(ids))
            .count(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok((all.saturating_sub(with), all))
    }
}

impl Write {
    pub async fn sign_in_policy_set(&mut self, policy: SignInPolicy) -> Result<()> {
        set(self.tx(), self.org(), policy).await
    }
}

impl DeploymentWrite {
    /// For whoever runs the machine.
    pub async fn sign_in_policy_reset(&mut self, org: OrgId) -> Result<()> {
        set(&self.tx, org, SignInPolicy::default()).await?;
        self.about = Some(org);
        Ok(())
    }
}
