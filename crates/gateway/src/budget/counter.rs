//! Counting money against a limit: setting aside, giving back, spending. In memory of this process; where several
//! servers count together, each up to the ceiling that it was given of the limit (see [`super::shared`]).
//!
//! Invariants: what is set aside and what is spent never pass the limit together, but by what an answer cost beyond
//! what was set aside for it; several counters are charged all together or not at all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use domain::{OrgId, Span, Timestamp};
use parking_lot::{Mutex, RwLock};
use store::{Budget, CounterOf, Share};

use super::shared::{Link, Shared};

/// Shares of a budget, in percent, that are told when they are spent.
const SHARES: [u8; 3] = [50, 80, 100];

/// Amounts in nano-units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub spent: u64,
    /// Set aside for requests under way.
    pub reserved: u64,
    /// Where servers count together: what this one may come to.
    ceiling: Option<u64>,
    /// What the others have spent, and what they may spend besides.
    spent_elsewhere: u64,
    held_elsewhere: u64,
    /// The most that was set aside at once since somebody asked.
    peak: u64,
    /// The largest share that was told, in percent.
    told: u8,
}

impl Sums {
    /// What can be set aside here.
    fn left(self, limit: u64) -> u64 {
        let most = self.ceiling.map_or(limit, |ceiling| ceiling.min(limit));
        most.saturating_sub(self.used())
    }

    pub(crate) const fn used(self) -> u64 {
        self.spent.saturating_add(self.reserved)
    }

    /// What all servers have spent.
    pub(crate) const fn all_spent(self) -> u64 {
        self.spent.saturating_add(self.spent_elsewhere)
    }

    /// What is set aside here, and what other servers hold.
    pub(crate) const fn all_reserved(self) -> u64 {
        self.reserved.saturating_add(self.held_elsewhere)
    }

    /// What nobody has spent or holds.
    pub(crate) const fn free(self, limit: u64) -> u64 {
        limit.saturating_sub(self.all_spent().saturating_add(self.all_reserved()))
    }
}

/// One day or month of a budget. Its lock is held for a few additions only.
#[derive(Debug)]
pub(crate) struct Window {
    pub span: Span,
    sums: Mutex<Sums>,
    /// Where servers count together: what to ask the others' counter with.
    pub link: Option<Link>,
}

impl Window {
    pub(crate) fn new(span: Span, spent: u64) -> Self {
        Self { span, sums: Mutex::new(Sums { spent, ..Sums::default() }), link: None }
    }

    /// One of which nothing may be spent before the others agreed.
    fn linked(span: Span, link: Link) -> Self {
        let sums = Sums { ceiling: Some(0), ..Sums::default() };
        Self { span, sums: Mutex::new(sums), link: Some(link) }
    }

    /// Lowers the ceiling to what is used here and `keep` beyond it: from now on no more is spent. Says what is spent,
    /// and the ceiling.
    pub(crate) fn insist(&self, keep: u64) -> (u64, u64) {
        let mut sums = self.sums.lock();
        let (used, before) = (sums.used(), sums.ceiling.unwrap_or(0));
        let ceiling = before.min(used.saturating_add(keep)).max(used);
        sums.ceiling = Some(ceiling);
        (sums.spent, ceiling)
    }

    /// Takes what was agreed with the others.
    pub(crate) fn agree(&self, share: &Share) {
        let mut sums = self.sums.lock();
        sums.ceiling = Some(share.ceiling);
        sums.spent_elsewhere = share.spent_elsewhere;
        sums.held_elsewhere = share.held_elsewhere;
    }

    /// The most that was set aside at once since the last time.
    pub(crate) fn take_peak(&self) -> u64 {
        let mut sums = self.sums.lock();
        let reserved = sums.reserved;
        std::mem::replace(&mut sums.peak, reserved)
    }

    pub(crate) fn left(&self, limit: u64) -> u64 {
        self.sums.lock().left(limit)
    }

    /// Sets `amount` aside if it fits under `limit`.
    fn take(&self, amount: u64, limit: u64) -> bool {
        let mut sums = self.sums.lock();
        let fits = sums.left(limit) >= amount;
        if fits {
            sums.reserved = sums.reserved.saturating_add(amount);
            sums.peak = sums.peak.max(sums.reserved);
        }
        fits
    }

    fn give_back(&self, amount: u64) {
        let mut sums = self.sums.lock();
        sums.reserved = sums.reserved.saturating_sub(amount);
    }

    /// Spends `amount`, whether or not it fits, and gives back what was `held` for it.
    fn settle(&self, held: u64, amount: u64) {
        let mut sums = self.sums.lock();
        sums.spent = sums.spent.saturating_add(amount);
        sums.reserved = sums.reserved.saturating_sub(held);
    }

    /// Adds what was spent before this process counted.
    pub(crate) fn add_spent(&self, amount: u64) {
        self.settle(0, amount);
    }

    pub(crate) fn sums(&self) -> Sums {
        *self.sums.lock()
    }

    /// The largest share of `limit` that is spent, if it was not told before.
    pub(crate) fn reached(&self, limit: u64) -> Option<u8> {
        let mut sums = self.sums.lock();
        let spent = u128::from(sums.all_spent()) * 100;
        let is = |share: &&u8| spent >= u128::from(limit) * u128::from(**share);
        if limit == 0 {
            return None;
        }
        let share = SHARES.iter().rev().find(is).copied().filter(|share| *share > sums.told)?;
        sums.told = share;
        Some(share)
    }
}

