//! Invitations: a link that is shown once and handed over by the inviter.

use std::time::Duration;

use domain::{Action, Actor, Event, First, InvitationId, OrgRole, Permission, Result, Secret};
use store::{Accepted, Invitation, NewInvitation, Organization, Scope, Session};

use crate::{Identity, NewAccount, SignedIn, decide, member};

const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// An invitation at the only moment its token exists.
#[derive(Debug)]
pub struct CreatedInvitation {
    pub invitation: Invitation,
    pub token: Secret<String>,
}

impl Identity {
    /// Open invitations, newest first.
    pub async fn invitations_list(&self, scope: &Scope) -> Result<Vec<Invitation>> {
        decide(scope, Permission::MembersManage, None)?;
        self.store().read(scope).await?.invitations_list().await
    }

    /// Invites somebody for seven days; an earlier open invitation to the same address ends.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_email`; `Forbidden` with code `role_above_own`.
    pub async fn invitation_create(
        &self,
        scope: &Scope,
        email: &str,
        role: OrgRole,
    ) -> Result<CreatedInvitation> {
        decide(scope, Permission::MembersManage, None)?;
        member::holds(scope, role)?;
        let email = vault::normalise_email(email)?;
        let token = vault::random_token()?;
        let new = NewInvitation {
            email: email.clone(),
            role,
            digest: vault::sha256(token.expose().as_bytes()),
            expires: self.clock().now().plus(LIFETIME),
        };
        let mut write = self.store().write(scope).await?;
        let invitation = write.invitation_create(new).await?;
        let event = Event::new(Action::MemberInvite)
            .on("invitation", invitation.id)
            .fact("role", role.as_str())
            .personal("email", email);
        write.commit(event).await?;
        Ok(CreatedInvitation { invitation, token })
    }

    /// # Errors
    /// `NotFound` when there is no such open invitation.
    pub async fn invitation_revoke(&self, scope: &Scope, id: InvitationId) -> Result<()> {
        decide(scope, Permission::MembersManage, None)?;
        let mut write = self.store().write(scope).await?;
        write.invitation_revoke(id).await?;
        write.commit(Event::new(Action::InvitationRevoke).on("invitation", id)).await.map(drop)
    }

    /// What the link leads to, for the page behind it.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`.
    pub async fn invitation_show(
        &self,
        token: &Secret<String>,
    ) -> Result<(Invitation, Organization)> {
        let digest = vault::sha256(token.expose().as_bytes());
        self.as_nobody().await?.read().await?.invitation_by_digest(&digest).await
    }

    /// Joins as the signed-in person. The link is what counts: its address is where the inviter sent it.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`; `Conflict` with code `already_member`.
    pub async fn invitation_accept(
        &self,
        session: &Session,
        token: &Secret<String>,
    ) -> Result<Accepted> {
        let digest = vault::sha256(token.expose().as_bytes());
        let mut write = self.as_self(session).await?.write().await?;
        let accepted = write.invitation_accept(&digest, session.user()).await?;
        let event = Event::new(Action::MemberJoin)
            .on("organization", accepted.organization.id)
            .on_user(session.user())
            .fact("role", accepted.role.as_str());
        write.commit(event).await?;
        Ok(accepted)
    }

    /// Creates an account for the invited address, joins with it and signs in.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`; `Conflict` with code `email_taken`: sign in and accept then; `Invalid`
    /// for what was entered.
    pub async fn invitation_accept_as_new(
        &self,
        token: &Secret<String>,
        name: &str,
        password: Secret<String>,
    ) -> Result<(SignedIn, Accepted)> {
        let (invitation, _) = self.invitation_show(token).await?;
        let new = NewAccount { email: invitation.email, name: name.to_owned(), password };
        let user = self.account_prepare(new, false).await?;
        let (id, email, name) = (user.id, user.email.clone(), user.name.clone());
        let digest = vault::sha256(token.expose().as_bytes());
        let mut write = self.as_nobody().await?.write().await?;
        write.user_create(user).await?;
        let accepted = write.invitation_accept(&digest, id).await?;
        let signed_in =
            self.session_open(&mut write, id, (self.shown(First::Password), false)).await?;
        let event = Event::new(Action::MemberJoin)
            .by(Actor::User(id))
            .on("organization", accepted.organization.id)
            .on_user(id)
            .fact("role", accepted.role.as_str())
            .fact("account", "created")
            .personal("email", email)
            .personal("name", name);
        write.commit(event).await?;
        Ok((signed_in, accepted))
    }
}
