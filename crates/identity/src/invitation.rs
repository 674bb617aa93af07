//! Invitations: a link that is shown once, and sent by letter where letters can be sent.

use std::time::Duration;

use domain::{
    Action, Actor, Event, First, InvitationId, Invited, OrgRole, Permission, Result, Secret, Topic,
    UserId, invitation_letter,
};
use store::{Accepted, DeploymentWrite, Invitation, NewInvitation, Organization, Scope, Session};

use crate::{Identity, NewAccount, SignedIn, decide, member};

const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// An invitation at the only moment its token exists.
#[derive(Debug)]
pub struct CreatedInvitation {
    pub invitation: Invitation,
    pub token: Secret<String>,
    /// Whether a letter with the link is on its way.
    pub sent: bool,
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
        let organization = write.organization().await?;
        let letter = invitation_letter(&Invited {
            organization: &organization.name,
            role,
            token: &token,
            expires: invitation.expires,
        });
        let sent = write.letter_post(&email, (Topic::Invitation, &letter)).await?;
        let event = Event::new(Action::MemberInvite)
            .on("invitation", invitation.id)
            .fact("role", role.as_str())
            .personal("email", email);
        write.commit(event).await?;
        Ok(CreatedInvitation { invitation, token, sent })
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
        let mut joining = self.join_as_new(token, name, Some(password)).await?;
        let shown = (self.shown(First::Password), false);
        let signed_in = self.session_open(&mut joining.write, joining.user, shown).await?;
        let event = joining.event.on("session", signed_in.session);
        joining.write.commit(event).await?;
        Ok((signed_in, joining.accepted))
    }

    /// The same without a password. Nobody is signed in by it, as a link may be passed on: a code that is sent to the
    /// address lets its person in. Says which address that is.
    ///
    /// # Errors
    /// As [`Identity::invitation_accept_as_new`]; `Invalid` with code `weak_password` where no codes are sent.
    pub async fn invitation_accept_without_password(
        &self,
        token: &Secret<String>,
        name: &str,
    ) -> Result<(String, Accepted)> {
        let joining = self.join_as_new(token, name, None).await?;
        joining.write.commit(joining.event).await?;
        Ok((joining.email, joining.accepted))
    }

    async fn join_as_new(
        &self,
        token: &Secret<String>,
        name: &str,
        password: Option<Secret<String>>,
    ) -> Result<Joining> {
        let (invitation, _) = self.invitation_show(token).await?;
        let new = NewAccount { email: invitation.email, name: name.to_owned(), password };
        let new = self.account_prepare(new, false).await?;
        let (user, email, name) = (new.id, new.email.clone(), new.name.clone());
        let digest = vault::sha256(token.expose().as_bytes());
        let mut write = self.as_nobody().await?.write().await?;
        write.user_create(new).await?;
        let accepted = write.invitation_accept(&digest, user).await?;
        let event = Event::new(Action::MemberJoin)
            .by(Actor::User(user))
            .on("organization", accepted.organization.id)
            .on_user(user)
            .fact("role", accepted.role.as_str())
            .fact("account", "created")
            .personal("email", email.clone())
            .personal("name", name);
        Ok(Joining { write, user, email, accepted, event })
    }
}

/// An account that is being created to join, in a transaction that is about to be committed.
struct Joining {
    write: DeploymentWrite,
    user: UserId,
    email: String,
    accepted: Accepted,
    event: Event,
}
