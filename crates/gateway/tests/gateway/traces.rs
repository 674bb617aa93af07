//! What whoever watches the deployment hears of requests.

use gateway::{Trace, Tracer};
use http::{HeaderMap, HeaderValue};
use llm::Format;
use serde_json::json;
use tokio::sync::mpsc;

use crate::house::{House, PROMPT, read, request};

fn watched(house: &House, percent: u32) -> mpsc::Receiver<Box<Trace>> {
    let (to, from) = mpsc::channel(16);
    house.gateway.trace_to(Tracer { to, percent });
    from
}

fn from(parent: &'static str) -> HeaderMap {
    HeaderMap::from_iter([("traceparent".parse().unwrap(), HeaderValue::from_static(parent))])
}

async fn ask(house: &House, headers: &HeaderMap, model: &str, stream: bool) -> u16 {
    let body = request(model, stream).to_string();
    read(house.start_with(&house.key, Format::OpenAiChat, headers, body).await).await.status
}

#[tokio::test]
async fn everybody_who_was_asked_is_told_and_nothing_of_what_was_said() {
    let house = House::new().await;
    let mut traces = watched(&house, 100);
    house.alias("fast", "open/sandbox-flaky").await;
    for stream in [false, true] {
        assert_eq!(ask(&house, &HeaderMap::new(), "fast", stream).await, 200);
        let trace = traces.recv().await.unwrap();
        assert_eq!((trace.status, trace.model.as_str(), trace.format), (200, "fast", "openai"));
        assert_eq!((trace.streaming, trace.parent), (stream, None));
        assert_eq!(&trace.trace, trace.request.uuid().as_bytes());
        let row = house.usage().await.pop().unwrap();
        assert_eq!(
            (row.request, row.usage, row.cost_nano),
            (trace.request, Some(trace.usage), trace.cost_nano)
        );
        let (failed, answered) = match trace.calls.as_slice() {
            [.., failed, answered] => (failed, answered),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (failed.outcome, failed.status, failed.catalog.as_str()),
            ("upstream_server", Some(500), "sandbox")
        );
        assert_eq!((answered.outcome, answered.provider.as_str()), ("ok", "open"));
        assert_eq!(
            (answered.host.as_str(), answered.port),
            ("127.0.0.1", Some(house.twin.addr.port()))
        );
        assert!(
            trace.began <= failed.began
                && failed.ended <= answered.ended
                && answered.ended <= trace.ended
        );
        assert_ne!(failed.span, answered.span);
        assert!(!format!("{trace:?}").contains(PROMPT));
    }
}

#[tokio::test]
async fn a_client_s_own_trace_goes_on_and_decides() {
    let house = House::new().await;
    let mut traces = watched(&house, 0);
    let kept = from("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let dropped = from("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    for headers in [&HeaderMap::new(), &dropped, &kept] {
        assert_eq!(ask(&house, headers, "open/sandbox-echo", false).await, 200);
    }
    let trace = traces.recv().await.unwrap();
    assert_eq!(trace.trace[..2], [0x0a, 0xf7]);
    assert_eq!(trace.parent.unwrap()[..2], [0xb7, 0xad]);
    assert!(traces.try_recv().is_err(), "the others were not wanted");
    let sent = house.twin.inspector().requests();
    assert!(sent.iter().all(|request| request.header("traceparent").is_none()), "it ends here");
}

#[tokio::test]
async fn a_failure_is_told_and_a_full_watcher_waits_for_nobody() {
    let house = House::new().await;
    let (to, mut traces) = mpsc::channel(1);
    house.gateway.trace_to(Tracer { to, percent: 100 });
    for _ in 0..3 {
        assert_ne!(ask(&house, &HeaderMap::new(), "open/sandbox-error-400", false).await, 200);
    }
    let trace = traces.recv().await.unwrap();
    assert_eq!((trace.status, trace.calls[0].outcome), (400, "upstream_invalid"));
    assert!(trace.error.is_some() && traces.try_recv().is_err());
    let body = json!({"model": "sandbox-embed", "input": "one two"});
    assert_eq!(house.ask_task(llm::Task::Embeddings, &body).await.status, 200);
    assert_eq!(traces.recv().await.unwrap().format, "embeddings");
}
