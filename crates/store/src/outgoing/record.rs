//! What was sent, to be looked up for a month: when, about what, by which way, and how it went. Not to whom.

use std::time::Duration;

use domain::{
    Channel, Error, MessageId, News, OrgId, Result, Timestamp, Topic, WebhookId, subprocessor_test,
};
use sea_orm::{ColumnTrait, PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect as _};

use super::{DONE, Post};
use crate::{
    Read, Store, Write,
    entity::{message, message_due as due},
    error::from_db,
    tenant,
};

/// Rows of one list, and of one look of the sweep.
const MOST: u64 = 100;

/// Tests within an hour, so that nobody's mailbox is filled by a button.
const TESTS: u64 = 60;

/// One message, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    pub id: MessageId,
    pub topic: Topic,
    pub channel: Channel,
    /// The webhook it was for.
    pub webhook: Option<WebhookId>,
    pub created: Timestamp,
    pub attempts: u32,
    /// When it was delivered or given up.
    pub done: Option<Timestamp>,
    /// Of the mail server or the receiver, when it answered.
    pub answer: Option<u16>,
    /// What went wrong last.
    pub problem: Option<String>,
}

impl MessageRecord {
    /// Whether it arrived: a mail server or a receiver took it.
    #[must_use]
    pub const fn is_delivered(&self) -> bool {
        self.done.is_some() && self.problem.is_none()
    }
}

impl TryFrom<message::Model> for MessageRecord {
    type Error = Error;
    fn try_from(row: message::Model) -> Result<Self> {
        let unknown = || Error::internal("a message of no known kind");
        Ok(Self {
            id: MessageId::from_uuid(row.id),
            topic: Topic::parse(&row.topic).ok_or_else(unknown)?,
            channel: Channel::parse(&row.channel).ok_or_else(unknown)?,
            webhook: row.webhook_id.map(WebhookId::from_uuid),
            created: Timestamp::from_millis(row.created_at),
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            done: row.done_at.map(Timestamp::from_millis),
            answer: row.answer.and_then(|answer| u16::try_from(answer).ok()),
            problem: row.problem,
        })
    }
}

impl Read {
    /// The organization's newest messages of thirty days, the newest first.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn messages_list(&mut self) -> Result<Vec<MessageRecord>> {
        let rows = tenant::select::<message::Entity>(self.org())
            .order_by_desc(message::Column::Id)
            .limit(MOST)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        rows.into_iter().map(MessageRecord::try_from).collect()
    }
}

impl Write {
    /// Puts news on its way to the administrators and webhooks of the organization, with the change it is about.
    pub async fn tell(&mut self, news: &News) -> Result<()> {
        Post::of(&self.store, self.tx(), self.org()).await?.news(news).await
    }

    /// Puts a test on its way to everybody who would be told of a change of sub-processors.
    ///
    /// # Errors
    /// `Limited` with code `too_many_requests`.
    pub async fn notice_test(&mut self) -> Result<()> {
        let since = self.store.clock().now().minus(Duration::from_secs(3_600)).as_millis();
        let recent = tenant::select::<message::Entity>(self.org())
            .filter(message::Column::Topic.eq(Topic::SubprocessorsTest.as_str()))
            .filter(message::Column::CreatedAt.gt(since))
            .count(self.tx().on())
            .await
            .map_err(from_db)?;
        if recent >= TESTS {
            return Err(Error::limited("Too many tests were sent. Try again in an hour.")
                .with_code("too_many_requests"));
        }
        let news = subprocessor_test(self.scope().org_slug());
        self.tell(&news).await
    }
}

/// Forgets what was sent more than a month ago.
pub(crate) async fn sweep(store: &Store) -> Result<()> {
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    let rows = tenant::deployed::<due::Entity>()
        .filter(due::Column::Stage.eq(DONE))
        .filter(due::Column::DueAt.lte(store.clock().now().as_millis()))
        .limit(MOST)
        .all(tx.on())
        .await
        .map_err(from_db)?;
    drop(tx);
    for row in rows {
        let org = OrgId::from_uuid(row.org_id);
        let tx = store.engine().write(org).await?;
        tenant::delete::<message::Entity>(org)
            .filter(message::Column::Id.eq(row.id))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        tenant::deployed_delete::<due::Entity>()
            .filter(due::Column::Id.eq(row.id))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        tx.commit().await?;
    }
    Ok(())
}
