//! Taking messages whose time has come. One node takes each; when it does not say how it went, another does.

use std::time::Duration;

use domain::{Channel, Error, MessageId, OrgId, Result, Timestamp, Topic, WebhookId};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _, sea_query::Expr};

use super::{Cargo, Outgoing, address_at, body_at};
use crate::{
    Store,
    engine::Tx,
    entity::{message, message_due as due, webhook},
    error::from_db,
    keyring::OrgKeys,
    repository::webhook as hooks,
    tenant,
};

impl Store {
    /// At most `most` messages of these channels that are due. For `lease` nobody else gets them.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn messages_claim(
        &self,
        channels: &[Channel],
        most: u64,
        lease: Duration,
    ) -> Result<Vec<Outgoing>> {
        // Looked at first without holding the only writer: mostly there is nothing.
        let waiting = self.messages_due(channels, most).await?;
        let mut claimed = Vec::new();
        for row in waiting {
            let (org, id) = (OrgId::from_uuid(row.org_id), row.id);
            if self.message_lease(&row, lease).await? {
                match self.message_read(org, id).await? {
                    Some(found) => claimed.push(found),
                    // Its webhook was removed, or another node has delivered it after all.
                    None => self.message_forget(org, id).await?,
                }
            }
        }
        Ok(claimed)
    }

    async fn messages_due(&self, channels: &[Channel], most: u64) -> Result<Vec<due::Model>> {
        let tx = self.engine().read(OrgId::DEPLOYMENT).await?;
        tenant::deployed::<due::Entity>()
            .filter(due::Column::DueAt.lte(self.clock().now().as_millis()))
            .filter(due::Column::Stage.is_in(channels.iter().map(|one| one.as_str())))
            .order_by_asc(due::Column::DueAt)
            .limit(most)
            .all(tx.on())
            .await
            .map_err(from_db)
    }

    /// Whether the message is now ours: nobody moved its time since it was looked at.
    async fn message_lease(&self, seen: &due::Model, lease: Duration) -> Result<bool> {
        let tx = self.engine().write(OrgId::DEPLOYMENT).await?;
        let until = self.clock().now().plus(lease).as_millis();
        let done = tenant::deployed_update::<due::Entity>()
            .filter(due::Column::Id.eq(seen.id))
            .filter(due::Column::DueAt.eq(seen.due_at))
            .col_expr(due::Column::DueAt, Expr::value(until))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        tx.commit().await?;
        Ok(done.rows_affected == 1)
    }

    async fn message_read(&self, org: OrgId, id: uuid::Uuid) -> Result<Option<Outgoing>> {
        let tx = self.engine().read(org).await?;
        let row = tenant::select::<message::Entity>(org)
            .filter(message::Column::Id.eq(id))
            .one(tx.on())
            .await
            .map_err(from_db)?;
        let Some(mut row) = row else { return Ok(None) };
        let Some(body) = row.body.take() else { return Ok(None) };
        let keys = self.keyring()?.of(&tx, org).await?;
        let cargo = match row.webhook_id {
            None => letter(&keys, &row, &body)?,
            Some(to) => match event(&tx, (org, &keys), (to, row.id), &body).await? {
                Some(cargo) => cargo,
                None => return Ok(None),
            },
        };
        let topic = Topic::parse(&row.topic)
            .ok_or_else(|| Error::internal(format!("unknown topic {}", row.topic)))?;
        Ok(Some(Outgoing {
            id: MessageId::from_uuid(row.id),
            org,
            topic,
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            created: Timestamp::from_millis(row.created_at),
            ends: Timestamp::from_millis(row.ends_at),
            cargo,
        }))
    }

    async fn message_forget(&self, org: OrgId, id: uuid::Uuid) -> Result<()> {
        let tx = self.engine().write(org).await?;
        super::settle::done(self, (&tx, org), id, (None, Some("removed"))).await?;
        tx.commit().await
    }
}

fn letter(keys: &OrgKeys, row: &message::Model, body: &[u8]) -> Result<Cargo> {
    let sealed = row.address.as_ref().ok_or_else(|| Error::internal("a letter to nobody"))?;
    let to = keys.open_text(address_at(&row.id), sealed)?;
    let letter = keys.open_text(body_at(&row.id), body)?;
    Ok(Cargo::Letter { to, letter })
}

/// `None` when the webhook was removed.
async fn event(
    tx: &Tx,
    (org, keys): (OrgId, &OrgKeys),
    (to, message): (uuid::Uuid, uuid::Uuid),
    body: &[u8],
) -> Result<Option<Cargo>> {
    let found = tenant::select::<webhook::Entity>(org)
        .filter(webhook::Column::Id.eq(to))
        .one(tx.on())
        .await
        .map_err(from_db)?;
    let Some((hook, url, secret)) = found.and_then(|mut hook| {
        let (url, secret) = (hook.url.take()?, hook.secret.take()?);
        Some((hook, url, secret))
    }) else {
        return Ok(None);
    };
    Ok(Some(Cargo::Event {
        webhook: WebhookId::from_uuid(to),
        url: keys.open_text(hooks::place(&to, "url"), &url)?,
        secret: keys.open_text(hooks::place(&to, "secret"), &secret)?,
        allow_private: hook.allow_private,
        body: keys.open_text(body_at(&message), body)?,
    }))
}
