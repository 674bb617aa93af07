//! No single provider sees more than a share of what one person says, where the organization wants that.
//!
//! A person is who the client says the request is for, or else the key. What counts are conversations that began
//! lately; each stays with the providers that saw it, since one that moves shows itself twice. The counts are in memory
//! and written down a second later, so that they outlive a restart.

mod person;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::hmac;
use domain::{Exposure, KeyId, OrgId, ProviderId, Result, Timestamp};
use llm::Head;
use parking_lot::{Mutex, RwLock};
use store::{Exposed as Row, OrgRouting, PersonTag, Scope, Store};
use tokio_util::task::TaskTracker;

use crate::{
    Call, Gateway, Inner,
    failure::{Again, Failure},
    plan::Candidate,
    rank::conversation,
};
use person::{Person, oldest};

const HOUR_MS: i64 = 3_600_000;
/// How long a count stays in memory only.
const WRITE_AFTER: Duration = Duration::from_secs(1);
/// Most people of one organization that are told apart: others count as one, so that names made up by a client neither
/// fill the memory nor escape the share.
const MOST_PEOPLE: usize = 50_000;
/// The code of a request that nobody may see.
const REACHED: &str = "exposure_limit";

/// What is known of the people of all organizations that limit exposure.
#[derive(Default)]
pub(crate) struct Exposures(RwLock<HashMap<OrgId, Arc<Crowd>>>);

/// The people of one organization.
struct Crowd {
    org: OrgId,
    store: Store,
    tasks: TaskTracker,
    /// Held while what was counted before is read.
    begun: tokio::sync::Mutex<bool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    people: HashMap<PersonTag, Person>,
    changed: HashSet<PersonTag>,
    /// Somebody is about to write.
    writing: bool,
}

/// How much of its people one organization's providers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExposureState {
    pub limit: Exposure,
    /// People with so many conversations that the share holds for them.
    pub people: usize,
    /// The largest share that one provider saw of each of them, in percent, rounded up: of the middle one, of the one
    /// that 95 of a hundred do not exceed, and of the last.
    pub median: u64,
    pub p95: u64,
    pub most: u64,
}

/// One request of one person.
#[derive(Clone)]
pub(crate) struct Exposed {
    crowd: Arc<Crowd>,
    limit: Exposure,
    person: PersonTag,
    thread: u64,
}

const fn hour(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(HOUR_MS)
}

impl Exposures {
    async fn of(&self, house: &Inner, scope: &Scope, limit: Exposure) -> Result<Arc<Crowd>> {
        let org = scope.org();
        let known = self.0.read().get(&org).cloned();
        let crowd = known.unwrap_or_else(|| {
            let new = || {
                let (begun, state) = (tokio::sync::Mutex::default(), Mutex::default());
                let (store, tasks) = (house.store.clone(), house.tasks.clone());
                Arc::new(Crowd { org, store, tasks, begun, state })
            };
            Arc::clone(self.0.write().entry(org).or_insert_with(new))
        });
        Box::pin(crowd.begin(scope, limit)).await?;
        Ok(crowd)
    }
}

impl Crowd {
    /// Reads what was counted before, once.
    async fn begin(&self, scope: &Scope, limit: Exposure) -> Result<()> {
        let mut begun = self.begun.lock().await;
        if !*begun {
            let longest = Exposure { days: Exposure::LONGEST, ..limit };
            let since = oldest(hour(self.store.clock().now()), longest);
            let rows = self.store.exposure_since(scope, since).await?;
            let mut state = self.state.lock();
            for Row { person, hour, provider, conversations } in rows {
                state.people.entry(person).or_default().recall(hour, provider, conversations);
            }
            *begun = true;
        }
        Ok(())
    }

    /// Whether the provider may see it; whoever changes something first sees to it that it is written down.
    fn show(self: &Arc<Self>, exposed: &Exposed, provider: ProviderId) -> bool {
        let now = hour(self.store.clock().now());
        let mut state = self.state.lock();
        let person = state.person(exposed.person, (now, exposed.limit));
        let Some(known) = state.people.get_mut(&person) else { return false };
        let before = known.latest().cloned();
        let shown = known.show(exposed.thread, provider, exposed.limit, now);
        if known.latest() != before.as_ref() {
            state.changed.insert(person);
            if !std::mem::replace(&mut state.writing, true) {
                self.tasks.spawn(Arc::clone(self).write());
            }
        }
        shown
    }

    async fn write(self: Arc<Self>) {
        tokio::time::sleep(WRITE_AFTER).await;
        let rows = {
            let mut state = self.state.lock();
            state.writing = false;
            state.rows()
        };
        let longest = i64::from(Exposure::LONGEST) * 24;
        let oldest = hour(self.store.clock().now()) - longest;
        if let Err(error) = self.store.exposure_keep(self.org, &rows, oldest).await {
            tracing::warn!(code = error.code(), causes = %error.causes(), "exposure not written down");
            let mut state = self.state.lock();
            state.changed.extend(rows.into_iter().map(|row| row.person));
        }
    }
}

