//! Entries: canonical JSON without personal data. The stored bytes are what is hashed, now and at every check.

use domain::{ActorKind, Event, EventId, Outcome, Target, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Disclosed, json::canonical, ocsf};

/// The limit of a written entry, in bytes. The format itself ends at 65,535.
pub const MAX_ENTRY: usize = 16 * 1024;
/// What log name and sequence number may add to a draft.
const RESERVE: usize = 512;

/// Why an entry cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("the facts of this event are larger than an audit entry may be")]
    TooLarge,
    #[error("a fact of this event is an integer of more than 53 bits")]
    Inexact,
    #[error("every personal value needs its own salt")]
    Salts,
    #[error("not an entry")]
    Malformed,
}

/// Who acted, as the log may know it: people by pseudonym, keys by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorEntry {
    pub kind: ActorKind,
    /// A person's pseudonym in this log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<String>,
    /// The id of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// A person acted upon, by pseudonym.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectEntry {
    pub pid: String,
}

/// What becomes an entry.
pub struct DraftInput<'a> {
    pub id: EventId,
    pub time: Timestamp,
    pub event: &'a Event,
    pub actor: ActorEntry,
    pub subject_pid: Option<String>,
    /// The retention class of the entry, such as `7y`.
    pub retention: &'a str,
}

/// An entry that still lacks its place in a log.
#[derive(Clone)]
pub struct Draft {
    /// Canonical JSON without `log` and `seq`.
    pub body: String,
    /// The personal values, to be sealed and kept apart.
    pub disclosures: Vec<Disclosed>,
}

impl Draft {
    /// `salts` are fresh random bytes, 32 for each personal value.
    ///
    /// # Errors
    /// When the facts are too large, hold an integer of more than 53 bits, or a salt is missing.
    pub fn new(input: DraftInput<'_>, salts: &[[u8; 32]]) -> Result<Self, EntryError> {
        let personal = &input.event.personal;
        if personal.len() != salts.len() {
            return Err(EntryError::Salts);
        }
        let disclosures: Vec<_> = personal
            .iter()
            .zip(salts)
            .map(|(personal, salt)| Disclosed::new(salt, personal.name, personal.value.expose()))
            .collect();
        // Sorted, so that the order says nothing about the values.
        let mut digests: Vec<_> = disclosures.iter().map(Disclosed::digest).collect();
        digests.sort_unstable();
        let body = body(input, digests);
        let body = canonical(&body).map_err(|_| EntryError::Inexact)?;
        if body.len() > MAX_ENTRY - RESERVE {
            return Err(EntryError::TooLarge);
        }
        Ok(Self { body, disclosures })
    }
}

fn body(input: DraftInput<'_>, digests: Vec<String>) -> Value {
    let event = input.event;
    let (class, activity) = ocsf::class_of(event.action);
    let mut body = json!({
        "v": 1,
        "id": input.id,
        "t": input.time,
        "class_uid": class,
        "activity_id": activity,
        "action": event.action.as_str(),
        "outcome": event.outcome,
        "actor": input.actor,
        "ret": input.retention,
    });
    if let Some(body) = body.as_object_mut() {
        if !event.targets.is_empty() {
            body.insert("targets".to_owned(), json!(event.targets));
        }
        if let Some(pid) = input.subject_pid {
            body.insert("subject".to_owned(), json!(SubjectEntry { pid }));
        }
        if !event.facts.is_empty() {
            body.insert("facts".to_owned(), Value::from(event.facts.clone()));
        }
        if let Some(request) = event.request {
            body.insert("req".to_owned(), json!(request));
        }
        if !digests.is_empty() {
            body.insert("sd".to_owned(), Value::from(digests));
        }
    }
    body
}

/// The bytes of the entry at `seq` (from 0) of the log `origin`.
///
/// # Errors
/// When the body is not a draft's, or the entry gets too large.
pub fn leaf(body: &str, origin: &str, seq: u64) -> Result<Vec<u8>, EntryError> {
    let mut body: Map<String, Value> =
        serde_json::from_str(body).map_err(|_| EntryError::Malformed)?;
    body.insert("log".to_owned(), Value::from(origin));
    body.insert("seq".to_owned(), Value::from(seq));
    let text = canonical(&Value::from(body)).map_err(|_| EntryError::Inexact)?;
    if text.len() > MAX_ENTRY { Err(EntryError::TooLarge) } else { Ok(text.into_bytes()) }
}

/// An entry as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the entry's form: 1.
    pub v: u32,
    /// The origin of the log it is in.
    pub log: String,
    /// Its place in that log, from 0.
    pub seq: u64,
    pub id: String,
    pub t: Timestamp,
    pub class_uid: u32,
    pub activity_id: u32,
    pub action: String,
    pub outcome: Outcome,
    pub actor: ActorEntry,
    #[serde(default)]
    pub subject: Option<SubjectEntry>,
    #[serde(default)]
    pub targets: Vec<Target>,
    #[serde(default)]
    pub facts: Map<String, Value>,
    #[serde(default)]
    pub req: Option<String>,
    pub ret: String,
    /// Digests of personal values.
    #[serde(default)]
    pub sd: Vec<String>,
}

impl Entry {
    /// # Errors
    /// When the bytes are not an entry of version 1.
    pub fn parse(leaf: &[u8]) -> Result<Self, EntryError> {
        let entry: Self = serde_json::from_slice(leaf).map_err(|_| EntryError::Malformed)?;
        if entry.v == 1 { Ok(entry) } else { Err(EntryError::Malformed) }
    }
}
