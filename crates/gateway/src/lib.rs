//! The data plane: admit → mask → plan → send → settle.
//!
//! Invariants:
//! * nothing reaches a provider before an intent is on file, and every intent is settled exactly once:
//!   on success, failure, a client that leaves, a panic;
//! * the client hears nothing of an answer before its first piece is here: until then another route may be tried;
//! * a client that leaves cancels the provider at once;
//! * every answer, errors included, is in the client's own format, and holds nothing a provider said about the prompt;
//! * nothing is sent whose worst case does not fit into every budget, and what an answer cost is counted in all of them;
//! * nothing on the way of an ordinary request waits for the database.

mod attempt;
mod batch;
mod body;
mod budget;
mod call;
mod circuit;
mod config;
mod contacts;
mod count;
mod credential;
mod exposure;
mod failure;
mod hedge;
mod limit;
mod live;
mod masking;
mod meters;
mod models;
mod observed;
mod open;
mod pass;
mod patience;
mod plan;
mod pool;
mod predict;
mod rank;
mod realtime;
mod receipt;
mod reply;
mod routes;
mod rules;
mod send;
mod settle;
mod sigv4;
mod task;
mod token;
mod trace;
mod wishes;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{Clock, LiveCatalogue, RequestId};
use egress::Egress;
use http::Response;
use llm::Refusal;
use store::{Scope, Store};
use tokio::time::{Instant, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use batch::BatchOrder;
pub use body::{Body, BrokenOff};
pub use budget::{BudgetState, check_counters};
pub use call::Call;
pub use config::{Counters, GatewayConfig};
pub use exposure::ExposureState;
pub use llm::{Format, Task};
pub use masking::warm_up;
pub use realtime::{Duplex, Line};
pub use trace::{Trace, TracedCall, Tracer};

use budget::Books;
use exposure::Exposures;
use hedge::Allowance;
use limit::Limiter;
use open::Open;
use routes::Routes;

/// The data plane. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    config: GatewayConfig,
    store: Store,
    egress: Egress,
    clock: Clock,
    tasks: TaskTracker,
    limiter: Limiter,
    budgets: Books,
    hedges: Allowance,
    exposures: Exposures,
    routes: Routes,
    desk: batch::Desk,
    open: Arc<Open>,
    draining: AtomicBool,
    /// Breaks off what is still under way.
    stop: CancellationToken,
    start: Instant,
    random: RandomState,
    drawn: AtomicU64,
    /// Nobody watches until somebody does.
    tracer: OnceLock<Tracer>,
}

impl Gateway {
    #[must_use]
    pub fn new(
        config: GatewayConfig,
        store: Store,
        egress: Egress,
        catalogue: impl Into<LiveCatalogue>,
        clock: Clock,
        tasks: TaskTracker,
    ) -> Self {
        let shared = budget::Shared::of(&config.counters, (&store, &egress));
        let budgets = Books::new(shared);
        Self(Arc::new(Inner {
            routes: Routes::new(catalogue.into()),
            desk: batch::Desk::new(config.batch_at_once),
            config,
            store,
            egress,
            clock,
            tasks,
            limiter: Limiter::default(),
            budgets,
            hedges: Allowance::default(),
            exposures: Exposures::default(),
            open: Arc::default(),
            draining: AtomicBool::new(false),
            stop: CancellationToken::new(),
            start: Instant::now(),
            random: RandomState::new(),
            drawn: AtomicU64::new(0),
            tracer: OnceLock::new(),
        }))
    }

    /// Serves one request for a model. Errors too are answers in the client's format.
    pub async fn call(&self, call: Call<'_>) -> Response<Body> {
        self.0.call(call).await
    }

    /// The models that the scope's organization can ask for.
    pub async fn models(
        &self,
        scope: &Scope,
        format: Format,
        request: RequestId,
    ) -> Response<Body> {
        match self.0.routes.of(&self.0.store, &self.0.egress, scope).await {
            Ok(routes) => {
                let rows = models::rows(&routes, routes.catalogue(), scope.project());
                reply::document(format, request, llm::models_list(format, &rows))
            }
            Err(error) => self.refuse(format, &error, request),
        }
    }

    /// One of the models that the scope's organization can ask for.
    pub async fn model(
        &self,
        scope: &Scope,
        format: Format,
        id: &str,
        request: RequestId,
    ) -> Response<Body> {
        let found =
            self.0.routes.of(&self.0.store, &self.0.egress, scope).await.and_then(|routes| {
                let mut rows =
                    models::rows(&routes, routes.catalogue(), scope.project()).into_iter();
                rows.find(|row| row.id == id)
                    .ok_or_else(|| domain::Error::not_found("model").with_code("model_not_found"))
            });
        match found {
            Ok(row) => reply::document(format, request, llm::model_body(format, &row)),
            Err(error) => self.refuse(format, &error, request),
        }
    }

    /// Counts the tokens of a Messages request: by the provider where it speaks that format, else by their size.
    pub async fn count_tokens(&self, call: Call<'_>) -> Response<Body> {
        self.0.count_tokens(call).await
    }

    /// An error of the house in the client's format, for what is refused before a call is made.
    #[must_use]
    pub fn refuse(
        &self,
        format: Format,
        error: &domain::Error,
        request: RequestId,
    ) -> Response<Body> {
        meters::refused(error.kind().status());
        reply::refusal(format, request, &Refusal::from(error), None)
    }

    /// Requests under way, streams included.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.0.open.count()
    }

    /// Takes no more requests, lets those under way end within `grace`, then breaks them off with an error
    /// in their own stream. Returns when the last one is settled.
    pub async fn drain(&self, grace: Duration) {
        self.0.draining.store(true, Ordering::Release);
        if timeout(grace, self.0.open.none_left()).await.is_err() {
            self.0.stop.cancel();
            // A client that does not read cannot be told; its connection ends with the server's.
            drop(timeout(Duration::from_secs(2), self.0.open.none_left()).await);
        }
    }
}

impl Inner {
    fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Milliseconds on a clock that cannot jump.
    fn steady_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A number that nobody can foretell.
    fn draw(&self) -> u64 {
        self.random.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    /// Between half and one and a half of `span`, so that those who failed together do not return together.
    fn jittered(&self, span: Duration) -> Duration {
        let thousandths = u32::try_from(self.draw() % 1000).unwrap_or(0);
        span / 2 + span * thousandths / 1000
    }
}
