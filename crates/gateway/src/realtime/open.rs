//! One attempt to begin a session: up to the provider's word that it has begun.

use std::borrow::Cow;

use bytes::Bytes;
use egress::{Answered, Deadlines, Socket};
use futures::StreamExt as _;
use http::{Method, Request, header};
use http_body_util::Full;
use llm::{Format, Prepared, RealtimeNames, RealtimeWhat};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::limits;
use crate::{attempt::Attempts, failure::Failure, plan::Candidate};

/// A session that has begun at a provider.
pub(crate) struct Opened {
    pub provider: WebSocketStream<Socket>,
    /// What the provider said first, for the client.
    pub first: String,
    /// The provider's name for the model.
    pub model: String,
}

impl Attempts<'_> {
    /// Connects, and waits for the session to begin: up to there another attempt does no harm.
    pub(crate) async fn session(
        &self,
        candidate: &Candidate,
        prepared: &Prepared,
    ) -> Result<Opened, Failure> {
        let first_by = (Instant::now() + self.config.first_token()).min(self.total_by);
        let mut provider = self.connected(candidate, prepared, first_by).await?;
        let names = RealtimeNames { shown: &self.head.model, own: &candidate.model };
        loop {
            let Ok(message) = timeout_at(first_by, provider.next()).await else {
                return Err(self.late());
            };
            let text = match message {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                _ => return Err(Failure::truncated()),
            };
            let told = llm::realtime_tells(&text, names);
            match told.what {
                RealtimeWhat::Begun => {
                    let first = told.event.map(Cow::into_owned).unwrap_or_default();
                    let model = candidate.model.as_ref().to_owned();
                    return Ok(Opened { provider, first, model });
                }
                RealtimeWhat::Failed(error) => return Err(Failure::upstream(self.inbound, &error)),
                _ => return Err(Failure::malformed("upstream_malformed")),
            }
        }
    }

    async fn connected(
        &self,
        candidate: &Candidate,
        prepared: &Prepared,
        first_by: Instant,
    ) -> Result<WebSocketStream<Socket>, Failure> {
        let route = &candidate.route;
        let headers = first_by.saturating_duration_since(Instant::now());
        let deadlines = Deadlines { connect: self.config.connect().min(headers), headers };
        let uri = http::Uri::try_from(&*prepared.path).map_err(|_| Failure::unnameable())?;
        let token = self.token(route, first_by).await?;
        let request = wish(self.request(uri, candidate, (prepared, token.as_ref())));
        match self.egress.open_socket(&route.destination, request, deadlines).await {
            Ok(Answered::Open(socket)) => {
                let limits = Some(limits());
                Ok(WebSocketStream::from_raw_socket(socket, Role::Client, limits).await)
            }
            Ok(Answered::Refused(response)) if response.status().is_success() => {
                Err(Failure::malformed("upstream_malformed"))
            }
            Ok(Answered::Refused(response)) => {
                let head = (response.status(), response.headers());
                Err(self.denied(Format::OpenAiChat, head, response.body()))
            }
            Err(error) if matches!(error.kind(), egress::ErrorKind::HeadersTimeout) => {
                Err(self.late())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The request that a session begins with has no body.
fn wish(request: Request<Full<Bytes>>) -> Request<()> {
    let mut request = request.map(drop);
    *request.method_mut() = Method::GET;
    request.headers_mut().remove(header::CONTENT_TYPE);
    request
}
