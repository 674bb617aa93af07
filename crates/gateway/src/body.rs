//! The body of every response of the data plane.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::{live::Live, pass::Pass};

/// A whole document, or a stream that is still being made. Dropping it cancels what feeds it.
pub struct Body(Inner);

enum Inner {
    Whole(Option<Bytes>),
    Live(Box<Live>),
    Pass(Box<Pass>),
}

/// An answer that ends before its end and cannot say so in itself, as sound: the connection is broken off instead.
#[derive(Debug, thiserror::Error)]
#[error("the answer was broken off")]
pub struct BrokenOff;

impl Body {
    pub(crate) const fn whole(bytes: Bytes) -> Self {
        Self(Inner::Whole(Some(bytes)))
    }

    pub(crate) fn pass(pass: Pass) -> Self {
        Self(Inner::Pass(Box::new(pass)))
    }

    pub(crate) fn live(live: Live) -> Self {
        Self(Inner::Live(Box::new(live)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut self.0 {
            Inner::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Inner::Live(live) => {
                live.poll(cx).map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Inner::Pass(pass) => pass.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Inner::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Inner::Live(_) | Inner::Pass(_) => SizeHint::default(),
        }
    }
}
