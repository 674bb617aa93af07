//! Twins that stand for providers in several places, and what reaches them.

use std::{
    ops::Deref,
    time::{Duration, Instant},
};

use domain::{Error, Protocol, Result};
use sandbox::{Recorded, Running, Sandbox, Script};

use crate::wire::Abroad;

/// The names under which the twins are registered, as requests can name them.
pub(crate) const FAR: &str = "Overseas";
pub(crate) const DOWN: &str = "Harbour";
pub(crate) const NEAR: &str = "Inland";
/// Of a company in another country.
pub(crate) const ABROAD: &str = "Faraway";
/// Of a company whose notice is still running.
pub(crate) const NEW: &str = "Newcomer";

/// Those that a choice is made among: outside the European Union; slow; down; quick, at an unknown and at a known price.
pub(crate) const OUTSIDE: &str = "Offshore";
pub(crate) const SLOW: &str = "Upriver";
pub(crate) const FAILING: &str = "Sandbar";
pub(crate) const UNPRICED: &str = "Lowland";
pub(crate) const PRICED: &str = "Midland";

/// Those that contracts and terms are tried with: under a contract that nobody knows, at an address that is not the
/// company's, of somebody who trains, of somebody who does not say, and under a contract that can end.
pub(crate) const UNCONTRACTED: &str = "Handshake";
pub(crate) const UNLISTED: &str = "Elsewhere";
pub(crate) const TRAINS: &str = "Academy";
pub(crate) const SILENT: &str = "Hermitage";
pub(crate) const TERM: &str = "Leasehold";

/// The model that those serve, and nobody else: no other request may end up there.
pub(crate) const TERMED: &str = "sandbox-comments";

/// The name of one whose terms depend on parameters of the request.
pub(crate) fn opted(catalog: &str, contract: Option<&str>, protocol: &str) -> String {
    format!("opted-{catalog}-{}-{protocol}", contract.unwrap_or("usual"))
}

/// Two that share what one person says.
pub(crate) const EAST: &str = "Eastbank";
pub(crate) const WEST: &str = "Westbank";

/// One for each format in which providers are asked, with that format.
pub(crate) const FAMILIES: [(&str, Protocol); 5] = [
    ("fam-openai", Protocol::OpenAi),
    ("fam-responses", Protocol::OpenAiResponses),
    ("fam-anthropic", Protocol::Anthropic),
    ("fam-gemini", Protocol::Gemini),
    ("fam-bedrock", Protocol::Bedrock),
];
/// A model of those that always fails.
pub(crate) const BROKEN: &str = "sandbox-error-in-200";

/// Those that health data is tried with: with an agreement, and down; with one, and up; without one; with one that has
/// ended.
pub(crate) const SICKBAY: &str = "Sickbay";
pub(crate) const INFIRMARY: &str = "Infirmary";
pub(crate) const BAZAAR: &str = "Bazaar";
pub(crate) const ALMSHOUSE: &str = "Almshouse";
/// The model that all of them serve, and the one that nobody serves who has an agreement and is up.
pub(crate) const CARED: &str = "sandbox-crlf";
pub(crate) const RELIEF: &str = "sandbox-null-usage";

/// Of a second organization: for conversations one that is up and one that is down; and two that are for one thing
/// only, images and answers out of the web.
pub(crate) const PARLOUR: &str = "Parlour";
pub(crate) const BREAKWATER: &str = "Breakwater";
pub(crate) const STUDIO: &str = "Studio";
pub(crate) const ALMANAC: &str = "Almanac";
/// What each of them serves. The catalogue knows what these models do.
pub(crate) const TALKS: &str = "sandbox-slow";
pub(crate) const DRAWS: &str = "sandbox-draw";
pub(crate) const SEARCHES: &str = "sandbox-search";

/// The model that those serve.
pub(crate) const CHOSEN: &str = "sandbox-tools";
/// How long the slow one waits with every answer.
pub(crate) const LATE: Duration = Duration::from_millis(700);

/// The model that every place serves.
pub(crate) const SERVED: &str = "sandbox-cached";
/// The model that no place serves which is allowed and up.
pub(crate) const LOST: &str = "sandbox-large";

/// What stands in several places.
pub(crate) struct Places {
    far: Running,
    down: Running,
    near: Running,
    slow: Running,
    images: Running,
    answers: Running,
    quiet: Quiet,
    /// What had reached the partners when a run last used them.
    used: Partners,
}

/// How often each partner was contacted so far: requests, and connections without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::probe) struct Partners {
    pub(in crate::probe) images: u64,
    pub(in crate::probe) answers: u64,
}

impl Partners {
    /// The contacts since then.
    pub(in crate::probe) const fn since(self, before: Self) -> Self {
        Self {
            images: self.images.saturating_sub(before.images),
            answers: self.answers.saturating_sub(before.answers),
        }
    }

