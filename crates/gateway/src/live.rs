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
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::{failure::Failure, patience::Patience, settle::Settler};

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
    patience: Patience,
    tasks: TaskTracker,
}

/// What a stream needs besides its parts.
pub(crate) struct Terms {
    pub inbound: Format,
    pub request: RequestId,
    pub patience: Patience,
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
        let mut live = Self {
            upstream: Some(upstream),
            out,
            settler,
            inbound: terms.inbound,
            request: terms.request,
            patience: terms.patience,
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
                Poll::Pending => match self.patience.overdue(cx) {
                    Some(failure) => self.fail(failure),
                    None => return Poll::Pending,
                },
            }
        }
    }

    fn take(&mut self, data: &[u8]) {
        let late = self.patience.came();
        match self.translator.push(data, &mut self.out) {
            Ok(progress) if progress.done => self.complete(),
            Ok(_) => {
                if let Some(late) = late {
                    self.fail(late);
                } else if let Err(failure) = self.settler.goes_on(|| self.translator.usage()) {
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
