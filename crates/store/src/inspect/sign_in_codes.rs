//! What is stored of a code that was sent to somebody who signs in.

use std::time::Duration;

use domain::{OrgId, Result, Timestamp};
use sea_orm::{ColumnTrait as _, QueryFilter as _};

use super::Inspector;
use crate::{entity::sign_in_code, error::from_db, repository::sign_in_code::index, tenant};

/// A stored code, and what only whoever holds the keys of this deployment can find out about it.
#[derive(Clone, Debug)]
pub struct StoredCode {
    pub stored: Vec<u8>,
    /// How long it holds.
    pub holds: Duration,
    /// The six digits, found by trying all of them under the key.
    pub digits: Option<String>,
}

impl Inspector {
    /// The code that may be typed in the browser that keeps a token with this SHA-256.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn stored_code(&self, browser: &[u8; 32]) -> Result<Option<StoredCode>> {
        self.keyring.forget();
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let row = tenant::deployed::<sign_in_code::Entity>()
            .filter(sign_in_code::Column::Digest.eq(browser.to_vec()))
            .one(tx.on())
            .await
            .map_err(from_db)?;
        let Some(row) = row else { return Ok(None) };
        let keys = self.keyring.of(&tx, OrgId::DEPLOYMENT).await?;
        drop(tx);
        let (browser, stored) = (*browser, row.code.clone());
        let search = move || {
            (0..1_000_000_u32)
                .map(|number| format!("{number:06}"))
                .find(|digits| index(&keys, &browser, digits) == stored)
        };
        let digits = tokio::task::spawn_blocking(search).await.map_err(domain::Error::internal)?;
        let at = Timestamp::from_millis;
        Ok(Some(StoredCode {
            stored: row.code,
            holds: at(row.expires_at).since(at(row.created_at)),
            digits,
        }))
    }
}
