//! What is on its way out of the house: letters and events, put here by the transaction that caused them and taken
//! away once they are delivered or given up.
//!
//! Invariants: address and text are sealed, and wiped when it is done, after which the record of it stays for a month;
//! what this deployment has no way to send is never put
//! here; a message is tried by one node at a time, and again when that node does not say how it went.

mod claim;
mod hosts;
mod post;
mod record;
mod settle;

use std::time::Duration;

use domain::{Channel, DataClass, MessageId, OrgId, Secret, Timestamp, Topic, WebhookId};
use uuid::Uuid;

use crate::{Store, keyring::Place};

pub use post::PROBE_TENANTS;
pub(crate) use post::{Post, probe_tenants};
pub use record::MessageRecord;
pub(crate) use record::sweep;
pub(crate) use settle::forget_waiting;

/// How long a message is tried for, unless it says less.
const LONGEST: Duration = Duration::from_secs(4 * 86_400);

/// How long is remembered that a message was delivered, or given up.
const RECORD: Duration = Duration::from_secs(30 * 86_400);

/// In place of a channel in `message_due`: only the record is left.
const DONE: &str = "done";

/// A webhook that did nothing but fail for this long is switched off.
const FAILING: Duration = Duration::from_secs(3 * 86_400);

/// A message that it is now this node's turn to deliver.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub id: MessageId,
    pub org: OrgId,
    pub topic: Topic,
    /// How often it was tried before.
    pub attempts: u32,
    pub created: Timestamp,
    /// When it is no longer worth delivering.
    pub ends: Timestamp,
    pub cargo: Cargo,
}

/// What is delivered, and where.
#[derive(Clone, Debug)]
pub enum Cargo {
    /// `letter` is a [`domain::Letter`] as JSON.
    Letter { to: Secret<String>, letter: Secret<String> },
    /// `body` is sent as it is.
    Event {
        webhook: WebhookId,
        url: Secret<String>,
        /// With which it is signed: `whsec_` and Base64.
        secret: Secret<String>,
        allow_private: bool,
        body: Secret<String>,
    },
}

impl Outgoing {
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self.cargo {
            Cargo::Letter { .. } => Channel::Mail,
            Cargo::Event { .. } => Channel::Webhook,
        }
    }
}

/// Why a message did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Stable, for logs and pages.
    pub code: &'static str,
    /// Of the other side's answer, when there was one.
    pub status: Option<u16>,
    /// When it is tried again; `None` gives it up.
    pub again: Option<Timestamp>,
    /// The receiver does not exist any more.
    pub gone: bool,
}

/// What became of a message that was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Waits,
    GivenUp,
    /// Given up, and the webhook it was for is switched off.
    SwitchedOff,
}

impl Store {
    /// Says from which address this deployment sends letters, if it does; until then none is kept.
    pub fn set_mail(&self, from: Option<String>) {
        *self.inner().mail.write() = from;
    }

    /// Whether this deployment can send letters.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        self.inner().mail.read().is_some()
    }
}

const fn address_at(row: &Uuid) -> Place<'_> {
    let class = DataClass::Email;
    Place { class, table: "message", column: "address", row: row.as_bytes() }
}

const fn body_at(row: &Uuid) -> Place<'_> {
    let class = DataClass::Message;
    Place { class, table: "message", column: "body", row: row.as_bytes() }
}
