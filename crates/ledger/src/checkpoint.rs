//! Tree heads (c2sp.org/tlog-checkpoint): a note of three lines, origin, size and root.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    Hash, Note, NoteError, VerifierKey,
    note::{self, NoteSigner},
};

/// The head of one log. Extension lines are not used and not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, never given to another log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// # Errors
    /// When the origin cannot stand in a note.
    pub fn to_note(&self, signer: &NoteSigner<'_>) -> Result<String, NoteError> {
        note::sign(&self.to_text(), signer)
    }

    fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    /// The head in a note, whoever signed it: verify with [`Checkpoint::verified`].
    ///
    /// # Errors
    /// When the text is not a checkpoint.
    pub fn parse(note: &Note) -> Result<Self, NoteError> {
        let mut lines = note.text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Malformed);
        };
        let root = BASE64.decode(root).map_err(|_| NoteError::Malformed)?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| NoteError::Malformed)?,
            root: root.try_into().map_err(|_| NoteError::Malformed)?,
        };
        // Refuses extension lines, leading zeroes and plus signs in one go.
        if origin.is_empty() || checkpoint.to_text() != note.text {
            return Err(NoteError::Malformed);
        }
        Ok(checkpoint)
    }

    /// The head in a note signed by `key`; `None` when the note is malformed, or not signed by it.
    #[must_use]
    pub fn verified(text: &str, key: &VerifierKey) -> Option<Self> {
        let note = Note::parse(text).ok()?;
        if note.signed_by(key) { Self::parse(&note).ok() } else { None }
    }
}
