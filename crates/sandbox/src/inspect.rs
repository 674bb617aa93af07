//! What a twin saw: counters, and the last requests when the script asks to keep them. Memory only.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::grant::Tokens;

/// How requests to models ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    pub connections: u64,
    /// All requests, those about the twin itself excepted.
    pub requests: u64,
    /// Being answered now.
    pub open: u64,
    pub completed: u64,
    /// The client left before the end.
    pub cancelled: u64,
    /// Ended by the script: cut or reset.
    pub faulted: u64,
    #[serde(skip)]
    pub last_cancelled: Option<Instant>,
}

/// One received request.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Recorded {
    /// The value of the first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A window into a running twin, for tests.
#[derive(Clone, Debug)]
pub struct Inspector {
    keep: usize,
    seen: Arc<Mutex<VecDeque<Recorded>>>,
    counters: Arc<watch::Sender<Counters>>,
    pub(crate) tokens: Tokens,
}

impl Inspector {
    pub(crate) fn new(keep: usize) -> Self {
        let counters = Arc::new(watch::Sender::new(Counters::default()));
        Self { keep, seen: Arc::default(), counters, tokens: Tokens::default() }
    }

    #[must_use]
    pub fn counters(&self) -> Counters {
        *self.counters.borrow()
    }

    /// How many tokens were given.
    #[must_use]
    pub fn tokens_given(&self) -> u64 {
        self.tokens.given()
    }

    /// From now on no token that was given so far is taken.
    pub fn forget_tokens(&self) {
        self.tokens.forget();
    }

    /// The kept requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.seen.lock().iter().cloned().collect()
    }

    /// Waits until the counters satisfy `until`; returns them.
    pub async fn wait(&self, until: impl FnMut(&Counters) -> bool) -> Counters {
        let mut receiver = self.counters.subscribe();
        match receiver.wait_for(until).await {
            Ok(counters) => *counters,
            Err(_) => self.counters(),
        }
    }

    pub(crate) const fn open(&self) -> bool {
        self.keep > 0
    }

    pub(crate) fn connected(&self) {
        self.counters.send_modify(|counters| counters.connections += 1);
    }

    pub(crate) fn record(&self, request: Recorded) {
        if self.keep == 0 {
            return;
        }
        let mut seen = self.seen.lock();
        if seen.len() == self.keep {
            seen.pop_front();
        }
        seen.push_back(request);
    }

    pub(crate) fn ticket(&self) -> Ticket {
        self.counters.send_modify(|counters| {
            counters.requests += 1;
            counters.open += 1;
        });
        Ticket { counters: Arc::clone(&self.counters), settled: false }
    }

    pub(crate) fn page(&self) -> Value {
        let requests: Vec<Value> = self.requests().iter().map(shown).collect();
        json!({"counters": self.counters(), "requests": requests})
    }
}

fn shown(request: &Recorded) -> Value {
    json!({
        "method": request.method,
        "path": request.path,
        "headers": request.headers,
        "body": String::from_utf8_lossy(&request.body),
    })
}

/// Counts how one request ends; dropped unsettled, the client has left.
pub(crate) struct Ticket {
    counters: Arc<watch::Sender<Counters>>,
    settled: bool,
}

impl Ticket {
    pub(crate) fn completed(mut self) {
        self.settle(|counters| counters.completed += 1);
    }

    pub(crate) fn faulted(mut self) {
        self.settle(|counters| counters.faulted += 1);
    }

    fn settle(&mut self, count: impl FnOnce(&mut Counters)) {
        self.settled = true;
        self.counters.send_modify(|counters| {
            counters.open -= 1;
            count(counters);
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(|counters| {
                counters.cancelled += 1;
                counters.last_cancelled = Some(Instant::now());
            });
        }
    }
}
