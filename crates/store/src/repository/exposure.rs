//! How many of a person's conversations each provider saw, hour by hour. Bookkeeping without an event.

use domain::{OrgId, ProviderId, Result};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};
use uuid::Uuid;

use crate::{
    Scope, Store,
    entity::exposure::{Column, Entity, Model},
    error::from_db,
    tenant,
};

/// A person, by a keyed hash: nobody without the organization's key can say who it is.
pub type PersonTag = [u8; 16];

/// Conversations of one person in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposed {
    pub person: PersonTag,
    /// Hours since the Unix epoch.
    pub hour: i64,
    /// Who saw them; `None` for all that began.
    pub provider: Option<ProviderId>,
    pub conversations: u64,
}

impl From<Model> for Exposed {
    fn from(row: Model) -> Self {
        Self {
            person: PersonTag::try_from(row.person.as_slice()).unwrap_or_default(),
            hour: row.hour,
            provider: Some(row.provider_id).filter(|id| !id.is_nil()).map(ProviderId::from_uuid),
            conversations: u64::try_from(row.conversations).unwrap_or(0),
        }
    }
}

impl Store {
    /// Puts counts in place of those that were, and forgets what is older than `oldest`, in hours since the Unix epoch.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn exposure_keep(&self, org: OrgId, counts: &[Exposed], oldest: i64) -> Result<()> {
        let tx = self.engine().write(org).await?;
        let key = [Column::OrgId, Column::Person, Column::Hour, Column::ProviderId];
        for one in counts {
            let row = crate::entity::exposure::ActiveModel {
                org_id: Set(org.uuid()),
                person: Set(one.person.to_vec()),
                hour: Set(one.hour),
                provider_id: Set(one.provider.map_or_else(Uuid::nil, ProviderId::uuid)),
                conversations: Set(i64::try_from(one.conversations).unwrap_or(i64::MAX)),
            };
            tenant::upsert::<Entity>(&tx, org, row, &key, &[Column::Conversations]).await?;
        }
        tenant::delete::<Entity>(org)
            .filter(Column::Hour.lt(oldest))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        tx.commit().await
    }

    /// All counts of the scope's organization since `oldest`, in hours since the Unix epoch.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn exposure_since(&self, scope: &Scope, oldest: i64) -> Result<Vec<Exposed>> {
        let tx = self.engine().read(scope.org()).await?;
        let rows = tenant::select::<Entity>(scope.org())
            .filter(Column::Hour.gte(oldest))
            .all(tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows.into_iter().map(Exposed::from).collect())
    }
}
