//! Playing an answer onto the wire: bytes, pauses, and the ways in which a stream can break.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame as BodyFrame};
use serde_json::{Value, json};
use tokio::time::Sleep;

use crate::{
    Dialect, Script,
    bedrock::{self, event_stream},
    behaviour::Behaviour,
    inspect::Ticket,
    refusal::Refusal,
};

/// One server-sent event before framing. `semantic` events carry a piece of the answer.
pub(crate) struct Frame {
    pub name: Option<&'static str>,
    pub data: String,
    pub semantic: bool,
}

#[derive(Debug)]
enum Step {
    Bytes(Bytes),
    Pause(Duration),
    /// Ends the connection without ending the body.
    Cut,
    /// The same by a TCP reset.
    Reset,
    Stall,
}

/// After how many pieces of the answer a scripted fault strikes.
const MIDDLE: usize = 3;
/// Lets written bytes reach the wire before the connection breaks.
const FLUSH: Duration = Duration::from_millis(20);

/// The body of a twin's response.
pub(crate) struct Play {
    steps: VecDeque<Step>,
    timer: Option<Pin<Box<Sleep>>>,
    reset: Arc<AtomicBool>,
    ticket: Option<Ticket>,
}

impl Play {
    fn new(steps: VecDeque<Step>, reset: Arc<AtomicBool>, ticket: Option<Ticket>) -> Self {
        Self { steps, timer: None, reset, ticket }
    }

    /// An answer about the twin itself.
    pub(crate) fn plain(body: impl Into<Bytes>) -> Self {
        Self::new(VecDeque::from([Step::Bytes(body.into())]), Arc::default(), None)
    }

    /// A whole answer, broken in its middle where the behaviour says so.
    pub(crate) fn whole(
        body: impl Into<Bytes>,
        behaviour: Behaviour,
        script: &Script,
        reset: Arc<AtomicBool>,
        ticket: Ticket,
    ) -> Self {
        let body = body.into();
        let half = body.slice(..body.len() / 2);
        let steps = match behaviour {
            Behaviour::Cut => vec![Step::Bytes(half), Step::Pause(FLUSH), Step::Cut],
            Behaviour::Reset => vec![Step::Bytes(half), Step::Pause(FLUSH), Step::Reset],
            Behaviour::Stall => vec![Step::Bytes(half), Step::Stall],
            Behaviour::Malformed => vec![Step::Bytes(half)],
            Behaviour::Slow => vec![Step::Pause(script.pace.saturating_mul(50)), Step::Bytes(body)],
            Behaviour::SlowFirstToken => vec![Step::Pause(script.hush), Step::Bytes(body)],
            Behaviour::SplitUtf8 => single_bytes(&body),
            _ => vec![Step::Bytes(body)],
        };
        Self::new(steps.into(), reset, Some(ticket))
    }

    /// Bytes that mean nothing until they are put together, in eight pieces.
    pub(crate) fn pieces(
        body: &Bytes,
        behaviour: Behaviour,
        script: &Script,
        reset: Arc<AtomicBool>,
        ticket: Ticket,
    ) -> Self {
        let mut steps = VecDeque::new();
        for (at, piece) in body.chunks(body.len().div_ceil(8).max(1)).enumerate() {
            match behaviour {
                Behaviour::SlowFirstToken if at == 0 => steps.push_back(Step::Pause(script.hush)),
                Behaviour::Slow if at > 0 => {
                    steps.push_back(Step::Pause(script.pace.saturating_mul(6)));
                }
                _ => {}
            }
            let broken = [Behaviour::Cut, Behaviour::Reset, Behaviour::Stall];
            if at == MIDDLE && broken.contains(&behaviour) {
                steps.push_back(Step::Pause(FLUSH));
                steps.push_back(match behaviour {
                    Behaviour::Cut => Step::Cut,
                    Behaviour::Reset => Step::Reset,
                    _ => Step::Stall,
                });
                break;
            }
            steps.push_back(Step::Bytes(Bytes::copy_from_slice(piece)));
        }
        Self::new(steps, reset, Some(ticket))
    }

    /// A stream of events, broken or oddly framed where the behaviour says so.
    pub(crate) fn stream(
        frames: Vec<Frame>,
        (dialect, behaviour): (Dialect, Behaviour),
        script: &Script,
        reset: Arc<AtomicBool>,
        ticket: Ticket,
    ) -> Self {
        let mut steps = VecDeque::new();
        let mut told = 0;
        for (at, frame) in frames.into_iter().enumerate() {
            if frame.semantic {
                if let Some(fault) = fault(behaviour, (told, at), dialect) {
                    steps.extend(fault);
                    break;
                }
                if behaviour == Behaviour::SlowFirstToken && told == 0 {
                    steps.push_back(Step::Pause(script.hush));
                }
                if behaviour == Behaviour::Slow && told > 0 {
                    steps.push_back(Step::Pause(script.pace));
                }
                told += 1;
            }
            steps.extend(if dialect == Dialect::Bedrock {
                binary(&frame, behaviour)
            } else {
                framed(&frame, behaviour)
            });
        }
        Self::new(steps, reset, Some(ticket))
    }

