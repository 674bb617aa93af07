//! The hosts that were reached through the door out: who, and when first and last. Bookkeeping without an event.

use domain::{OrgId, Result, Timestamp};
use sea_orm::ActiveValue::Set;

use crate::{Store, entity::contact, tenant};

/// A host that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The destination's id at the door out: for a provider its `ProviderId`.
    pub id: String,
    pub host: String,
    /// `provider`, `own`, `receiver` or `probe`.
    pub kind: String,
    pub first: Timestamp,
    pub last: Timestamp,
}

impl Store {
    /// Remembers contacts; of one that is known, only that it was made again.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn contacts_keep(&self, contacts: &[Contact]) -> Result<()> {
        if contacts.is_empty() {
            return Ok(());
        }
        let tx = self.engine().write(OrgId::DEPLOYMENT).await?;
        let key = [contact::Column::Id, contact::Column::Host];
        for one in contacts {
            let row = contact::ActiveModel {
                id: Set(one.id.clone()),
                host: Set(one.host.clone()),
                kind: Set(one.kind.clone()),
                first_at: Set(one.first.as_millis()),
                last_at: Set(one.last.as_millis()),
            };
            let changed = [contact::Column::Kind, contact::Column::LastAt];
            tenant::deployed_upsert::<contact::Entity>(&tx, row, &key, &changed).await?;
        }
        tx.commit().await
    }
}
