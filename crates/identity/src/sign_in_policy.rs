//! What an organization asks of the sessions with which its members enter it. Checked by the store, whenever a `Scope` is
//! made for a person.

use domain::{Action, Error, Event, Permission, Result, SignInPolicy};
use store::{Authority, Scope, Session};

use crate::{Identity, decide};

impl Identity {
    /// What the organization asks for.
    pub async fn sign_in_policy(&self, scope: &Scope) -> Result<SignInPolicy> {
        decide(scope, Permission::OrganizationRead, None)?;
        Ok(self.store().read(scope).await?.organization().await?.policy)
    }

    /// How many members have no second factor set up, and how many members there are.
    pub async fn members_without_second_factor(&self, scope: &Scope) -> Result<(u64, u64)> {
        decide(scope, Permission::OrganizationManage, None)?;
        self.store().read(scope).await?.members_without_second_factor().await
    }

    /// Says what the organization asks for, from now on and of sessions that are open too. `session` is that of the person
    /// who says so; a program has none.
    ///
    /// # Errors
    /// `Conflict` with code `locks_you_out` when that session would not be enough; `Invalid` with code
    /// `invalid_session_hours`.
    pub async fn sign_in_policy_set(
        &self,
        scope: &Scope,
        session: Option<&Session>,
        policy: SignInPolicy,
    ) -> Result<()> {
        decide(scope, Permission::OrganizationManage, None)?;
        let policy = policy.checked()?;
        if let Some(session) = session
            && policy.check(&session.proofs(), self.clock().now()).is_err()
        {
            let says = "Your own session would not be enough. Sign in the way you want to ask for, then ask for it.";
            return Err(Error::conflict(says).with_code("locks_you_out"));
        }
        let mut write = self.store().write(scope).await?;
        write.sign_in_policy_set(policy).await?;
        let event = Event::new(Action::SignInPolicySet)
            .on("organization", scope.org())
            .fact("second_factor", policy.second_factor)
            .fact("session_hours", policy.session_hours);
        write.commit(event).await.map(drop)
    }

    /// Asks for nothing any more, where nobody can enter an organization. For the command line: nothing on the network
    /// reaches this.
    ///
    /// # Errors
    /// `NotFound` when there is no such organization.
    pub async fn sign_in_policy_reset(&self, slug: &str) -> Result<()> {
        let deployment = self.store().deployment(Authority::Bootstrap).await?;
        let org = deployment.read().await?.organization_by_slug(slug).await?;
        let mut write = deployment.write().await?;
        write.sign_in_policy_reset(org).await?;
        let event = Event::new(Action::SignInPolicySet).on("organization", org).fact("reset", true);
        write.commit(event).await.map(drop)
    }
}
