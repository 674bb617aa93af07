//! What became of a request, for whoever watches the deployment: who was asked, for how long, what came of it. Made only
//! when somebody watches, and of requests that went as far as a provider. No content.

use std::time::Duration;

use domain::{KeyId, OrgId, ProjectId, RequestId, Timestamp, Usage};
use http::HeaderMap;
use tokio::{sync::mpsc, time::Instant};

use crate::{Gateway, Inner, limit::nanos, plan::Candidate};

/// One request, once it is settled. Times are nanoseconds since the epoch.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Of the trace that it is a part of; the client's, where it says so (W3C Trace Context).
    pub trace: [u8; 16],
    /// The client's span.
    pub parent: Option<[u8; 8]>,
    pub span: [u8; 8],
    pub request: RequestId,
    pub org: OrgId,
    pub project: ProjectId,
    pub key: KeyId,
    /// What was asked for, in the words of the usage records: `openai`, `embeddings`, …
    pub format: &'static str,
    /// As the client named it.
    pub model: String,
    pub streaming: bool,
    pub began: u64,
    pub ended: u64,
    pub first_token: Option<Duration>,
    pub status: u16,
    pub error: Option<String>,
    pub usage: Usage,
    /// Nano-units of the currency; `None` when unknown.
    pub cost_nano: Option<u64>,
    /// Everybody who was asked, in their order; of those that were `ok`, the last is the one whose answer was passed on.
    pub calls: Vec<TracedCall>,
}

/// One provider that was asked.
#[derive(Clone, Debug)]
pub struct TracedCall {
    pub span: [u8; 8],
    /// Its id in the catalogue.
    pub catalog: String,
    /// As the organization calls it.
    pub provider: String,
    pub region: Option<String>,
    pub host: String,
    pub port: Option<u16>,
    /// The provider's name for it.
    pub model: String,
    pub began: u64,
    pub ended: u64,
    /// `ok`, or why not.
    pub outcome: &'static str,
    /// As the provider said it.
    pub status: Option<u16>,
}

/// Where traces go. What is full is told nothing more, so that nobody waits for whoever watches.
#[derive(Clone, Debug)]
pub struct Tracer {
    /// Where settled requests go.
    pub to: mpsc::Sender<Box<Trace>>,
    /// Of a hundred requests whose clients do not say whether, how many.
    pub percent: u32,
}

impl Gateway {
    /// From now on requests are traced. The first tracer stays.
    pub fn trace_to(&self, tracer: Tracer) {
        drop(self.0.tracer.set(tracer));
    }
}

/// A request that is being traced.
pub(crate) struct Tracing {
    to: mpsc::Sender<Box<Trace>>,
    trace: [u8; 16],
    parent: Option<[u8; 8]>,
    /// From which the ids of spans follow.
    seed: u64,
    began: Instant,
    began_ns: u64,
    calls: Vec<TracedCall>,
}

/// What is known at the end.
pub(crate) struct Settled {
    pub request: RequestId,
    pub payer: (OrgId, ProjectId, KeyId),
    pub format: &'static str,
    pub model: String,
    pub streaming: bool,
    pub first_token: Option<Duration>,
    pub status: u16,
    pub error: Option<String>,
    pub usage: Usage,
    pub cost_nano: Option<u64>,
}

impl Inner {
    /// Begins to trace a request, where somebody watches, and watches this one.
    pub(crate) fn traced(
        &self,
        headers: &HeaderMap,
        request: RequestId,
        (began, started): (Instant, Timestamp),
    ) -> Option<Box<Tracing>> {
        let Tracer { to, percent } = self.tracer.get()?;
        let context = headers.get("traceparent").and_then(|value| context(value.to_str().ok()?));
        let wanted = match context {
            Some((.., sampled)) => sampled,
            None => *percent >= 100 || self.draw() % 100 < u64::from(*percent),
        };
        if !wanted {
            return None;
        }
        let (trace, parent) = match context {
            Some((trace, parent, _)) => (trace, Some(parent)),
            None => (*request.uuid().as_bytes(), None),
        };
        // What the clock says now was said a moment after the request came.
        let now = u64::try_from(started.as_millis()).unwrap_or(0).saturating_mul(1_000_000);
        let began_ns = now.saturating_sub(nanos(began.elapsed()));
        let (seed, calls) = (self.draw(), Vec::new());
        Some(Box::new(Tracing { to: to.clone(), trace, parent, seed, began, began_ns, calls }))
    }
}

