//! Takes what waits to leave out of the house: letters to a mail server, events to webhooks.
//!
//! Invariants: what leaves was put on its way by the transaction that caused it, and leaves through the one door out; a
//! message that did not arrive is tried again, each time later, and has an end; neither addresses nor texts are logged;
//! whoever receives one twice can tell by its id.

mod config;
mod letter;
mod mailer;
mod schedule;
mod smtp;
mod webhook;

use std::{sync::Arc, time::Duration};

use domain::{Channel, Result};
use egress::Egress;
use futures::{StreamExt as _, stream};
use store::{Cargo, Fate, Outgoing, Store, Undelivered};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use config::{Config, MailServer};

use mailer::Mailer;
use webhook::Receivers;

/// How often is looked whether something waits.
const EVERY: Duration = Duration::from_secs(1);

/// How long a delivery may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Longer than any delivery may take: until then nobody else tries the same.
const LEASE: Duration = Duration::from_secs(600);

/// Messages of one look, and how many of them are delivered at once.
const MOST: u64 = 64;
const AT_ONCE: usize = 8;

/// Delivers. Cheap to clone.
#[derive(Clone)]
pub struct Courier(Arc<Inner>);

struct Inner {
    store: Store,
    mailer: Option<Mailer>,
    receivers: Receivers,
}

/// Why something did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    /// Of the other side's answer.
    pub(crate) status: Option<u16>,
    pub(crate) then: Then,
}

/// Whether it is worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// After this time, when the other side said so.
    Again(Option<Duration>),
    Never,
    /// And nothing else will arrive there either.
    Gone,
}

impl Problem {
    pub(crate) const fn passing(code: &'static str, status: Option<u16>) -> Self {
        Self { code, status, then: Then::Again(None) }
    }

    pub(crate) const fn lasting(code: &'static str, status: Option<u16>) -> Self {
        Self { code, status, then: Then::Never }
    }
}

impl From<egress::Error> for Problem {
    fn from(error: egress::Error) -> Self {
        Self::passing(error.kind().code(), None)
    }
}

impl Courier {
    /// `server` is where letters go; without one the store is told to keep none. `public_url` begins every link.
    ///
    /// # Errors
    /// `Invalid` when the mail server cannot be a destination.
    pub fn new(
        store: Store,
        egress: Egress,
        server: Option<MailServer>,
        public_url: &str,
    ) -> Result<Self> {
        store.set_mail(server.as_ref().map(MailServer::address));
        let mailer =
            server.map(|server| Mailer::new(egress.clone(), server, public_url)).transpose()?;
        let receivers = Receivers::new(egress, store.clock().clone());
        Ok(Self(Arc::new(Inner { store, mailer, receivers })))
    }

    /// Delivers until `stop`. What is under way then has a few seconds; the rest is delivered after the next start.
    pub fn run(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let (courier, stop) = (self.clone(), stop.clone());
        tasks.spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut failing = false;
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                let done = tokio::select! {
                    done = courier.deliver() => done,
                    () = late(&stop) => break,
                };
                match done {
                    Ok(_) => failing = false,
                    Err(error) if failing => {
                        tracing::debug!(code = error.code(), "messages still cannot be read");
                    }
                    Err(error) => {
                        failing = true;
                        tracing::error!(code = error.code(), causes = %error.causes(), "messages cannot be read; will try again");
                    }
                }
            }
        });
    }

    /// Tries everything that is due once; says how many messages that were.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn deliver(&self) -> Result<usize> {
        let Inner { store, mailer, receivers } = &*self.0;
        receivers.forget_idle();
        let channels: &[Channel] =
            if mailer.is_some() { &Channel::ALL } else { &[Channel::Webhook] };
        let due = store.messages_claim(channels, MOST, LEASE).await?;
        let count = due.len();
        let mut done = stream::iter(due).map(|message| self.one(message)).buffer_unordered(AT_ONCE);
        let mut broken = None;
        while let Some(settled) = done.next().await {
            broken = settled.err().or(broken);
        }
        broken.map_or(Ok(count), Err)
    }

    async fn one(&self, message: Outgoing) -> Result<()> {
        let Inner { store, mailer, receivers } = &*self.0;
        let sent = match (&message.cargo, mailer) {
            (Cargo::Letter { to, letter }, Some(mailer)) => mailer.send(&message, to, letter).await,
            (Cargo::Letter { .. }, None) => Err(Problem::lasting("no_mail", None)),
            (Cargo::Event { .. }, _) => receivers.send(&message).await,
        };
        match sent {
            Ok(status) => store.message_delivered(&message, status).await,
            Err(problem) => self.failed(&message, problem).await,
        }
    }

    async fn failed(&self, message: &Outgoing, problem: Problem) -> Result<()> {
        let store = &self.0.store;
        let again = match problem.then {
            Then::Again(asked) => schedule::next(message, asked, store.clock().now()),
            Then::Never | Then::Gone => None,
        };
        let gone = problem.then == Then::Gone;
        let why = Undelivered { code: problem.code, status: problem.status, again, gone };
        let fate = store.message_failed(message, why).await?;
        let (message, channel) = (message.id, message.channel().as_str());
        let code = problem.code;
        match fate {
            Fate::Waits => tracing::info!(%message, channel, code, "not delivered; tried again"),
            Fate::GivenUp => tracing::warn!(%message, channel, code, "not delivered; given up"),
            Fate::SwitchedOff => {
                tracing::warn!(%message, channel, code, "a webhook was switched off");
            }
        }
        Ok(())
    }
}

async fn late(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}
