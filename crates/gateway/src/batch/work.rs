//! Working batches through, one server at a time: what a start finds open goes on where it was.

use std::{sync::Arc, time::Duration};

use domain::{BatchState, Error, Kind, LineState, RequestId, Result};
use store::{BatchProblem, BatchRun};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{lines::Lines, send::line_id};
use crate::{Gateway, Inner};

/// Lines of one batch that are under way at once.
const ABREAST: usize = 8;
/// Lines that are given up in one transaction.
const AT_ONCE: usize = 500;
/// Before a batch is tried again that the store had no answer for.
const PAUSE: Duration = Duration::from_secs(10);

/// The server stops; the batch was cancelled.
type Signals<'a> = (&'a CancellationToken, &'a CancellationToken);

/// Why a batch does not go on.
#[derive(Debug)]
pub(super) enum Ended {
    /// The server stops; the next start goes on.
    Stopped,
    /// It is over already, such as cancelled.
    Over,
    Expired,
    /// Its key, or the key of its file, is gone.
    Gone(&'static str, String),
    /// What was checked reads otherwise now.
    Changed,
    /// The store cannot be written; the next start goes on.
    Broken(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::NotFound => Self::Gone(
                "input_file_gone",
                "The file of this batch was forgotten before it was done.".to_owned(),
            ),
            _ => Self::Broken(error),
        }
    }
}

impl Ended {
    pub(super) fn of_key(error: &Error) -> Self {
        Self::Gone(error.code(), error.message().to_owned())
    }
}

impl Gateway {
    /// Works on batches until `stop` is cancelled, beginning with those that were left open.
    pub fn work_on_batches(&self, stop: &CancellationToken) {
        let (sender, mut orders) = mpsc::unbounded_channel();
        if self.0.desk.orders.set(sender.clone()).is_err() {
            return;
        }
        let (gateway, stop) = (self.clone(), stop.clone());
        self.0.tasks.spawn(async move {
            match gateway.0.store.batches_open().await {
                // The other end is held here.
                Ok(open) => open.into_iter().for_each(|run| drop(sender.send(run))),
                Err(error) => {
                    tracing::error!(code = error.code(), causes = %error.causes(), "open batches wait for the next start");
                }
            }
            while let Some(Some(run)) = stop.run_until_cancelled(orders.recv()).await {
                let (gateway, stop) = (gateway.clone(), stop.clone());
                gateway.0.tasks.clone().spawn(async move { gateway.work(run, stop).await });
            }
        });
    }

    async fn work(&self, mut run: BatchRun, stop: CancellationToken) {
        let Some(cancelled) = self.0.desk.enter(run.id) else { return };
        while let Err(error) = self.attempt(&run, &stop, &cancelled).await {
            tracing::error!(batch = %run.id, code = error.code(), causes = %error.causes(), "a batch cannot go on; will try again");
            // What was noted so far is read anew.
            if stop.run_until_cancelled(sleep(PAUSE)).await.is_none() {
                break;
            }
            match run.again().await {
                Ok(Some(fresh)) => run = fresh,
                Ok(None) => break,
                Err(_) => {}
            }
        }
        self.0.desk.leave(run.id);
    }

    /// Works until the batch is over or the server stops.
    async fn attempt(
        &self,
        run: &BatchRun,
        stop: &CancellationToken,
        cancelled: &CancellationToken,
    ) -> Result<()> {
        match self.through(run, (stop, cancelled)).await {
            Ok(()) => run.end(BatchState::Completed, &[]).await,
            Err(Ended::Stopped | Ended::Over) => Ok(()),
            Err(Ended::Expired) => self.expire(run).await,
            Err(Ended::Gone(code, message)) => fail(run, code, message).await,
            Err(Ended::Changed) => {
                fail(run, "invalid_file", "The file cannot be read any more.".to_owned()).await
            }
            Err(Ended::Broken(error)) => Err(error),
        }
    }

