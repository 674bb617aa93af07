//! All attempts of one request: who is asked in which order, and when it is given up.

use std::{borrow::Cow, collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::Provenance;
use http::Response;
use llm::{Prepared, Refusal};
use tokio::time::Instant;

use crate::{
    Body, Inner,
    attempt::{Attempts, Won},
    budget,
    exposure::Exposed,
    failure::{Again, Failure},
    live::{Live, Terms},
    plan::{Candidate, Plan},
    realtime::Client,
    reply,
    routes::Route,
    settle::Settler,
};

/// A candidate's turn to be asked.
pub(crate) struct Turn {
    pub candidate: Candidate,
    prepared: Option<Prepared>,
    /// Whether it was asked before: nobody is asked a third time.
    again: bool,
}

impl Turn {
    pub(crate) const fn is_again(&self) -> bool {
        self.again
    }

    /// Whether this is another provider than the candidate's.
    pub(crate) fn is_elsewhere(&self, candidate: &Candidate) -> bool {
        self.candidate.route.provider != candidate.route.provider
    }
}

/// Who answered, and what of the request could not be carried there.
pub(crate) struct Winner {
    won: Won,
    route: Arc<Route>,
    dropped: Vec<String>,
}

impl Winner {
    pub(crate) fn new(won: Won, by: &Candidate, prepared: &Prepared) -> Self {
        Self { won, route: Arc::clone(&by.route), dropped: prepared.dropped.clone() }
    }
}

pub(crate) struct Sending<'a> {
    pub gateway: &'a Inner,
    pub attempts: Attempts<'a>,
    pub body: &'a Bytes,
    pub request: domain::RequestId,
    /// Refuse routes that lose a field.
    pub strict: bool,
    pub settler: Settler,
    /// Whose connection a session takes over.
    pub client: Option<(Client, store::Scope)>,
    /// Attempts so far.
    pub made: u32,
}

