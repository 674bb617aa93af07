//! Members of an organization. The last owner cannot leave or step down.

use std::collections::HashMap;

use domain::{Error, OrgId, OrgRole, Result, Timestamp, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _};

use super::{at, user};
use crate::{
    Listed, Page, Read, Write,
    engine::Tx,
    entity::{grant, member, user_organization},
    error::from_db,
    tenant,
};

#[derive(Clone, Debug)]
pub struct Member {
    pub user: UserId,
    pub email: String,
    pub name: String,
    pub role: OrgRole,
    pub joined: Timestamp,
}

/// Adds a member; `tx` is bound to `org`.
pub(crate) async fn join(
    tx: &Tx,
    org: OrgId,
    person: UserId,
    role: OrgRole,
    now: Timestamp,
) -> Result<()> {
    let row = member::ActiveModel {
        user_id: Set(person.uuid()),
        role: Set(role.as_str().to_owned()),
        joined_at: Set(now.as_millis()),
        ..Default::default()
    };
    tenant::insert::<member::Entity>(tx, org, row).await.map_err(|error| match error.code() {
        "already_exists" => {
            Error::conflict("This person is already a member.").with_code("already_member")
        }
        _ => error,
    })?;
    let index =
        user_organization::ActiveModel { user_id: Set(person.uuid()), org_id: Set(org.uuid()) };
    tenant::deployed_insert::<user_organization::Entity>(tx, index).await
}

fn none() -> Error {
    Error::not_found("member")
}

impl Read {
    /// Members in the order of their accounts.
    pub async fn members_list(&mut self, page: &Page) -> Result<Listed<Member>> {
        let mut select =
            tenant::select::<member::Entity>(self.org()).order_by_asc(member::Column::UserId);
        if let Some(after) = page.cursor::<UserId>()? {
            select = select.filter(member::Column::UserId.gt(after.uuid()));
        }
        let rows = select.limit(page.rows() + 1).all(self.tx.on()).await.map_err(from_db)?;
        let members = self.with_people(rows).await?;
        Ok(Listed::cut(members, page, |row| row.user.to_string()))
    }

    pub async fn member_fetch(&mut self, person: UserId) -> Result<Member> {
        let row = self.member_row(person).await?;
        self.with_people(vec![row]).await?.pop().ok_or_else(none)
    }

    pub(super) async fn member_row(&mut self, person: UserId) -> Result<member::Model> {
        tenant::select::<member::Entity>(self.org())
            .filter(member::Column::UserId.eq(person.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(none)
    }

    async fn with_people(&mut self, rows: Vec<member::Model>) -> Result<Vec<Member>> {
        let ids: Vec<_> = rows.iter().map(|row| row.user_id).collect();
        let keys = self.store.deployment_keys()?;
        let people: HashMap<_, _> = user::some(&self.tx, keys, &ids)
            .await?
            .into_iter()
            .map(|person| (person.id.uuid(), person))
            .collect();
        rows.into_iter()
            .map(|row| {
                let person = people.get(&row.user_id).ok_or_else(none)?;
                Ok(Member {
                    user: person.id,
                    email: person.email.clone(),
                    name: person.name.clone(),
                    role: row.role.parse()?,
                    joined: at(row.joined_at),
                })
            })
            .collect()
    }
}

impl Write {
    pub async fn member_add(&mut self, person: UserId, role: OrgRole) -> Result<()> {
        let now = self.store.clock().now();
        // Their name may be among those that the gateway looks for.
        self.touched.routing = true;
        join(self.tx(), self.org(), person, role, now).await
    }

    /// # Errors
    /// `Conflict` with code `last_owner` when nobody would own the organization.
    pub async fn member_role_set(&mut self, person: UserId, role: OrgRole) -> Result<()> {
        let row = self.member_row(person).await?;
        if role != OrgRole::Owner {
            self.keep_an_owner(&row).await?;
        }
        let change =
            member::ActiveModel { role: Set(role.as_str().to_owned()), ..Default::default() };
        tenant::update::<member::Entity>(self.org())
            .set(change)
            .filter(member::Column::UserId.eq(person.uuid()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)
            .map(drop)
    }

    /// Removes a member with their grants.
    ///
    /// # Errors
    /// `Conflict` with code `last_owner` when nobody would own the organization.
    pub async fn member_remove(&mut self, person: UserId) -> Result<()> {
        let row = self.member_row(person).await?;
        self.keep_an_owner(&row).await?;
        // Their name may be among those that the gateway looks for.
        self.touched.routing = true;
        let org = self.org();
        tenant::delete::<grant::Entity>(org)
            .filter(grant::Column::UserId.eq(person.uuid()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        tenant::delete::<member::Entity>(org)
            .filter(member::Column::UserId.eq(person.uuid()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        tenant::deployed_delete::<user_organization::Entity>()
            .filter(user_organization::Column::UserId.eq(person.uuid()))
            .filter(user_organization::Column::OrgId.eq(org.uuid()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)
            .map(drop)
    }

    async fn keep_an_owner(&mut self, leaving: &member::Model) -> Result<()> {
        if leaving.role != OrgRole::Owner.as_str() {
            return Ok(());
        }
        let mut owners = tenant::select::<member::Entity>(self.org())
            .filter(member::Column::Role.eq(OrgRole::Owner.as_str()));
        if self.tx().is_postgres() {
            // Two owners who step down at once must not both find the other.
            owners = owners.lock_exclusive();
        }
        let owners = owners.all(self.tx().on()).await.map_err(from_db)?;
        if owners.len() > 1 {
            return Ok(());
        }
        Err(Error::conflict("An organization needs an owner. Make somebody else owner first.")
            .with_code("last_owner"))
    }
}
