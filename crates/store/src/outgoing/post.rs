//! Putting messages on their way, within the transaction that causes them.

use std::{sync::Arc, time::Duration};

use domain::{Channel, Error, Letter, MessageId, News, OrgId, OrgRole, Result, Topic};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{DONE, LONGEST, RECORD, address_at, body_at};
use crate::{
    DeploymentWrite, Store, Write,
    engine::Tx,
    entity::{member, message, message_due as due, setting, webhook},
    error::from_db,
    keyring::OrgKeys,
    repository::user,
    tenant,
};

/// The setting that names the organizations that belong to probes.
pub const PROBE_TENANTS: &str = "trust.tenants";

/// What stands in the record of a letter that was written for nobody.
const NOBODY: &str = "nobody";

/// The roles whose holders are told of what concerns the whole organization.
const TELL: [OrgRole; 2] = [OrgRole::Owner, OrgRole::Admin];

/// Messages of one organization, or of the deployment, in one transaction that is bound to it.
pub(crate) struct Post<'a> {
    store: &'a Store,
    tx: &'a Tx,
    org: OrgId,
    keys: Arc<OrgKeys>,
}

impl<'a> Post<'a> {
    pub(crate) async fn of(store: &'a Store, tx: &'a Tx, org: OrgId) -> Result<Self> {
        let keys = store.keyring()?.within(tx, org).await?;
        Ok(Self { store, tx, org, keys })
    }

    /// A letter; nothing where no letters can be sent.
    pub(crate) async fn letter(
        &self,
        to: &str,
        (topic, letter): (Topic, &Letter),
        keep: Option<Duration>,
    ) -> Result<()> {
        if !self.store.has_mail() {
            return Ok(());
        }
        let (id, row) = self.written(to, (topic, letter), keep)?;
        self.put(id, Channel::Mail.as_str(), row).await
    }

    /// A letter that nobody gets: the same work, and the record of it.
    async fn letter_to_nobody(
        &self,
        to: &str,
        letter: (Topic, &Letter),
        keep: Option<Duration>,
    ) -> Result<()> {
        let (id, row) = self.written(to, letter, keep)?;
        let row = message::ActiveModel {
            address: Set(None),
            body: Set(None),
            problem: Set(Some(NOBODY.to_owned())),
            done_at: Set(Some(self.store.clock().now().as_millis())),
            ..row
        };
        self.put(id, DONE, row).await
    }

    fn written(
        &self,
        to: &str,
        (topic, letter): (Topic, &Letter),
        keep: Option<Duration>,
    ) -> Result<(Uuid, message::ActiveModel)> {
        let id = MessageId::new(self.store.clock().now()).uuid();
        let text = serde_json::to_string(letter).map_err(Error::internal)?;
        let row = message::ActiveModel {
            channel: Set(Channel::Mail.as_str().to_owned()),
            address: Set(Some(self.keys.seal(address_at(&id), to.as_bytes())?)),
            body: Set(Some(self.keys.seal(body_at(&id), text.as_bytes())?)),
            ..self.row(id, topic, keep)
        };
        Ok((id, row))
    }

    /// An event for one webhook.
    pub(crate) async fn event(&self, webhook: Uuid, topic: Topic, body: &str) -> Result<()> {
        let id = MessageId::new(self.store.clock().now()).uuid();
        let row = message::ActiveModel {
            channel: Set(Channel::Webhook.as_str().to_owned()),
            webhook_id: Set(Some(webhook)),
            body: Set(Some(self.keys.seal(body_at(&id), body.as_bytes())?)),
            ..self.row(id, topic, None)
        };
        self.put(id, Channel::Webhook.as_str(), row).await
    }

    fn row(&self, id: Uuid, topic: Topic, keep: Option<Duration>) -> message::ActiveModel {
        let now = self.store.clock().now();
        message::ActiveModel {
            id: Set(id),
            topic: Set(topic.as_str().to_owned()),
            webhook_id: Set(None),
            address: Set(None),
            attempts: Set(0),
            problem: Set(None),
            answer: Set(None),
            done_at: Set(None),
            created_at: Set(now.as_millis()),
            ends_at: Set(now.plus(keep.unwrap_or(LONGEST).min(LONGEST)).as_millis()),
            ..Default::default()
        }
    }

