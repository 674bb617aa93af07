//! What became of a message: delivered, to be tried again, or given up. Bookkeeping, but for what people must hear of.

use domain::{Action, Actor, Event, OrgId, Result, WebhookId};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;

use super::{Cargo, DONE, FAILING, Fate, Outgoing, RECORD, Undelivered};
use crate::{
    Store, audit,
    engine::Tx,
    entity::{message, message_due as due, webhook},
    error::from_db,
    tenant,
};

impl Store {
    /// The message arrived: only the record of it is kept. `status` is that of the receiver's answer.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached: then it will be delivered once more.
    pub async fn message_delivered(&self, sent: &Outgoing, status: u16) -> Result<()> {
        let tx = self.engine().write(sent.org).await?;
        count(&tx, sent, None).await?;
        done(self, (&tx, sent.org), sent.id.uuid(), (Some(status), None)).await?;
        if let Cargo::Event { webhook, .. } = &sent.cargo {
            let change = webhook::ActiveModel {
                failing_since: Set(None),
                // Only a test goes to one that is off, and it arrived.
                disabled_at: Set(None),
                ..self.last(sent, Some(status), None)
            };
            update(&tx, sent.org, *webhook, change).await?;
        }
        tx.commit().await
    }

    /// The message did not arrive.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached: then it is tried again when the lease is over.
    pub async fn message_failed(&self, sent: &Outgoing, why: Undelivered) -> Result<Fate> {
        let tx = self.engine().write(sent.org).await?;
        let failing = match &sent.cargo {
            Cargo::Event { webhook, .. } => self.note(&tx, sent, *webhook, why).await?,
            Cargo::Letter { .. } => false,
        };
        let fate = match why.again {
            Some(at) if !(failing && why.gone) => {
                count(&tx, sent, Some(why.code)).await?;
                due_set(&tx, sent.id.uuid(), (sent.channel().as_str(), at.as_millis())).await?;
                Fate::Waits
            }
            _ => {
                count(&tx, sent, None).await?;
                let ended = (why.status, Some(why.code));
                done(self, (&tx, sent.org), sent.id.uuid(), ended).await?;
                let event = Event::new(Action::MessageDrop)
                    .on("message", sent.id)
                    .fact("channel", sent.channel().as_str())
                    .fact("topic", sent.topic.as_str())
                    .fact("attempts", sent.attempts.saturating_add(1))
                    .fact("problem", why.code);
                audit::append(self, &tx, sent.org, Actor::System, event).await?;
                match &sent.cargo {
                    Cargo::Event { webhook, .. } if failing => {
                        self.switch_off(&tx, sent.org, *webhook, why).await?;
                        Fate::SwitchedOff
                    }
                    _ => Fate::GivenUp,
                }
            }
        };
        tx.commit().await?;
        audit::appended(self, [sent.org]);
        Ok(fate)
    }

    fn last(
        &self,
        sent: &Outgoing,
        status: Option<u16>,
        problem: Option<&str>,
    ) -> webhook::ActiveModel {
        webhook::ActiveModel {
            last_at: Set(Some(self.clock().now().as_millis())),
            last_topic: Set(Some(sent.topic.as_str().to_owned())),
            last_status: Set(status.map(i64::from)),
            last_problem: Set(problem.map(str::to_owned)),
            ..Default::default()
        }
    }

    /// Remembers what went wrong with a webhook; says whether that has been so for long enough.
    async fn note(
        &self,
        tx: &Tx,
        sent: &Outgoing,
        id: WebhookId,
        why: Undelivered,
    ) -> Result<bool> {
        let known = tenant::select::<webhook::Entity>(sent.org)
            .filter(webhook::Column::Id.eq(id.uuid()))
            .one(tx.on())
            .await
            .map_err(from_db)?;
        let Some(known) = known else { return Ok(false) };
        let now = self.clock().now();
        let since = known.failing_since.unwrap_or(now.as_millis());
        let change = webhook::ActiveModel {
            failing_since: Set(Some(since)),
            ..self.last(sent, why.status, Some(why.code))
        };
        update(tx, sent.org, id, change).await?;
        let long = now.since(domain::Timestamp::from_millis(since)) >= FAILING;
        Ok(known.disabled_at.is_none() && known.removed_at.is_none() && (long || why.gone))
    }

    /// What still waits for it is dropped with it.
    async fn switch_off(&self, tx: &Tx, org: OrgId, id: WebhookId, why: Undelivered) -> Result<()> {
        let change = webhook::ActiveModel {
            disabled_at: Set(Some(self.clock().now().as_millis())),
            ..Default::default()
        };
        update(tx, org, id, change).await?;
        forget_waiting(self, (tx, org), id, "switched_off").await?;
        let event = Event::new(Action::WebhookDisable).on("webhook", id).fact("problem", why.code);
        audit::append(self, tx, org, Actor::System, event).await.map(drop)
    }
}

/// Drops everything that is on its way to a webhook, for this reason.
pub(crate) async fn forget_waiting(
    store: &Store,
    (tx, org): (&Tx, OrgId),
    id: WebhookId,
    why: &'static str,
) -> Result<()> {
    let waiting = tenant::select::<message::Entity>(org)
        .filter(message::Column::WebhookId.eq(id.uuid()))
        .filter(message::Column::DoneAt.is_null())
        .all(tx.on())
        .await
        .map_err(from_db)?;
    for row in waiting {
        done(store, (tx, org), row.id, (None, Some(why))).await?;
    }
    Ok(())
}

async fn update(tx: &Tx, org: OrgId, id: WebhookId, change: webhook::ActiveModel) -> Result<()> {
    tenant::update::<webhook::Entity>(org)
        .set(change)
        .filter(webhook::Column::Id.eq(id.uuid()))
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}

/// Wipes a message and keeps the record: the receiver's answer, and what went wrong. One that is done stays as it is.
pub(super) async fn done(
    store: &Store,
    (tx, org): (&Tx, OrgId),
    id: Uuid,
    (answer, problem): (Option<u16>, Option<&str>),
) -> Result<()> {
    let now = store.clock().now();
    let change = message::ActiveModel {
        address: Set(None),
        body: Set(None),
        answer: Set(answer.map(i64::from)),
        problem: Set(problem.map(str::to_owned)),
        done_at: Set(Some(now.as_millis())),
        ..Default::default()
    };
    tenant::update::<message::Entity>(org)
        .set(change)
        .filter(message::Column::Id.eq(id))
        .filter(message::Column::DoneAt.is_null())
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    due_set(tx, id, (DONE, now.plus(RECORD).as_millis())).await
}

/// One more attempt.
async fn count(tx: &Tx, sent: &Outgoing, problem: Option<&str>) -> Result<()> {
    let change = message::ActiveModel {
        attempts: Set(i64::from(sent.attempts) + 1),
        problem: Set(problem.map(str::to_owned)),
        ..Default::default()
    };
    tenant::update::<message::Entity>(sent.org)
        .set(change)
        .filter(message::Column::Id.eq(sent.id.uuid()))
        .filter(message::Column::DoneAt.is_null())
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}

async fn due_set(tx: &Tx, id: Uuid, (stage, at): (&str, i64)) -> Result<()> {
    tenant::deployed_update::<due::Entity>()
        .filter(due::Column::Id.eq(id))
        .col_expr(due::Column::Stage, Expr::value(stage))
        .col_expr(due::Column::DueAt, Expr::value(at))
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}
