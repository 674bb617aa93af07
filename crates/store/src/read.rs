//! Reading within one organization.

use std::sync::Arc;

use domain::{OrgId, Result};

use crate::{Scope, Store, engine::Tx, keyring::OrgKeys};

/// One consistent look at an organization's rows. The repositories are its methods.
pub struct Read {
    pub(crate) store: Store,
    pub(crate) scope: Scope,
    pub(crate) tx: Tx,
    pub(crate) keys: Arc<OrgKeys>,
}

impl Store {
    /// Opens a read of the scope's organization.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn read(&self, scope: &Scope) -> Result<Read> {
        let tx = self.engine().read(scope.org()).await?;
        Read::over(self, scope, tx).await
    }
}

impl Read {
    pub(crate) async fn over(store: &Store, scope: &Scope, tx: Tx) -> Result<Self> {
        let keys = store.keyring()?.of(&tx, scope.org()).await?;
        Ok(Self { store: store.clone(), scope: scope.clone(), tx, keys })
    }

    pub(crate) fn org(&self) -> OrgId {
        self.scope.org()
    }

    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }
}
