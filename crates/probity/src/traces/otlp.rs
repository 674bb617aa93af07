//! Requests as spans: one for what the gateway served, and below it one for every provider that was asked, in the words
//! of OpenTelemetry's conventions for generative AI.

use gateway::{Trace, TracedCall};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};
use prost::Message as _;

/// The message that a collector takes at `/v1/traces`.
pub(super) fn message(traces: &[Box<Trace>], service: &str) -> Vec<u8> {
    let spans = traces.iter().flat_map(|trace| spans(trace)).collect();
    let scope = InstrumentationScope {
        name: "probity.gateway".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let resource = Resource {
        attributes: vec![
            text("service.name", service),
            text("service.version", env!("CARGO_PKG_VERSION")),
        ],
        ..Resource::default()
    };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource = Some(resource);
    let all = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans: all }.encode_to_vec()
}

fn spans(trace: &Trace) -> impl Iterator<Item = Span> {
    let answer = trace.calls.iter().rposition(|call| call.outcome == "ok");
    let calls = trace.calls.iter().enumerate();
    let calls = calls.map(move |(at, call)| asked(trace, call, answer == Some(at)));
    std::iter::once(served(trace)).chain(calls)
}

/// What the gateway served.
fn served(trace: &Trace) -> Span {
    let mut attributes = vec![
        text("gen_ai.operation.name", operation(trace.format)),
        text("gen_ai.request.model", &trace.model),
        number("http.response.status_code", u64::from(trace.status)),
        text("probity.request.id", &trace.request.to_string()),
        text("probity.organization.id", &trace.org.to_string()),
        text("probity.project.id", &trace.project.to_string()),
        text("probity.key.id", &trace.key.to_string()),
        text("probity.format", trace.format),
        truth("probity.streaming", trace.streaming),
        number("probity.attempts", trace.calls.len() as u64),
    ];
    if let Some(first) = trace.first_token {
        attributes.push(real("probity.time_to_first_token", first.as_secs_f64()));
    }
    if let Some(cost) = trace.cost_nano {
        attributes.push(number("probity.cost_nano_usd", cost));
    }
    if let Some(error) = &trace.error {
        attributes.push(text("error.type", error));
    }
    Span {
        trace_id: trace.trace.to_vec(),
        span_id: trace.span.to_vec(),
        parent_span_id: trace.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
        name: format!("gateway {}", operation(trace.format)),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: trace.began,
        end_time_unix_nano: trace.ended,
        attributes,
        status: trace.error.as_ref().map(|_| failed()),
        ..Span::default()
    }
}

/// A provider that was asked. What was used stands at the one whose answer was passed on.
fn asked(trace: &Trace, call: &TracedCall, answered: bool) -> Span {
    let operation = operation(trace.format);
    let mut attributes = vec![
        text("gen_ai.operation.name", operation),
        text("gen_ai.provider.name", provider(&call.catalog)),
        text("gen_ai.request.model", &call.model),
        text("server.address", &call.host),
        text("probity.provider.name", &call.provider),
    ];
    if let Some(port) = call.port {
        attributes.push(number("server.port", u64::from(port)));
    }
    if let Some(region) = &call.region {
        attributes.push(text("probity.provider.region", region));
    }
    if let Some(status) = call.status {
        attributes.push(number("http.response.status_code", u64::from(status)));
    }
    let failure = match (call.outcome, &trace.error) {
        ("ok", Some(error)) if answered => Some(error.as_str()),
        ("ok", _) => None,
        (outcome, _) => Some(outcome),
    };
    attributes.extend(failure.map(|code| text("error.type", code)));
    let usage = &trace.usage;
    if answered && usage.provenance != domain::Provenance::Absent {
        // There the input includes what came from a cache.
        attributes.push(number("gen_ai.usage.input_tokens", usage.input_total()));
        attributes.push(number("gen_ai.usage.output_tokens", usage.output));
        let more = [
            ("gen_ai.usage.cache_read.input_tokens", usage.cache_read),
            ("gen_ai.usage.cache_creation.input_tokens", usage.cache_write),
            ("gen_ai.usage.reasoning.output_tokens", usage.reasoning),
        ];
        attributes
            .extend(more.iter().filter(|(_, count)| *count > 0).map(|(name, n)| number(name, *n)));
        attributes.push(text("probity.usage.provenance", usage.provenance.as_str()));
    }
    Span {
        trace_id: trace.trace.to_vec(),
        span_id: call.span.to_vec(),
        parent_span_id: trace.span.to_vec(),
        name: format!("{operation} {}", call.model),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: call.began,
        end_time_unix_nano: call.ended,
        attributes,
        status: failure.map(|_| failed()),
        ..Span::default()
    }
}

fn failed() -> Status {
    Status { code: StatusCode::Error.into(), ..Status::default() }
}

/// The convention's word where it has one.
fn operation(format: &str) -> &str {
    match format {
        "openai" | "anthropic" | "responses" | "cohere" | "bedrock" | "watsonx" => "chat",
        "gemini" => "generate_content",
        other => other,
    }
}

/// The convention's name of a provider, where it has one; else the catalogue's.
fn provider(catalog: &str) -> &str {
    match catalog {
        "openai-realtime" => "openai",
        "bedrock" => "aws.bedrock",
        "azure" => "azure.ai.openai",
        "gemini" => "gcp.gemini",
        "vertex" => "gcp.vertex_ai",
        "watsonx" => "ibm.watsonx.ai",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        other => other,
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: u64) -> KeyValue {
    attribute(key, Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn real(key: &str, value: f64) -> KeyValue {
    attribute(key, Value::DoubleValue(value))
}

fn truth(key: &str, value: bool) -> KeyValue {
    attribute(key, Value::BoolValue(value))
}
