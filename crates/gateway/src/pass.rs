//! An answer that is passed on while it comes: sound as it is, or events of a task.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use domain::{RequestId, Units, Usage};
use http_body::{Body as _, Frame};
use llm::{Format, TaskStream};

use crate::{body::BrokenOff, failure::Failure, patience::Patience, settle::Settler};

pub(crate) struct Pass {
    /// Gone once the answer has ended. Dropping it cancels the provider.
    upstream: Option<egress::Body>,
    /// Nothing for bytes that mean nothing to this house.
    events: Option<TaskStream>,
    /// For the client, not yet taken.
    out: Bytes,
    /// What was known of the price before the answer.
    units: Units,
    settler: Settler,
    /// The answer cannot say that it is broken off.
    broken: bool,
    patience: Patience,
    request: RequestId,
}

/// The beginning of an answer.
pub(crate) struct Begun {
    pub upstream: egress::Body,
    pub events: Option<TaskStream>,
    pub out: Bytes,
}

impl Pass {
    pub(crate) fn new(
        begun: Begun,
        units: Units,
        mut settler: Settler,
        (patience, request): (Patience, RequestId),
    ) -> Self {
        settler.counted(units);
        let Begun { upstream, events, out } = begun;
        let upstream = Some(upstream);
        Self { upstream, events, out, units, settler, broken: false, patience, request }
    }

    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        loop {
            if !self.out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.out)))));
            }
            if std::mem::take(&mut self.broken) {
                return Poll::Ready(Some(Err(BrokenOff)));
            }
            let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.take(data);
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

    fn take(&mut self, data: Bytes) {
        if let Some(late) = self.patience.came() {
            return self.fail(late);
        }
        let Some(events) = &mut self.events else {
            self.out = data;
            return;
        };
        let mut out = Vec::new();
        let pushed = events.push(&data, &mut out);
        self.out = out.into();
        if let Err(fault) = pushed {
            self.fail(Failure::stream(Format::OpenAiChat, &fault, self.usage()));
        }
    }

    fn ended(&mut self) {
        let mut out = Vec::new();
        let finished =
            self.events.as_mut().map_or(Ok(()), |events| events.finish(&mut out).map(drop));
        self.out = out.into();
        match finished {
            Ok(()) => {
                self.upstream = None;
                let usage = self.used();
                self.settler.answered(usage);
            }
            Err(fault) => self.fail(Failure::stream(Format::OpenAiChat, &fault, self.usage())),
        }
    }

    /// Nothing more can come. Events say so in their own form, sound cannot.
    fn fail(&mut self, failure: Failure) {
        self.upstream = None;
        if self.events.is_some() {
            let mut out = std::mem::take(&mut self.out).to_vec();
            TaskStream::fail(&failure.refusal, &self.request.to_string(), &mut out);
            self.out = out.into();
        } else {
            self.broken = true;
        }
        let usage = self.used();
        self.settler.failed(&failure, usage);
    }

    fn usage(&self) -> Usage {
        self.events.as_ref().map(TaskStream::usage).unwrap_or_default()
    }

    /// What was used so far, units included.
    fn used(&mut self) -> Usage {
        let units = self.events.as_ref().map_or(self.units, TaskStream::units);
        self.settler.counted(units);
        self.usage()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // The provider first: everything it makes from now on is for nobody.
        self.upstream = None;
        let usage = self.used();
        self.settler.abandoned(usage);
    }
}