    pub(in crate::probe) const fn all(self) -> u64 {
        self.images + self.answers
    }
}

/// What arrived while no run was asking anything.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    /// All that had arrived when the last run ended, and when that was.
    left: (u64, Instant),
    stray: u64,
    watched: Duration,
}

/// The way to the places: one run at a time, and what comes in between is counted.
pub(crate) struct Street(tokio::sync::Mutex<Places>);

impl Street {
    pub(crate) fn new(places: Places) -> Self {
        Self(tokio::sync::Mutex::new(places))
    }

    pub(in crate::probe) async fn visit(&self) -> Visit<'_> {
        let mut places = self.0.lock().await;
        let (left, at) = places.quiet.left;
        places.quiet.stray += places.arrivals().saturating_sub(left);
        places.quiet.watched += at.elapsed();
        Visit(places)
    }
}

/// A run among the places.
pub(in crate::probe) struct Visit<'a>(tokio::sync::MutexGuard<'a, Places>);

impl Visit<'_> {
    /// How much arrived while no run was asking anything, and in how long a time, since this was asked last.
    pub(in crate::probe) fn quiet(&mut self) -> (u64, Duration) {
        let quiet = &mut self.0.quiet;
        (std::mem::take(&mut quiet.stray), std::mem::take(&mut quiet.watched))
    }

    /// The contacts of partners since a run last used them.
    pub(in crate::probe) fn strangers(&self) -> Partners {
        self.0.partners().since(self.0.used)
    }

    /// From now on they are asked for. What reaches them after a run that breaks off here is held against nobody.
    pub(in crate::probe) fn using(&mut self) {
        self.0.used = Partners { images: u64::MAX, answers: u64::MAX };
    }

    /// What has reached the partners by now was asked for.
    pub(in crate::probe) fn used(&mut self) {
        self.0.used = self.0.partners();
    }
}

impl Deref for Visit<'_> {
    type Target = Places;
    fn deref(&self) -> &Places {
        &self.0
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.quiet.left = (self.0.arrivals(), Instant::now());
    }
}

/// How many requests each place has received so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Received {
    pub(in crate::probe) far: u64,
    pub(in crate::probe) down: u64,
    pub(in crate::probe) near: u64,
}

impl Places {
    /// # Errors
    /// `Internal` when no address can be had.
    pub(crate) async fn open() -> Result<Self> {
        let start = |script| Sandbox::start(([127, 0, 0, 1], 0).into(), script);
        let down = Script { fails: Some(503), ..Script::default() };
        let slow = Script { late: LATE, ..Script::default() };
        Ok(Self {
            far: start(Script::default()).await.map_err(Error::internal)?,
            down: start(down).await.map_err(Error::internal)?,
            near: start(Script::inspected()).await.map_err(Error::internal)?,
            slow: start(slow).await.map_err(Error::internal)?,
            images: start(Script::default()).await.map_err(Error::internal)?,
            answers: start(Script::default()).await.map_err(Error::internal)?,
            used: Partners::default(),
            quiet: Quiet { left: (0, Instant::now()), stray: 0, watched: Duration::ZERO },
        })
    }

    pub(crate) fn addresses(&self) -> Abroad {
        Abroad {
            far: self.far.base_url(),
            down: self.down.base_url(),
            near: self.near.base_url(),
            slow: self.slow.base_url(),
            images: self.images.base_url(),
            answers: self.answers.base_url(),
        }
    }

    pub(in crate::probe) fn received(&self) -> Received {
        let count = |twin: &Running| twin.inspector().counters().requests;
        Received { far: count(&self.far), down: count(&self.down), near: count(&self.near) }
    }

    /// All requests that any of the places has received.
    pub(in crate::probe) fn arrivals(&self) -> u64 {
        let all = [&self.far, &self.down, &self.near, &self.slow, &self.images, &self.answers];
        all.into_iter().map(|twin| twin.inspector().counters().requests).sum()
    }

    /// All contacts of those that are for one thing only.
    pub(in crate::probe) fn partners(&self) -> Partners {
        let count = |twin: &Running| {
            let counters = twin.inspector().counters();
            counters.requests + counters.connections
        };
        Partners { images: count(&self.images), answers: count(&self.answers) }
    }

    /// Where the near one is, for whoever comes without the platform.
    pub(in crate::probe) fn near_address(&self) -> String {
        self.near.base_url()
    }

    /// What has reached the near place since then, as it was received; the last few at most.
    pub(in crate::probe) fn arrived_near(&self, since: Received) -> Vec<Recorded> {
        let count = self.received().near.saturating_sub(since.near);
        let mut all = self.near.inspector().requests();
        let first = all.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        all.split_off(first)
    }
}
