//! Sessions in both directions: admitted, planned and settled as requests are, carried over WebSockets in between.
//!
//! A session is one request on record. It begins at the first provider that says so, and stays there: what was said is
//! known to nobody else. Under a budget, what its next answer may cost is set aside before there can be one.

mod account;
mod open;
mod session;

use std::pin::Pin;

use bytes::Bytes;
use domain::Provenance;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use llm::{Head, Refusal, Task};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_tungstenite::tungstenite::{handshake::derive_accept_key, protocol::WebSocketConfig};

use crate::{
    Body, Call, Gateway, Inner, call::Refused, limit::Entry, masking::Masked, meters, plan::Plan,
    reply, routes::Route, send::Sending, settle::Caller,
};

pub(crate) use open::Opened;
use session::Session;

/// A connection that bytes go over in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// The client's connection, here once the response has left that says so; nothing when the client has gone.
pub type Line = Pin<Box<dyn Future<Output = Option<Box<dyn Duplex>>> + Send>>;

/// Larger events are not sent by anybody: sound comes in pieces.
const EVENT_BYTES: usize = 16 << 20;
/// What a client may name besides its key; it is answered with the same.
const SUBPROTOCOL: HeaderValue = HeaderValue::from_static("realtime");

/// A client that wants to go on in WebSocket.
pub(crate) struct Client {
    /// Requests may be looked at from several threads, connections to come may not.
    line: Mutex<Line>,
    accept: HeaderValue,
    named: bool,
}

/// What both sides may send.
fn limits() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(EVENT_BYTES)).max_frame_size(Some(EVENT_BYTES))
}

impl Gateway {
    /// Begins a session with `model`. `line` is what becomes of the client's connection, if its version of HTTP can
    /// be left. Errors are answers in OpenAI's shape.
    pub async fn realtime(
        &self,
        call: Call<'_>,
        model: Option<&str>,
        line: Option<Line>,
    ) -> Response<Body> {
        self.0.realtime(call, model, line).await
    }
}

impl Inner {
    async fn realtime(
        &self,
        mut call: Call<'_>,
        model: Option<&str>,
        line: Option<Line>,
    ) -> Response<Body> {
        let began = Instant::now();
        let Some((accept, line)) = accept(call.headers).zip(line) else {
            return self.no_socket(&call);
        };
        let client = Client { line: Mutex::new(line), accept, named: names_protocol(call.headers) };
        match self.ready_for_session(&mut call, model).await {
            Ok((caller, entry, head, plan, masked)) => {
                let from = (caller, entry, began);
                self.answer(&call, from, &head, (plan, masked), Some(client)).await
            }
            Err(refused) => self.show(refused, &call),
        }
    }

    fn no_socket(&self, call: &Call<'_>) -> Response<Body> {
        let refusal = Refusal::new(
            426,
            "upgrade_required",
            "Sessions are held over a WebSocket, which HTTP/1.1 can change to: connect with wss:// or ws://.",
        );
        meters::refused(refusal.status);
        let mut response = reply::refusal(call.inbound, call.request, &refusal, None);
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        response
    }

    async fn ready_for_session(
        &self,
        call: &mut Call<'_>,
        model: Option<&str>,
    ) -> Result<(Caller, Entry, Head, Plan, Masked), Refused> {
        let (caller, entry) = self.admit(call).await?;
        let missing =
            || Refusal::new(400, "missing_parameter", "Name the model in the address: ?model=…");
        let model = model.ok_or_else(|| Refused::from(missing()))?;
        let head = llm::realtime_head(model).map_err(|bad| Refused::from(Refusal::from(&bad)))?;
        // What will be said cannot be looked through.
        let kind = (Task::Realtime, true);
        let masked = self.mask_task(&call.scope, caller.project, kind, &call.body).await?;
        let plan = self.plan(call, caller.project, &head).await;
        Ok((caller, entry, head, plan.map_err(|error| Refused::from(&error))?, masked))
    }
}

impl Sending<'_> {
    /// Tells the client that the session begins, and carries it from then on.
    pub(crate) fn show_session(mut self, opened: Opened, route: &Route) -> Response<Body> {
        let Some((client, scope)) = self.client.take() else {
            // Only a client that brought its connection is planned for.
            self.settler.answered(domain::Usage {
                provenance: Provenance::Absent,
                ..domain::Usage::default()
            });
            return Response::new(Body::whole(Bytes::new()));
        };
        let mut response = Response::new(Body::whole(Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, client.accept);
        if client.named {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
        }
        if let Ok(id) = HeaderValue::try_from(self.request.to_string()) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        reply::routed(&mut response, self.request, Some(route), &self.settler.receipt);
        self.settler.unobserved();
        let shown = self.attempts.head.model.clone();
        let session = Session::new(self.gateway, (opened, shown), self.settler, scope);
        self.gateway.tasks.spawn(session.run(client.line.into_inner()));
        response
    }
}

/// What proves to the client that its wish was understood (RFC 6455, section 4.2.1); nothing when it is no such wish.
fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is =
        |all: &str, wanted: &str| all.split(',').any(|one| one.trim().eq_ignore_ascii_case(wanted));
    let wished =
        is(text(header::UPGRADE)?, "websocket") && is(text(header::CONNECTION)?, "upgrade");
    let fits = text(header::SEC_WEBSOCKET_VERSION)? == "13";
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()?;
    (wished && fits).then_some(accept)
}

fn names_protocol(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    all.filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|one| one.trim() == "realtime"))
}
