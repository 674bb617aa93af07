//! The root key: one small file outside the data directory, readable by its owner alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use domain::{Error, Kind, Result};
use zeroize::Zeroizing;

use crate::{Key, digest, wrap};

const HEAD: &str = "probity-root-key-1:";
/// Head, 64 hex digits, colon, 8 hex digits of check, newline.
const LENGTH: usize = HEAD.len() + 64 + 1 + 8 + 1;

/// The key that wraps every organization's key.
pub struct RootKey(Key);

impl RootKey {
    /// Makes a new root key in a new file with mode 0600. The file appears whole or not at all.
    ///
    /// # Errors
    /// `Conflict` when the file exists; `Unavailable` when the directory cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let key = Key::generate()?;
        let draft = draft_path(path);
        let written = write_new(&draft, &text(&key)).and_then(|()| {
            // A hard link, unlike a rename, never replaces what is there.
            fs::hard_link(&draft, path)?;
            sync_directory(path)
        });
        let _gone = fs::remove_file(&draft);
        match written {
            Ok(()) => Ok(Self(key)),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Err(Error::conflict(
                format!("The root key file {} already exists and is kept.", path.display()),
            )
            .with_code("root_key_exists")),
            Err(cause) => Err(Error::unavailable(format!(
                "The root key file {} cannot be written: {cause}.",
                path.display()
            ))
            .with_code("root_key_unwritable")),
        }
    }

    /// Reads the root key.
    ///
    /// # Errors
    /// `NotFound` when there is no file; `Invalid` when others may read it or it is not a root key.
    pub fn load(path: &Path) -> Result<Self> {
        let shown = path.display();
        let unreadable = |cause: io::Error| {
            let kind = match cause.kind() {
                io::ErrorKind::NotFound => Kind::NotFound,
                _ => Kind::Unavailable,
            };
            let code =
                if kind == Kind::NotFound { "root_key_missing" } else { "root_key_unreadable" };
            Error::new(kind, format!("The root key file {shown} cannot be read: {cause}."))
                .with_code(code)
        };
        let file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(damaged(path));
        }
        if about.mode() & 0o077 != 0 {
            return Err(Error::invalid(format!(
                "Others may read the root key file {shown}. Run: chmod 600 {shown}"
            ))
            .with_code("root_key_exposed"));
        }
        // One byte more than a key file has, so that a longer file is seen; never grown, so never copied.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
        file.take(LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        parse(&bytes).map(Self).ok_or_else(|| damaged(path))
    }

    /// Sixteen hex digits that name the key without revealing it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(digest::derive::<8>(&self.0, "fingerprint"))
    }

    /// Wraps a key for storage; `context` says what it is for and has to be repeated to unwrap it.
    ///
    /// # Errors
    /// `Internal` when the random generator fails.
    pub fn wrap(&self, context: &str, key: &Key) -> Result<Vec<u8>> {
        wrap::wrap(&self.0, context, key)
    }

    /// # Errors
    /// `Internal` with code `wrong_key` when another root key wrapped it, with code `sealed_value_refused` when it
    /// is damaged or was wrapped for another context.
    pub fn unwrap(&self, context: &str, wrapped: &[u8]) -> Result<Key> {
        wrap::unwrap(&self.0, context, wrapped)
    }

    /// The root key a parent process handed over.
    #[must_use]
    pub const fn received(key: Key) -> Self {
        Self(key)
    }

    /// A second owner of the key's bytes, to be handed to a child process over a pipe.
    #[must_use]
    pub fn hand_over(&self) -> Key {
        self.0.duplicate()
    }

    /// A key derived from the root key for one purpose, such as the database file's.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Key {
        digest::hkdf(&self.0, &format!("derive|{purpose}"))
    }
}

fn damaged(path: &Path) -> Error {
    Error::invalid(format!(
        "{} is not a whole root key file. Restore it from its backup; without it the data cannot be read.",
        path.display()
    ))
    .with_code("root_key_damaged")
}

fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes the new name survive a power cut.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn text(key: &Key) -> Zeroizing<String> {
    let digits = Zeroizing::new(hex::encode(key.expose()));
    let mut text = Zeroizing::new(String::with_capacity(LENGTH));
    for part in [HEAD, &digits, ":", &check(key), "\n"] {
        text.push_str(part);
    }
    text
}

fn parse(bytes: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(bytes).ok()?.trim_ascii_end();
    let (digits, given) = text.strip_prefix(HEAD)?.split_once(':')?;
    let mut raw = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, raw.as_mut_slice()).ok()?;
    let key = Key::from_bytes(*raw);
    digest::same(check(&key).as_bytes(), given.as_bytes()).then_some(key)
}

/// Tells a mistyped or cut file from another key.
fn check(key: &Key) -> String {
    hex::encode(digest::derive::<4>(key, "root key file check"))
}