impl State {
    /// Whom the request counts for: once too many are known, somebody who stands for all others.
    fn person(&mut self, tag: PersonTag, (now, limit): (i64, Exposure)) -> PersonTag {
        if !self.people.contains_key(&tag) && self.people.len() >= MOST_PEOPLE {
            self.people.retain(|_, person| !person.is_forgotten(now, limit));
        }
        let full = self.people.len() >= MOST_PEOPLE && !self.people.contains_key(&tag);
        let tag = if full { PersonTag::default() } else { tag };
        self.people.entry(tag).or_default();
        tag
    }

    /// The hour at hand of everybody whose counts changed.
    fn rows(&mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        for person in std::mem::take(&mut self.changed) {
            let Some(latest) = self.people.get(&person).and_then(Person::latest) else { continue };
            let hour = latest.number;
            rows.push(Row { person, hour, provider: None, conversations: latest.begun });
            rows.extend(latest.seen.iter().map(|(provider, seen)| Row {
                person,
                hour,
                provider: Some(*provider),
                conversations: *seen,
            }));
        }
        rows
    }
}

impl Exposed {
    /// The providers that saw this conversation before.
    pub(crate) fn home(&self) -> Vec<ProviderId> {
        let state = self.crowd.state.lock();
        state
            .people
            .get(&self.person)
            .map(|person| person.home(self.thread).to_vec())
            .unwrap_or_default()
    }

    /// Lets the candidate see the conversation.
    ///
    /// # Errors
    /// What the client hears when nobody else may see it either.
    pub(crate) fn show(&self, candidate: &Candidate) -> std::result::Result<(), Box<Failure>> {
        if self.crowd.show(self, candidate.route.provider) {
            return Ok(());
        }
        let Exposure { percent, days } = self.limit;
        let message = format!(
            "No provider that may be asked is allowed to see this conversation: your organization lets none see more \
             than {percent} % of what one person says in {days} days. Register another provider of this model, or \
             raise the share under Rules.",
        );
        let refusal = llm::Refusal::new(403, REACHED, message);
        let again = Again::Elsewhere;
        Err(Box::new(Failure { code: REACHED, again, ..Failure::refusing(refusal) }))
    }
}

impl Inner {
    /// Whom the request is for, where the organization limits what a provider sees of anybody.
    pub(crate) async fn exposed(
        &self,
        call: &Call<'_>,
        key: KeyId,
        (head, routing): (&Head, &OrgRouting),
    ) -> Result<Option<Exposed>> {
        let Some(limit) = routing.rules.exposure else { return Ok(None) };
        let crowd = self.exposures.of(self, &call.scope, limit).await?;
        let mut says = hmac::Context::with_key(&hmac::Key::new(
            hmac::HMAC_SHA256,
            routing.person_key.expose(),
        ));
        match llm::person(head, &call.body) {
            Some(person) => {
                says.update(b"person");
                says.update(person.as_bytes());
            }
            None => {
                says.update(b"key");
                says.update(key.uuid().as_bytes());
            }
        }
        let mut person = PersonTag::default();
        for (to, from) in person.iter_mut().zip(says.sign().as_ref()) {
            *to = *from;
        }
        let thread = match head.task {
            None => conversation(&self.random, call.scope.org(), (call.inbound, head, &call.body)),
            // Each stands for itself.
            Some(_) => self.draw(),
        };
        Ok(Some(Exposed { crowd, limit, person, thread }))
    }
}

impl Gateway {
    /// How much providers see of the people of the scope's organization; `None` where it does not limit that.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot say what was counted before.
    pub async fn exposure(&self, scope: &Scope) -> Result<Option<ExposureState>> {
        let Some(limit) = self.0.store.routing(scope).await?.rules.exposure else {
            return Ok(None);
        };
        let crowd = self.0.exposures.of(&self.0, scope, limit).await?;
        let now = hour(self.0.clock.now());
        let state = crowd.state.lock();
        let shares = state.people.values().map(|person| person.largest(now, limit));
        let counted = shares.filter(|(begun, _)| *begun >= Exposure::FEWEST);
        let mut shares: Vec<u64> =
            counted.map(|(begun, seen)| (seen * 100).div_ceil(begun)).collect();
        shares.sort_unstable();
        let at = |percent: usize| {
            let place = (shares.len() * percent).div_ceil(100).saturating_sub(1);
            shares.get(place).copied().unwrap_or_default()
        };
        Ok(Some(ExposureState {
            limit,
            people: shares.len(),
            median: at(50),
            p95: at(95),
            most: at(100),
        }))
    }
}
