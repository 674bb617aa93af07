//! One attempt: the request to one provider, up to the point where the client may hear of the answer.

use std::{borrow::Cow, time::Duration};

use bytes::{Bytes, BytesMut};
use domain::{Clock, RequestId};
use egress::Deadlines;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use llm::{Answer, Format, Head, Prepared, Restore, Show, StreamOptions, StreamTranslator, Task};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use crate::{
    GatewayConfig, failure::Failure, plan::Candidate, routes::Route, task::TaskWon, token::Asking,
};

/// How much of an error answer is read, and for how long: only its codes are of interest.
const ERROR_BYTES: usize = 64 << 10;
const ERROR_PATIENCE: Duration = Duration::from_secs(5);

/// An answer that may be shown.
pub(crate) enum Won {
    Whole(Answer),
    /// A stream whose first piece is here, and what the client may read of it so far.
    Stream(egress::Body, Box<StreamTranslator>, Vec<u8>),
    /// The answer to something that is no conversation.
    Task(TaskWon),
}

/// What all attempts of one request share.
#[derive(Clone)]
pub(crate) struct Attempts<'a> {
    pub config: &'a GatewayConfig,
    pub egress: &'a egress::Egress,
    pub clock: &'a Clock,
    /// What goes on when the request is over.
    pub tasks: &'a TaskTracker,
    pub request: RequestId,
    pub inbound: Format,
    pub headers: &'a HeaderMap,
    pub head: &'a Head,
    /// The client's request.
    pub body: &'a Bytes,
    /// Seconds since the epoch.
    pub created: u64,
    /// Tokens.
    pub input_estimate: u64,
    /// What the answer needs when values of the request were replaced.
    pub restore: Option<Restore>,
    pub total_by: Instant,
}

