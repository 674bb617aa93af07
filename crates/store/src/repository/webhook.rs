//! Webhooks of an organization. Address and secret are sealed; of one that was removed only its host stays.

use domain::{DataClass, Error, Result, Secret, Timestamp, Topic, WebhookId, test_event};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, Select};
use uuid::Uuid;

use super::{at, maybe_at};
use crate::{
    Read, Write, entity::webhook as table, error::from_db, keyring::Place,
    outgoing::forget_waiting, tenant,
};

/// A place that an organization's events are sent to.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: WebhookId,
    pub name: String,
    pub url: Secret<String>,
    pub host: String,
    /// Whether it may live at a private address.
    pub allow_private: bool,
    pub created: Timestamp,
    /// The last attempt to deliver something.
    pub last: Option<LastDelivery>,
    /// Since when nothing has arrived.
    pub failing_since: Option<Timestamp>,
    /// When it was switched off.
    pub disabled: Option<Timestamp>,
}

/// How the last attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastDelivery {
    pub at: Timestamp,
    pub topic: String,
    /// Of the answer, when there was one.
    pub status: Option<u16>,
    /// The code of what went wrong; `None` when it arrived.
    pub problem: Option<String>,
}

#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub name: String,
    pub url: Secret<String>,
    pub host: String,
    pub secret: Secret<String>,
    pub allow_private: bool,
}

pub(crate) const fn place<'a>(row: &'a Uuid, column: &'a str) -> Place<'a> {
    Place { class: DataClass::Credential, table: "webhook", column, row: row.as_bytes() }
}

fn none() -> Error {
    Error::not_found("webhook")
}

impl Read {
    fn live(&self) -> Select<table::Entity> {
        tenant::select::<table::Entity>(self.org()).filter(table::Column::RemovedAt.is_null())
    }

    /// In order of creation.
    pub async fn webhooks_list(&mut self) -> Result<Vec<Webhook>> {
        let rows =
            self.live().order_by_asc(table::Column::Id).all(self.tx.on()).await.map_err(from_db)?;
        rows.into_iter().map(|row| self.webhook(row)).collect()
    }

    pub async fn webhook_fetch(&mut self, id: WebhookId) -> Result<Webhook> {
        let row = self
            .live()
            .filter(table::Column::Id.eq(id.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(none)?;
        self.webhook(row)
    }

    fn webhook(&self, row: table::Model) -> Result<Webhook> {
        let sealed = row.url.as_ref().ok_or_else(none)?;
        let last = row.last_at.map(|millis| LastDelivery {
            at: at(millis),
            topic: row.last_topic.unwrap_or_default(),
            status: row.last_status.and_then(|status| u16::try_from(status).ok()),
            problem: row.last_problem,
        });
        Ok(Webhook {
            id: WebhookId::from_uuid(row.id),
            url: self.keys.open_text(place(&row.id, "url"), sealed)?,
            name: row.name,
            host: row.host,
            allow_private: row.allow_private,
            created: at(row.created_at),
            last,
            failing_since: maybe_at(row.failing_since),
            disabled: maybe_at(row.disabled_at),
        })
    }
}

impl Write {
    pub async fn webhook_create(&mut self, new: NewWebhook) -> Result<Webhook> {
        let now = self.store.clock().now();
        let id = WebhookId::new(now);
        let row = id.uuid();
        let seal = |column: &str, value: &Secret<String>| {
            self.keys.seal(place(&row, column), value.expose().as_bytes())
        };
        let model = table::Model {
            org_id: self.org().uuid(),
            id: row,
            name: new.name,
            host: new.host,
            url: Some(seal("url", &new.url)?),
            secret: Some(seal("secret", &new.secret)?),
            allow_private: new.allow_private,
            created_at: now.as_millis(),
            last_at: None,
            last_topic: None,
            last_status: None,
            last_problem: None,
            failing_since: None,
            disabled_at: None,
            removed_at: None,
        };
        tenant::insert::<table::Entity>(self.tx(), self.org(), model.clone().into()).await?;
        self.webhook(model)
    }

    /// Puts a test on its way to a webhook, whether or not it is switched off.
    pub async fn webhook_test(&mut self, id: WebhookId) -> Result<()> {
        self.webhook_fetch(id).await?;
        let body = test_event(self.store.clock().now());
        self.event_post(id.uuid(), Topic::Test, &body).await
    }

    /// Wipes address and secret, and drops what is on its way there.
    pub async fn webhook_remove(&mut self, id: WebhookId) -> Result<()> {
        let change = table::ActiveModel {
            url: Set(None),
            secret: Set(None),
            removed_at: Set(Some(self.store.clock().now().as_millis())),
            ..Default::default()
        };
        let done = tenant::update::<table::Entity>(self.org())
            .set(change)
            .filter(table::Column::Id.eq(id.uuid()))
            .filter(table::Column::RemovedAt.is_null())
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 {
            return Err(none());
        }
        forget_waiting(&self.store, (self.tx(), self.org()), id, "removed").await
    }
}
