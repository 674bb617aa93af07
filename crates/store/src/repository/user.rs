//! People. E-mail and name are sealed; the address is found by its keyed index.

use domain::{DataClass, Error, Result, Timestamp, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _, sea_query::Expr,
};
use uuid::Uuid;

use super::{at, maybe_at};
use crate::{
    DeploymentRead, DeploymentWrite, Listed, Page,
    engine::Tx,
    entity::user,
    error::from_db,
    keyring::{OrgKeys, Place},
    tenant,
};

/// A person with an account.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    /// Runs the deployment.
    pub operator: bool,
    pub created: Timestamp,
    pub disabled: Option<Timestamp>,
}

/// An account to be created. `id` is chosen by the caller, because the password hash is bound to it.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub id: UserId,
    pub email: String,
    pub name: String,
    /// From `vault::Passwords::hash`.
    pub password: Option<Vec<u8>>,
    pub operator: bool,
}

pub(crate) const fn place<'a>(row: &'a Uuid, class: DataClass, column: &'a str) -> Place<'a> {
    Place { class, table: "user", column, row: row.as_bytes() }
}

fn open(keys: &OrgKeys, row: user::Model) -> Result<User> {
    let email = keys.open_text(place(&row.id, DataClass::Email, "email"), &row.email)?;
    let name = keys.open_text(place(&row.id, DataClass::PersonName, "name"), &row.name)?;
    Ok(User {
        id: UserId::from_uuid(row.id),
        email: email.expose().clone(),
        name: name.expose().clone(),
        operator: row.operator,
        created: at(row.created_at),
        disabled: maybe_at(row.disabled_at),
    })
}

/// The people with these ids, for lists inside an organization.
pub(crate) async fn some(tx: &Tx, keys: &OrgKeys, ids: &[Uuid]) -> Result<Vec<User>> {
    tenant::deployed::<user::Entity>()
        .filter(user::Column::Id.is_in(ids.iter().copied()))
        .all(tx.on())
        .await
        .map_err(from_db)?
        .into_iter()
        .map(|row| open(keys, row))
        .collect()
}

impl DeploymentRead {
    /// The account with this address, in any spelling.
    pub async fn user_find_by_email(&mut self, email: &str) -> Result<Option<User>> {
        let index = self.keys.index("email", &vault::normalise_email(email)?);
        let row = tenant::deployed::<user::Entity>()
            .filter(user::Column::EmailIndex.eq(index))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        row.map(|row| open(&self.keys, row)).transpose()
    }

    pub async fn user_fetch(&mut self, id: UserId) -> Result<User> {
        let row = self.user_row(id).await?;
        open(&self.keys, row)
    }

    /// The sealed password hash, for `vault::Passwords::verify`.
    pub async fn user_password(&mut self, id: UserId) -> Result<Option<Vec<u8>>> {
        Ok(self.user_row(id).await?.password)
    }

    pub async fn users_list(&mut self, page: &Page) -> Result<Listed<User>> {
        let mut select = tenant::deployed::<user::Entity>().order_by_asc(user::Column::Id);
        if let Some(after) = page.cursor::<UserId>()? {
            select = select.filter(user::Column::Id.gt(after.uuid()));
        }
        let users = select
            .limit(page.rows() + 1)
            .all(self.tx.on())
            .await
            .map_err(from_db)?
            .into_iter()
            .map(|row| open(&self.keys, row))
            .collect::<Result<Vec<_>>>()?;
        Ok(Listed::cut(users, page, |user| user.id.to_string()))
    }

    /// Whether anybody runs this deployment yet.
    pub async fn operator_exists(&mut self) -> Result<bool> {
        tenant::deployed::<user::Entity>()
            .filter(user::Column::Operator.eq(true))
            .filter(user::Column::DisabledAt.is_null())
            .one(self.tx.on())
            .await
            .map_err(from_db)
            .map(|row| row.is_some())
    }

    async fn user_row(&mut self, id: UserId) -> Result<user::Model> {
        tenant::deployed::<user::Entity>()
            .filter(user::Column::Id.eq(id.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(|| Error::not_found("user"))
    }
}

impl DeploymentWrite {
    /// # Errors
    /// `Conflict` with code `email_taken` when another account has this address.
    pub async fn user_create(&mut self, new: NewUser) -> Result<User> {
        let now = self.store.clock().now();
        let id = new.id.uuid();
        let normalised = vault::normalise_email(&new.email)?;
        let email = place(&id, DataClass::Email, "email");
        let name = place(&id, DataClass::PersonName, "name");
        let row = user::Model {
            id,
            email: self.keys.seal(email, normalised.as_bytes())?,
            email_index: self.keys.index("email", &normalised),
            name: self.keys.seal(name, new.name.as_bytes())?,
            password: new.password,
            operator: new.operator,
            created_at: now.as_millis(),
            changed_at: now.as_millis(),
            disabled_at: None,
        };
        tenant::deployed_insert::<user::Entity>(&self.tx, row.clone().into())
            .await
            .map_err(email_taken)?;
        open(&self.keys, row)
    }

    /// Replaces the sealed password hash.
    pub async fn user_password_set(&mut self, id: UserId, password: Vec<u8>) -> Result<()> {
        let now = self.store.clock().now();
        let change = user::ActiveModel {
            password: Set(Some(password)),
            changed_at: Set(now.as_millis()),
            ..Default::default()
        };
        self.user_update(id, change).await
    }

    /// Disables or enables an account. Sessions of a disabled account stop working at once.
    pub async fn user_disable(&mut self, id: UserId, disabled: bool) -> Result<()> {
        let now = self.store.clock().now();
        let change = user::ActiveModel {
            disabled_at: Set(disabled.then(|| now.as_millis())),
            changed_at: Set(now.as_millis()),
            ..Default::default()
        };
        self.user_update(id, change).await
    }

    pub async fn user_operator_set(&mut self, id: UserId, operator: bool) -> Result<()> {
        let change = user::ActiveModel { operator: Set(operator), ..Default::default() };
        self.user_update(id, change).await
    }

    async fn user_update(&mut self, id: UserId, change: user::ActiveModel) -> Result<()> {
        let done = tenant::deployed_update::<user::Entity>()
            .set(change)
            .filter(user::Column::Id.eq(id.uuid()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 { Err(Error::not_found("user")) } else { Ok(()) }
    }

    /// Ends every session of a person on this deployment.
    pub async fn sessions_end_all(&mut self, user: UserId) -> Result<u64> {
        use crate::entity::session;
        let now = self.store.clock().now();
        let done = tenant::deployed_update::<session::Entity>()
            .filter(session::Column::UserId.eq(user.uuid()))
            .filter(session::Column::EndedAt.is_null())
            .col_expr(session::Column::EndedAt, Expr::value(now.as_millis()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected)
    }
}

fn email_taken(error: Error) -> Error {
    if error.code() == "already_exists" {
        return Error::conflict("There is already an account with this e-mail address.")
            .with_code("email_taken");
    }
    error
}
