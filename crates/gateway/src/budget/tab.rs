//! What one request may cost: set aside before it is sent, watched while it is answered, spent when it is settled.

use std::sync::Arc;

use domain::{Error, Payer, Timestamp};

use super::{
    book::Book,
    counter::{Hold, Place},
    price::Worst,
};

/// How often more is asked for when others of this server take it away meanwhile.
const ROUNDS: usize = 3;

/// Of one request, under all budgets that apply to it. Dropped unsettled, everything is given back.
pub(crate) struct Tab {
    book: Arc<Book>,
    payer: Payer,
    started: Timestamp,
    held: Option<Held>,
}

/// What is set aside for the attempt under way.
struct Held {
    hold: Hold,
    worst: Worst,
    /// Tokens of output that the provider is told of, and the client hears of.
    limit: Option<u64>,
    /// What the answer had cost when it was looked at last, and the largest step between two looks.
    seen: u64,
    step: u64,
}

impl Tab {
    pub(crate) const fn new(book: Arc<Book>, payer: Payer, started: Timestamp) -> Self {
        Self { book, payer, started, held: None }
    }

    /// When the request counts as started.
    pub(crate) const fn started(&self) -> Timestamp {
        self.started
    }

    /// Whether any budget applies.
    pub(crate) fn is_limited(&self) -> bool {
        !self.book.places(self.payer, self.started).is_empty()
    }

    /// Sets aside what an attempt may cost, in place of what was set aside for the last one. Without a budget nothing is,
    /// and it does not matter what it costs.
    ///
    /// # Errors
    /// The budget that has too little left.
    pub(crate) fn reserve(&mut self, worst: impl FnOnce() -> Option<Worst>) -> Result<(), Short> {
        self.held = None;
        let places = self.book.places(self.payer, self.started);
        if places.is_empty() {
            return Ok(());
        }
        let worst = worst().ok_or(Short::NoPrice)?;
        // Where servers count together, there may be more than what is left here.
        let least = if self.is_shared() { worst.full() } else { worst.least() };
        let hold = Hold::new(places, worst.full(), least).map_err(Short::Money)?;
        self.held = Some(Held::new(hold, worst));
        Ok(())
    }

    /// Whether servers count together, so that more may be had by asking.
    pub(crate) fn is_shared(&self) -> bool {
        self.book.shared().is_some()
    }

    /// The same as [`Tab::reserve`], after asking the other servers' counter for what is lacking.
    ///
    /// # Errors
    /// The budget that has too little left, or why nobody can say.
    pub(crate) async fn lease(
        &mut self,
        worst: impl FnOnce() -> Option<Worst>,
    ) -> Result<(), Short> {
        let (Some(shared), Some(worst)) = (self.book.shared(), worst()) else {
            return Err(Short::NoPrice);
        };
        let mut tries = 0..ROUNDS;
        loop {
            let places = self.book.places(self.payer, self.started);
            let mut away = None;
            for place in &places {
                away = away.or(shared.ask(&place.window, worst.full()).await.err());
            }
            match Hold::new(places, worst.full(), worst.least()) {
                Ok(hold) => {
                    self.held = Some(Held::new(hold, worst));
                    return Ok(());
                }
                Err(place) => match away {
                    Some(error) => return Err(Short::Away(error)),
                    None if tries.next().is_none() => return Err(Short::Money(place)),
                    // Another request of this server may have been faster.
                    None => {}
                },
            }
        }
    }

    /// Nano-units that are set aside; `None` without a budget.
    pub(crate) fn reserved(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.hold.amount())
    }

    /// What one attempt may cost; `None` without a budget.
    pub(crate) fn full(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.worst.full())
    }

    /// Sets so much aside in all.
    ///
    /// # Errors
    /// The budget that has too little left; nothing has changed then.
    pub(crate) fn keep(&mut self, amount: u64) -> Result<(), Place> {
        self.held.as_mut().map_or(Ok(()), |held| held.hold.grow(amount))
    }

    /// Tokens of output that the provider has to be told of.
    pub(crate) fn output_limit(&self) -> Option<u64> {
        self.held.as_ref()?.limit
    }

    pub(crate) const fn is_watched(&self) -> bool {
        self.held.is_some()
    }

    /// Whether an answer may go on that has cost so much by now, as far as anybody can tell.
    ///
    /// # Errors
    /// The budget that would be passed.
    pub(crate) fn goes_on(&mut self, cost: u64) -> Result<(), Place> {
        match &mut self.held {
            Some(held) => held.goes_on(cost),
            None => Ok(()),
        }
    }

    /// Writes the request down with `write` and counts what it cost; nothing when nobody knows.
    pub(crate) fn settle<T>(&mut self, cost: Option<u64>, write: impl FnOnce() -> T) -> T {
        let cost = cost.unwrap_or(0);
        let held = self.held.take();
        let (written, places) = self.book.undisturbed(|| (write(), self.count(held, cost)));
        self.book.tell(&places);
        written
    }

    /// Counts `cost` where it was set aside, and under budgets that were set since.
    fn count(&self, held: Option<Held>, cost: u64) -> Vec<Place> {
        let hold = held.map(|held| held.hold).unwrap_or_default();
        let mut others = self.book.places(self.payer, self.started);
        others.retain(|place| !hold.holds(&place.counter) && place.window.span.holds(self.started));
        others.iter().for_each(|place| place.window.add_spent(cost));
        let mut places = hold.settle(cost);
        places.append(&mut others);
        places
    }
}

