//! The mock provider: one fixed answer of 1 KiB, or fifty chunks a millisecond apart.

use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{Outcome, serve};

/// Pieces of the answer in a stream.
pub(crate) const CHUNKS: usize = 50;
/// Bytes of the whole answer.
pub(crate) const WHOLE: usize = 1024;
const PACE: Duration = Duration::from_millis(1);

pub(crate) async fn serve(listen: SocketAddr) -> Outcome {
    let whole = Bytes::from(whole());
    let chunks: Vec<Bytes> = chunks();
    serve::serve(listen, move |request| {
        let (whole, chunks) = (whole.clone(), chunks.clone());
        async move {
            let asked = request.into_body().collect().await;
            let streams = asked.is_ok_and(|body| wants_stream(&body.to_bytes()));
            if streams {
                respond("text/event-stream", Answer::Chunks(interval_of(), chunks.into_iter()))
            } else {
                respond("application/json", Answer::Whole(Some(whole)))
            }
        }
    })
    .await
}

fn wants_stream(body: &[u8]) -> bool {
    body.windows(13).any(|window| window == b"\"stream\":true")
}

fn interval_of() -> Interval {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn respond(kind: &'static str, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

/// A completion of exactly `WHOLE` bytes.
fn whole() -> String {
    let around = |text: &str| {
        format!(
            r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":160,"completion_tokens":150,"total_tokens":310}}}}"#
        )
    };
    let filler = "word ".repeat(WHOLE);
    let room = WHOLE.saturating_sub(around("").len());
    around(filler.get(..room).unwrap_or_default())
}

fn chunks() -> Vec<Bytes> {
    let event = |choices: &str, rest: &str| {
        Bytes::from(format!(
            "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\",\"choices\":[{choices}]{rest}}}\n\n"
        ))
    };
    let piece = r#"{"index":0,"delta":{"content":"word "},"finish_reason":null}"#;
    let mut chunks = vec![event(piece, ""); CHUNKS];
    chunks.push(event(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, ""));
    chunks.push(event(
        "",
        r#","usage":{"prompt_tokens":160,"completion_tokens":50,"total_tokens":210}"#,
    ));
    chunks.push(Bytes::from_static(b"data: [DONE]\n\n"));
    chunks
}

enum Answer {
    Whole(Option<Bytes>),
    Chunks(Interval, std::vec::IntoIter<Bytes>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Chunks(ticks, chunks) => {
                if ticks.poll_tick(cx).is_pending() {
                    return Poll::Pending;
                }
                Poll::Ready(chunks.next().map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Whole(Some(bytes)) => http_body::SizeHint::with_exact(bytes.len() as u64),
            Self::Whole(None) => http_body::SizeHint::with_exact(0),
            Self::Chunks(..) => http_body::SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_answer_has_its_size_and_is_json() {
        let text = whole();
        assert_eq!(text.len(), WHOLE);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }
}
