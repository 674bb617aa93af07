use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use domain::{Clock, KeyId, OrgId, ProjectId, Provenance, RequestId, Timestamp, Usage};
use gateway::TracedCall;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message as _;

use super::*;

/// A collector that keeps what it is sent, and refuses as often as it is told to.
#[derive(Clone, Default)]
struct Twin {
    refuses: Arc<Mutex<VecDeque<u16>>>,
    seen: Arc<Mutex<Vec<(String, Span)>>>,
    messages: Arc<Mutex<usize>>,
}

impl Twin {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (twin, tasks) = (self.clone(), TaskTracker::new());
        tasks.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let twin = twin.clone();
                let service = service_fn(move |request| twin.clone().take(request));
                tasks.spawn(async move {
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    drop(server.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        format!("http://{address}")
    }

    async fn take(self, request: Request<Incoming>) -> Result<http::Response<String>, Infallible> {
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v1/traces"));
        assert_eq!(request.headers()["content-type"], "application/x-protobuf");
        assert_eq!(request.headers()["x-token"], "secret");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        *self.messages.lock().unwrap() += 1;
        let mut response = http::Response::new(String::new());
        if let Some(status) = self.refuses.lock().unwrap().pop_front() {
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            return Ok(response);
        }
        let message = ExportTraceServiceRequest::decode(body).unwrap();
        for resource in message.resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            let service = attributes.iter().find(|one| one.key == "service.name").unwrap();
            let Some(Value::StringValue(name)) = service.value.clone().unwrap().value else {
                panic!()
            };
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.seen.lock().unwrap().extend(spans.map(|span| (name.clone(), span)));
        }
        Ok(response)
    }

    fn spans(&self) -> Vec<Span> {
        self.seen.lock().unwrap().iter().map(|(_, span)| span.clone()).collect()
    }
}

struct House {
    tracer: Tracer,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl House {
    async fn new(twin: &Twin) -> Self {
        let url = twin.start().await;
        let egress = Egress::new(&egress::Config::default(), Clock::system()).unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let section = TelemetrySection {
            otlp_url: Some(url),
            otlp_header: Some(Secret::new("x-token: secret".to_owned())),
            service_name: "house".to_owned(),
            ..TelemetrySection::default()
        };
        let tracer = start(&section, &egress, (&tasks, &stop)).unwrap().unwrap();
        Self { tracer, stop, tasks }
    }

    async fn end(self) {
        self.stop.cancel();
        drop(self.tracer);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn trace() -> Box<Trace> {
    let at = Timestamp::from_millis(1_800_000_000_000);
    let call = |span: u8, outcome, status| TracedCall {
        span: [span; 8],
        catalog: "bedrock".to_owned(),
        provider: "Ours".to_owned(),
        region: Some("EU".to_owned()),
        host: "bedrock.example".to_owned(),
        port: Some(443),
        model: "claude".to_owned(),
        began: 10,
        ended: 20,
        outcome,
        status,
    };
    Box::new(Trace {
        trace: [7; 16],
        parent: Some([9; 8]),
        span: [1; 8],
        request: RequestId::new(at),
        org: OrgId::new(at),
        project: ProjectId::new(at),
        key: KeyId::new(at),
        format: "openai",
        model: "fast".to_owned(),
        streaming: true,
        began: 5,
        ended: 30,
        first_token: Some(Duration::from_millis(250)),
        status: 200,
        error: None,
        usage: Usage {
            input: 3,
            cache_read: 4,
            output: 5,
            provenance: Provenance::Reported,
            ..Usage::default()
        },
        cost_nano: Some(42),
        calls: vec![call(2, "upstream_server", Some(500)), call(3, "ok", None)],
    })
}

fn of(span: &Span, key: &str) -> Option<Value> {
    span.attributes.iter().find(|one| one.key == key)?.value.clone()?.value
}

fn text_of(span: &Span, key: &str) -> String {
    match of(span, key) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{key}: {other:?}"),
    }
}

#[tokio::test]
async fn a_request_becomes_spans_in_the_convention_s_words() {
    let twin = Twin::default();
    let house = House::new(&twin).await;
    house.tracer.to.send(trace()).await.unwrap();
    house.end().await;
    let spans = twin.spans();
    assert_eq!(twin.seen.lock().unwrap()[0].0, "house");
    let [served, failed, answered] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((served.name.as_str(), served.kind), ("gateway chat", 2));
    assert_eq!(
        (served.parent_span_id.as_slice(), served.span_id.as_slice()),
        (&[9; 8][..], &[1; 8][..])
    );
    assert_eq!(text_of(served, "gen_ai.request.model"), "fast");
    assert_eq!(of(served, "probity.cost_nano_usd"), Some(Value::IntValue(42)));
    assert_eq!(of(served, "probity.time_to_first_token"), Some(Value::DoubleValue(0.25)));
    assert!(served.status.is_none());
    for span in [failed, answered] {
        assert_eq!((span.name.as_str(), span.kind), ("chat claude", 3));
        assert_eq!(
            (span.trace_id.as_slice(), span.parent_span_id.as_slice()),
            (&[7; 16][..], &[1; 8][..])
        );
        assert_eq!(text_of(span, "gen_ai.provider.name"), "aws.bedrock");
        assert_eq!(text_of(span, "server.address"), "bedrock.example");
    }
    assert_eq!(text_of(failed, "error.type"), "upstream_server");
    assert_eq!(failed.status.as_ref().unwrap().code, 2);
    assert_eq!(of(failed, "gen_ai.usage.input_tokens"), None, "it answered nothing");
    assert_eq!(of(answered, "gen_ai.usage.input_tokens"), Some(Value::IntValue(7)));
    assert_eq!(of(answered, "gen_ai.usage.cache_read.input_tokens"), Some(Value::IntValue(4)));
    assert_eq!(of(answered, "gen_ai.usage.output_tokens"), Some(Value::IntValue(5)));
    assert!(of(answered, "error.type").is_none() && answered.status.is_none());
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_dropped() {
    let twin = Twin::default();
    twin.refuses.lock().unwrap().push_back(503);
    let house = House::new(&twin).await;
    for _ in 0..3 {
        house.tracer.to.send(trace()).await.unwrap();
    }
    house.end().await;
    assert_eq!(
        (*twin.messages.lock().unwrap(), twin.spans().len()),
        (2, 9),
        "once again, together"
    );
    twin.refuses.lock().unwrap().push_back(400);
    let house = House::new(&twin).await;
    house.tracer.to.send(trace()).await.unwrap();
    house.end().await;
    assert_eq!((*twin.messages.lock().unwrap(), twin.spans().len()), (3, 9));
}

#[tokio::test]
async fn what_cannot_be_a_collector_is_refused_at_the_start() {
    let egress = Egress::new(&egress::Config::default(), Clock::system()).unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let begin = |section: &TelemetrySection| start(section, &egress, (&tasks, &stop));
    assert!(begin(&TelemetrySection::default()).unwrap().is_none());
    let named = |url: &str| TelemetrySection {
        otlp_url: Some(url.to_owned()),
        ..TelemetrySection::default()
    };
    for wrong in [
        named("collector"),
        named("grpc://collector:4317"),
        TelemetrySection { sample_percent: 101, ..named("http://collector:4318") },
        TelemetrySection {
            otlp_header: Some(Secret::new("no colon".to_owned())),
            ..named("http://collector:4318")
        },
    ] {
        assert!(begin(&wrong).is_err(), "{wrong:?}");
    }
}