    /// Checks the file if nobody has, then sends every line that nobody began with yet.
    async fn through(&self, run: &BatchRun, signals: Signals<'_>) -> Result<(), Ended> {
        if run.state == BatchState::Validating {
            let (total, problems) = self.0.check(run).await?;
            if !problems.is_empty() {
                run.end(BatchState::Failed, &problems).await?;
                return Err(Ended::Over);
            }
            run.begin(total).await?;
        }
        let mut under_way = JoinSet::new();
        let mut outcome = self.feed(run, signals, &mut under_way).await;
        // Whatever happened, what is under way ends as it will.
        while let Some(done) = under_way.join_next().await {
            outcome = outcome.and(joined(done));
        }
        outcome?;
        run.finalize().await?;
        Ok(())
    }

    async fn feed(
        &self,
        run: &BatchRun,
        (stop, cancelled): Signals<'_>,
        under_way: &mut JoinSet<Result<(), Ended>>,
    ) -> Result<(), Ended> {
        let (known, mut lines) = (run.lines().await?, Lines::new(run));
        while let Some((number, line)) = lines.next().await? {
            match known.get(&number) {
                None => {}
                Some(LineState::Sending) => {
                    unknown(run, number, &line).await?;
                    continue;
                }
                Some(_) => continue,
            }
            if under_way.len() >= ABREAST
                && let Some(done) = under_way.join_next().await
            {
                joined(done)?;
            }
            if stop.is_cancelled() {
                return Err(Ended::Stopped);
            }
            if self.0.clock.now() >= run.expires {
                return Err(Ended::Expired);
            }
            let (inner, run) = (Arc::clone(&self.0), run.clone());
            let (stop, cancelled) = (stop.clone(), cancelled.clone());
            under_way
                .spawn(async move { inner.line(&run, (number, line), (&stop, &cancelled)).await });
        }
        Ok(())
    }

    /// Says of every line that was not begun that its time is over.
    async fn expire(&self, run: &BatchRun) -> Result<()> {
        let (known, mut lines) = (run.lines().await?, Lines::new(run));
        let (mut numbers, mut text) = (Vec::new(), Vec::new());
        while let Some((number, line)) = lines.next().await? {
            match known.get(&number) {
                Some(LineState::Sending) => unknown(run, number, &line).await?,
                Some(_) => continue,
                None => {
                    let why =
                        ("batch_expired", "The time of the batch was over before this request.");
                    text.extend(self.0.refusal(&line, why));
                    numbers.push(number);
                }
            }
            if numbers.len() == AT_ONCE {
                run.give_up(&numbers, &text).await?;
                numbers.clear();
                text.clear();
            }
        }
        run.give_up(&numbers, &text).await?;
        run.end(BatchState::Expired, &[]).await
    }
}

impl Inner {
    fn refusal(&self, line: &[u8], why: (&str, &str)) -> Vec<u8> {
        refused(line, &line_id(RequestId::new(self.clock.now())), why)
    }
}

/// A line that is not answered. What was checked before has its id.
fn refused(line: &[u8], id: &str, why: (&str, &str)) -> Vec<u8> {
    let line = llm::batch_line(line).ok();
    let custom_id = line.as_ref().map_or("", |line| &*line.custom_id);
    llm::batch_refusal((id, custom_id), why)
}

/// A line that was under way when the server stopped. It may have been answered and paid for: it is not sent again.
async fn unknown(run: &BatchRun, number: u64, line: &[u8]) -> Result<()> {
    const WHY: (&str, &str) = (
        "unknown_outcome",
        "The server stopped while this request was under way. It may have been answered and is not sent again.",
    );
    let id = format!("batch_req_{}_{number}", run.id);
    run.finish(number, LineState::Unknown, &refused(line, &id, WHY)).await
}

fn joined(done: Result<Result<(), Ended>, JoinError>) -> Result<(), Ended> {
    done.unwrap_or_else(|error| Err(Ended::Broken(Error::internal(error))))
}

async fn fail(run: &BatchRun, code: &str, message: String) -> Result<()> {
    let problem = BatchProblem { code: code.to_owned(), message, param: None, line: None };
    run.end(BatchState::Failed, &[problem]).await
}