    fn settle(&mut self, how: fn(Ticket)) {
        if let Some(ticket) = self.ticket.take() {
            how(ticket);
        }
    }
}

/// What strikes instead of the piece after `told` pieces; its event would be number `at`.
fn fault(behaviour: Behaviour, (told, at): (usize, usize), dialect: Dialect) -> Option<Vec<Step>> {
    if behaviour == Behaviour::ErrorIn200 && told == 0 {
        return Some(vec![Step::Bytes(error_event(dialect, at))]);
    }
    if told != MIDDLE {
        return None;
    }
    Some(match behaviour {
        Behaviour::Cut => vec![Step::Pause(FLUSH), Step::Cut],
        Behaviour::Reset => vec![Step::Pause(FLUSH), Step::Reset],
        Behaviour::Stall => vec![Step::Stall],
        Behaviour::ErrorMidStream => vec![Step::Bytes(error_event(dialect, at))],
        Behaviour::Malformed => {
            vec![Step::Bytes(Bytes::from_static(b"data: {\"choices\":[{\"delta\":{\"con\n\n"))]
        }
        _ => return None,
    })
}

fn error_event(dialect: Dialect, at: usize) -> Bytes {
    let refusal = Refusal::new(529, "sandbox is overloaded");
    let body = refusal.body(dialect);
    Bytes::from(match dialect {
        Dialect::OpenAi | Dialect::Gemini => {
            format!("data: {}\n\n", json!({"error": body.get("error")}))
        }
        Dialect::Responses => {
            let part = |name: &str| body.pointer(&format!("/error/{name}")).cloned();
            let data = json!({
                "type": "error", "sequence_number": at, "code": part("code"),
                "message": part("message"), "param": Value::Null,
            });
            format!("event: error\ndata: {data}\n\n")
        }
        Dialect::Anthropic | Dialect::Watsonx => format!("event: error\ndata: {body}\n\n"),
        Dialect::Cohere => {
            let delta = json!({"finish_reason": "ERROR", "error": refusal.message});
            let data = json!({"type": "message-end", "delta": delta});
            format!("event: message-end\ndata: {data}\n\n")
        }
        Dialect::Bedrock => {
            let name = bedrock::exception(refusal.status);
            return event_stream::exception(name, &body.to_string()).into();
        }
    })
}

/// A frame of a dialect without text around its events: lines and comments do not matter to it.
fn binary(frame: &Frame, behaviour: Behaviour) -> Vec<Step> {
    let bytes = Bytes::from(event_stream::event(frame.name.unwrap_or_default(), &frame.data));
    if behaviour == Behaviour::SplitUtf8 { single_bytes(&bytes) } else { vec![Step::Bytes(bytes)] }
}

fn framed(frame: &Frame, behaviour: Behaviour) -> Vec<Step> {
    let end = if behaviour == Behaviour::Crlf { "\r\n" } else { "\n" };
    let mut text = String::with_capacity(frame.data.len() + 48);
    if behaviour == Behaviour::Comments {
        text.push_str(": SANDBOX PROCESSING\n\n:\nid: 7\nretry: 1000\n");
    }
    if let Some(name) = frame.name {
        text.push_str("event: ");
        text.push_str(name);
        text.push_str(end);
    }
    text.push_str(if behaviour == Behaviour::Comments { "data:" } else { "data: " });
    text.push_str(&frame.data);
    text.push_str(end);
    text.push_str(end);
    let bytes = Bytes::from(text);
    if behaviour == Behaviour::SplitUtf8 { single_bytes(&bytes) } else { vec![Step::Bytes(bytes)] }
}

/// Every byte on its own where characters are longer than a byte, larger pieces elsewhere.
fn single_bytes(bytes: &Bytes) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut from = 0;
    for at in 1..=bytes.len() {
        let wide = bytes.get(at).is_some_and(|byte| !byte.is_ascii());
        if at == bytes.len() || wide || bytes.get(at - 1).is_some_and(|byte| !byte.is_ascii()) {
            steps.push(Step::Bytes(bytes.slice(from..at)));
            steps.push(Step::Pause(Duration::from_micros(100)));
            from = at;
        }
    }
    steps
}

impl Body for Play {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, io::Error>>> {
        loop {
            if let Some(timer) = &mut self.timer {
                match timer.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.timer = None,
                }
            }
            match self.steps.pop_front() {
                Some(Step::Bytes(bytes)) => return Poll::Ready(Some(Ok(BodyFrame::data(bytes)))),
                Some(Step::Pause(span)) => self.timer = Some(Box::pin(tokio::time::sleep(span))),
                Some(Step::Stall) => {
                    // No waker: only the client's leaving ends this.
                    self.steps.push_front(Step::Stall);
                    return Poll::Pending;
                }
                Some(step @ (Step::Cut | Step::Reset)) => {
                    self.reset.store(matches!(step, Step::Reset), Ordering::SeqCst);
                    self.settle(Ticket::faulted);
                    return Poll::Ready(Some(Err(io::Error::other("scripted end"))));
                }
                None => {
                    self.settle(Ticket::completed);
                    return Poll::Ready(None);
                }
            }
        }
    }
}
