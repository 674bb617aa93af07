//! The body of an answer. It holds its connection: read to the end, the connection is used again;
//! dropped before, the exchange is cancelled at once.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures::ready;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{Error, entry::Entry, pool::Lease};

pub struct Body {
    incoming: Incoming,
    /// Gone once the answer is complete or broken.
    lease: Option<Lease>,
    entry: Arc<Entry>,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, lease: Lease, entry: Arc<Entry>) -> Self {
        Self { incoming, lease: Some(lease), entry }
    }

    fn complete(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.entry.pool.put_back(lease);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        Poll::Ready(match frame {
            None => {
                self.complete();
                None
            }
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.entry.counters.bytes_in.fetch_add(bytes, Ordering::Relaxed);
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                self.lease = None;
                self.entry.counters.errors.fetch_add(1, Ordering::Relaxed);
                Some(Err(Error::under_way(error)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.lease.is_none() {
            return;
        }
        // Readers stop at the last data, because the length or the protocol's own end marker told them,
        // and do not ask for the `None`: when that is already here, the answer is complete.
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(None) = Pin::new(&mut self.incoming).poll_frame(&mut cx) {
            self.complete();
        }
    }
}
