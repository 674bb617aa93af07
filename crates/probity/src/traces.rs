//! Traces of requests, sent to a collector that speaks OTLP over HTTP. Off unless one is named. What cannot be delivered is
//! dropped and counted: nobody waits for a collector.

mod otlp;

use std::time::Duration;

use bytes::Bytes;
use domain::{Error, Result, Secret};
use egress::{Deadlines, Destination, Egress, Kind};
use gateway::{Trace, Tracer};
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

/// The collector's id at the door out.
const DESTINATION: &str = "telemetry";
/// Requests that wait to be sent; more are dropped.
const WAITING: usize = 4_096;
/// Requests in one message, and how long the first of them waits for others.
const MOST: usize = 256;
const GATHER: Duration = Duration::from_secs(1);
const DEADLINES: Deadlines =
    Deadlines { connect: Duration::from_secs(3), headers: Duration::from_secs(10) };
/// Before a message is sent again, and once more.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// The section `[telemetry]` of the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TelemetrySection {
    /// A collector's address for OTLP over HTTP, such as `http://127.0.0.1:4318`; nothing is traced without it.
    pub(crate) otlp_url: Option<String>,
    /// A header that the collector wants, as `name: value`.
    pub(crate) otlp_header: Option<Secret<String>>,
    /// Of a hundred requests whose clients do not say whether, how many are traced.
    pub(crate) sample_percent: u32,
    /// How this installation is called there.
    pub(crate) service_name: String,
}

impl Default for TelemetrySection {
    fn default() -> Self {
        let service_name = "probity".to_owned();
        Self { otlp_url: None, otlp_header: None, sample_percent: 100, service_name }
    }
}

/// A header of the collector's.
type Header = (HeaderName, HeaderValue);

/// Where traces are sent.
struct Collector {
    egress: Egress,
    header: Option<Header>,
    service: String,
}

/// Registers the collector and begins to send; nothing when none is named. What waits when the server stops is still sent.
///
/// # Errors
/// `Invalid` when the address or the header cannot be one.
pub(crate) fn start(
    section: &TelemetrySection,
    egress: &Egress,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) -> Result<Option<Tracer>> {
    let Some(url) = &section.otlp_url else { return Ok(None) };
    let wrong = |says: &str| Error::invalid(format!("telemetry.{says}"));
    let base = Url::parse(url).map_err(|_| wrong("otlp_url is not an address."))?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(wrong("otlp_url begins with http:// or https://."));
    }
    if section.sample_percent > 100 {
        return Err(wrong("sample_percent is a number from 0 to 100."));
    }
    let header = section.otlp_header.as_ref().map(|text| header_of(text.expose())).transpose()?;
    egress.register(Destination {
        id: DESTINATION.to_owned(),
        kind: Kind::Own,
        base,
        allow_private: true,
    })?;
    let (to, from) = mpsc::channel(WAITING);
    let service = section.service_name.clone();
    let collector = Collector { egress: egress.clone(), header, service };
    tasks.spawn(collector.run(from, stop.clone()));
    Ok(Some(Tracer { to, percent: section.sample_percent }))
}

fn header_of(text: &str) -> Result<Header> {
    let wrong = || Error::invalid("telemetry.otlp_header is written as `name: value`.");
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = name.trim().parse().map_err(|_| wrong())?;
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok((name, value))
}

impl Collector {
    async fn run(self, mut from: mpsc::Receiver<Box<Trace>>, stop: CancellationToken) {
        let mut waiting = Vec::with_capacity(MOST);
        loop {
            let stopped = stop.is_cancelled();
            let gathered = async {
                if from.recv_many(&mut waiting, MOST).await == 0 {
                    return false;
                }
                let until = tokio::time::Instant::now() + GATHER;
                while waiting.len() < MOST && !stopped {
                    let room = MOST - waiting.len();
                    match tokio::time::timeout_at(until, from.recv_many(&mut waiting, room)).await {
                        Ok(0) | Err(_) => break,
                        Ok(_) => {}
                    }
                }
                true
            };
            let goes_on = if stopped {
                // What is settled while the server stops still comes for a moment.
                tokio::time::timeout(GATHER, gathered).await.unwrap_or(false)
            } else {
                tokio::select! {
                    goes_on = gathered => goes_on,
                    () = stop.cancelled() => true,
                }
            };
            if !waiting.is_empty() {
                self.deliver(&waiting).await;
                waiting.clear();
            }
            if !goes_on {
                return;
            }
        }
    }

    async fn deliver(&self, traces: &[Box<Trace>]) {
        let body = Bytes::from(otlp::message(traces, &self.service));
        for pause in PAUSES.map(Some).into_iter().chain([None]) {
            let (again, code) = match self.post(body.clone()).await {
                Ok(status) if status.is_success() => return,
                Ok(status) => (is_passing(status), status.as_str().to_owned()),
                Err(error) => (true, error.kind().code().to_owned()),
            };
            match pause.filter(|_| again) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => {
                    metrics::counter!("probity_traces_dropped_total")
                        .increment(traces.len() as u64);
                    tracing::warn!(code, requests = traces.len(), "traces were not delivered");
                    return;
                }
            }
        }
    }

    async fn post(&self, body: Bytes) -> Result<StatusCode, egress::Error> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static("/v1/traces");
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("probity"));
        if let Some((name, value)) = &self.header {
            headers.insert(name.clone(), value.clone());
        }
        let response = self.egress.send(DESTINATION, request, DEADLINES).await?;
        let status = response.status();
        // Read to its end, so that the connection can be used again.
        drop(tokio::time::timeout(DEADLINES.headers, response.into_body().collect()).await);
        Ok(status)
    }
}

/// What OTLP says may be sent again.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests;
