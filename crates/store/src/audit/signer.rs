//! The deployment's log key: one Ed25519 key that signs every log under the log's own origin.

use domain::{Error, OrgId, Result, Timestamp};
use ledger::{Checkpoint, NoteSigner, VerifierKey};
use uuid::Uuid;
use vault::SigningKey;

use crate::{Store, engine::Tx};

/// The purpose under which its seed is kept, wrapped by the root key.
const PURPOSE: &str = "log";

pub(super) struct LogKey {
    key: SigningKey,
    deployment: Uuid,
}

impl LogKey {
    /// Opens the key; `None` when there is none yet. `tx` is bound to the deployment.
    pub(super) async fn find(store: &Store, tx: &Tx, deployment: Uuid) -> Result<Option<Self>> {
        let found = store.root_keyring().wrapping_key(tx, OrgId::DEPLOYMENT, PURPOSE).await?;
        found.map(|(_, seed)| Self::grow(*seed.expose(), deployment)).transpose()
    }

    /// Creates the key; `tx` is bound to the deployment.
    pub(super) async fn create(
        store: &Store,
        tx: &Tx,
        deployment: Uuid,
        now: Timestamp,
    ) -> Result<Self> {
        let keyring = store.root_keyring();
        let (_, seed) = keyring.create_outer(tx, OrgId::DEPLOYMENT, PURPOSE, now).await?;
        Self::grow(*seed.expose(), deployment)
    }

    fn grow(seed: [u8; 32], deployment: Uuid) -> Result<Self> {
        Ok(Self { key: SigningKey::from_seed(seed)?, deployment })
    }

    /// The permanent name of an organization's log, or of the spine.
    pub(super) fn origin(&self, org: OrgId) -> String {
        let deployment = self.deployment;
        if org == OrgId::DEPLOYMENT {
            format!("{deployment}/audit/spine")
        } else {
            format!("{deployment}/audit/t/{}", org.uuid())
        }
    }

    pub(super) fn verifier(&self, org: OrgId) -> Result<VerifierKey> {
        VerifierKey::new(&self.origin(org), self.key.public()).map_err(Error::internal)
    }

    /// Signs the head of a log under the log's name.
    pub(super) fn sign(&self, head: &Checkpoint) -> Result<String> {
        let sign = |message: &[u8]| self.key.sign(message);
        let signer = NoteSigner { name: &head.origin, public: self.key.public(), sign: &sign };
        head.to_note(&signer).map_err(Error::internal)
    }
}
