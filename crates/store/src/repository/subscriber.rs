//! Addresses that are told of changes of sub-processors, once whoever reads them said so.
//!
//! A link in a letter names its subscriber and carries a tag that only this deployment can make: nothing is stored of it.

use std::time::Duration;

use domain::{
    Announcement, DataClass, Error, Kind, OrgId, Result, SubscriberId, Topic, subprocessor_letter,
    subscription_letter,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait as _, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::{
    DeploymentRead, DeploymentWrite, Store,
    entity::subscriber as table,
    error::from_db,
    keyring::{OrgKeys, Place},
    outgoing::Post,
    tenant,
};

/// How long an address that nobody confirmed is kept.
const UNCONFIRMED: Duration = Duration::from_secs(2 * 86_400);

/// How long an address is left in peace after it was asked.
const AGAIN: Duration = Duration::from_secs(3_600);

/// Addresses that may be asked within [`AGAIN`], at the request of one network address and of all.
const MOST: (u64, u64) = (5, 100);

/// What became of a request to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A letter is on its way that asks whether the address is theirs.
    Now(SubscriberId),
    /// It was asked within the hour, or is told already. Nothing is sent.
    Before,
}

/// What a link is for.
#[derive(Clone, Copy)]
enum Link {
    Confirm,
    End,
}

impl Link {
    const fn purpose(self) -> &'static str {
        match self {
            Self::Confirm => "confirm a subscription",
            Self::End => "end a subscription",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Confirm => "/subprocessors/confirm/",
            Self::End => "/subprocessors/unsubscribe/",
        }
    }

    fn tag(self, keys: &OrgKeys, id: SubscriberId) -> String {
        let tag = keys.index(self.purpose(), &id.to_string());
        hex::encode(tag.get(..16).unwrap_or_default())
    }

    fn to(self, keys: &OrgKeys, id: SubscriberId) -> String {
        format!("{}{id}.{}", self.path(), self.tag(keys, id))
    }

    /// Whom the last part of the path names, if it was made here for this.
    fn read(self, keys: &OrgKeys, token: &str) -> Result<SubscriberId> {
        let (id, tag) = token.split_once('.').ok_or_else(dead)?;
        let id: SubscriberId = id.parse().map_err(|_| dead())?;
        let right = vault::same(self.tag(keys, id).as_bytes(), tag.as_bytes());
        if right { Ok(id) } else { Err(dead()) }
    }
}

fn dead() -> Error {
    let says = "Its letter is too old, or the address was forgotten. The list of sub-processors has a form that begins anew.";
    Error::new(Kind::NotFound, says).with_code("link_invalid")
}

const fn place(row: &Uuid) -> Place<'_> {
    let class = DataClass::Email;
    Place { class, table: "subscriber", column: "address", row: row.as_bytes() }
}

