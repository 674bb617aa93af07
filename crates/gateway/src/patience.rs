//! Deadlines of an answer on its way: the next piece, the whole, the end of the process.

use std::{pin::Pin, task::Context, time::Duration};

use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{Inner, failure::Failure};

/// How long an answer is waited for.
pub(crate) struct Patience {
    stall: Duration,
    total_by: Instant,
    last: Instant,
    /// Fires no later than the next deadline; moved only when it fires.
    timer: Pin<Box<Sleep>>,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Inner {
    /// For an answer that must be whole by then.
    pub(crate) fn patience(&self, total_by: Instant) -> Patience {
        Patience::new(self.config.stall(), total_by, self.stop.clone())
    }
}

impl Patience {
    fn new(stall: Duration, total_by: Instant, stop: CancellationToken) -> Self {
        let last = Instant::now();
        Self {
            stall,
            total_by,
            last,
            timer: Box::pin(sleep_until((last + stall).min(total_by))),
            stopped: Box::pin(stop.cancelled_owned()),
        }
    }

    /// Which deadline has passed, if any.
    pub(crate) fn overdue(&mut self, cx: &mut Context<'_>) -> Option<Failure> {
        if self.stopped.as_mut().poll(cx).is_ready() {
            return Some(Failure::shutting_down());
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let stalled = self.last + self.stall;
            if now >= self.total_by {
                return Some(Failure::total());
            }
            if now >= stalled {
                return Some(Failure::stalled());
            }
            self.timer.as_mut().reset(stalled.min(self.total_by));
        }
        None
    }

    /// A piece has come. A provider that never pauses must not outlive the deadline either.
    pub(crate) fn came(&mut self) -> Option<Failure> {
        self.last = Instant::now();
        (self.last >= self.total_by).then(Failure::total)
    }
}
