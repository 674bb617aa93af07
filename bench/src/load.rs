//! The load generator: a fixed number of requests over a fixed number of kept-alive connections.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use hdrhistogram::Histogram;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::{
    Outcome,
    upstream::{CHUNKS, WHOLE},
};

/// No request of a healthy run takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whom to ask, and as whom.
#[derive(Clone)]
pub(crate) struct Side {
    pub name: &'static str,
    pub addr: SocketAddr,
    pub key: String,
    pub model: String,
}

/// What to ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Whole,
    Stream,
    /// A stream whose client leaves after its first piece.
    Left,
    /// Something that is no request.
    Refused,
}

pub(crate) struct Measured {
    pub elapsed: Duration,
    /// Microseconds.
    pub latency: Histogram<u64>,
}

impl Side {
    /// A request of about 1 KiB.
    fn body(&self, kind: Kind) -> Bytes {
        if kind == Kind::Refused {
            return Bytes::from_static(b"{\"model\":");
        }
        let prompt = "tell me about words ".repeat(45);
        let stream = if kind == Kind::Whole { "" } else { "\"stream\":true," };
        Bytes::from(format!(
            r#"{{"model":"{}",{stream}"messages":[{{"role":"user","content":"{prompt}"}}]}}"#,
            self.model
        ))
    }

    async fn connect(&self) -> Outcome<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.addr).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio_util::task::TaskTracker::new().spawn(connection);
        Ok(sender)
    }

    /// One request; an error unless the answer is the right one. The connection is of no use after [`Kind::Left`].
    async fn ask(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        kind: Kind,
        body: &Bytes,
    ) -> Outcome {
        sender.ready().await?;
        let request = Request::post("/v1/chat/completions")
            .header(header::HOST, "bench")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .body(Full::new(body.clone()))?;
        let mut response = sender.send_request(request).await?;
        let status = response.status();
        if kind == Kind::Left {
            let began = response.frame().await.is_some_and(|frame| frame.is_ok());
            return if began { Ok(()) } else { Err("a stream without a beginning".into()) };
        }
        let answer = response.into_body().collect().await?.to_bytes();
        let expected = if kind == Kind::Refused { 400 } else { 200 };
        let right = match kind {
            Kind::Left | Kind::Refused => true,
            Kind::Whole => answer.len().abs_diff(WHOLE) < 64 && answer.ends_with(b"}"),
            Kind::Stream => {
                count(&answer, b"\"word \"") == CHUNKS && answer.ends_with(b"data: [DONE]\n\n")
            }
        };
        if status != expected || !right {
            let length = answer.len();
            return Err(
                format!("{}: wrong answer: status {status}, {length} bytes", self.name).into()
            );
        }
        Ok(())
    }
}

/// One that asks again and again, over a new connection where the old one was given up.
pub(crate) struct Client {
    side: Side,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(crate) async fn new(side: Side) -> Outcome<Self> {
        Ok(Self { sender: side.connect().await?, side })
    }

    pub(crate) async fn ask(&mut self, kind: Kind) -> Outcome {
        let body = self.side.body(kind);
        timeout(PATIENCE, self.side.ask(&mut self.sender, kind, &body)).await??;
        if kind == Kind::Left {
            self.sender = self.side.connect().await?;
        }
        Ok(())
    }
}

fn count(text: &[u8], wanted: &[u8]) -> usize {
    text.windows(wanted.len()).filter(|window| *window == wanted).count()
}

fn histogram() -> Outcome<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

/// As fast as `connections` allow: each sends its next request when the last one is answered.
pub(crate) async fn closed(
    side: &Side,
    kind: Kind,
    connections: u32,
    requests: u64,
) -> Outcome<Measured> {
    let left = Arc::new(AtomicU64::new(requests));
    let mut workers = JoinSet::new();
    let started = Instant::now();
    for _ in 0..connections {
        let (side, left) = (side.clone(), Arc::clone(&left));
        workers.spawn(async move {
            let mut latency = histogram()?;
            let mut sender = side.connect().await?;
            let body = side.body(kind);
            let take = |left: u64| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                let began = Instant::now();
                timeout(PATIENCE, side.ask(&mut sender, kind, &body)).await??;
                latency.saturating_record(micros(began.elapsed()));
            }
            Outcome::Ok(latency)
        });
    }
    let latency = gather(workers).await?;
    Ok(Measured { elapsed: started.elapsed(), latency })
}

/// At a fixed rate, whether or not answers keep up: latency counts from when the request was due.
pub(crate) async fn open(side: &Side, per_second: u64, span: Duration) -> Outcome<Measured> {
    const CONNECTIONS: u64 = 16;
    let gap = Duration::from_secs(CONNECTIONS) / u32::try_from(per_second)?;
    let each = per_second * span.as_secs() / CONNECTIONS;
    let started = Instant::now() + Duration::from_millis(50);
    let mut workers = JoinSet::new();
    for at in 0..CONNECTIONS {
        let side = side.clone();
        workers.spawn(async move {
            let mut latency = histogram()?;
            let mut sender = side.connect().await?;
            let body = side.body(Kind::Whole);
            let first = started + Duration::from_micros(at * 1_000_000 / per_second);
            for turn in 0..u32::try_from(each)? {
                let due = first + gap * turn;
                tokio::time::sleep_until(due.into()).await;
                // The timer wakes up to a millisecond late: that is the generator's, not the server's.
                let began = Instant::now().min(due + Duration::from_millis(2));
                timeout(PATIENCE, side.ask(&mut sender, Kind::Whole, &body)).await??;
                latency.saturating_record(micros(began.elapsed()));
            }
            Outcome::Ok(latency)
        });
    }
    let latency = gather(workers).await?;
    Ok(Measured { elapsed: started.elapsed(), latency })
}

async fn gather(mut workers: JoinSet<Outcome<Histogram<u64>>>) -> Outcome<Histogram<u64>> {
    let mut all = histogram()?;
    while let Some(done) = workers.join_next().await {
        all.add(done??)?;
    }
    Ok(all)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