/// One budget with the period it counts now.
#[derive(Debug)]
pub(crate) struct Counter {
    /// As it was when counting began; [`Counter::limit`] is the present one.
    pub budget: Budget,
    limit: Arc<AtomicU64>,
    /// Everything that was spent before is counted.
    ready: AtomicBool,
    now: RwLock<Arc<Window>>,
    /// Where servers count together.
    shared: Option<(OrgId, Arc<Shared>)>,
}

impl Counter {
    pub(crate) fn new(budget: Budget, at: Timestamp, shared: Option<(OrgId, Arc<Shared>)>) -> Self {
        let limit = Arc::new(AtomicU64::new(budget.limit_nano));
        let window = fresh(&budget, at, &limit, shared.as_ref().map(|(org, _)| *org));
        let now = RwLock::new(Arc::new(window));
        Self { limit, ready: AtomicBool::new(false), now, budget, shared }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Acquire)
    }

    pub(crate) fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Release);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(crate) fn make_ready(&self) {
        self.ready.store(true, Ordering::Release);
        if let Some((_, shared)) = &self.shared {
            shared.watch(&self.now.read());
        }
    }

    /// The period that `at` lies in: a new one begins with nothing spent, as nobody could have spent in it before. A
    /// moment before the present period, when the clock was set back, counts in the present one.
    pub(crate) fn window(&self, at: Timestamp) -> Arc<Window> {
        let over = |window: &Window| window.span.until.is_some_and(|until| at >= until);
        let now = Arc::clone(&self.now.read());
        if !over(&now) {
            return now;
        }
        let mut current = self.now.write();
        if over(&current) {
            let org = self.shared.as_ref().map(|(org, _)| *org);
            *current = Arc::new(fresh(&self.budget, at, &self.limit, org));
            if let Some((_, shared)) = self.shared.as_ref().filter(|_| self.is_ready()) {
                shared.watch(&current);
            }
        }
        Arc::clone(&current)
    }
}

/// The period of a budget that `at` lies in, with nothing spent. With `org`, servers count it together.
fn fresh(budget: &Budget, at: Timestamp, limit: &Arc<AtomicU64>, org: Option<OrgId>) -> Window {
    let span = budget.period.span(at);
    let Some(org) = org else { return Window::new(span, 0) };
    let (of, period, from) = (budget.of, budget.period, span.from);
    let of = CounterOf { org, budget: budget.id, of, period, from };
    Window::linked(span, Link::new(of, Arc::clone(limit)))
}

/// A counter with the period in which a request is counted.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub counter: Arc<Counter>,
    pub window: Arc<Window>,
}

impl Place {
    pub(crate) fn left(&self) -> u64 {
        self.window.left(self.counter.limit())
    }

    fn take(&self, amount: u64) -> bool {
        self.window.take(amount, self.counter.limit())
    }
}

/// Money set aside in every place at once; given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    places: Vec<Place>,
    amount: u64,
}

impl Hold {
    /// Sets `full` aside in all of `places`; where that does not fit, whatever is left, if it is at least `least`.
    ///
    /// # Errors
    /// The place that has the least left.
    pub(crate) fn new(places: Vec<Place>, full: u64, least: u64) -> Result<Self, Place> {
        let mut hold = Self { places, amount: 0 };
        let Err(mut refusing) = hold.add(full) else { return Ok(hold) };
        // Others set aside and give back at the same time: what was left a moment ago may not be any more.
        for _ in 0..16 {
            let Some((left, place)) = hold.tightest() else { break };
            if left < least {
                return Err(place.clone());
            }
            match hold.add(left.min(full)) {
                Ok(()) => return Ok(hold),
                Err(other) => refusing = other,
            }
        }
        Err(refusing)
    }

    fn tightest(&self) -> Option<(u64, &Place)> {
        let all = self.places.iter().map(|place| (place.left(), place));
        all.min_by_key(|(left, _)| *left)
    }

    /// Sets more aside, in all places or in none.
    fn add(&mut self, more: u64) -> Result<(), Place> {
        let refusing = self.places.iter().position(|place| !place.take(more));
        let Some((at, place)) = refusing.and_then(|at| Some((at, self.places.get(at)?))) else {
            self.amount = self.amount.saturating_add(more);
            return Ok(());
        };
        for taken in self.places.iter().take(at) {
            taken.window.give_back(more);
        }
        Err(place.clone())
    }

    /// Sets as much aside as to hold `amount`.
    ///
    /// # Errors
    /// A place that has too little left; nothing has changed then.
    pub(crate) fn grow(&mut self, amount: u64) -> Result<(), Place> {
        match amount.saturating_sub(self.amount) {
            0 => Ok(()),
            more => self.add(more),
        }
    }

    /// Lets the other servers' counter be asked beside the request, before what is held runs out.
    pub(crate) fn foresee(&self, amount: u64) {
        let lack = amount.saturating_sub(self.amount);
        for place in self.places.iter().filter(|place| lack > 0 && place.left() < lack) {
            if let (Some(link), Some((_, shared))) = (&place.window.link, &place.counter.shared) {
                shared.stir(link, lack);
            }
        }
    }

    pub(crate) const fn amount(&self) -> u64 {
        self.amount
    }

    pub(crate) fn holds(&self, counter: &Arc<Counter>) -> bool {
        self.places.iter().any(|place| Arc::ptr_eq(&place.counter, counter))
    }

    /// Ends it: what it came to is spent, and what was set aside given back.
    pub(crate) fn settle(mut self, actual: u64) -> Vec<Place> {
        let places = std::mem::take(&mut self.places);
        for place in &places {
            place.window.settle(self.amount, actual);
        }
        places
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        for place in &self.places {
            place.window.give_back(self.amount);
        }
    }
}

#[cfg(test)]
mod tests;
