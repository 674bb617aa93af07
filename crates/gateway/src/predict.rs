//! Answers that are not there yet: a prediction is asked after until it is done, and called off when nobody waits for it.

use std::time::Duration;

use bytes::Bytes;
use egress::{Deadlines, Egress};
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use llm::{Format, Prediction};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use crate::{
    attempt::{Attempts, collect},
    failure::{Again, Failure},
    plan::Candidate,
};

/// The longest pause between two questions.
const LONGEST: Duration = Duration::from_secs(3);
/// How often in a row a question may fail in passing.
const FAILURES: u32 = 3;
/// How long it may take to call a prediction off.
const PATIENCE: Duration = Duration::from_secs(10);

impl Attempts<'_> {
    /// The answer in its last state; `first` is what came when it was asked for.
    pub(crate) async fn predicted(
        &self,
        candidate: &Candidate,
        first: Bytes,
    ) -> Result<Bytes, Failure> {
        let Some(Prediction::UnderWay(id)) = llm::prediction(&first) else { return Ok(first) };
        let cancel = self.about(candidate, Method::POST, &format!("/predictions/{id}/cancel"));
        let mut calling_off = CallingOff::new(self, candidate, cancel);
        let (mut pause, mut failures) = (self.config.backoff(), 0);
        loop {
            let until = Instant::now() + pause;
            if until >= self.total_by {
                return Err(Failure::total());
            }
            sleep_until(until).await;
            pause = (pause * 2).min(LONGEST);
            let body = match self.asked_after(candidate, &id).await {
                Err(failure) if failure.again == Again::Anywhere && failures < FAILURES => {
                    failures += 1;
                    continue;
                }
                other => other?,
            };
            failures = 0;
            match llm::prediction(&body) {
                Some(Prediction::UnderWay(same)) if same == id => {}
                Some(Prediction::Ended) => {
                    calling_off.request = None;
                    return Ok(body);
                }
                _ => return Err(Failure::malformed("upstream_malformed")),
            }
        }
    }

    async fn asked_after(&self, candidate: &Candidate, id: &str) -> Result<Bytes, Failure> {
        let request = self.about(candidate, Method::GET, &format!("/predictions/{id}"));
        let request = request.ok_or_else(|| Failure::malformed("upstream_malformed"))?;
        let wait = self.config.first_token().min(self.total_by - Instant::now());
        let deadlines = Deadlines { connect: self.config.connect().min(wait), headers: wait };
        let response = self.sent(&candidate.route, request, deadlines).await?;
        if !response.status().is_success() {
            return Err(self.refused(Format::OpenAiChat, response).await);
        }
        let stall = Some((self.config.stall(), self.total_by));
        collect(response.into_body(), self.config.answer_bytes, stall).await
    }

    /// A request without a body; `None` when the path is none.
    fn about(
        &self,
        candidate: &Candidate,
        method: Method,
        path: &str,
    ) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::try_from(path).ok()?;
        let agent = http::HeaderValue::from_static("probity");
        request.headers_mut().insert(header::USER_AGENT, agent);
        candidate.route.credential.put_on(&mut request, b"", (self.clock.now(), None));
        Some(request)
    }
}

/// Calls a prediction off when it is dropped with its request: every second of it is for nobody.
struct CallingOff {
    egress: Egress,
    tasks: TaskTracker,
    destination: String,
    connect: Duration,
    request: Option<Request<Full<Bytes>>>,
}

impl CallingOff {
    fn new(
        attempts: &Attempts<'_>,
        candidate: &Candidate,
        request: Option<Request<Full<Bytes>>>,
    ) -> Self {
        Self {
            egress: attempts.egress.clone(),
            tasks: attempts.tasks.clone(),
            destination: candidate.route.destination.clone(),
            connect: attempts.config.connect(),
            request,
        }
    }
}

impl Drop for CallingOff {
    fn drop(&mut self) {
        let Some(request) = self.request.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (egress, destination) = (self.egress.clone(), std::mem::take(&mut self.destination));
        let deadlines = Deadlines { connect: self.connect, headers: PATIENCE };
        let call = async move {
            if let Err(error) = egress.send(&destination, request, deadlines).await {
                tracing::warn!(code = error.kind().code(), "a prediction was not called off");
            }
        };
        self.tasks.spawn_on(call, &runtime);
    }
}
