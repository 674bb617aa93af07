//! Organizations: the directory, and the scope's own.

use domain::{Error, OrgId, OrgRole, Result, SignInPolicy, Timestamp, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _};

use super::at;
use crate::{
    DeploymentRead, DeploymentWrite, Listed, Page, Read, Session, Write,
    engine::Tx,
    entity::{member, organization, user_organization},
    error::from_db,
    tenant,
};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    pub id: OrgId,
    pub slug: String,
    pub name: String,
    /// Its permanent number in the epoch tree of the spine log.
    pub slot: u64,
    pub created: Timestamp,
    /// What it asks of the sessions of its members.
    pub policy: SignInPolicy,
}

#[derive(Clone, Debug)]
pub struct NewOrganization {
    pub name: String,
    /// Part of addresses; unique in the deployment, never changed.
    pub slug: String,
    pub owner: UserId,
}

impl From<organization::Model> for Organization {
    fn from(row: organization::Model) -> Self {
        let policy = SignInPolicy::from(&row);
        Self {
            policy,
            id: OrgId::from_uuid(row.id),
            slug: row.slug,
            name: row.name,
            slot: u64::try_from(row.slot).unwrap_or(0),
            created: at(row.created_at),
        }
    }
}

async fn one(tx: &Tx, org: OrgId) -> Result<Organization> {
    tenant::deployed::<organization::Entity>()
        .filter(organization::Column::Id.eq(org.uuid()))
        .one(tx.on())
        .await
        .map_err(from_db)?
        .map(Organization::from)
        .ok_or_else(|| Error::not_found("organization"))
}

impl Read {
    pub async fn organization(&mut self) -> Result<Organization> {
        one(&self.tx, self.org()).await
    }
}

impl Write {
    pub async fn organization_rename(&mut self, name: &str) -> Result<()> {
        let change = organization::ActiveModel { name: Set(name.to_owned()), ..Default::default() };
        tenant::deployed_update::<organization::Entity>()
            .set(change)
            .filter(organization::Column::Id.eq(self.org().uuid()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)
            .map(drop)
    }
}

impl DeploymentRead {
    /// The organization of this short name.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn organization_by_slug(&mut self, slug: &str) -> Result<OrgId> {
        let row = tenant::deployed::<organization::Entity>()
            .filter(organization::Column::Slug.eq(slug))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        row.map(|row| OrgId::from_uuid(row.id)).ok_or_else(|| Error::not_found("organization"))
    }

    pub async fn organizations_list(&mut self, page: &Page) -> Result<Listed<Organization>> {
        let mut select =
            tenant::deployed::<organization::Entity>().order_by_asc(organization::Column::Id);
        if let Some(after) = page.cursor::<OrgId>()? {
            select = select.filter(organization::Column::Id.gt(after.uuid()));
        }
        let rows = select.limit(page.rows() + 1).all(self.tx.on()).await.map_err(from_db)?;
        let rows = rows.into_iter().map(Organization::from).collect();
        Ok(Listed::cut(rows, page, |row: &Organization| row.id.to_string()))
    }

    /// The organizations that a session may enter, with the person's role in each, by name.
    pub async fn organizations_in_reach(
        &mut self,
        session: &Session,
    ) -> Result<Vec<(Organization, OrgRole)>> {
        let only = session.bound_to(&self.tx).await?;
        let mut all = self.organizations_of(session.user()).await?;
        all.retain(|(one, _)| only.is_none_or(|only| one.id == only));
        Ok(all)
    }

    /// The organizations of a person with their role in each, by name.
    pub async fn organizations_of(&mut self, user: UserId) -> Result<Vec<(Organization, OrgRole)>> {
        // The index says where to look; the member's row in the organization says what is so.
        let index = tenant::deployed::<user_organization::Entity>()
            .filter(user_organization::Column::UserId.eq(user.uuid()))
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let mut found = Vec::new();
        for row in index {
            let org = OrgId::from_uuid(row.org_id);
            self.tx.bind(org).await?;
            let membership = tenant::select::<member::Entity>(org)
                .filter(member::Column::UserId.eq(user.uuid()))
                .one(self.tx.on())
                .await
                .map_err(from_db)?;
            if let Some(membership) = membership {
                found.push((one(&self.tx, org).await?, membership.role.parse()?));
            }
        }
        self.tx.bind(OrgId::DEPLOYMENT).await?;
        found.sort_by(|left, right| left.0.name.cmp(&right.0.name));
        Ok(found)
    }
}

impl DeploymentWrite {
    /// Creates an organization with its keys and its first owner. The commit's event also starts its own log.
    ///
    /// # Errors
    /// `Conflict` with code `slug_taken`.
    pub async fn organization_create(&mut self, new: NewOrganization) -> Result<Organization> {
        let now = self.store.clock().now();
        let org = OrgId::new(now);
        let row = organization::Model {
            id: org.uuid(),
            slug: new.slug,
            name: new.name,
            slot: self.next_slot().await?,
            routing_version: 0,
            created_at: now.as_millis(),
            archived_at: None,
            asks_second: 0,
            asks_hours: None,
        };
        tenant::deployed_insert::<organization::Entity>(&self.tx, row.clone().into())
            .await
            .map_err(slug_taken)?;
        self.tx.bind(org).await?;
        self.store.keyring()?.ensure(&self.tx, org, now).await?;
        super::member::join(&self.tx, org, new.owner, OrgRole::Owner, now).await?;
        self.tx.bind(OrgId::DEPLOYMENT).await?;
        self.about = Some(org);
        Ok(row.into())
    }

    async fn next_slot(&mut self) -> Result<i64> {
        let last = tenant::deployed::<organization::Entity>()
            .order_by_desc(organization::Column::Slot)
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(last.map_or(0, |row| row.slot + 1))
    }
}

/// Two creations at once may choose the same slot too: trying again helps then, and a new slug does no harm.
fn slug_taken(error: Error) -> Error {
    if error.code() == "already_exists" {
        return Error::conflict("This short name is taken. Choose another.")
            .with_code("slug_taken");
    }
    error
}
