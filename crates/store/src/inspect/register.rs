//! Who may receive prompts, as it lies in the database: the register, the registrations, the hosts that were reached.

use std::collections::HashMap;

use domain::{Action, Announcement, OrgId, ProviderId, Result, Timestamp, WebhookId};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use super::{Inspector, LoggedEvent, logs::organizations};
use crate::{
    Contact,
    audit::audit_entry as entry,
    entity::{contact, provider, webhook},
    error::from_db,
    repository::notice,
    tenant,
};

/// A provider that an organization has registered, or had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub org: OrgId,
    pub id: ProviderId,
    /// An id of the catalogue, or `custom`.
    pub catalog: String,
    pub base_url: String,
    pub removed: bool,
}

/// A place that an organization's events are sent to, or were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    pub id: WebhookId,
    pub host: String,
}

impl Inspector {
    /// Every announcement, in the order in which it was made.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn announcements(&self) -> Result<Vec<Announcement>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        notice::announcements(&tx).await
    }

    /// The hosts that were reached since `from`.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn contacts(&self, from: Timestamp) -> Result<Vec<Contact>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let rows = tenant::deployed::<contact::Entity>()
            .filter(contact::Column::LastAt.gte(from.as_millis()))
            .all(tx.on())
            .await
            .map_err(from_db)?;
        let at = Timestamp::from_millis;
        let one = |row: contact::Model| Contact {
            id: row.id,
            host: row.host,
            kind: row.kind,
            first: at(row.first_at),
            last: at(row.last_at),
        };
        Ok(rows.into_iter().map(one).collect())
    }

    /// Every provider that any organization has registered, those it removed included.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn registrations(&self) -> Result<Vec<Registration>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let mut all = Vec::new();
        for org in organizations(&tx).await? {
            tx.bind(org).await?;
            let rows =
                tenant::select::<provider::Entity>(org).all(tx.on()).await.map_err(from_db)?;
            all.extend(rows.into_iter().map(|row| Registration {
                org,
                id: ProviderId::from_uuid(row.id),
                catalog: row.catalog,
                base_url: row.base_url,
                removed: row.removed_at.is_some(),
            }));
        }
        Ok(all)
    }

    /// The host of every webhook, those that were removed included.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn receivers(&self) -> Result<Vec<Receiver>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let mut all = Vec::new();
        for org in organizations(&tx).await? {
            tx.bind(org).await?;
            let rows =
                tenant::select::<webhook::Entity>(org).all(tx.on()).await.map_err(from_db)?;
            all.extend(
                rows.into_iter()
                    .map(|row| Receiver { id: WebhookId::from_uuid(row.id), host: row.host }),
            );
        }
        Ok(all)
    }

    /// When each provider and each webhook was connected, as the logs say; by its id.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn connected(&self) -> Result<HashMap<String, Timestamp>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let mut all = HashMap::new();
        for org in organizations(&tx).await? {
            tx.bind(org).await?;
            let rows = tenant::select::<entry::Entity>(org)
                .filter(
                    entry::Column::Action.is_in(
                        [Action::ProviderCreate, Action::WebhookCreate, Action::ConnectionCreate]
                            .map(Action::as_str),
                    ),
                )
                .all(tx.on())
                .await
                .map_err(from_db)?;
            let one = |row: entry::Model| Some((row.target?, Timestamp::from_millis(row.at)));
            all.extend(rows.into_iter().filter_map(one));
        }
        Ok(all)
    }

    /// The newest entry of the deployment's log with this action.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn event_last(&self, action: Action) -> Result<Option<LoggedEvent>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let row = tenant::select::<entry::Entity>(OrgId::DEPLOYMENT)
            .filter(entry::Column::Action.eq(action.as_str()))
            .order_by_desc(entry::Column::Seq)
            .limit(1)
            .one(tx.on())
            .await
            .map_err(from_db)?;
        Ok(row.map(LoggedEvent::from))
    }
}
