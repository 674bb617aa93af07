//! Connections: the identity providers of an organization. The secret is sealed; of one that was removed nothing stays.

use domain::{ConnectionId, DataClass, Error, OrgId, Result, Secret, Timestamp};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{at, maybe_at};
use crate::{
    DeploymentRead, Organization, Read, Write,
    entity::{
        connection as table, connection_index, organization, session, sso_flow, sso_identity,
    },
    error::from_db,
    keyring::{OrgKeys, Place},
    tenant,
};

/// Whose product the identity provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionKind {
    /// Microsoft Entra ID.
    Entra,
    Google,
    /// Any other that speaks OpenID Connect.
    Oidc,
}

impl ConnectionKind {
    pub const ALL: [Self; 3] = [Self::Entra, Self::Google, Self::Oidc];

    /// The stable name, as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Google => "google",
            Self::Oidc => "oidc",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[derive(Clone, Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub kind: ConnectionKind,
    /// As the sign-in page shows it.
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub secret: Secret<String>,
    /// Whether it may live at a private address.
    pub allow_private: bool,
    /// Whether a second factor that the provider asked for counts here.
    pub trusts_second_factor: bool,
    /// The value of `acr` or `acrs` that stands for a second factor there, besides the usual values of `amr`.
    pub context: Option<String>,
    pub created: Timestamp,
    /// When it was switched off.
    pub disabled: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct NewConnection {
    pub kind: ConnectionKind,
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub secret: Secret<String>,
    pub allow_private: bool,
    pub trusts_second_factor: bool,
    pub context: Option<String>,
}

/// What may change. Another issuer is another connection: whom it knows would be somebody else.
#[derive(Clone, Debug, Default)]
pub struct ConnectionChange {
    pub name: Option<String>,
    pub client_id: Option<String>,
    pub secret: Option<Secret<String>>,
    pub trusts_second_factor: Option<bool>,
    pub context: Option<Option<String>>,
    pub enabled: Option<bool>,
}

const fn place(row: &Uuid) -> Place<'_> {
    let class = DataClass::Credential;
    Place { class, table: "connection", column: "secret", row: row.as_bytes() }
}

fn none() -> Error {
    Error::not_found("connection")
}

fn open(keys: &OrgKeys, row: table::Model) -> Result<Connection> {
    Ok(Connection {
        id: ConnectionId::from_uuid(row.id),
        kind: ConnectionKind::parse(&row.kind).ok_or_else(none)?,
        secret: keys.open_text(place(&row.id), &row.secret)?,
        name: row.name,
        issuer: row.issuer,
        client_id: row.client_id,
        allow_private: row.allow_private,
        trusts_second_factor: row.trusts_second_factor,
        context: row.context,
        created: at(row.created_at),
        disabled: maybe_at(row.disabled_at),
    })
}

impl Read {
    /// In order of creation.
    pub async fn connections_list(&mut self) -> Result<Vec<Connection>> {
        let rows = tenant::select::<table::Entity>(self.org())
            .order_by_asc(table::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        rows.into_iter().map(|row| open(&self.keys, row)).collect()
    }

    pub async fn connection_fetch(&mut self, id: ConnectionId) -> Result<Connection> {
        let row = tenant::select::<table::Entity>(self.org())
            .filter(table::Column::Id.eq(id.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(none)?;
        open(&self.keys, row)
    }
}

impl Write {
    pub async fn connection_create(&mut self, new: NewConnection) -> Result<Connection> {
        let now = self.store.clock().now();
        let id = ConnectionId::new(now).uuid();
        let model = table::Model {
            org_id: self.org().uuid(),
            id,
            kind: new.kind.as_str().to_owned(),
            name: new.name,
            issuer: new.issuer,
            client_id: new.client_id,
            secret: self.keys.seal(place(&id), new.secret.expose().as_bytes())?,
            allow_private: new.allow_private,
            trusts_second_factor: new.trusts_second_factor,
            context: new.context,
            created_at: now.as_millis(),
            disabled_at: None,
        };
        tenant::insert::<table::Entity>(self.tx(), self.org(), model.clone().into()).await?;
        let index = connection_index::ActiveModel { id: Set(id), org_id: Set(self.org().uuid()) };
        tenant::deployed_insert::<connection_index::Entity>(self.tx(), index).await?;
        open(&self.keys, model)
    }

    /// Changes a connection. One that is switched off ends the sessions that it opened.
    pub async fn connection_change(
        &mut self,
        id: ConnectionId,
        change: ConnectionChange,
    ) -> Result<()> {
        let now = self.store.clock().now().as_millis();
        let before = self.connection_fetch(id).await?;
        let row = id.uuid();
        let sealed = change
            .secret
            .map(|secret| self.keys.seal(place(&row), secret.expose().as_bytes()))
            .transpose()?;
        let disabled = match change.enabled {
            Some(true) => Set(None),
            Some(false) if before.disabled.is_none() => Set(Some(now)),
            _ => NotSet,
        };
        let model = table::ActiveModel {
            // Something is always written, so that a change of nothing is no mistake.
            name: Set(change.name.unwrap_or(before.name)),
            client_id: change.client_id.map_or(NotSet, Set),
            secret: sealed.map_or(NotSet, Set),
            trusts_second_factor: change.trusts_second_factor.map_or(NotSet, Set),
            context: change.context.map_or(NotSet, Set),
            disabled_at: disabled,
            ..Default::default()
        };
        tenant::update::<table::Entity>(self.org())
            .set(model)
            .filter(table::Column::Id.eq(row))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if change.enabled == Some(false) {
            self.connection_close(row).await?;
        }
        Ok(())
    }

    /// Forgets a connection, whom it knows, and ends what it opened.
    pub async fn connection_remove(&mut self, id: ConnectionId) -> Result<()> {
        let row = id.uuid();
        let done = tenant::delete::<table::Entity>(self.org())
            .filter(table::Column::Id.eq(row))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 {
            return Err(none());
        }
        self.connection_close(row).await?;
        tenant::deployed_delete::<sso_identity::Entity>()
            .filter(sso_identity::Column::ConnectionId.eq(row))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        tenant::deployed_delete::<connection_index::Entity>()
            .filter(connection_index::Column::Id.eq(row))
            .exec(self.tx().on())
            .await
            .map_err(from_db)
            .map(drop)
    }

    /// Ends the sessions that a connection opened, and what is under way with it.
    async fn connection_close(&mut self, row: Uuid) -> Result<()> {
        let now = self.store.clock().now().as_millis();
        tenant::deployed_update::<session::Entity>()
            .filter(session::Column::FirstConnection.eq(row))
            .filter(session::Column::EndedAt.is_null())
            .col_expr(session::Column::EndedAt, Expr::value(now))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        tenant::deployed_delete::<sso_flow::Entity>()
            .filter(sso_flow::Column::ConnectionId.eq(row))
            .exec(self.tx().on())
            .await
            .map_err(from_db)
            .map(drop)
    }
}

impl DeploymentRead {
    /// A connection that people may sign in with, and the organization it belongs to; `None` when it is switched off or
    /// its organization archived.
    pub async fn connection_find(
        &mut self,
        id: ConnectionId,
    ) -> Result<Option<(Connection, Organization)>> {
        let index = tenant::deployed::<connection_index::Entity>()
            .filter(connection_index::Column::Id.eq(id.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        let Some(index) = index else { return Ok(None) };
        let (live, all) = self.connections_in(organization::Column::Id.eq(index.org_id)).await?;
        let one = all.into_iter().find(|one| one.id == id);
        Ok(one.zip(live))
    }

    /// The connections that people of an organization may sign in with, the oldest first; none when there is no such
    /// organization.
    pub async fn connections_of(&mut self, slug: &str) -> Result<Vec<Connection>> {
        self.connections_in(organization::Column::Slug.eq(slug)).await.map(|(_, all)| all)
    }

    async fn connections_in(
        &mut self,
        which: sea_orm::sea_query::SimpleExpr,
    ) -> Result<(Option<Organization>, Vec<Connection>)> {
        let found = tenant::deployed::<organization::Entity>()
            .filter(which)
            .filter(organization::Column::ArchivedAt.is_null())
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        let Some(found) = found else { return Ok((None, Vec::new())) };
        let org = OrgId::from_uuid(found.id);
        self.tx.bind(org).await?;
        let rows = tenant::select::<table::Entity>(org)
            .filter(table::Column::DisabledAt.is_null())
            .order_by_asc(table::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let keys = self.store.keyring()?.of(&self.tx, org).await?;
        self.tx.bind(OrgId::DEPLOYMENT).await?;
        let all = rows.into_iter().map(|row| open(&keys, row)).collect::<Result<_>>()?;
        Ok((Some(found.into()), all))
    }
}
