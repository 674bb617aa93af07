//! A person who signed in, not yet in an organization.

use std::time::Duration;

use domain::{
    ConnectionId, Error, First, OrgId, OrgRole, ProjectId, ProjectRole, Proofs, Result, Secret,
    SessionId, SignInPolicy, Timestamp, UserId,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, sea_query::Expr};

use crate::{
    NewSession, Scope, Store,
    engine::Tx,
    entity::{connection_index, grant, member, organization, session, user},
    error::from_db,
    scope::{Principal, ScopeParts},
    tenant,
};

/// A session that was not used for this long is over (12 hours), unless its person chose to stay signed in.
pub(crate) const IDLE: Duration = Duration::from_secs(12 * 3600);
/// The same of one that outlives the browser (7 days).
pub(crate) const IDLE_LASTING: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often a session's last use is written down.
const TOUCH: Duration = Duration::from_secs(300);

/// Proof that a person signed in. Only [`Store::session`] makes one.
#[derive(Clone, Debug)]
pub struct Session {
    user: UserId,
    id: SessionId,
    operator: bool,
    created: Timestamp,
    expires: Timestamp,
    proofs: Proofs,
    strong: bool,
    lasting: bool,
}

impl Session {
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Whether the person runs the deployment.
    #[must_use]
    pub const fn operator(&self) -> bool {
        self.operator
    }

    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// How the person showed who they are.
    #[must_use]
    pub const fn proofs(&self) -> Proofs {
        self.proofs
    }

    /// When a second factor was shown in this session, if one was.
    #[must_use]
    pub const fn second(&self) -> Option<Timestamp> {
        self.proofs.second
    }

    /// Whether the person chose to stay signed in when the browser closes.
    #[must_use]
    pub const fn lasting(&self) -> bool {
        self.lasting
    }

    /// Whether the session may use rights that ask for a second factor.
    #[must_use]
    pub const fn strong(&self) -> bool {
        self.strong
    }

    /// Where the deployment asks nobody for a second factor, every session is as good as one with it.
    #[must_use]
    pub const fn without_second_factor(mut self) -> Self {
        self.strong = true;
        self
    }
}

const fn idle(lasting: bool) -> Duration {
    if lasting { IDLE_LASTING } else { IDLE }
}

fn signed_out() -> Error {
    Error::unauthenticated("Sign in first.").with_code("signed_out")
}

impl Session {
    /// The only organization that the session may enter, where it was opened by the identity provider of one.
    pub(crate) async fn bound_to(&self, tx: &Tx) -> Result<Option<OrgId>> {
        let Some(connection) = self.proofs.first.connection() else { return Ok(None) };
        let index = tenant::deployed::<connection_index::Entity>()
            .filter(connection_index::Column::Id.eq(connection.uuid()))
            .one(tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(signed_out)?;
        Ok(Some(OrgId::from_uuid(index.org_id)))
    }

    async fn may_enter(&self, tx: &Tx, org: OrgId) -> Result<()> {
        match self.bound_to(tx).await? {
            // As one that does not exist: whoever runs the provider learns nothing about other organizations.
            Some(only) if only != org => Err(Error::not_found("organization")),
            _ => Ok(()),
        }
    }
}

impl Store {
    /// The session that `token` belongs to.
    ///
    /// # Errors
    /// `Unauthenticated` when there is none, it ended or expired, or the account is disabled.
    pub async fn session(&self, token: &Secret<String>) -> Result<Session> {
        let digest = vault::sha256(token.expose().as_bytes()).to_vec();
        let now = self.clock().now();
        let tx = self.engine().read(OrgId::DEPLOYMENT).await?;
        let row = tenant::deployed::<session::Entity>()
            .filter(session::Column::Digest.eq(digest))
            .one(tx.on())
            .await
            .map_err(from_db)?
            .filter(|row| row.ended_at.is_none() && row.expires_at > now.as_millis())
            .filter(|row| now.since(Timestamp::from_millis(row.seen_at)) < idle(row.lasting != 0))
            .ok_or_else(signed_out)?;
        let person = tenant::deployed::<user::Entity>()
            .filter(user::Column::Id.eq(row.user_id))
            .one(tx.on())
            .await
            .map_err(from_db)?
            .filter(|person| person.disabled_at.is_none())
            .ok_or_else(signed_out)?;
        drop(tx);
        let connection = row.first_connection.map(ConnectionId::from_uuid);
        let proofs = Proofs {
            first: First::parse(&row.first_kind, connection)?,
            at: Timestamp::from_millis(row.first_at),
            second: row.second_at.map(Timestamp::from_millis),
        };
        if now.since(Timestamp::from_millis(row.seen_at)) >= TOUCH {
            self.session_touch(row.id, now).await?;
        }
        Ok(Session {
            user: UserId::from_uuid(row.user_id),
            id: SessionId::from_uuid(row.id),
            // Whoever runs an identity provider says who comes from it: what is not their organization's is out of reach.
            operator: person.operator && connection.is_none(),
            created: Timestamp::from_millis(row.created_at),
            expires: Timestamp::from_millis(row.expires_at),
            proofs,
            strong: row.second_at.is_some(),
            lasting: row.lasting != 0,
        })
    }

