//! Signed notes (c2sp.org/signed-note), Ed25519 signatures of type 0x01.

use std::fmt;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest, Sha256};

const ED25519_TYPE: u8 = 1;
/// Longer notes are refused unread: a checkpoint with many cosignatures is a few kilobytes.
const MAX_NOTE: usize = 64 * 1024;

/// Why a note or key cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("not a signed note")]
    Malformed,
    #[error("not an Ed25519 verifier key")]
    Key,
}

/// The public half of a log's key, with the name it signs under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

/// What signs: a name, the public key, and the private key behind a closure.
pub struct NoteSigner<'a> {
    pub name: &'a str,
    pub public: [u8; 32],
    pub sign: &'a dyn Fn(&[u8]) -> [u8; 64],
}

/// A note as read; nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What was signed, with its last newline.
    pub text: String,
    pub signatures: Vec<Signature>,
}

/// One signature line. The key id only says which key to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub key_id: [u8; 4],
    pub bytes: Vec<u8>,
}

impl VerifierKey {
    /// # Errors
    /// When the name cannot stand in a note: empty, or with a space or a plus sign.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        if valid_name(name) {
            Ok(Self { name: name.to_owned(), public })
        } else {
            Err(NoteError::Key)
        }
    }

    /// Reads `<name>+<key id>+<base64 of 0x01 and the key>`.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let data = BASE64.decode(data).map_err(|_| NoteError::Key)?;
        let Some((&ED25519_TYPE, public)) = data.split_first() else { return Err(NoteError::Key) };
        let key = Self::new(name, public.try_into().map_err(|_| NoteError::Key)?)?;
        // The key id in the text must be the key's own, and every other letter too.
        if key.to_string() == text { Ok(key) } else { Err(NoteError::Key) }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same key under another name: one key signs all logs of a deployment, each under its origin.
    ///
    /// # Errors
    /// When the name cannot stand in a note.
    pub fn named(&self, name: &str) -> Result<Self, NoteError> {
        Self::new(name, self.public)
    }

    /// `SHA-256(name, newline, 0x01, key)`, first four bytes.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519_TYPE])
            .chain_update(self.public)
            .finalize();
        digest.first_chunk().copied().unwrap_or_default()
    }

    /// What a contract pins: SHA-256 over type and public key in hex, whatever the name.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::new().chain_update([ED25519_TYPE]).chain_update(self.public).finalize())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut data = vec![ED25519_TYPE];
        data.extend_from_slice(&self.public);
        write!(out, "{}+{}+{}", self.name, hex::encode(self.id()), BASE64.encode(data))
    }
}

impl NoteSigner<'_> {
    /// # Errors
    /// When the signer's name cannot stand in a note.
    pub fn verifier(&self) -> Result<VerifierKey, NoteError> {
        VerifierKey::new(self.name, self.public)
    }
}

/// Signs a text that ends with a newline.
///
/// # Errors
/// When the text or the signer's name cannot stand in a note.
pub fn sign(text: &str, signer: &NoteSigner<'_>) -> Result<String, NoteError> {
    let key = signer.verifier()?;
    if !valid_text(text) {
        return Err(NoteError::Malformed);
    }
    let mut data = key.id().to_vec();
    data.extend_from_slice(&(signer.sign)(text.as_bytes()));
    Ok(format!("{text}\n\u{2014} {} {}\n", signer.name, BASE64.encode(data)))
}

impl Note {
    /// # Errors
    /// When the bytes are not a signed note.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::Malformed);
        }
        // The last blank line parts text and signatures.
        let at = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, tail) = note.split_at_checked(at + 1).ok_or(NoteError::Malformed)?;
        let lines = tail.strip_prefix('\n').and_then(|tail| tail.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::Malformed)?;
        let signatures = lines.split('\n').map(Signature::parse).collect::<Result<_, _>>()?;
        if !valid_text(text) {
            return Err(NoteError::Malformed);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Whether this key signed the text. Lines of other keys are passed over.
    #[must_use]
    pub fn signed_by(&self, key: &VerifierKey) -> bool {
        let mut lines = self
            .signatures
            .iter()
            .filter(|line| line.name == key.name && line.key_id == key.id())
            .peekable();
        let public = UnparsedPublicKey::new(&ED25519, key.public);
        lines.peek().is_some()
            && lines.all(|line| public.verify(self.text.as_bytes(), &line.bytes).is_ok())
    }
}

impl Signature {
    fn parse(line: &str) -> Result<Self, NoteError> {
        let rest = line.strip_prefix("\u{2014} ").ok_or(NoteError::Malformed)?;
        let (name, data) = rest.split_once(' ').ok_or(NoteError::Malformed)?;
        let data = BASE64.decode(data).map_err(|_| NoteError::Malformed)?;
        let (key_id, bytes) = data.split_first_chunk().ok_or(NoteError::Malformed)?;
        if !valid_name(name) || bytes.is_empty() {
            return Err(NoteError::Malformed);
        }
        Ok(Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
    }
}

fn valid_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control())
}

/// Non-empty, ending in a newline, without other control characters.
fn valid_text(text: &str) -> bool {
    text.len() > 1 && text.ends_with('\n') && !text.chars().any(|c| c != '\n' && c < ' ')
}
