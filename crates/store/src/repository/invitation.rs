//! Invitations into an organization, by a link whose digest alone is stored.

use domain::{DataClass, Error, InvitationId, OrgId, OrgRole, Result, Timestamp, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, sea_query::Expr};
use uuid::Uuid;

use super::at;
use crate::{
    DeploymentRead, DeploymentWrite, Organization, Principal, Read, Write,
    entity::{invitation, invitation_index, organization},
    error::from_db,
    keyring::{OrgKeys, Place},
    tenant,
};

/// An invitation that waits for its answer.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: InvitationId,
    pub email: String,
    pub role: OrgRole,
    pub invited_by: Option<UserId>,
    pub created: Timestamp,
    pub expires: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewInvitation {
    pub email: String,
    pub role: OrgRole,
    /// SHA-256 of the link's token.
    pub digest: [u8; 32],
    pub expires: Timestamp,
}

/// What an accepted invitation made.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub organization: Organization,
    pub role: OrgRole,
}

const fn place(row: &Uuid) -> Place<'_> {
    Place { class: DataClass::Email, table: "invitation", column: "email", row: row.as_bytes() }
}

fn open(keys: &OrgKeys, row: &invitation::Model) -> Result<Invitation> {
    Ok(Invitation {
        id: InvitationId::from_uuid(row.id),
        email: keys.open_text(place(&row.id), &row.email)?.expose().clone(),
        role: row.role.parse()?,
        invited_by: row.invited_by.map(UserId::from_uuid),
        created: at(row.created_at),
        expires: at(row.expires_at),
    })
}

fn none() -> Error {
    Error::not_found("invitation").with_code("link_invalid")
}

impl Read {
    /// Open invitations, newest first.
    pub async fn invitations_list(&mut self) -> Result<Vec<Invitation>> {
        let now = self.store.clock().now().as_millis();
        tenant::select::<invitation::Entity>(self.org())
            .filter(invitation::Column::AcceptedAt.is_null())
            .filter(invitation::Column::RevokedAt.is_null())
            .filter(invitation::Column::ExpiresAt.gt(now))
            .order_by_desc(invitation::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?
            .iter()
            .map(|row| open(&self.keys, row))
            .collect()
    }
}

impl Write {
    /// Invites somebody; an earlier open invitation to the same address ends.
    pub async fn invitation_create(&mut self, new: NewInvitation) -> Result<Invitation> {
        let now = self.store.clock().now();
        let org = self.org();
        let email = vault::normalise_email(&new.email)?;
        let index = self.keys.index("email", &email);
        tenant::update::<invitation::Entity>(org)
            .filter(invitation::Column::EmailIndex.eq(index.clone()))
            .filter(invitation::Column::AcceptedAt.is_null())
            .filter(invitation::Column::RevokedAt.is_null())
            .col_expr(invitation::Column::RevokedAt, Expr::value(now.as_millis()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        let id = InvitationId::new(now).uuid();
        let invited_by = match *self.scope.principal() {
            Principal::User { id, .. } => Some(id.uuid()),
            Principal::ApiKey { .. } | Principal::AdminKey { .. } => None,
        };
        let row = invitation::Model {
            org_id: org.uuid(),
            id,
            email: self.keys.seal(place(&id), email.as_bytes())?,
            email_index: index,
            role: new.role.as_str().to_owned(),
            invited_by,
            created_at: now.as_millis(),
            expires_at: new.expires.as_millis(),
            accepted_at: None,
            revoked_at: None,
        };
        tenant::insert::<invitation::Entity>(self.tx(), org, row.clone().into()).await?;
        let index = invitation_index::ActiveModel {
            digest: Set(new.digest.to_vec()),
            org_id: Set(org.uuid()),
            invitation_id: Set(id),
        };
        tenant::deployed_insert::<invitation_index::Entity>(self.tx(), index).await?;
        open(&self.keys, &row)
    }

    pub async fn invitation_revoke(&mut self, id: InvitationId) -> Result<()> {
        let now = self.store.clock().now();
        let done = tenant::update::<invitation::Entity>(self.org())
            .filter(invitation::Column::Id.eq(id.uuid()))
            .filter(invitation::Column::AcceptedAt.is_null())
            .filter(invitation::Column::RevokedAt.is_null())
            .col_expr(invitation::Column::RevokedAt, Expr::value(now.as_millis()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 { Err(Error::not_found("invitation")) } else { Ok(()) }
    }
}

impl DeploymentRead {
    /// The open invitation behind a link, with the organization it leads into.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`.
    pub async fn invitation_by_digest(
        &mut self,
        digest: &[u8; 32],
    ) -> Result<(Invitation, Organization)> {
        let now = self.store.clock().now().as_millis();
        let index = tenant::deployed::<invitation_index::Entity>()
            .filter(invitation_index::Column::Digest.eq(digest.to_vec()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(none)?;
        let org = OrgId::from_uuid(index.org_id);
        self.tx.bind(org).await?;
        let row = tenant::select::<invitation::Entity>(org)
            .filter(invitation::Column::Id.eq(index.invitation_id))
            .filter(invitation::Column::AcceptedAt.is_null())
            .filter(invitation::Column::RevokedAt.is_null())
            .filter(invitation::Column::ExpiresAt.gt(now))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(none)?;
        let keys = self.store.keyring()?.of(&self.tx, org).await?;
        let invitation = open(&keys, &row)?;
        self.tx.bind(OrgId::DEPLOYMENT).await?;
        let directory = tenant::deployed::<organization::Entity>()
            .filter(organization::Column::Id.eq(org.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(none)?;
        Ok((invitation, directory.into()))
    }
}

impl DeploymentWrite {
    /// Makes `person` a member by the invitation behind a link. The commit's event also enters the organization's log.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`; `Conflict` with code `already_member`.
    pub async fn invitation_accept(
        &mut self,
        digest: &[u8; 32],
        person: UserId,
    ) -> Result<Accepted> {
        let (invitation, organization) = self.invitation_by_digest(digest).await?;
        let now = self.store.clock().now();
        let org = organization.id;
        self.tx.bind(org).await?;
        let done = tenant::update::<invitation::Entity>(org)
            .filter(invitation::Column::Id.eq(invitation.id.uuid()))
            .filter(invitation::Column::AcceptedAt.is_null())
            .col_expr(invitation::Column::AcceptedAt, Expr::value(now.as_millis()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 {
            return Err(none());
        }
        super::member::join(&self.tx, org, person, invitation.role, now).await?;
        self.tx.bind(OrgId::DEPLOYMENT).await?;
        // Their name may be among those that the gateway looks for.
        crate::routing::bump(&self.tx, org).await?;
        self.touched.routing = true;
        self.about = Some(org);
        Ok(Accepted { organization, role: invitation.role })
    }
}
