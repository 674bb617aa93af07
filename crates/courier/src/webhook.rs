//! Events to webhooks, signed as Standard Webhooks has it.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use domain::{Clock, Timestamp, WebhookId};
use egress::{Deadlines, Destination, Egress, Kind};
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Full;
use parking_lot::Mutex;
use store::{Cargo, Outgoing};
use url::Url;

use crate::{Problem, Then};

/// Receivers should answer at once and work afterwards.
const DEADLINES: Deadlines =
    Deadlines { connect: Duration::from_secs(10), headers: Duration::from_secs(20) };

/// How long a receiver stays among what may be reached after an event was sent there.
const IDLE: Duration = Duration::from_secs(300);

/// Longer waits than this are not kept to.
const LONGEST_WAIT: u64 = 24 * 3_600;

pub(crate) struct Receivers {
    egress: Egress,
    clock: Clock,
    used: Mutex<HashMap<WebhookId, Timestamp>>,
}

impl Receivers {
    pub(crate) fn new(egress: Egress, clock: Clock) -> Self {
        Self { egress, clock, used: Mutex::default() }
    }

    /// Closes the door to receivers that nothing was sent to for a while.
    pub(crate) fn forget_idle(&self) {
        let now = self.clock.now();
        self.used.lock().retain(|id, at| {
            let idle = now.since(*at) > IDLE;
            if idle {
                self.egress.unregister(&id.to_string());
            }
            !idle
        });
    }

    /// Sends one event; returns the status of the answer that took it.
    pub(crate) async fn send(&self, message: &Outgoing) -> Result<u16, Problem> {
        let unsendable = Problem::lasting("event_unsendable", None);
        let Cargo::Event { webhook, url, allow_private, .. } = &message.cargo else {
            return Err(unsendable);
        };
        let url = Url::parse(url.expose()).map_err(|_| unsendable)?;
        let id = webhook.to_string();
        self.open(*webhook, &url, *allow_private).map_err(|_| unsendable)?;
        let request = self.request(message, &url).ok_or(unsendable)?;
        let answer = self.egress.send(&id, request, DEADLINES).await?;
        let status = answer.status();
        let problem = |code, then| Err(Problem { code, status: Some(status.as_u16()), then });
        match status {
            status if status.is_success() => Ok(status.as_u16()),
            StatusCode::GONE => problem("receiver_gone", Then::Gone),
            _ => problem("receiver_refused", Then::Again(retry_after(answer.headers()))),
        }
    }

    /// Lets the receiver be reached: its host, and no other.
    fn open(&self, id: WebhookId, url: &Url, allow_private: bool) -> domain::Result<()> {
        let mut base = url.clone();
        base.set_path("/");
        base.set_query(None);
        self.used.lock().insert(id, self.clock.now());
        self.egress.register(Destination {
            id: id.to_string(),
            kind: Kind::Receiver,
            base,
            allow_private,
        })
    }

    fn request(&self, message: &Outgoing, url: &Url) -> Option<Request<Full<Bytes>>> {
        let Cargo::Event { secret, body, .. } = &message.cargo else { return None };
        let (id, seconds) = (message.id.to_string(), self.clock.now().as_millis() / 1_000);
        let signed = (id.as_str(), seconds);
        let signature = vault::webhook_signature(secret, signed, body.expose().as_bytes()).ok()?;
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Request::post(path)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(header::USER_AGENT, HeaderValue::from_static("Probity"))
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .body(Full::new(Bytes::from(body.expose().clone())))
            .ok()
    }
}

/// What the receiver asks for, in seconds; dates are not read.
fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}
