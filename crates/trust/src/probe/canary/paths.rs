//! The six ways a request can go and the other things that can be asked for, each with text nobody has seen before.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::{PIECES, Run};
use crate::client::{Auth, Payload};

/// Longer than any stall the gateway waits for by default.
const PATIENCE: Duration = Duration::from_secs(180);

const COMPLETIONS: &str = "/v1/chat/completions";

/// One request that went one way.
pub(super) struct Travelled {
    pub(super) name: &'static str,
    pub(super) pieces: Vec<String>,
    /// Whether it went the way it was meant to go.
    pub(super) as_meant: bool,
    /// The id the installation gave it.
    pub(super) request: Option<String>,
    /// Whether a usage record is due.
    pub(super) recorded: bool,
}

/// The way, the twin's model that forces it, and whether the answer is streamed.
const WAYS: &[(&str, &str, bool)] = &[
    ("success", "sandbox-echo", false),
    ("provider error", "sandbox-error-500", false),
    ("client abort", "sandbox-slow", true),
    ("timeout", "sandbox-stall", true),
    ("oversize", "sandbox-echo", false),
    ("retry", "sandbox-flaky", false),
];

/// What is no conversation, or one in another format: its name, where it is asked for, and the twin's model.
const OTHERS: &[(&str, &str, &str)] = &[
    ("embeddings", "/v1/embeddings", "sandbox-embed"),
    ("ranking", "/v2/rerank", "sandbox-rerank"),
    ("moderation", "/v1/moderations", "sandbox-moderation"),
    ("image", "/v1/images/generations", "sandbox-draw"),
    ("conversation in Cohere's format", "/v2/chat", "sandbox-echo"),
    ("speech", "/v1/audio/speech", "sandbox-speech"),
];

/// Sends all of them at once.
pub(super) async fn travel(cx: Run<'_>) -> Vec<Travelled> {
    let ways = WAYS.iter().map(|(name, model, stream)| go(cx, name, model, *stream));
    let others = OTHERS.iter().map(|(name, path, model)| other(cx, name, path, model));
    let (mut all, others) = futures::future::join(join_all(ways), join_all(others)).await;
    all.extend(others);
    all
}

async fn other(cx: Run<'_>, name: &'static str, path: &str, model: &str) -> Travelled {
    let pieces = pieces(cx, name);
    let text = letter(&pieces);
    let body = match name {
        "ranking" => json!({"model": model, "query": piece(&pieces, 0), "documents": [text]}),
        "image" => json!({"model": model, "prompt": text}),
        "speech" => json!({"model": model, "input": text, "voice": "alloy"}),
        _ if path == "/v2/chat" => {
            json!({"model": model, "messages": [{"role": "user", "content": text}]})
        }
        _ => json!({"model": model, "input": text}),
    };
    let (as_meant, request) = whole(cx, path, Payload::Json(body), |status| status == 200).await;
    Travelled { name, pieces, as_meant, request, recorded: true }
}

fn pieces(cx: Run<'_>, name: &str) -> Vec<String> {
    (0..PIECES).map(|at| cx.seed.text(&format!("{name}|{at}"), 20)).collect()
}

async fn go(cx: Run<'_>, name: &'static str, model: &str, stream: bool) -> Travelled {
    let pieces = pieces(cx, name);
    let text = letter(&pieces);
    let body = json!({
        "model": model,
        "stream": stream,
        "messages": [{"role": "user", "content": text}],
    });
    let (as_meant, request) = match name {
        "client abort" => abort(cx, body).await,
        "timeout" => outwait(cx, body).await,
        "oversize" => whole(cx, COMPLETIONS, oversize(cx, &body), |status| status == 413).await,
        "provider error" => {
            whole(cx, COMPLETIONS, Payload::Json(body), |status| status >= 500).await
        }
        _ => whole(cx, COMPLETIONS, Payload::Json(body), |status| status == 200).await,
    };
    Travelled { name, pieces, as_meant, request, recorded: name != "oversize" }
}

fn letter(pieces: &[String]) -> String {
    format!(
        "Dear assistant, {} wrote to {} about {}. Ask {} whether {} is {}, and answer briefly.",
        piece(pieces, 0),
        piece(pieces, 1),
        piece(pieces, 2),
        piece(pieces, 3),
        piece(pieces, 4),
        piece(pieces, 5),
    )
}

fn piece(pieces: &[String], at: usize) -> &str {
    pieces.get(at).map(String::as_str).unwrap_or_default()
}

/// The same request, padded beyond what the data plane accepts.
fn oversize(cx: Run<'_>, body: &Value) -> Payload {
    let mut text = body.to_string().into_bytes();
    text.resize(cx.site.max_body + 1024, b' ');
    Payload::Raw(Bytes::from(text))
}

async fn whole(
    cx: Run<'_>,
    path: &str,
    payload: Payload,
    meant: impl Fn(u16) -> bool,
) -> (bool, Option<String>) {
    let auth = Auth::Key(&cx.houses.first.api_key);
    match cx.site.client.send("POST", path, auth, payload).await {
        Ok(answer) => (meant(answer.status), answer.header("x-request-id").map(str::to_owned)),
        Err(_) => (false, None),
    }
}

fn request_id(answer: &http::Response<egress::Body>) -> Option<String> {
    answer.headers().get("x-request-id")?.to_str().ok().map(str::to_owned)
}

/// Reads the first piece of the answer and leaves.
async fn abort(cx: Run<'_>, body: Value) -> (bool, Option<String>) {
    let auth = Auth::Key(&cx.houses.first.api_key);
    let answer = cx.site.client.open("POST", COMPLETIONS, auth, Payload::Json(body)).await;
    let Ok(mut answer) = answer else { return (false, None) };
    let request = request_id(&answer);
    let began = matches!(answer.body_mut().frame().await, Some(Ok(_)));
    (began && answer.status().is_success(), request)
}

/// Reads until the gateway loses patience with the provider.
async fn outwait(cx: Run<'_>, body: Value) -> (bool, Option<String>) {
    let auth = Auth::Key(&cx.houses.first.api_key);
    let answer = cx.site.client.open("POST", COMPLETIONS, auth, Payload::Json(body)).await;
    let Ok(mut answer) = answer else { return (false, None) };
    let request = request_id(&answer);
    let end = async { while let Some(Ok(_)) = answer.body_mut().frame().await {} };
    let ended = tokio::time::timeout(PATIENCE, end).await.is_ok();
    (ended, request)
}