/// Why nothing could be set aside.
pub(crate) enum Short {
    /// What it may cost is unknown.
    NoPrice,
    Money(Place),
    /// Servers count together, and what they count in cannot say what is left.
    Away(Error),
}

impl Held {
    fn new(hold: Hold, worst: Worst) -> Self {
        let limit = worst.limit(hold.amount());
        Self { hold, worst, limit, seen: 0, step: 0 }
    }

    fn goes_on(&mut self, cost: u64) -> Result<(), Place> {
        self.step = self.step.max(cost.saturating_sub(self.seen));
        self.seen = cost;
        if self.hold.amount() < self.worst.full() {
            // Too little was left for all of it: the next piece must fit too, as it is paid for once it is here.
            let more = cost.saturating_add(self.step);
            self.hold.foresee(more.saturating_add(self.step));
            return self.hold.grow(more);
        }
        // Counts of an answer under way are estimates. Only one that is twice as long as allowed is no longer a matter
        // of counting: then the provider does not keep to the limit.
        match self.hold.grow(cost) {
            Err(place) if cost > self.worst.full().saturating_add(self.worst.of_output()) => {
                Err(place)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{BudgetId, BudgetOf, Period, Price, Prices};
    use llm::Format;
    use store::Budget;

    use super::*;
    use crate::budget::counter::Counter;

    /// A request that may write a hundred tokens at 10 each, and nothing else.
    fn held(limit_nano: u64) -> (Held, Arc<Counter>) {
        let at = Timestamp::from_millis(0);
        let (id, of, period) = (BudgetId::new(at), BudgetOf::Organization, Period::Total);
        let counter =
            Arc::new(Counter::new(Budget { id, of, period, limit_nano, changed: at }, at, None));
        let base = Price { input: Some(0), output: Some(10), ..Price::default() };
        let head = br#"{"model":"m","messages":[],"max_tokens":100}"#;
        let head = llm::head(Format::OpenAiChat, head).unwrap();
        let prices = Prices { base, rules: Vec::new() };
        let worst = Worst::of(&prices, None, &head, (0, 0)).unwrap();
        let place = Place { window: counter.window(at), counter: Arc::clone(&counter) };
        let hold = Hold::new(vec![place], worst.full(), worst.least()).unwrap();
        (Held { hold, worst, limit: None, seen: 0, step: 0 }, counter)
    }

    #[test]
    fn an_answer_that_was_paid_for_whole_is_only_cut_when_it_is_twice_as_long() {
        let (mut held, _) = held(1_000);
        for cost in [500, 1_000, 1_400, 2_000] {
            assert!(held.goes_on(cost).is_ok(), "{cost}");
        }
        assert!(held.goes_on(2_001).is_err());
    }

    #[test]
    fn it_goes_on_for_as_long_as_there_is_money() {
        let (mut held, counter) = held(3_000);
        assert!(held.goes_on(2_900).is_ok());
        assert_eq!(held.hold.amount(), 2_900, "what it has cost is set aside");
        assert!(held.goes_on(3_100).is_err());
        counter.set_limit(5_000);
        assert!(held.goes_on(3_200).is_ok(), "a limit that is raised holds at once");
    }

    #[test]
    fn an_answer_for_which_too_little_was_left_is_cut_before_it_passes() {
        let (mut held, counter) = held(300);
        assert_eq!(held.hold.amount(), 300);
        assert!(held.goes_on(100).is_ok());
        assert!(held.goes_on(200).is_ok(), "the next piece of a hundred fits");
        assert!(held.goes_on(201).is_err(), "and now it would not");
        counter.set_limit(900);
        assert!(held.goes_on(250).is_ok());
        assert_eq!(held.hold.amount(), 350);
    }
}
