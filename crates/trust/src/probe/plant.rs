//! The violation a probe plants and must find: a real file among those it searches.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{Error, Result};
use flate2::{Compression, write::GzEncoder};

/// A file that vanishes with the value.
pub(super) struct Plant(PathBuf);

impl Plant {
    /// Leaves `text` in `directory` the way a careless program might: once as it is, once compressed and encoded.
    pub(super) fn put(directory: &Path, name: &str, text: &str) -> Result<Self> {
        let path = directory.join(format!("{name}.tmp"));
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(text.as_bytes()).map_err(Error::internal)?;
        let packed = STANDARD.encode(packed.finish().map_err(Error::internal)?);
        let content = format!("{text}\n{{\"body\":\"{packed}\"}}\n");
        let plant = Self(path);
        fs::write(&plant.0, content).map_err(Error::internal)?;
        Ok(plant)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.canonicalize().unwrap_or_else(|_| self.0.clone())
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(fs::remove_file(&self.0));
    }
}
