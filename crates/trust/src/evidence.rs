//! Evidence: one signed result of one run, as an in-toto Statement v1. Facts only: no colour, no expiry.

use std::collections::BTreeMap;

use domain::{Error, Result, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use vault::SigningKey;

use crate::{
    Digest,
    dsse::Envelope,
    registry::{ControlId, ProbeId, Vantage},
    stamp,
    status::{Outcome, SlotId},
};

pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
pub const PREDICATE_TYPE: &str = "https://trust.probity/probe-result/v1";

/// A statement about named things, each pinned by a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    pub kind: String,
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    pub predicate: ProbeResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    pub name: String,
    pub digest: BTreeMap<String, Digest>,
}

impl Subject {
    fn new(name: &str, digest: Digest) -> Self {
        Self { name: name.to_owned(), digest: BTreeMap::from([("sha256".to_owned(), digest)]) }
    }
}

/// What one run of a probe found about one control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeResult {
    pub run: RunId,
    /// `None` for a run outside the schedule.
    pub slot: Option<SlotId>,
    pub control: ControlId,
    pub control_rev: u32,
    pub probe: ProbeId,
    pub probe_digest: Digest,
    pub vantage: Vantage,
    pub deployment: String,
    pub build: Digest,
    pub registry: Digest,
    pub challenge: Option<Challenge>,
    #[serde(with = "stamp")]
    pub started: Timestamp,
    #[serde(with = "stamp")]
    pub finished: Timestamp,
    pub outcome: Outcome,
    /// Whether the violation planted in this run was found.
    pub positive_control: bool,
    pub subjects: u64,
    /// What there was to look at, as counted by somebody other than the probe.
    pub population: u64,
    /// Kinds of subjects that exist and were not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
    pub reason: Reason,
}

/// The seed behind everything random in a run: committed to before it, shown after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// SHA-256 of the seed, in the log before the run.
    pub commitment: Digest,
    /// The seed itself, in hex.
    pub reveal: Digest,
}

impl Challenge {
    #[must_use]
    pub fn opens(&self) -> bool {
        Digest::of(self.reveal.as_bytes()) == self.commitment
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    pub name: String,
    pub value: u64,
    pub unit: String,
}

impl Measure {
    #[must_use]
    pub fn new(name: &str, value: u64, unit: &str) -> Self {
        Self { name: name.to_owned(), value, unit: unit.to_owned() }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $says:literal;)*) => {
        /// Why a run ended as it did: a closed list, so that no detail of a weakness is published with the colour.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $($(#[$doc])* $name),* }

        impl Reason {
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// For a reader.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says),* }
            }
        }
    };
}

reasons! {
    Held = "held", "The statement held, and the planted violation was found.";
    ContentFound = "content_found", "Content was found where none may be.";
    SecretFound = "secret_found", "A secret was found where none may be.";
    PlaintextFound = "plaintext_found", "Readable data was found in encrypted files.";
    BorderCrossed = "border_crossed", "Data of another organization was reachable or told apart from absent data.";
    TreeBroken = "tree_broken", "The log does not continue what was seen before.";
    TamperSucceeded = "tamper_succeeded", "An audit entry could be altered.";
    ColumnUnlisted = "column_unlisted", "A record has a column that is not on the list.";
    SentElsewhere = "sent_elsewhere", "A request reached a provider that the rules exclude.";
    SentMore = "sent_more", "A provider received more than what was asked.";
    NotAnswered = "not_answered", "A request was not answered though an allowed provider could have.";
    ReceiptWrong = "receipt_wrong", "A receipt does not verify, or its choice does not follow from what it records.";
    UnlistedHost = "unlisted_host", "A host was reached that belongs to nobody on the public list.";
    ListDiffers = "list_differs", "The public list does not say what this installation uses.";
    DateWrong = "date_wrong", "A public date is not the one in the log.";
    NotTold = "not_told", "A notice did not arrive on a channel that is configured.";
    NoticeShort = "notice_short", "Something new may be used earlier than promised.";
    ShareExceeded = "share_exceeded", "A provider saw more of one person than its share.";
    SentUnasked = "sent_unasked", "Something reached a provider that no recorded request accounts for.";
    GateOpen = "gate_open", "Something was let through that may never be.";
    TermsIgnored = "terms_ignored", "A provider was asked without what its terms depend on.";
    OpenDoor = "open_door", "The server answers other machines without encryption.";
    OutdatedVersion = "outdated_version", "A handshake in an outdated version of TLS was accepted.";
    WeakCipher = "weak_cipher", "A weak cipher was accepted, or a key exchange that does not resist quantum computers was preferred.";
    AnsweredInClear = "answered_in_clear", "Plain HTTP was answered with more than the way to HTTPS.";
    StoredElsewhere = "stored_elsewhere", "Data is kept outside the networks that are allowed for it.";
    Unconnected = "unconnected", "A third party was contacted before anybody connected it.";
    UsedOtherwise = "used_otherwise", "A partner was contacted for something else than what it is there for.";
    CountDiffers = "count_differs", "What is on record is not what the provider reports, or is there twice.";
    AnswerInvalid = "answer_invalid", "An answer does not hold what its format promises.";
    ForeignRequest = "foreign_request", "A change was accepted that a page of another site asked for.";
    PolicyLoose = "policy_loose", "A page came without the content policy that is published.";
    CookieOpen = "cookie_open", "A cookie that lets somebody in is not kept as it should be.";
    RightsDiffer = "rights_differ", "Somebody may do something else than the published table says.";
    RoleExceeded = "role_exceeded", "Somebody gave a role above their own.";
    GuessedOn = "guessed_on", "Wrong passwords for one account were tried without end.";
    OthersStopped = "others_stopped", "Wrong passwords for one account kept others from signing in.";
    StillAccepted = "still_accepted", "A credential was accepted after its end.";
    NotLogged = "not_logged", "An act is missing in the log of its organization.";
    BoundaryMissing = "boundary_missing", "A table is on no list or does not keep organizations apart.";
    CookieLasts = "cookie_lasts", "A session outlives the browser of somebody who did not ask for that.";
    CodeAccepted = "code_accepted", "A one-time code was taken a second time, or before its time.";
    HashMismatch = "hash_mismatch", "The stored value is not the expected hash.";
    /// The probe could not find its own planted violation: its silence means nothing.
    BlindProbe = "blind_probe", "The planted violation was not found, so the run proves nothing.";
    TooFewSubjects = "too_few_subjects", "Too little was looked at to prove anything.";
    NothingThere = "nothing_there", "Nothing of this kind is there to examine.";
    Unreachable = "unreachable", "What had to be examined could not be reached.";
    TimedOut = "timed_out", "The run did not finish in time.";
    Broken = "broken", "The probe itself failed.";
}