    /// Bookkeeping, not a change: the one write here without an event.
    async fn session_touch(&self, id: uuid::Uuid, now: Timestamp) -> Result<()> {
        let tx = self.engine().write(OrgId::DEPLOYMENT).await?;
        tenant::deployed_update::<session::Entity>()
            .filter(session::Column::Id.eq(id))
            .col_expr(session::Column::SeenAt, Expr::value(now.as_millis()))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        tx.commit().await
    }

    /// The person inside an organization they are a member of.
    ///
    /// # Errors
    /// `NotFound` when there is no such organization or they are not a member: the two are not told apart. `Forbidden`
    /// when the organization asks for more than this session has shown.
    pub async fn enter(&self, session: &Session, slug: &str) -> Result<Scope> {
        let tx = self.engine().read(OrgId::DEPLOYMENT).await?;
        let directory = tenant::deployed::<organization::Entity>()
            .filter(organization::Column::Slug.eq(slug))
            .filter(organization::Column::ArchivedAt.is_null())
            .one(tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(|| Error::not_found("organization"))?;
        let org = OrgId::from_uuid(directory.id);
        session.may_enter(&tx, org).await?;
        tx.bind(org).await?;
        let membership = tenant::select::<member::Entity>(org)
            .filter(member::Column::UserId.eq(session.user.uuid()))
            .one(tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(|| Error::not_found("organization"))?;
        // Only then: to others it says nothing about itself.
        let now = self.clock().now();
        SignInPolicy::from(&directory).check(&session.proofs, now)?;
        let now = now.as_millis();
        let role: OrgRole = membership.role.parse()?;
        let grants = tenant::select::<grant::Entity>(org)
            .filter(grant::Column::UserId.eq(session.user.uuid()))
            .all(tx.on())
            .await
            .map_err(from_db)?;
        let mut projects = Vec::new();
        for row in grants {
            if row.until.is_none_or(|until| until > now) {
                let role: ProjectRole = row.role.parse()?;
                projects.push((ProjectId::from_uuid(row.project_id), role));
            }
        }
        Ok(Scope::mint(ScopeParts {
            org,
            slug: directory.slug,
            principal: Principal::User { id: session.user, session: session.id },
            org_role: Some(role),
            strong: session.strong,
            projects,
            key_maker: None,
            key_scopes: Vec::new(),
            requests_per_minute: None,
        }))
    }
}

/// A session to be created by `DeploymentWrite::session_create`.
pub(crate) fn row(id: SessionId, new: NewSession, now: Timestamp) -> session::ActiveModel {
    session::ActiveModel {
        id: Set(id.uuid()),
        user_id: Set(new.user.uuid()),
        digest: Set(new.digest.to_vec()),
        created_at: Set(now.as_millis()),
        seen_at: Set(now.as_millis()),
        expires_at: Set(new.expires.as_millis()),
        ended_at: Set(None),
        second_at: Set(new.proofs.second.map(Timestamp::as_millis)),
        lasting: Set(i64::from(new.lasting)),
        first_kind: Set(new.proofs.first.as_str().to_owned()),
        first_connection: Set(new.proofs.first.connection().map(ConnectionId::uuid)),
        first_at: Set(new.proofs.at.as_millis()),
    }
}
