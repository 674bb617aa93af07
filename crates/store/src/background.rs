//! What the store does by itself: sequence the audit log, settle usage, refresh what other nodes changed.

use std::time::Duration;

use domain::Result;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Store, audit, content, key_index, notice, outgoing, repository::subscriber, routing, settle,
};

/// How soon a key that another node revoked stops working here, at most.
const REFRESH: Duration = Duration::from_millis(400);
const SETTLE: Duration = Duration::from_millis(500);
const KEYS_USED: Duration = Duration::from_secs(10);
/// How long an address that nobody confirmed outlives its time, at most.
const SUBSCRIBERS: Duration = Duration::from_secs(600);
/// How long content outlives its time, at most, on a server that keeps up.
const CONTENT: Duration = Duration::from_secs(15);

impl Store {
    /// Starts the periodic work; it ends when `stop` is cancelled. Call [`Store::drain`] afterwards.
    pub fn run(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        audit::run(self, tasks, stop);
        every(self, tasks, stop, "index refresh", REFRESH, |store| async move {
            key_index::refresh(&store).await?;
            routing::refresh(&store).await?;
            notice::refresh(&store).await
        });
        every(self, tasks, stop, "usage settlement", SETTLE, |store| async move {
            settle::due(&store).await
        });
        every(self, tasks, stop, "key use", KEYS_USED, |store| async move {
            key_index::flush_used(&store).await
        });
        every(self, tasks, stop, "retention of content", CONTENT, |store| async move {
            content::sweep(&store).await
        });
        every(
            self,
            tasks,
            stop,
            "retention of addresses and messages",
            SUBSCRIBERS,
            |store| async move {
                subscriber::sweep(&store).await?;
                outgoing::sweep(&store).await
            },
        );
    }

    /// Does all periodic work once, to the end: for shutdown and for tests.
    ///
    /// # Errors
    /// The first error of any part.
    pub async fn drain(&self) -> Result<()> {
        key_index::refresh(self).await?;
        routing::refresh(self).await?;
        notice::refresh(self).await?;
        settle::sweep(self).await?;
        key_index::flush_used(self).await?;
        content::sweep(self).await?;
        subscriber::sweep(self).await?;
        outgoing::sweep(self).await?;
        audit::drain(self).await
    }
}

/// Runs `work` every `period` until `stop`; an error is logged once per change and tried again.
pub(crate) fn every<F, R>(
    store: &Store,
    tasks: &TaskTracker,
    stop: &CancellationToken,
    name: &'static str,
    period: Duration,
    work: F,
) where
    F: Fn(Store) -> R + Send + Sync + 'static,
    R: Future<Output = Result<()>> + Send,
{
    let (store, stop) = (store.clone(), stop.clone());
    tasks.spawn(async move {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            match work(store.clone()).await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!(work = name, "works again");
                }
                Ok(()) => {}
                Err(error) if failing => {
                    tracing::debug!(work = name, code = error.code(), "still failing");
                }
                Err(error) => {
                    failing = true;
                    tracing::error!(work = name, code = error.code(), causes = %error.causes(), "failing; will try again");
                }
            }
        }
    });
}
