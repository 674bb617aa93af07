//! Delayed hedging: when a stream begins later than nearly all before it at that provider, the next candidate is asked
//! as well, and whoever begins first is heard. Only within an allowance, since both send a bill.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use llm::Prepared;
use tokio::time::{Instant, sleep};

use crate::{
    attempt::Won,
    failure::Failure,
    plan::Candidate,
    routes::Route,
    send::{Sending, Turn, Winner},
    settle::Side,
};

/// What a second request costs of the allowance; each stream adds a hundredth of it for each percent.
const ONE: i64 = 100;
/// Most that the allowance grows to, so that a quiet day does not end in a burst.
const MOST: i64 = 5 * ONE;
/// Sooner than this nobody is asked besides: the difference would not be felt.
const LEAST_WAIT: Duration = Duration::from_millis(25);

/// How many second requests may be made.
#[derive(Default)]
pub(crate) struct Allowance(AtomicI64);

impl Allowance {
    /// A stream was asked for.
    fn grow(&self, percent: u32) {
        let add = i64::from(percent.min(100));
        if self.0.fetch_add(add, Ordering::Relaxed) + add > MOST {
            self.0.fetch_min(MOST, Ordering::Relaxed);
        }
    }

    /// Whether one more may be made.
    fn take(&self) -> bool {
        let one = |held: i64| (held >= ONE).then(|| held - ONE);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one).is_ok()
    }
}

/// What came of one of two attempts, and after how long; no result when the other was faster.
struct Ran {
    result: Option<Result<Won, Failure>>,
    took: Duration,
}

impl Ran {
    fn won(&self) -> bool {
        matches!(self.result, Some(Ok(_)))
    }
}

impl Sending<'_> {
    /// How long the candidate is waited for before another is asked besides; `None` when nobody will be.
    pub(crate) fn hedge_after(&self, turn: &Turn, turns: &VecDeque<Turn>) -> Option<Duration> {
        let percent = self.gateway.config.hedge_percent;
        // What two requests cost at most is not worked out, so under a budget there is only one.
        let head = self.attempts.head;
        // A session that begins costs next to nothing to wait for.
        let waits = head.stream && head.task != Some(llm::Task::Realtime);
        if percent == 0 || !waits || self.settler.tab.is_limited() {
            return None;
        }
        self.gateway.hedges.grow(percent);
        let candidate = &turn.candidate;
        turns.iter().find(|other| !other.is_again() && other.is_elsewhere(candidate))?;
        let seen = candidate.route.observations.find(&candidate.model)?;
        Some(Duration::from_millis(seen.usual_wait(self.gateway.steady_ms())?).max(LEAST_WAIT))
    }

    /// One attempt, and another one besides when the first piece is not here `after` this time.
    ///
    /// # Errors
    /// As one attempt; when both fail, the failure of the first.
    pub(crate) async fn hedged(
        &mut self,
        first: &Candidate,
        request: (&Prepared, &Prepared),
        after: Duration,
        turns: &mut VecDeque<Turn>,
    ) -> Result<Winner, Failure> {
        let (prepared, limited) = request;
        self.attempting(first).map_err(|failure| *failure)?;
        let attempts = self.attempts.clone();
        let began = Instant::now();
        let rival;
        let (one, two) = {
            let mut one = pin!(attempts.attempt(first, limited));
            let early = tokio::select! {
                biased;
                result = &mut one => Some(result),
                () = sleep(after) => None,
            };
            rival = if early.is_none() { self.rival(first, turns) } else { None };
            let Some((second, asked, _)) = &rival else {
                let result = match early {
                    Some(result) => result,
                    None => one.await,
                };
                self.noted(first, began.elapsed(), &result);
                return result.map(|won| Winner::new(won, first, prepared));
            };
            let second_began = Instant::now();
            let mut two = pin!(attempts.attempt(second, asked));
            let (mut of_one, mut of_two) = (None, None);
            while of_one.is_none() || of_two.is_none() {
                let won = tokio::select! {
                    biased;
                    result = &mut one, if of_one.is_none() => of_one.insert(result).is_ok(),
                    result = &mut two, if of_two.is_none() => of_two.insert(result).is_ok(),
                };
                if won {
                    break;
                }
            }
            let one = Ran { result: of_one, took: began.elapsed() };
            (one, Ran { result: of_two, took: second_began.elapsed() })
            // Whoever lost is broken off here.
        };
        match rival {
            Some(rival) => {
                self.decide((first, prepared, one), rival, two).map_err(|failure| *failure)
            }
            None => Err(self.attempts.late()),
        }
    }

    /// The next candidate at another provider, with a record of its own on file.
    fn rival(
        &mut self,
        first: &Candidate,
        turns: &mut VecDeque<Turn>,
    ) -> Option<(Candidate, Prepared, Side)> {
        if self.made >= self.gateway.config.attempts || !self.gateway.hedges.take() {
            return None;
        }
        let next = |turn: &Turn| !turn.is_again() && turn.is_elsewhere(first);
        let at = turns.iter().position(next)?;
        let candidate = turns.remove(at)?.candidate;
        let prepared = self.prepare(&candidate).ok()?;
        let side = self.settler.beside(&candidate).ok()?;
        self.made += 1;
        candidate.route.meters.hedged();
        Some((candidate, prepared, side))
    }

    fn decide(
        &mut self,
        (first, prepared, one): (&Candidate, &Prepared, Ran),
        (second, asked, mut side): (Candidate, Prepared, Side),
        two: Ran,
    ) -> Result<Winner, Box<Failure>> {
        let second_won = two.won() && !one.won();
        self.told(first, &one);
        // The request's own record is that of the answer; the other one's stands beside it.
        if second_won {
            side.exchange(first)?;
            self.attempting(&second)?;
        }
        self.told(&second, &two);
        let (loser, winner) = if second_won { (one, two) } else { (two, one) };
        match loser.result {
            Some(Err(failure)) => side.failed(&failure),
            Some(Ok(_)) | None => side.lost(),
        }
        let by = if second_won { (&second, &asked) } else { (first, prepared) };
        match winner.result {
            Some(result) => result.map(|won| Winner::new(won, by.0, by.1)).map_err(Box::new),
            None => Err(Box::new(self.attempts.late())),
        }
    }

    fn told(&mut self, candidate: &Candidate, ran: &Ran) {
        match &ran.result {
            Some(result) => self.noted(candidate, ran.took, result),
            None => self.outrun(candidate, ran.took),
        }
    }

    /// It was not faulty, only slower than the other.
    fn outrun(&mut self, candidate: &Candidate, took: Duration) {
        self.settler.asked(candidate, ("outrun", None), took);
        let route: &Arc<Route> = &candidate.route;
        if let Some(observed) = route.observations.of(&candidate.model) {
            observed.waited(took, self.gateway.steady_ms());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowance_is_a_share_of_what_is_asked() {
        let allowance = Allowance::default();
        assert!(!allowance.take(), "nothing was asked yet");
        let made = (0..1_000)
            .filter(|_| {
                allowance.grow(5);
                allowance.take()
            })
            .count();
        assert_eq!(made, 50);
        for _ in 0..1_000 {
            allowance.grow(5);
        }
        let burst = (0..100).filter(|_| allowance.take()).count();
        assert_eq!(burst, 5, "a quiet time ends in no burst");
    }
}
