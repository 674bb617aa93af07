//! What is stored of a session.

use domain::{OrgId, Result, SessionId};
use sea_orm::{ColumnTrait as _, QueryFilter as _};

use super::Inspector;
use crate::{entity::session, error::from_db, tenant};

impl Inspector {
    /// The digests stored for one session.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn session_digests(&self, id: SessionId) -> Result<Vec<Vec<u8>>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let rows = tenant::deployed::<session::Entity>()
            .filter(session::Column::Id.eq(id.uuid()))
            .all(tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows.into_iter().map(|row| row.digest).collect())
    }
}
