//! Which batches this server works on.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use domain::BatchId;
use parking_lot::Mutex;
use store::BatchRun;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Orders come in here; the worker takes them.
pub(crate) struct Desk {
    /// Absent until somebody works.
    pub(super) orders: OnceLock<mpsc::UnboundedSender<BatchRun>>,
    under_way: Mutex<HashMap<BatchId, CancellationToken>>,
    /// Lines of all batches that may be under way at once.
    pub(super) places: Arc<Semaphore>,
}

impl Desk {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            orders: OnceLock::new(),
            under_way: Mutex::default(),
            places: Arc::new(Semaphore::new(places.max(1))),
        }
    }

    /// Begins with a batch; nothing when it is worked on already.
    pub(super) fn enter(&self, id: BatchId) -> Option<CancellationToken> {
        let mut under_way = self.under_way.lock();
        if under_way.contains_key(&id) {
            return None;
        }
        let token = CancellationToken::new();
        under_way.insert(id, token.clone());
        Some(token)
    }

    pub(super) fn leave(&self, id: BatchId) {
        self.under_way.lock().remove(&id);
    }

    /// Breaks off what is under way of a batch.
    pub(super) fn cancel(&self, id: BatchId) {
        if let Some(token) = self.under_way.lock().get(&id) {
            token.cancel();
        }
    }
}