impl Attempts<'_> {
    pub(crate) async fn attempt(
        &self,
        candidate: &Candidate,
        prepared: &Prepared,
    ) -> Result<Won, Failure> {
        if self.head.task == Some(Task::Realtime) {
            // Boxed, as are the others that most requests have no use for: these would carry them.
            let opened = Box::pin(self.session(candidate, prepared)).await?;
            return Ok(Won::Task(TaskWon::Session(Box::new(opened))));
        }
        let began = Instant::now();
        // A whole answer only begins once it is finished; a stream begins early.
        let first_by = if self.head.stream {
            (began + self.config.first_token()).min(self.total_by)
        } else {
            self.total_by
        };
        let response = self.send(candidate, prepared, first_by).await?;
        let unnamed = candidate.format().is_unnamed();
        let shown =
            (unnamed || *self.head.model != *candidate.model).then_some(self.head.model.as_str());
        if let Some(task) = self.head.task {
            let won = Box::pin(self.task((task, candidate), response, shown, first_by)).await;
            return won.map(Won::Task);
        }
        if self.head.stream {
            self.peek(candidate.format(), response.into_body(), shown, first_by).await
        } else {
            self.whole(candidate.format(), response, shown).await.map(Won::Whole)
        }
    }

    /// A small answer that is passed on as it is.
    pub(crate) async fn plain(
        &self,
        candidate: &Candidate,
        prepared: &Prepared,
    ) -> Result<Bytes, Failure> {
        let first_by = (Instant::now() + self.config.first_token()).min(self.total_by);
        let response = self.send(candidate, prepared, first_by).await?;
        let stall = Some((self.config.stall(), self.total_by));
        collect(response.into_body(), ERROR_BYTES, stall).await
    }

    /// Sends the request; an answer that is no success is a failure.
    async fn send(
        &self,
        candidate: &Candidate,
        prepared: &Prepared,
        headers_by: Instant,
    ) -> Result<Response<egress::Body>, Failure> {
        let route = &candidate.route;
        let headers = headers_by.saturating_duration_since(Instant::now());
        let deadlines = Deadlines { connect: self.config.connect().min(headers), headers };
        let uri = match &prepared.path {
            Cow::Borrowed(path) => http::Uri::from_static(path),
            // A path that names the model.
            Cow::Owned(path) => http::Uri::try_from(path).map_err(|_| Failure::unnameable())?,
        };
        let token = self.token(route, headers_by).await?;
        let request = self.request(uri.clone(), candidate, (prepared, token.as_ref()));
        let mut response = self.sent(route, request, deadlines).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some((used, source)) = token.as_ref().zip(route.credential.tokens())
            && source.disown(used, self.clock.now())
        {
            // A token may end before its time; a new one that is refused as well speaks against the credential.
            let token = self.token(route, headers_by).await?;
            let request = self.request(uri, candidate, (prepared, token.as_ref()));
            response = self.sent(route, request, deadlines).await?;
        }
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(Box::pin(self.refused(candidate.format(), response)).await)
        }
    }

    pub(crate) async fn sent(
        &self,
        route: &Route,
        request: Request<Full<Bytes>>,
        deadlines: Deadlines,
    ) -> Result<Response<egress::Body>, Failure> {
        match self.egress.send(&route.destination, request, deadlines).await {
            Err(error) if matches!(error.kind(), egress::ErrorKind::HeadersTimeout) => {
                Err(self.late())
            }
            Err(error) => Err(error.into()),
            Ok(response) => Ok(response),
        }
    }

    /// What the route's credential is exchanged for, where it is not sent as it is.
    pub(crate) async fn token(
        &self,
        route: &Route,
        by: Instant,
    ) -> Result<Option<HeaderValue>, Failure> {
        let Some(source) = route.credential.tokens() else { return Ok(None) };
        let (egress, clock, connect) = (self.egress, self.clock, self.config.connect());
        let token = Box::pin(source.token(Asking { egress, clock, connect, by })).await;
        token.map(Some).map_err(|problem| problem.failure(self.inbound))
    }

    /// What stands in for the answer's id in a format that has none.
    fn id_for(&self, outbound: Format) -> String {
        match outbound {
            Format::BedrockConverse | Format::Watsonx => self.request.to_string(),
            _ => String::new(),
        }
    }

    pub(crate) fn late(&self) -> Failure {
        if Instant::now() >= self.total_by { Failure::total() } else { Failure::first_token() }
    }

    pub(crate) fn request(
        &self,
        uri: http::Uri,
        candidate: &Candidate,
        (prepared, token): (&Prepared, Option<&HeaderValue>),
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(prepared.body.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.reserve(8);
        headers
            .insert(header::CONTENT_TYPE, const { HeaderValue::from_static("application/json") });
        headers.insert(header::USER_AGENT, const { HeaderValue::from_static("probity") });
        for (name, value) in prepared.headers {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        for name in prepared.forwarded {
            if let Some(value) = self.headers.get(*name) {
                headers.insert(*name, value.clone());
            }
        }
        let shown = (self.clock.now(), token);
        candidate.route.credential.put_on(&mut request, &prepared.body, shown);
        request
    }

    /// Reads an error answer for its codes.
    pub(crate) async fn refused(
        &self,
        outbound: Format,
        response: Response<egress::Body>,
    ) -> Failure {
        let (head, body) = response.into_parts();
        let until = (Instant::now() + ERROR_PATIENCE).min(self.total_by);
        // What of it can be read is enough: an unreadable body is an error without codes.
        let text = match timeout_at(until, collect(body, ERROR_BYTES, None)).await {
            Ok(Ok(text)) => text,
            Ok(Err(_)) | Err(_) => Bytes::new(),
        };
        self.denied(outbound, (head.status, &head.headers), &text)
    }

    /// What an error answer comes to.
    pub(crate) fn denied(
        &self,
        outbound: Format,
        (status, headers): (StatusCode, &HeaderMap),
        text: &[u8],
    ) -> Failure {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let error = match outbound {
            Format::BedrockConverse => {
                llm::aws_error(status.as_u16(), header("x-amzn-errortype"), text)
            }
            _ => llm::upstream_error(outbound, status.as_u16(), text),
        };
        let mut failure = Failure::upstream(self.inbound, &error);
        failure.retry_after = llm::retry_after(header("retry-after"), header("retry-after-ms"));
        failure
    }

    async fn whole(
        &self,
        outbound: Format,
        response: Response<egress::Body>,
        model: Option<&str>,
    ) -> Result<Answer, Failure> {
        let stall = Some((self.config.stall(), self.total_by));
        let body = collect(response.into_body(), self.config.answer_bytes, stall).await?;
        let id = self.id_for(outbound);
        let show = Show { model, created: self.created, id: &id };
        let mut answer = llm::respond(self.inbound, outbound, &body, show)
            .map_err(|bad| Failure::answer(self.inbound, &bad))?;
        if let Some(restore) = &self.restore {
            answer.body = restore.answer(&answer.body);
        }
        Ok(answer)
    }

    /// Reads a stream until its first piece: up to there another attempt does no harm.
    async fn peek(
        &self,
        outbound: Format,
        mut body: egress::Body,
        model: Option<&str>,
        first_by: Instant,
    ) -> Result<Won, Failure> {
        let options = StreamOptions {
            shown_model: model.map(str::to_owned),
            include_usage: self.head.include_usage,
            created: self.created,
            input_estimate: self.input_estimate,
            event_limit: self.config.event_bytes,
            id: self.id_for(outbound),
        };
        let mut translator = StreamTranslator::new(self.inbound, outbound, options);
        if let Some(restore) = &self.restore {
            translator.restore(restore.clone());
        }
        let mut out = Vec::with_capacity(1024);
        let failed = |fault: &llm::StreamFault, translator: &StreamTranslator| {
            Failure::stream(self.inbound, fault, translator.usage())
        };
        loop {
            let Ok(frame) = timeout_at(first_by, body.frame()).await else {
                return Err(self.late());
            };
            let progress = match frame {
                None => translator.finish(&mut out),
                Some(Ok(frame)) => match frame.data_ref() {
                    Some(data) => translator.push(data, &mut out),
                    None => continue,
                },
                Some(Err(error)) => return Err(error.into()),
            };
            match progress {
                Err(fault) => return Err(failed(&fault, &translator)),
                Ok(progress) if progress.semantic || progress.done => {
                    return Ok(Won::Stream(body, Box::new(translator), out));
                }
                Ok(_) => {}
            }
        }
    }
}

/// Reads a body whole. With `stall`, a pause longer than that or the end of the time is a failure.
pub(crate) async fn collect(
    mut body: egress::Body,
    limit: usize,
    stall: Option<(Duration, Instant)>,
) -> Result<Bytes, Failure> {
    let mut all = BytesMut::new();
    let mut only: Option<Bytes> = None;
    loop {
        let frame = match stall {
            None => body.frame().await,
            Some((pause, total_by)) => {
                let until = (Instant::now() + pause).min(total_by);
                timeout_at(until, body.frame()).await.map_err(|_| {
                    if until == total_by { Failure::total() } else { Failure::stalled() }
                })?
            }
        };
        let data = match frame {
            None => break,
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => data,
                Err(_) => continue,
            },
        };
        if all.len() + only.as_ref().map_or(0, Bytes::len) + data.len() > limit {
            return Err(Failure::too_large());
        }
        // Most answers come in one piece, which then need not be copied.
        if all.is_empty() && only.is_none() {
            only = Some(data);
        } else {
            if let Some(first) = only.take() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(only.unwrap_or_else(|| all.freeze()))
}