impl Tracing {
    fn at(&self, moment: Instant) -> u64 {
        self.began_ns.saturating_add(nanos(moment.saturating_duration_since(self.began)))
    }

    fn span(&self, at: usize) -> [u8; 8] {
        // An odd factor keeps different numbers different, and none of them is zero.
        let step = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        match self.seed.wrapping_add(step) {
            0 => 1_u64.to_be_bytes(),
            other => other.to_be_bytes(),
        }
    }

    /// A provider was asked, and it took so long until its answer began, or did not.
    pub(crate) fn asked(
        &mut self,
        candidate: &Candidate,
        (outcome, status): (&'static str, Option<u16>),
        took: Duration,
    ) {
        let ended = self.at(Instant::now());
        let route = &candidate.route;
        self.calls.push(TracedCall {
            span: self.span(self.calls.len() + 1),
            catalog: route.catalog.clone(),
            provider: route.name.clone(),
            region: route.region.clone(),
            host: route.address.0.clone(),
            port: route.address.1,
            model: candidate.model.as_ref().to_owned(),
            began: ended.saturating_sub(nanos(took)),
            ended,
            outcome,
            status,
        });
    }

    pub(crate) fn finish(mut self, settled: Settled) {
        let ended = self.at(Instant::now());
        // An answer lasts until it is settled.
        if let Some(answer) = self.calls.iter_mut().rev().find(|call| call.outcome == "ok") {
            answer.ended = ended;
        }
        let span = self.span(0);
        let Settled { request, payer: (org, project, key), .. } = settled;
        let trace = Trace {
            trace: self.trace,
            parent: self.parent,
            span,
            request,
            org,
            project,
            key,
            format: settled.format,
            model: settled.model,
            streaming: settled.streaming,
            began: self.began_ns,
            ended,
            first_token: settled.first_token,
            status: settled.status,
            error: settled.error,
            usage: settled.usage,
            cost_nano: settled.cost_nano,
            calls: self.calls,
        };
        if self.to.try_send(Box::new(trace)).is_err() {
            metrics::counter!("probity_traces_dropped_total").increment(1);
        }
    }
}

/// The trace, the span and whether it is kept, as `traceparent` says it; nothing when it does not say it properly.
fn context(said: &str) -> Option<([u8; 16], [u8; 8], bool)> {
    let mut parts = said.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // Later versions may add parts; the first has none, and the last is none.
    if version.len() != 2 || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    u8::from_str_radix(version, 16).ok()?;
    let (mut id, mut parent, mut flag) = ([0; 16], [0; 8], [0; 1]);
    lower_hex(trace, &mut id)?;
    lower_hex(span, &mut parent)?;
    lower_hex(flags, &mut flag)?;
    let known = id != [0; 16] && parent != [0; 8];
    known.then_some((id, parent, flag[0] & 1 == 1))
}

fn lower_hex(text: &str, into: &mut [u8]) -> Option<()> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !lower {
        return None;
    }
    hex::decode_to_slice(text, into).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_s_context_is_taken_as_it_is_or_not_at_all() {
        let said = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (trace, parent, kept) = context(said).unwrap();
        assert_eq!(hex::encode(trace), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((hex::encode(parent).as_str(), kept), ("b7ad6b7169203331", true));
        assert!(!context(&said.replace("-01", "-00")).unwrap().2);
        assert!(context(&said.replace("00-0", "cc-0")).is_some(), "a version to come");
        assert!(context(&format!("cc{}-more", &said[2..])).is_some());
        for wrong in [
            "",
            "00",
            &format!("{said}-more"),
            &said.replace("00-0", "ff-0"),
            &said.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &said.replace("b7ad6b7169203331", &"0".repeat(16)),
            &said.to_uppercase(),
            &said.replace("b7ad6b7169203331", "b7ad6b716920333"),
            "00-é-b7ad6b7169203331-01",
        ] {
            assert!(context(wrong).is_none(), "{wrong}");
        }
    }
}
