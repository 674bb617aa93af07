//! Authority over the deployment itself, for sign-in, the operator and the server's own sweeps.

use std::ops::{Deref, DerefMut};

use domain::{Actor, Error, Event, OrgId, Result};

use crate::{
    Committed, Session, Store, audit, engine::Tx, keyring::OrgKeys, notice, write::Touched,
};

/// On whose behalf the deployment's tables are reached.
#[derive(Clone, Copy, Debug)]
pub enum Authority<'a> {
    /// The sign-in pages: nobody is known yet.
    SignIn,
    /// The person who runs the deployment.
    Operator(&'a Session),
    /// A person about themselves: their own organizations, sessions, password.
    Account(&'a Session),
    /// The server's own periodic work, and probes.
    Sweep,
    /// The first start and the command line.
    Bootstrap,
}

/// Proof of that authority.
#[derive(Clone)]
pub struct Deployment {
    store: Store,
    actor: Actor,
}

/// One consistent look at the deployment's tables.
pub struct DeploymentRead {
    pub(crate) store: Store,
    pub(crate) actor: Actor,
    pub(crate) tx: Tx,
    pub(crate) keys: std::sync::Arc<OrgKeys>,
}

/// A change to the deployment's tables. Dropping it rolls back.
pub struct DeploymentWrite {
    read: DeploymentRead,
    pub(crate) touched: Touched,
    /// The organization whose own log tells of this change as well.
    pub(crate) about: Option<OrgId>,
}

impl Store {
    /// Proves authority over the deployment.
    ///
    /// # Errors
    /// `Forbidden` when the session is not an operator's.
    pub async fn deployment(&self, by: Authority<'_>) -> Result<Deployment> {
        let actor = match by {
            Authority::SignIn => Actor::Anonymous,
            Authority::Operator(session) if session.operator() => Actor::Operator(session.user()),
            Authority::Operator(_) => {
                return Err(Error::forbidden("Only an operator of this deployment may do this."));
            }
            Authority::Account(session) => Actor::User(session.user()),
            Authority::Sweep | Authority::Bootstrap => Actor::System,
        };
        Ok(Deployment { store: self.clone(), actor })
    }
}

impl Deployment {
    pub async fn read(&self) -> Result<DeploymentRead> {
        let tx = self.store.engine().read(OrgId::DEPLOYMENT).await?;
        self.over(tx)
    }

    pub async fn write(&self) -> Result<DeploymentWrite> {
        let tx = self.store.engine().write(OrgId::DEPLOYMENT).await?;
        let read = self.over(tx)?;
        Ok(DeploymentWrite { read, touched: Touched::default(), about: None })
    }

    fn over(&self, tx: Tx) -> Result<DeploymentRead> {
        let keys = std::sync::Arc::clone(self.store.deployment_keys()?);
        Ok(DeploymentRead { store: self.store.clone(), actor: self.actor, tx, keys })
    }

    /// Hashes and checks passwords under the deployment's pepper.
    pub fn passwords(&self) -> Result<vault::Passwords> {
        let pepper = self.store.deployment_keys()?.duplicate(domain::DataClass::Password)?;
        vault::Passwords::new(pepper)
    }

    /// The keyed index of an e-mail address that is already normalised.
    pub fn email_index(&self, normalised: &str) -> Result<Vec<u8>> {
        Ok(self.store.deployment_keys()?.index("email", normalised))
    }

    /// The keyed index of a recovery code: without the key, a stolen table says nothing about codes that people can type.
    pub fn recovery_index(&self, code: &str) -> Result<Vec<u8>> {
        Ok(self.store.deployment_keys()?.index("recovery code", code))
    }

    /// The keyed index of whom a connection means by a subject of an issuer.
    pub fn subject_index(
        &self,
        connection: domain::ConnectionId,
        issuer: &str,
        subject: &str,
    ) -> Result<Vec<u8>> {
        // Lengths keep the parts apart.
        let text = format!("{connection} {} {issuer} {subject}", issuer.len());
        Ok(self.store.deployment_keys()?.index("subject", &text))
    }

    /// The keyed index of a network address, for counting attempts without keeping addresses.
    pub fn address_index(&self, address: &str) -> Result<Vec<u8>> {
        Ok(self.store.deployment_keys()?.index("address", address))
    }
}

impl Deref for DeploymentWrite {
    type Target = DeploymentRead;
    fn deref(&self) -> &DeploymentRead {
        &self.read
    }
}

impl DerefMut for DeploymentWrite {
    fn deref_mut(&mut self) -> &mut DeploymentRead {
        &mut self.read
    }
}

impl DeploymentWrite {
    /// Keeps the change with its event in the spine; a change about one organization also enters that one's log.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full or the database is busy: nothing was written then.
    pub async fn commit(self, event: Event) -> Result<Committed> {
        let Self { read: DeploymentRead { store, actor, tx, .. }, touched, about } = self;
        if let Some(org) = about {
            tx.bind(org).await?;
            audit::append(&store, &tx, org, actor, event.clone()).await?;
        }
        tx.bind(OrgId::DEPLOYMENT).await?;
        if touched.notice {
            notice::bump(&tx).await?;
        }
        let event_id = audit::append(&store, &tx, OrgId::DEPLOYMENT, actor, event).await?;
        tx.commit().await?;
        store.after_commit(touched, about.into_iter().chain([OrgId::DEPLOYMENT])).await;
        Ok(Committed { event_id })
    }
}
