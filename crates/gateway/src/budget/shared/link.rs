//! What joins a period of a budget to the counter of all servers.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use store::CounterOf;
use tokio::sync::Mutex;

use super::super::counter::Window;

/// Spending of so many looks is kept ahead.
const LOOKS: u64 = 4;

#[derive(Debug)]
pub(crate) struct Link {
    pub of: CounterOf,
    /// That of the budget, as it is now.
    limit: Arc<AtomicU64>,
    /// What was said last. Held while the counter is asked, so that answers come in the order of the questions.
    pub said: Mutex<Said>,
    /// What is to be asked for beside the requests.
    pub wants: AtomicU64,
    /// Everything that was spent before is said, and what changes will be.
    pub watched: AtomicBool,
}

/// What the others know of this server's part.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// What is spent, and the ceiling.
    pub told: (u64, u64),
    /// Somebody got too little.
    pub scarce: bool,
    /// The limit that it was said under.
    pub limit: u64,
    /// What was spent at the last look, and what was kept.
    spent: u64,
    kept: u64,
}

impl Link {
    pub(crate) fn new(of: CounterOf, limit: Arc<AtomicU64>) -> Self {
        Self {
            of,
            limit,
            said: Mutex::default(),
            wants: AtomicU64::new(0),
            watched: AtomicBool::new(false),
        }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Acquire)
    }
}

impl Said {
    /// How much to keep ahead of what is used, when there is anything to say: what was set aside at once lately, or the
    /// spending of some looks; less and less of it at rest, and nothing while it is scarce.
    pub(crate) fn keep(&mut self, window: &Window, ended: bool) -> Option<u64> {
        let (sums, peak) = (window.sums(), window.take_peak());
        let lately = sums.spent.saturating_sub(self.spent).saturating_mul(LOOKS);
        self.spent = sums.spent;
        let at_once = peak.saturating_sub(sums.reserved);
        self.kept = (self.kept / 2).max(lately).max(at_once);
        let keep = if self.scarce || ended { 0 } else { self.kept };
        let used = sums.used();
        let ceiling = self.told.1.min(used.saturating_add(keep)).max(used);
        let limit = window.link.as_ref().map_or(0, Link::limit);
        (limit != self.limit || self.told != (sums.spent, ceiling)).then_some(keep)
    }
}

impl Window {
    /// Whether nothing is set aside, and the others know what is spent and that nothing is kept.
    pub(crate) fn is_told(&self) -> bool {
        let sums = self.sums();
        let told = self.link.as_ref().and_then(|link| Some(link.said.try_lock().ok()?.told));
        sums.reserved == 0 && told.is_none_or(|told| told == (sums.spent, sums.spent))
    }
}
