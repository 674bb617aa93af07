//! One line of a batch: sent as any request of its key, politely.

use std::time::Duration;

use bytes::Bytes;
use domain::{BatchEndpoint, LineState, RequestId, Result};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use llm::{Format, Task};
use store::{BatchRun, Scope};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::work::Ended;
use crate::{Body, Call, Inner};

/// How often a line is sent again that a provider had no room for.
const AGAIN: u32 = 6;
/// The first wait where nobody says how long, and the longest there is.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

const RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const RECEIPT: HeaderName = HeaderName::from_static("x-probity-receipt");

/// What becomes of a line after an answer.
enum Verdict {
    Done,
    /// This house lets no more through for now: nothing was sent.
    Wait(Duration),
    /// A provider has no room for now.
    Busy(Option<Duration>),
    /// The server is about to stop: nothing was sent.
    Stop,
}

impl Inner {
    /// Sends a line until it is answered or refused for good, and keeps what came of it.
    ///
    /// # Errors
    /// Why the batch cannot go on.
    pub(super) async fn line(
        &self,
        run: &BatchRun,
        (number, line): (u64, Bytes),
        (stop, cancelled): (&CancellationToken, &CancellationToken),
    ) -> Result<(), Ended> {
        let Ok(parsed) = llm::batch_line(&line) else { return Err(Ended::Changed) };
        let body = line.slice_ref(parsed.body.as_bytes());
        let mut busy = 0;
        loop {
            let place = self.desk.places.acquire().await.map_err(|_| Ended::Stopped)?;
            if stop.is_cancelled() {
                return Err(Ended::Stopped);
            }
            let scope = run.scope().map_err(|error| Ended::of_key(&error))?;
            let request = RequestId::new(self.clock.now());
            if !run.intend(number, request).await? {
                return Ok(());
            }
            let response = tokio::select! {
                response = self.ask(run, scope, body.clone(), request) => response,
                () = cancelled.cancelled() => return Err(Ended::Over),
                // The process ends before the answer: what became of the line is not known.
                () = self.stop.cancelled() => return Err(Ended::Stopped),
            };
            drop(place);
            let wait = match self.verdict(&response) {
                Verdict::Stop => {
                    run.withdraw(number).await?;
                    return Err(Ended::Stopped);
                }
                Verdict::Wait(wait) => wait,
                Verdict::Busy(wait) if busy < AGAIN => {
                    busy += 1;
                    wait.unwrap_or(PAUSE * 2_u32.pow(busy)).min(LONGEST)
                }
                Verdict::Busy(_) | Verdict::Done => {
                    let ids = (&*parsed.custom_id, request);
                    return self.keep(run, number, ids, response).await.map_err(Ended::from);
                }
            };
            run.withdraw(number).await?;
            tokio::select! {
                () = sleep(self.jittered(wait).max(wait)) => {}
                () = stop.cancelled() => return Err(Ended::Stopped),
                () = cancelled.cancelled() => return Err(Ended::Over),
            }
            if self.clock.now() >= run.expires {
                return Err(Ended::Expired);
            }
        }
    }

    /// The same path as that of every request.
    async fn ask(
        &self,
        run: &BatchRun,
        scope: Scope,
        body: Bytes,
        request: RequestId,
    ) -> Response<Body> {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        let inbound = match run.endpoint {
            BatchEndpoint::Responses => Format::OpenAiResponses,
            _ => Format::OpenAiChat,
        };
        let call = Call { scope, inbound, said: None, headers: &headers, body, request };
        match run.endpoint {
            BatchEndpoint::Chat | BatchEndpoint::Responses => self.call(call).await,
            BatchEndpoint::Embeddings => self.task(Task::Embeddings, call).await,
            BatchEndpoint::Moderations => self.task(Task::Moderations, call).await,
        }
    }

    fn verdict(&self, response: &Response<Body>) -> Verdict {
        let headers = response.headers();
        let sent = headers.contains_key(&RECEIPT);
        // Set where no wait helps, such as when a budget is spent.
        if headers.get(&RETRY).is_some_and(|value| value.as_bytes() == b"false") {
            return Verdict::Done;
        }
        let wait =
            headers.get(header::RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
        let wait = wait.map(Duration::from_secs);
        match (response.status(), sent) {
            (StatusCode::SERVICE_UNAVAILABLE, false) if self.draining() => Verdict::Stop,
            (StatusCode::TOO_MANY_REQUESTS, false) => Verdict::Wait(wait.unwrap_or(PAUSE)),
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _) => {
                Verdict::Busy(wait)
            }
            _ => Verdict::Done,
        }
    }

    async fn keep(
        &self,
        run: &BatchRun,
        number: u64,
        (custom_id, request): (&str, RequestId),
        response: Response<Body>,
    ) -> Result<()> {
        let (head, body) = response.into_parts();
        let id = line_id(request);
        let (status, request) = (head.status, request.to_string());
        let unreadable = || {
            let why = ("invalid_answer", "The answer cannot be kept: it is not a JSON document.");
            (LineState::Failed, llm::batch_refusal((&id, custom_id), why))
        };
        let (state, text) = match body.collect().await {
            Ok(body) => {
                let answer = (status.as_u16(), &*request);
                let line = llm::batch_answer((&id, custom_id), answer, &body.to_bytes());
                let state =
                    if status.is_success() { LineState::Answered } else { LineState::Failed };
                line.map_or_else(unreadable, |line| (state, line))
            }
            Err(_) => unreadable(),
        };
        run.finish(number, state, &text).await
    }
}

/// The id of a result, which is made of its request's.
pub(super) fn line_id(request: RequestId) -> String {
    format!("batch_{request}")
}
