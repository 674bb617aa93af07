//! The prober's own key file, which the server never reads.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use domain::{Error, Result};
use vault::SigningKey;

/// Opens the key, or makes one where there is none.
///
/// # Errors
/// `Invalid` when others may read it or it is damaged.
pub(super) fn load_or_create(path: &Path) -> Result<SigningKey> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let mode = fs::metadata(path).map_err(Error::internal)?.mode();
            if mode & 0o077 != 0 {
                let path = path.display();
                return Err(Error::invalid(format!(
                    "Others may read the prober's key {path}. Run: chmod 600 {path}"
                )));
            }
            let mut seed = [0; 32];
            hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| {
                Error::invalid(format!(
                    "{} is not a whole key of the prober. Remove it: a new one is made, and the change shows on the trust page.",
                    path.display()
                ))
            })?;
            SigningKey::from_seed(seed)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(path),
        Err(error) => Err(Error::internal(error)),
    }
}

fn create(path: &Path) -> Result<SigningKey> {
    let key = SigningKey::generate()?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::internal)?;
    let text = format!("{}\n", hex::encode(key.seed()));
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::internal)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_kept_and_guarded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("prober.key");
        let key = load_or_create(&path).unwrap();
        assert_eq!(load_or_create(&path).unwrap().public(), key.public());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load_or_create(&path).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        assert!(load_or_create(&path).is_err());
    }
}