impl Sending<'_> {
    /// Asks the plan's candidates until one answers. Always gives a response, and settles.
    pub(crate) async fn send(mut self, plan: Plan) -> Response<Body> {
        let turn = |candidate| Turn { candidate, prepared: None, again: false };
        let mut turns: VecDeque<Turn> = plan.candidates.into_iter().map(turn).collect();
        let mut last: Option<(Failure, Option<Arc<Route>>)> = None;
        while let Some(mut turn) = turns.pop_front() {
            if self.made >= self.gateway.config.attempts {
                break;
            }
            let prepared = match turn.prepared.take() {
                Some(prepared) => prepared,
                None => match self.prepare(&turn.candidate) {
                    Ok(prepared) => prepared,
                    Err(failure) => {
                        // What a provider said about the request outweighs what another could not be asked.
                        last.get_or_insert((*failure, None));
                        continue;
                    }
                },
            };
            if let Err(failure) = self.show_to(&turn.candidate, plan.exposed.as_ref()) {
                last.get_or_insert((*failure, None));
                continue;
            }
            let limited = match self.set_aside(&turn.candidate, &prepared).await {
                Ok(limited) => limited,
                Err(failure) => {
                    last.get_or_insert((*failure, None));
                    continue;
                }
            };
            if turn.again && !self.pause(last.as_ref().map(|(failure, _)| failure)).await {
                break;
            }
            self.made += 1;
            let route = Arc::clone(&turn.candidate.route);
            let asked = (&prepared, limited.as_ref().unwrap_or(&prepared));
            // Two would see the conversation where one is enough.
            let whole = plan.exposed.is_some();
            let result = match self.hedge_after(&turn, &turns).filter(|_| !whole) {
                Some(after) => {
                    Box::pin(self.hedged(&turn.candidate, asked, after, &mut turns)).await
                }
                None => self.once(&turn.candidate, asked).await,
            };
            let failure = match result {
                Ok(winner) => return self.show(winner),
                Err(failure) => failure,
            };
            let again = failure.again;
            let repeat = again == Again::Anywhere && !turn.again && self.worth_waiting(&failure);
            last = Some((failure, Some(route)));
            if again == Again::Nowhere {
                break;
            }
            if repeat {
                turns.push_back(Turn { prepared: Some(prepared), again: true, ..turn });
            }
        }
        let (mut failure, route) = last.unwrap_or_else(|| (Failure::total(), None));
        if plan.ruled_out && failure.again != Again::Nowhere {
            failure.refusal.message = Cow::Owned(format!(
                "{} Other providers serve this model, but the rules of your organization or project do not allow them.",
                failure.refusal.message
            ));
        }
        self.give_up(failure, route.as_deref())
    }

    /// Whether the candidate may see the conversation.
    fn show_to(
        &mut self,
        candidate: &Candidate,
        exposed: Option<&Exposed>,
    ) -> Result<(), Box<Failure>> {
        let shown = exposed.map_or(Ok(()), |exposed| exposed.show(candidate));
        shown.inspect_err(|_| {
            self.settler.receipt.exclude(&candidate.route, "exposure", Vec::new());
        })
    }

    pub(crate) fn prepare(&mut self, candidate: &Candidate) -> Result<Prepared, Box<Failure>> {
        let Attempts { inbound, head, .. } = self.attempts;
        let route = &candidate.route;
        let quirks = candidate.quirks(head);
        let prepared = match head.task {
            Some(task) => crate::task::prepare(task, candidate, (self.body, head), &quirks),
            None => {
                let format = candidate.format();
                llm::prepare(inbound, format, self.body, head, &candidate.model, &quirks)
            }
        };
        let mut prepared = prepared.map_err(|bad| {
            let fields = bad.param.iter().cloned().collect();
            self.settler.receipt.exclude(route, "cannot_express", fields);
            Box::new(Failure::from(&bad))
        })?;
        // A form is refused above where terms rest on parameters.
        if !head.is_form() {
            candidate.force(&mut prepared);
        }
        if let Some(venue) = route.venue.as_ref().filter(|_| head.task.is_none()) {
            let there = (&*candidate.model, head.stream);
            prepared = venue.address(prepared, candidate.format(), there);
        }
        if let Some(wishes) = &head.wishes {
            prepared.dropped.extend(wishes.unmet.iter().map(|&name| name.to_owned()));
        }
        if self.strict && !prepared.dropped.is_empty() {
            let failure = Box::new(Failure::lossy(&prepared.dropped));
            self.settler.receipt.exclude(route, "lossy", prepared.dropped);
            return Err(failure);
        }
        Ok(prepared)
    }

    /// Sets money aside; gives the request with a lower limit on its output where that is needed.
    async fn set_aside(
        &mut self,
        candidate: &Candidate,
        prepared: &Prepared,
    ) -> Result<Option<Prepared>, Box<Failure>> {
        let (gateway, head) = (self.gateway, self.attempts.head);
        let tab = &mut self.settler.tab;
        let mut aside = gateway.set_aside(tab, (candidate, head), prepared);
        if aside.is_err() && tab.is_shared() {
            // Boxed: every request would carry it, though few have to ask.
            aside = Box::pin(gateway.lease(tab, (candidate, head), prepared)).await;
        }
        aside.map_err(|(reason, failure)| {
            self.settler.receipt.exclude(&candidate.route, reason, Vec::new());
            failure
        })
    }

    /// One attempt with its bookkeeping: the intent before, the receipt and the circuit after.
    async fn once(
        &mut self,
        candidate: &Candidate,
        (prepared, limited): (&Prepared, &Prepared),
    ) -> Result<Winner, Failure> {
        self.attempting(candidate).map_err(|failure| *failure)?;
        let began = Instant::now();
        let result = self.attempts.attempt(candidate, limited).await;
        self.noted(candidate, began.elapsed(), &result);
        result.map(|won| Winner::new(won, candidate, prepared))
    }

    /// Files the intent.
    ///
    /// # Errors
    /// What the client hears when it cannot be filed: then nothing may be sent.
    pub(crate) fn attempting(&mut self, candidate: &Candidate) -> Result<(), Box<Failure>> {
        let route = &candidate.route;
        let prices = route.prices(&route.catalogue, &candidate.model);
        self.settler.attempting(candidate, prices).map_err(|error| {
            tracing::error!(code = error.code(), causes = error.causes(), "no intent, no request");
            Box::new(Failure::refusing(Refusal::from(&error)))
        })
    }

    /// What an attempt says about the candidate.
    pub(crate) fn noted(
        &mut self,
        candidate: &Candidate,
        took: Duration,
        result: &Result<Won, Failure>,
    ) {
        let route = &candidate.route;
        let (outcome, status) = match result {
            Ok(_) => ("ok", None),
            Err(failure) => (failure.code, failure.status),
        };
        self.settler.asked(candidate, (outcome, status), took);
        let now = self.gateway.steady_ms();
        let observed = || route.observations.of(&candidate.model);
        match result {
            Ok(_) => {
                self.settler.answering();
                route.circuit.succeeded();
                if let Some(observed) = observed() {
                    observed.answered(self.attempts.head.stream, took, now);
                    self.settler.observing(observed, now);
                }
            }
            Err(failure) => {
                self.settler.attempt_failed();
                route.meters.attempt_failed(failure.code);
                if failure.unhealthy {
                    route.circuit.failed(now, &self.gateway.config);
                }
                // What everybody would refuse is no fault of this one.
                if let Some(observed) = observed().filter(|_| failure.again != Again::Nowhere) {
                    observed.failed(now);
                }
                if let Some(wait) = failure.retry_after {
                    route.circuit.busy(now, u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                }
            }
        }
    }

    /// Whether the wait that the provider asked for is short enough, and fits into the request's time.
    fn worth_waiting(&self, failure: &Failure) -> bool {
        failure.retry_after.is_none_or(|wait| {
            wait <= self.gateway.config.retry_after()
                && Instant::now() + wait < self.attempts.total_by
        })
    }

    /// Waits before somebody is asked again; `false` when the request's time is over before that.
    async fn pause(&self, last: Option<&Failure>) -> bool {
        let asked = last.and_then(|failure| failure.retry_after).unwrap_or(Duration::ZERO);
        let wait = self.gateway.jittered(self.gateway.config.backoff()).max(asked);
        let until = Instant::now() + wait;
        if until >= self.attempts.total_by {
            return false;
        }
        tokio::time::sleep_until(until).await;
        true
    }

    fn show(mut self, winner: Winner) -> Response<Body> {
        let Attempts { inbound, total_by, .. } = self.attempts;
        let Winner { won, route, dropped } = winner;
        self.settler.first_token();
        self.settler.receipt.drop_fields(&dropped);
        let limit = self.settler.tab.output_limit();
        match won {
            Won::Whole(answer) => {
                self.settler.receipt.drop_fields(&answer.dropped);
                let mut usage = answer.usage;
                if usage.provenance == Provenance::Absent {
                    usage.input = self.attempts.input_estimate;
                    usage.output = answer.output_estimate;
                    usage.provenance = Provenance::Estimated;
                }
                self.settler.answered(usage);
                let mut response = reply::document(inbound, self.request, answer.body);
                reply::routed(&mut response, self.request, Some(&route), &self.settler.receipt);
                budget::announce(&mut response, limit);
                response
            }
            Won::Task(won) => self.show_task(won, &route),
            Won::Stream(upstream, translator, out) => {
                let terms = Terms {
                    inbound,
                    request: self.request,
                    patience: self.gateway.patience(total_by),
                    tasks: self.gateway.tasks.clone(),
                };
                let mut response = reply::events(inbound, self.request, Body::whole(Bytes::new()));
                reply::routed(&mut response, self.request, Some(&route), &self.settler.receipt);
                budget::announce(&mut response, limit);
                *response.body_mut() =
                    Body::live(Live::new(upstream, translator, out, self.settler, terms));
                response
            }
        }
    }

    fn give_up(mut self, failure: Failure, route: Option<&Route>) -> Response<Body> {
        self.settler.failed(&failure, failure.usage);
        let Attempts { inbound, head, .. } = self.attempts;
        let (refusal, wait) = (&failure.refusal, failure.retry_after);
        let mut response = match head.task {
            Some(task) => reply::task_refusal(task, self.request, refusal, wait),
            None => reply::refusal(inbound, self.request, refusal, wait),
        };
        if route.is_some() {
            reply::routed(&mut response, self.request, route, &self.settler.receipt);
        }
        response
    }
}