impl DeploymentRead {
    /// Whether a link of a letter still says something: `confirm`, or else one that ends a subscription.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid` when it does not.
    pub async fn subscription_link(&mut self, token: &str, confirm: bool) -> Result<SubscriberId> {
        let link = if confirm { Link::Confirm } else { Link::End };
        let id = link.read(&self.keys, token)?;
        let row = tenant::deployed::<table::Entity>()
            .filter(table::Column::Id.eq(id.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        row.map(|_| id).ok_or_else(dead)
    }
}

impl DeploymentWrite {
    /// Asks an address, by letter, whether it wants to be told. `from` is the keyed index of the network address that
    /// wants it to.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_email`; `Limited` with code `too_many_requests`.
    pub async fn subscriber_ask(&mut self, email: &str, from: &[u8]) -> Result<Asked> {
        let address = vault::normalise_email(email)?;
        let now = self.store.clock().now();
        let index = self.keys.index("email", &address);
        let known = tenant::deployed::<table::Entity>()
            .filter(table::Column::AddressIndex.eq(index.clone()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        let recent = now.minus(AGAIN).as_millis();
        if let Some(known) = &known
            && (known.confirmed_at.is_some() || known.asked_at > recent)
        {
            return Ok(Asked::Before);
        }
        self.not_too_many(from, recent).await?;
        let id =
            known.map_or_else(|| SubscriberId::new(now), |row| SubscriberId::from_uuid(row.id));
        let row = table::ActiveModel {
            id: Set(id.uuid()),
            address: Set(self.keys.seal(place(&id.uuid()), address.as_bytes())?),
            address_index: Set(index),
            asked_from: Set(from.to_vec()),
            asked_at: Set(now.as_millis()),
            confirmed_at: Set(None),
        };
        let changed = [table::Column::AskedFrom, table::Column::AskedAt];
        tenant::deployed_upsert::<table::Entity>(&self.tx, row, &[table::Column::Id], &changed)
            .await?;
        let letter = subscription_letter(Link::Confirm.to(&self.keys, id));
        self.letter_post(&address, (Topic::Subscription, &letter), Some(UNCONFIRMED)).await?;
        Ok(Asked::Now(id))
    }

    async fn not_too_many(&self, from: &[u8], since: i64) -> Result<()> {
        let recent =
            || tenant::deployed::<table::Entity>().filter(table::Column::AskedAt.gt(since));
        let theirs = recent().filter(table::Column::AskedFrom.eq(from.to_vec()));
        let theirs = theirs.count(self.tx.on()).await.map_err(from_db)?;
        let all = recent().count(self.tx.on()).await.map_err(from_db)?;
        if theirs >= MOST.0 || all >= MOST.1 {
            return Err(Error::limited("Too many addresses were entered. Try again in an hour.")
                .with_code("too_many_requests"));
        }
        Ok(())
    }

    /// From now on the address is told.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`.
    pub async fn subscriber_confirm(&mut self, token: &str) -> Result<SubscriberId> {
        let id = self.subscription_link(token, true).await?;
        let change = table::ActiveModel {
            confirmed_at: Set(Some(self.store.clock().now().as_millis())),
            ..Default::default()
        };
        tenant::deployed_update::<table::Entity>()
            .set(change)
            .filter(table::Column::Id.eq(id.uuid()))
            .filter(table::Column::ConfirmedAt.is_null())
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(id)
    }

    /// Forgets the address.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`.
    pub async fn subscriber_remove(&mut self, token: &str) -> Result<SubscriberId> {
        let id = self.subscription_link(token, false).await?;
        tenant::deployed_delete::<table::Entity>()
            .filter(table::Column::Id.eq(id.uuid()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(id)
    }

    /// Tells everybody who subscribed.
    pub(crate) async fn subscribers_tell(&mut self, changes: &[Announcement]) -> Result<()> {
        if !self.store.has_mail() {
            return Ok(());
        }
        let rows = tenant::deployed::<table::Entity>()
            .filter(table::Column::ConfirmedAt.is_not_null())
            .order_by_asc(table::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let post = Post::of(&self.store, &self.tx, OrgId::DEPLOYMENT).await?;
        for row in rows {
            let to = self.keys.open_text(place(&row.id), &row.address)?;
            let mut letter = subprocessor_letter(changes);
            letter.unsubscribe = Some(Link::End.to(&self.keys, SubscriberId::from_uuid(row.id)));
            post.letter(to.expose(), (Topic::SubprocessorsChanged, &letter), None).await?;
        }
        Ok(())
    }
}

/// Forgets addresses that nobody confirmed in time.
pub(crate) async fn sweep(store: &Store) -> Result<()> {
    if store.deployment_keys().is_err() {
        return Ok(());
    }
    let before = store.clock().now().minus(UNCONFIRMED).as_millis();
    let late = |select: sea_orm::Select<table::Entity>| {
        select
            .filter(table::Column::ConfirmedAt.is_null())
            .filter(table::Column::AskedAt.lt(before))
    };
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    let any = late(tenant::deployed::<table::Entity>()).count(tx.on()).await.map_err(from_db)?;
    drop(tx);
    if any == 0 {
        return Ok(());
    }
    let tx = store.engine().write(OrgId::DEPLOYMENT).await?;
    tenant::deployed_delete::<table::Entity>()
        .filter(table::Column::ConfirmedAt.is_null())
        .filter(table::Column::AskedAt.lt(before))
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    tx.commit().await
}