/// That a run may count as a pass: its planted violation was found and enough was looked at.
/// [`Verdict::Pass`] cannot be made without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    subjects: u64,
    population: u64,
}

/// What a probe says at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass(Proven),
    Fail(Reason),
    Error(Reason),
    Inconclusive(Reason),
}

impl Verdict {
    /// A pass, if the run was able to fail and looked at everything there is.
    ///
    /// `subjects` were examined out of `population`; `planted_found` is the positive control.
    #[must_use]
    pub const fn held(planted_found: bool, subjects: u64, population: u64, min: u64) -> Self {
        let enough = if population > min { population } else { min };
        Self::sampled(planted_found, subjects, population, enough)
    }

    /// A pass of a run that takes samples: at least `min` of them out of `population`.
    #[must_use]
    pub const fn sampled(planted_found: bool, subjects: u64, population: u64, min: u64) -> Self {
        if !planted_found {
            Self::Inconclusive(Reason::BlindProbe)
        } else if subjects < min || subjects == 0 {
            Self::Inconclusive(Reason::TooFewSubjects)
        } else {
            Self::Pass(Proven { subjects, population })
        }
    }

    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Pass(_) => Outcome::Pass,
            Self::Fail(_) => Outcome::Fail,
            Self::Error(_) => Outcome::Error,
            Self::Inconclusive(_) => Outcome::Inconclusive,
        }
    }

    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Pass(_) => Reason::Held,
            Self::Fail(reason) | Self::Error(reason) | Self::Inconclusive(reason) => *reason,
        }
    }

    /// Subjects and population of a pass.
    #[must_use]
    pub const fn counted(&self) -> Option<(u64, u64)> {
        match self {
            Self::Pass(proven) => Some((proven.subjects, proven.population)),
            _ => None,
        }
    }
}

impl ProbeResult {
    /// Wraps the result into a statement and signs it.
    ///
    /// # Errors
    /// `Internal`, never in practice.
    pub fn sign(self, key: &SigningKey) -> Result<Envelope> {
        let subject = vec![
            Subject::new("build", self.build),
            Subject::new("registry", self.registry),
            Subject::new("deployment", Digest::of(self.deployment.as_bytes())),
        ];
        let statement = Statement {
            kind: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: self,
        };
        let payload = serde_json::to_vec(&statement).map_err(Error::internal)?;
        Ok(Envelope::sign(key, PAYLOAD_TYPE, &payload))
    }

    /// Checks the signature of `public` and that the statement agrees with itself.
    ///
    /// # Errors
    /// `Invalid` with the code `bad_signature` or `bad_evidence`.
    pub fn open(envelope: &Envelope, public: &[u8; 32]) -> Result<Self> {
        let refuse =
            || Error::invalid("The evidence contradicts itself.").with_code("bad_evidence");
        let payload = envelope.open(public, PAYLOAD_TYPE)?;
        let statement: Statement = serde_json::from_slice(&payload).map_err(|_| refuse())?;
        let named = |name: &str, digest| {
            statement.subject.iter().any(|subject| *subject == Subject::new(name, digest))
        };
        let result = &statement.predicate;
        let sound = statement.kind == STATEMENT_TYPE
            && statement.predicate_type == PREDICATE_TYPE
            && named("build", result.build)
            && named("registry", result.registry)
            && named("deployment", Digest::of(result.deployment.as_bytes()))
            && result.challenge.as_ref().is_none_or(Challenge::opens)
            && (result.outcome != Outcome::Pass || result.positive_control);
        if sound { Ok(statement.predicate) } else { Err(refuse()) }
    }
}

#[cfg(test)]
mod tests;
