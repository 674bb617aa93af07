//! Several servers count together: each spends up to a ceiling that all agreed on, so that only raising it takes a
//! round trip.
//!
//! Invariants: what all servers have spent and may still spend never passes the limit, but by what an answer cost beyond
//! what was set aside for it; a server that is gone holds what it held until it is back and its records are complete;
//! what nobody can say is not spent. See `docs/adr/0009-several-servers-count-together.md`.

mod engine;
mod link;
mod redis;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{Clock, Error, Result, Timestamp};
use egress::Egress;
use parking_lot::Mutex;
use store::{Claim, CounterOf, Share, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::counter::{Place, Window};
use crate::{Counters, Gateway, limit::Part};

pub use engine::check;
pub(crate) use link::Link;

use engine::{Answer, Engine};
use link::Said;
use redis::State;

/// How often this server says what it has spent, gives back what it does not use, and looks whether it is still known.
const EVERY: Duration = Duration::from_secs(1);
/// How often the list of servers hears of it, in looks.
const SEEN: u64 = 5;
/// How often a claim is repeated that others, or a counter that began anew, overtook.
const TRIES: usize = 8;

/// What the servers count in together, and this server's part in it.
pub(crate) struct Shared {
    engine: Engine,
    store: Store,
    clock: Clock,
    /// The number of the last claim.
    sequence: AtomicU64,
    /// The counter's time less this server's, in milliseconds.
    ahead: AtomicI64,
    /// Every period in which something may be spent or has to be told.
    windows: Mutex<Vec<Arc<Window>>>,
    entered: AtomicBool,
    entering: tokio::sync::Mutex<()>,
    joining: tokio::sync::Mutex<()>,
    stirred: Notify,
    /// Which of the running servers this is.
    part: Mutex<Part>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// How a claim ended.
enum Outcome {
    Done,
    /// The counters begin anew; so many servers have not said yet what they hold.
    Closed(u64),
    /// The counters are gone, or do not know this server.
    Lost,
}

impl Shared {
    /// `None` where one server counts in its memory.
    pub(crate) fn of(counters: &Counters, (store, egress): (&Store, &Egress)) -> Option<Arc<Self>> {
        let engine = Engine::of(counters, store, egress)?;
        let clock = store.clock().clone();
        // Above every number of the last run, unless the clock was set back: then the counter says so.
        let sequence = u64::try_from(clock.now().as_millis()).unwrap_or(0) << 10;
        Some(Arc::new(Self {
            engine,
            store: store.clone(),
            clock,
            sequence: AtomicU64::new(sequence),
            ahead: AtomicI64::new(0),
            windows: Mutex::default(),
            entered: AtomicBool::new(false),
            entering: tokio::sync::Mutex::default(),
            joining: tokio::sync::Mutex::default(),
            stirred: Notify::new(),
            part: Mutex::default(),
        }))
    }

    /// The counter's time, as far as it is known.
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = self.ahead.load(Ordering::Relaxed);
        Timestamp::from_millis(self.clock.now().as_millis().saturating_add(ahead))
    }

    /// Which of the running servers this is, as far as is known.
    pub(crate) fn part(&self) -> Part {
        *self.part.lock()
    }

    /// Says that this server runs, and hears which others do.
    async fn seen(&self) -> Result<()> {
        let (number, servers) = self.store.node_seen().await?;
        let part = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        *self.part.lock() = Part { number: part(number), servers: part(servers) };
        Ok(())
    }

    fn heard(&self, at: Timestamp) {
        let ahead = at.as_millis().saturating_sub(self.clock.now().as_millis());
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    /// Makes this server one of those that count together; once.
    ///
    /// # Errors
    /// `Unavailable` when the counter or the database cannot be reached: nothing may be spent then.
    pub(crate) async fn enter(&self) -> Result<()> {
        if self.entered.load(Ordering::Acquire) {
            return Ok(());
        }
        let _one = self.entering.lock().await;
        if self.entered.load(Ordering::Acquire) {
            return Ok(());
        }
        self.store.node_enter().await.map_err(engine::away)?;
        self.seen().await.map_err(engine::away)?;
        // What the last run left in the journal is on record before anybody counts on the records.
        self.store.settle_batch().await.map_err(engine::away)?;
        match &self.engine {
            Engine::Store(store) => {
                self.heard(store.time().await.map_err(engine::away)?);
                for of in store.counters_held(store.node()).await.map_err(engine::away)? {
                    self.restate(&of).await?;
                }
            }
            Engine::Redis(_) => self.rejoin(true).await?,
            Engine::Unusable(why) => return Err(engine::unusable(why)),
        }
        self.entered.store(true, Ordering::Release);
        Ok(())
    }

    /// From here on the window is kept up to date.
    pub(crate) fn watch(&self, window: &Arc<Window>) {
        let Some(link) = &window.link else { return };
        if !link.watched.swap(true, Ordering::AcqRel) {
            self.windows.lock().push(Arc::clone(window));
        }
    }

    /// Tells the others what this server has spent before, and hears what they have.
    ///
    /// # Errors
    /// `Unavailable` when the counter cannot be reached.
    pub(crate) async fn join(&self, window: &Window) -> Result<()> {
        self.claim(window, (0, 0)).await
    }

    /// Gets a block of `need` more where too little is left here; less when the others hold the rest.
    ///
    /// # Errors
    /// `Unavailable` when the counter cannot be reached, or begins anew.
    pub(crate) async fn ask(&self, window: &Window, need: u64) -> Result<()> {
        let Some(link) = &window.link else { return Ok(()) };
        if window.left(link.limit()) >= need {
            return Ok(());
        }
        if !link.watched.load(Ordering::Acquire) {
            return Err(engine::away("the counter is not ready yet"));
        }
        self.claim(window, (u64::MAX, need)).await
    }

    /// Lets more be asked for beside the request.
    pub(crate) fn stir(&self, link: &Link, need: u64) {
        link.wants.fetch_max(need, Ordering::AcqRel);
        self.stirred.notify_one();
    }

    /// Hears what the others have spent, as far as they can be heard.
    pub(crate) async fn look(&self, places: &[Place]) {
        for place in places {
            if let Err(error) = self.claim(&place.window, (u64::MAX, 0)).await {
                tracing::debug!(code = error.code(), "what others have spent is not known");
                return;
            }
        }
    }

    async fn claim(&self, window: &Window, (keep, need): (u64, u64)) -> Result<()> {
        let Some(link) = &window.link else { return Ok(()) };
        for _ in 0..TRIES {
            let mut said = link.said.lock().await;
            let lack = need.saturating_sub(window.left(link.limit()));
            if need > 0 && lack == 0 {
                return Ok(());
            }
            match self.say(window, (link, &mut said), (keep, lack)).await? {
                Outcome::Done => return Ok(()),
                Outcome::Closed(_) if need == 0 => return Ok(()),
                Outcome::Closed(missing) => return Err(engine::begins_anew(missing)),
                Outcome::Lost => {}
            }
            drop(said);
            self.rejoin(false).await?;
        }
        Err(engine::away("the counters do not stay"))
    }

    /// Says what is spent here and insisted on. From the first word on no more than that is spent, until the answer.
    async fn say(
        &self,
        window: &Window,
        (link, said): (&Link, &mut Said),
        (keep, need): (u64, u64),
    ) -> Result<Outcome> {
        let mut base = None;
        for _ in 0..TRIES {
            let (spent, ceiling) = window.insist(keep);
            let sequence = self.next();
            let claim = Claim { sequence, limit: link.limit(), spent, ceiling, need };
            match self.engine.claim(&link.of, &claim, base.as_deref()).await? {
                Answer::Share(share, missing) => {
                    said.limit = claim.limit;
                    self.agree(window, said, (spent, &share));
                    return Ok(missing.map_or(Outcome::Done, Outcome::Closed));
                }
                Answer::Unknown => {
                    let spent = self.store.spent_by_node(&link.of).await;
                    base = Some(spent.map_err(engine::away)?);
                }
                Answer::Stale(before) => drop(self.sequence.fetch_max(before, Ordering::AcqRel)),
                Answer::Lost => return Ok(Outcome::Lost),
                Answer::Gone => {
                    (said.told, said.limit) = ((spent, spent), claim.limit);
                    return Ok(Outcome::Done);
                }
            }
        }
        Err(engine::away("the counter does not stay"))
    }

    fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::AcqRel).saturating_add(1)
    }

    fn agree(&self, window: &Window, said: &mut Said, (spent, share): (u64, &Share)) {
        self.heard(share.at);
        window.agree(share);
        said.told = (spent, share.ceiling);
        said.scarce = share.scarce;
    }

    /// Makes this server known to counters that began anew: everything that it holds is said before anybody gets more.
    async fn rejoin(&self, first: bool) -> Result<()> {
        let Engine::Redis(redis) = &self.engine else { return Ok(()) };
        let _one = self.joining.lock().await;
        match redis.state().await? {
            (State::Joined, _) if !first => return Ok(()),
            (State::Lost, _) => {
                let nodes = self.store.nodes().await.map_err(engine::away)?;
                let nodes: Vec<_> = nodes.iter().map(|node| node.id).collect();
                redis.found(&nodes).await?;
                tracing::warn!(servers = nodes.len(), "budgets are counted anew from the records");
            }
            _ => {}
        }
        let windows = self.windows.lock().clone();
        for window in &windows {
            let Some(link) = &window.link else { continue };
            let mut said = link.said.lock().await;
            self.say(window, (link, &mut said), (0, 0)).await?;
        }
        // Of what the last run held nothing is set aside any more: what the records say is all.
        if first {
            for of in redis.all().await? {
                self.restate(&of).await?;
            }
        }
        redis.join().await?;
        let (_, at) = redis.state().await?;
        self.heard(at);
        Ok(())
    }

    /// Says of a counter that this server holds nothing of it but what it has spent by the records.
    async fn restate(&self, of: &CounterOf) -> Result<()> {
        let all = self.store.spent_by_node(of).await.map_err(engine::away)?;
        let mine = all.iter().find(|(node, _)| *node == self.store.node());
        let spent = mine.map_or(0, |(_, nano)| *nano);
        for _ in 0..TRIES {
            let sequence = self.next();
            let claim = Claim { sequence, limit: 0, spent, ceiling: spent, need: 0 };
            match self.engine.claim(of, &claim, Some(&all)).await? {
                Answer::Stale(before) => drop(self.sequence.fetch_max(before, Ordering::AcqRel)),
                _ => break,
            }
        }
        Ok(())
    }

    /// Says what changed, gives back what is not used, and gets what was asked for.
    ///
    /// # Errors
    /// The first error: the rest waits for the next time.
    pub(crate) async fn tick(&self) -> Result<()> {
        self.enter().await?;
        if let Engine::Redis(redis) = &self.engine {
            let (state, at) = redis.state().await?;
            self.heard(at);
            if state != State::Joined {
                self.rejoin(false).await?;
            }
        }
        let windows = self.windows.lock().clone();
        for window in &windows {
            let Some(link) = &window.link else { continue };
            let ended = window.span.until.is_some_and(|until| until <= self.now());
            let keep = link.said.lock().await.keep(window, ended);
            if let Some(keep) = keep {
                self.claim(window, (keep, 0)).await?;
            }
        }
        drop(windows);
        // Nobody counts in these any more, and the others know all of it.
        self.windows.lock().retain(|window| Arc::strong_count(window) > 1 || !window.is_told());
        Ok(())
    }

    async fn look_after(&self, looks: u64) -> Result<()> {
        self.tick().await?;
        if looks.is_multiple_of(SEEN) { self.seen().await } else { Ok(()) }
    }

    /// Gets what is wanted beside the requests.
    async fn get_wanted(&self) -> Result<()> {
        let windows = self.windows.lock().clone();
        for window in &windows {
            let wants = window.link.as_ref().map_or(0, |link| link.wants.swap(0, Ordering::AcqRel));
            if wants > 0 {
                self.claim(window, (u64::MAX, wants)).await?;
            }
        }
        Ok(())
    }

    /// Gives back everything, for a server that ends. Call it when every request is on record.
    ///
    /// # Errors
    /// `Unavailable` when the counter cannot be reached: then this server holds what it held until it is back.
    async fn leave(&self) -> Result<()> {
        let left = self.give_back().await;
        if let Engine::Redis(redis) = &self.engine {
            redis.close().await;
        }
        left
    }

    async fn give_back(&self) -> Result<()> {
        if !self.entered.load(Ordering::Acquire) {
            return Ok(());
        }
        let windows = self.windows.lock().clone();
        let mut held = false;
        for window in &windows {
            self.claim(window, (0, 0)).await?;
            held |= window.sums().reserved > 0;
        }
        if held { Ok(()) } else { self.store.node_leave(self.store.node()).await }
    }

    async fn forget(&self, node: uuid::Uuid) -> Result<()> {
        self.enter().await?;
        self.store.node_leave(node).await?;
        match &self.engine {
            Engine::Store(store) => store.counters_free(node).await.map(drop),
            // The others begin anew without it.
            Engine::Redis(redis) => redis.lose().await,
            Engine::Unusable(_) => Ok(()),
        }
    }
}