    async fn put(&self, id: Uuid, stage: &str, row: message::ActiveModel) -> Result<()> {
        tenant::insert::<message::Entity>(self.tx, self.org, row).await?;
        // What is done already waits to be forgotten.
        let wait = if stage == DONE { RECORD } else { Duration::ZERO };
        let due = due::ActiveModel {
            id: Set(id),
            org_id: Set(self.org.uuid()),
            stage: Set(stage.to_owned()),
            due_at: Set(self.store.clock().now().plus(wait).as_millis()),
        };
        tenant::deployed_insert::<due::Entity>(self.tx, due).await
    }

    /// Tells every owner and admin by letter, and every webhook that is on.
    pub(crate) async fn news(&self, news: &News) -> Result<()> {
        for to in self.administrators(news.topic).await? {
            self.letter(&to, (news.topic, &news.letter), None).await?;
        }
        let on = tenant::select::<webhook::Entity>(self.org)
            .filter(webhook::Column::RemovedAt.is_null())
            .filter(webhook::Column::DisabledAt.is_null())
            .order_by_asc(webhook::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let body = news.event(self.store.clock().now());
        for one in on {
            self.event(one.id, news.topic, &body).await?;
        }
        Ok(())
    }

    /// The addresses of those who answer for the organization and can still sign in.
    async fn administrators(&self, topic: Topic) -> Result<Vec<String>> {
        let Some(own) = self.store.inner().mail.read().clone() else { return Ok(Vec::new()) };
        if self.is_of_probes().await? {
            // The people there are made up, and letters to them would only come back: a test goes to the sender.
            let tested = topic == Topic::SubprocessorsTest;
            return Ok(tested.then_some(own).into_iter().collect());
        }
        let rows = tenant::select::<member::Entity>(self.org)
            .filter(member::Column::Role.is_in(TELL.map(|role| role.as_str().to_owned())))
            .order_by_asc(member::Column::UserId)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let ids: Vec<Uuid> = rows.into_iter().map(|row| row.user_id).collect();
        let people = user::some(self.tx, self.store.deployment_keys()?, &ids).await?;
        let live = people.into_iter().filter(|person| person.disabled.is_none());
        Ok(live.map(|person| person.email).collect())
    }

    async fn is_of_probes(&self) -> Result<bool> {
        Ok(probe_tenants(self.tx).await?.contains(&self.org.to_string()))
    }
}

/// The setting that names the organizations of probes; empty where there are none.
pub(crate) async fn probe_tenants(tx: &Tx) -> Result<String> {
    let row = tenant::deployed::<setting::Entity>()
        .filter(setting::Column::Name.eq(PROBE_TENANTS))
        .one(tx.on())
        .await
        .map_err(from_db)?;
    Ok(row.map(|row| row.value).unwrap_or_default())
}

impl Write {
    /// Puts an event for one webhook on its way, whether or not it is on.
    pub(crate) async fn event_post(&self, webhook: Uuid, topic: Topic, body: &str) -> Result<()> {
        Post::of(&self.store, self.tx(), self.org()).await?.event(webhook, topic, body).await
    }

    /// Puts a letter of the organization on its way, and says whether it will leave: not where no letters can be sent,
    /// and not from organizations of probes, whose people are made up.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn letter_post(&self, to: &str, letter: (Topic, &Letter)) -> Result<bool> {
        let post = Post::of(&self.store, self.tx(), self.org()).await?;
        let leaves = self.store.has_mail() && !post.is_of_probes().await?;
        if leaves {
            post.letter(to, letter, None).await?;
        }
        Ok(leaves)
    }
}

impl DeploymentWrite {
    /// Puts a letter of the deployment on its way; where no letters can be sent it is dropped. After `keep` it is not
    /// worth delivering any more; at most four days.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn letter_post(
        &mut self,
        to: &str,
        letter: (Topic, &Letter),
        keep: Option<Duration>,
    ) -> Result<()> {
        Post::of(&self.store, &self.tx, OrgId::DEPLOYMENT).await?.letter(to, letter, keep).await
    }

    /// The same without a letter, for an address that nobody here has: how long it takes says nothing.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn letter_post_to_nobody(
        &mut self,
        to: &str,
        letter: (Topic, &Letter),
        keep: Option<Duration>,
    ) -> Result<()> {
        let post = Post::of(&self.store, &self.tx, OrgId::DEPLOYMENT).await?;
        post.letter_to_nobody(to, letter, keep).await
    }
}
