//! Placeholder of the usage journal.

use std::path::Path;

use domain::{Clock, Result};

/// Content-free intents and settlements in an append-only file of the data directory.
pub struct Journal;

impl Journal {
    pub(crate) fn open(_directory: &Path, _clock: Clock) -> Result<Self> {
        Ok(Self)
    }

    pub(crate) fn close(&self) -> Result<()> {
        Ok(())
    }
}