impl Gateway {
    /// Keeps this server's part up to date where servers count together, until `stop` is cancelled.
    pub fn count_together(&self, stop: &CancellationToken) {
        let Some(shared) = self.0.budgets.shared.clone() else { return };
        let stop = stop.clone();
        self.0.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let (mut looks, mut failing) = (0_u64, false);
            loop {
                let done = tokio::select! {
                    () = stop.cancelled() => break,
                    _ = ticks.tick() => {
                        looks = looks.wrapping_add(1);
                        shared.look_after(looks).await
                    }
                    () = shared.stirred.notified() => shared.get_wanted().await,
                };
                if let Err(error) = &done {
                    let (code, causes) = (error.code(), error.causes());
                    match failing {
                        true => tracing::debug!(code, causes, "budgets are still not counted together"),
                        false => tracing::error!(
                            code,
                            causes,
                            "what budgets are counted in cannot be reached: what is left here is spent, and no more"
                        ),
                    }
                } else if failing {
                    tracing::info!("budgets are counted together again");
                }
                failing = done.is_err();
            }
        });
    }

    /// Gives back what this server could still have spent. Call it when every request is on record.
    ///
    /// # Errors
    /// `Unavailable` when the counter cannot be reached.
    pub async fn leave(&self) -> Result<()> {
        match &self.0.budgets.shared {
            Some(shared) => shared.leave().await,
            None => Ok(()),
        }
    }

    /// Takes a server off the list that will not come back, and frees what it held beyond what it recorded.
    ///
    /// # Errors
    /// `NotFound` when it is not on the list; `Unavailable` when the counter cannot be reached.
    pub async fn forget_server(&self, node: uuid::Uuid) -> Result<()> {
        match &self.0.budgets.shared {
            Some(shared) => shared.forget(node).await,
            None => Err(Error::not_found("server")),
        }
    }
}
