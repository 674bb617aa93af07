//! Requests to identity providers: through the door out, with an end in time and in size.

use std::{collections::HashMap, time::Duration};

use bytes::{Bytes, BytesMut};
use domain::{Clock, ConnectionId, Timestamp};
use egress::{Deadlines, Destination, Egress, Kind};
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use tokio::time::timeout;
use url::Url;

use super::problem::{ADDRESS, ANSWER_TOO_LARGE, LATE, Problem, UNREACHABLE};
use crate::base_url;

/// From the name to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
const BYTES: usize = 256 << 10;
/// How long a provider stays among what may be reached after it was asked something.
const IDLE: Duration = Duration::from_secs(300);

/// Whose provider is asked, and whether it may be inside the own network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose {
    pub(crate) connection: ConnectionId,
    pub(crate) allow_private: bool,
}

/// A form, with the client's id and secret where they belong into the header.
pub(crate) struct Form {
    pub(crate) body: String,
    pub(crate) basic: Option<HeaderValue>,
}

pub(crate) struct Wire {
    egress: Egress,
    clock: Clock,
    used: Mutex<HashMap<String, Timestamp>>,
}

/// An address that a provider names. The authorization endpoint alone may have a query.
pub(crate) fn address(text: &str, allow_private: bool) -> Result<Url, Problem> {
    let (plain, query) = text.split_once('?').map_or((text, None), |(a, b)| (a, Some(b)));
    base_url::check(plain, allow_private).map_err(|_| ADDRESS)?;
    let mut url = Url::parse(plain.trim()).map_err(|_| ADDRESS)?;
    url.set_query(query);
    Ok(url)
}

impl Wire {
    pub(crate) fn new(egress: Egress, clock: Clock) -> Self {
        Self { egress, clock, used: Mutex::default() }
    }

    /// Asks for what stands at `url`; gives the status with the body.
    pub(crate) async fn get(&self, url: &Url, whose: Whose) -> Result<(u16, Bytes), Problem> {
        self.ask(url, whose, Request::new(Full::default())).await
    }

    /// Sends a form.
    pub(crate) async fn post(
        &self,
        url: &Url,
        whose: Whose,
        form: Form,
    ) -> Result<(u16, Bytes), Problem> {
        let mut request = Request::new(Full::new(Bytes::from(form.body)));
        *request.method_mut() = Method::POST;
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(basic) = form.basic {
            request.headers_mut().insert(header::AUTHORIZATION, basic);
        }
        self.ask(url, whose, request).await
    }

    async fn ask(
        &self,
        url: &Url,
        whose: Whose,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(u16, Bytes), Problem> {
        let id = self.open(url, whose)?;
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        *request.uri_mut() = path.parse().map_err(|_| ADDRESS)?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Probity"));
        let deadlines = Deadlines { connect: PATIENCE, headers: PATIENCE };
        let exchange = async {
            let answer = self.egress.send(&id, request, deadlines).await.map_err(|error| {
                tracing::warn!(destination = id, code = error.kind().code(), "no answer");
                UNREACHABLE
            })?;
            let status = answer.status().as_u16();
            collect(answer.into_body()).await.map(|body| (status, body))
        };
        timeout(PATIENCE, exchange).await.unwrap_or(Err(LATE))
    }

    /// Lets the origin of `url` be reached, and closes the door to those that nobody asked for a while.
    fn open(&self, url: &Url, whose: Whose) -> Result<String, Problem> {
        let mut base = url.clone();
        base.set_path("/");
        base.set_query(None);
        let id = format!("{}/{}", whose.connection, base.authority());
        let now = self.clock.now();
        let mut used = self.used.lock();
        used.insert(id.clone(), now);
        used.retain(|other, at| {
            let idle = now.since(*at) > IDLE;
            if idle {
                self.egress.unregister(other);
            }
            !idle
        });
        let kind = Kind::IdentityProvider;
        let allow_private = whose.allow_private;
        let destination = Destination { id: id.clone(), kind, base, allow_private };
        self.egress.register(destination).map_err(|_| ADDRESS)?;
        Ok(id)
    }
}

async fn collect(mut body: egress::Body) -> Result<Bytes, Problem> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| UNREACHABLE)?.into_data() else { continue };
        if all.len().saturating_add(data.len()) > BYTES {
            return Err(ANSWER_TOO_LARGE);
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}
