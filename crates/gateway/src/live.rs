//! A stream on its way to the client, from the provider's first piece on.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use domain::RequestId;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use llm::{Format, StreamTranslator};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFutureOwned},
    task::TaskTracker,
};

use crate::{failure::Failure, settle::Settler};

/// How long the end of a stream whose content is complete is waited for, so that its connection can be used again.
const TAIL: Duration = Duration::from_secs(2);

pub(crate) struct Live {
    /// Gone once the stream has ended. Dropping it cancels the provider.
    upstream: Option<egress::Body>,
    translator: Box<StreamTranslator>,
    /// For the client, not yet taken.
    out: Vec<u8>,
    settler: Settler,
    inbound: Format,
    request: RequestId,
    stall: Duration,
    total_by: Instant,
    last: Instant,
    /// Fires no later than the next deadline; moved only when it fires.
    timer: Pin<Box<Sleep>>,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    tasks: TaskTracker,
}

/// What a stream needs besides its parts.
pub(crate) struct Terms {
    pub inbound: Format,
    pub request: RequestId,
    pub stall: Duration,
    pub total_by: Instant,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
}

impl Live {
    /// `out` is what the translator has made of the answer so far.
    pub(crate) fn new(
        upstream: egress::Body,
        translator: Box<StreamTranslator>,
        out: Vec<u8>,
        settler: Settler,
        terms: Terms,
    ) -> Self {
        let last = Instant::now();
        let mut live = Self {
            upstream: Some(upstream),
            out,
            settler,
            inbound: terms.inbound,
            request: terms.request,
            stall: terms.stall,
            total_by: terms.total_by,
            last,
            timer: Box::pin(sleep_until((last + terms.stall).min(terms.total_by))),
            stopped: Box::pin(terms.stop.cancelled_owned()),
            tasks: terms.tasks,
            translator,
        };
        if live.translator.progress().done {
            live.complete();
        }
        live
    }

    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if !self.out.is_empty() {
                let capacity = self.out.capacity().min(4096);
                let full = std::mem::replace(&mut self.out, Vec::with_capacity(capacity));
                return Poll::Ready(Some(Ok(Frame::data(full.into()))));
            }
            let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.take(&data);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    let mut failure = Failure::truncated();
                    failure.code = error.kind().code();
                    self.fail(failure);
                }
                Poll::Ready(None) => self.ended(),
                Poll::Pending => match self.overdue(cx) {
                    Some(failure) => self.fail(failure),
                    None => return Poll::Pending,
                },
            }
        }
    }

    fn take(&mut self, data: &[u8]) {
        self.last = Instant::now();
        match self.translator.push(data, &mut self.out) {
            Ok(progress) if progress.done => self.complete(),
            // A provider that never pauses must not outlive the deadline either.
            Ok(_) if self.last >= self.total_by => self.fail(Failure::total()),
            Ok(_) => {
                if let Err(failure) = self.settler.goes_on(|| self.translator.usage()) {
                    self.fail(*failure);
                }
            }
            Err(fault) => {
                let usage = self.translator.usage();
                self.fail(Failure::stream(self.inbound, &fault, usage));
            }
        }
    }

    fn ended(&mut self) {
        match self.translator.finish(&mut self.out) {
            Ok(_) => self.complete(),
            Err(fault) => {
                let usage = self.translator.usage();
                self.fail(Failure::stream(self.inbound, &fault, usage));
            }
        }
    }

    /// Which deadline has passed, if any.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Option<Failure> {
        if self.stopped.as_mut().poll(cx).is_ready() {
            return Some(Failure::shutting_down());
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let stalled = self.last + self.stall;
            if now >= self.total_by {
                return Some(Failure::total());
            }
            if now >= stalled {
                return Some(Failure::stalled());
            }
            self.timer.as_mut().reset(stalled.min(self.total_by));
        }
        None
    }

    /// The answer is whole: settle, and let the connection come to its end on its own.
    fn complete(&mut self) {
        self.settler.answered(self.translator.usage());
        let Some(mut upstream) = self.upstream.take() else { return };
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(None) = Pin::new(&mut upstream).poll_frame(&mut cx) {
            return;
        }
        self.tasks
            .spawn(timeout(TAIL, async move { while let Some(Ok(_)) = upstream.frame().await {} }));
    }

    /// Nothing more can come: the client is told in its own format, inside the stream.
    fn fail(&mut self, failure: Failure) {
        self.upstream = None;
        self.translator.fail(&failure.refusal, &self.request.to_string(), &mut self.out);
        self.settler.failed(&failure, self.translator.usage());
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // The provider first: every token it makes from now on is for nobody.
        self.upstream = None;
        self.settler.abandoned(self.translator.usage());
    }
}
