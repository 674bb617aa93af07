//! Placeholder of the settlement sweep.

use domain::Result;

use crate::Store;

/// Moves settled records of the journal into the `usage` table.
pub(crate) async fn sweep(_store: &Store) -> Result<()> {
    Ok(())
}
