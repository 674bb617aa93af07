//! The digest of the running program.

use std::{fs::File, io::Read as _};

use domain::{Error, Result};
use sha2::{Digest as _, Sha256};

use crate::{Digest, probe::off_thread};

/// SHA-256 of the file this process was started from, also when the file was replaced since.
///
/// # Errors
/// `Internal` when it cannot be read.
pub async fn executable() -> Result<Digest> {
    off_thread(|| {
        let mut file = File::open("/proc/self/exe").map_err(Error::internal)?;
        let mut hash = Sha256::new();
        let mut part = vec![0; 1 << 18];
        loop {
            match file.read(&mut part).map_err(Error::internal)? {
                0 => return Ok(Digest::from_bytes(hash.finalize().into())),
                count => hash.update(part.get(..count).unwrap_or_default()),
            }
        }
    })
    .await?
}
