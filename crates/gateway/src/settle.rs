//! The end of every request: exactly one settlement for every intent, whatever happens in between.

use std::{sync::Arc, time::Duration};

use domain::{
    CURRENCY, Clock, KeyId, OrgId, Prices, ProjectId, Protocol, Provenance, RequestId, Result,
    Timestamp, Units, Usage,
};
use llm::{Format, Task};
use store::{Intent, Settlement, Store};
use tokio::time::Instant;

use crate::{
    budget::Tab,
    failure::Failure,
    limit::Entry,
    observed::Observed,
    open::Entered,
    plan::Candidate,
    receipt::Receipt,
    routes::Route,
    trace::{Settled, Tracing},
};

/// What a settlement needs to know from the start.
pub(crate) struct Opening {
    pub caller: Caller,
    pub request: RequestId,
    pub inbound: Format,
    /// What is asked for when it is no conversation.
    pub task: Option<Task>,
    pub streaming: bool,
    /// Tokens.
    pub input_estimate: u64,
    /// Where somebody watches.
    pub trace: Option<Box<Tracing>>,
}

/// Who pays.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    pub org: OrgId,
    pub project: ProjectId,
    pub key: KeyId,
}

/// Accompanies one request. Dropped unsettled, the client has left, or the code has panicked: both settle.
pub(crate) struct Settler {
    store: Store,
    clock: Clock,
    request: RequestId,
    caller: Caller,
    protocol: Protocol,
    streaming: bool,
    started: Timestamp,
    began: Instant,
    pub receipt: Receipt,
    /// What an answer that is no conversation used besides tokens, once it has begun.
    units: Option<Units>,
    pub tab: Tab,
    input_estimate: u64,
    /// Whom the intent on file names, and the model there.
    filed: Option<(Arc<Route>, Arc<str>)>,
    /// What it says is set aside.
    reserved_nano: Option<u64>,
    prices: Option<Arc<Prices>>,
    first_token: Option<Duration>,
    /// Where what the answer comes to is noted, and the gateway's steady milliseconds when it began.
    observed: Option<(Arc<Observed>, u64)>,
    attempts: u32,
    /// A provider was sent the request and has not refused it.
    under_way: bool,
    settled: bool,
    trace: Option<Box<Tracing>>,
    /// Its place among the requests that are limited.
    entry: Entry,
    /// The last to go: a drain waits for it.
    _entered: Entered,
}

impl Settler {
    pub(crate) fn new(
        store: &Store,
        clock: &Clock,
        opening: Opening,
        (receipt, tab): (Receipt, Tab),
        ((entered, entry), began, started): ((Entered, Entry), Instant, Timestamp),
    ) -> Self {
        Self {
            store: store.clone(),
            clock: clock.clone(),
            request: opening.request,
            caller: opening.caller,
            protocol: match (opening.task, opening.inbound) {
                (Some(task), _) => task.protocol(),
                (None, Format::OpenAiChat) => Protocol::OpenAi,
                (None, Format::AnthropicMessages) => Protocol::Anthropic,
                (None, Format::OpenAiResponses) => Protocol::OpenAiResponses,
                (None, Format::Gemini) => Protocol::Gemini,
                (None, Format::BedrockConverse) => Protocol::Bedrock,
                (None, Format::Cohere) => Protocol::Cohere,
                (None, Format::Watsonx) => Protocol::Watsonx,
            },
            streaming: opening.streaming,
            started,
            began,
            receipt,
            units: None,
            tab,
            input_estimate: opening.input_estimate,
            filed: None,
            reserved_nano: None,
            prices: None,
            first_token: None,
            observed: None,
            attempts: 0,
            under_way: false,
            settled: false,
            trace: opening.trace,
            entry,
            _entered: entered,
        }
    }

    /// Files the intent to send the request to this candidate; before the provider hears of it.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written: then nothing may be sent.
    pub(crate) fn attempting(
        &mut self,
        candidate: &Candidate,
        prices: Option<Arc<Prices>>,
    ) -> Result<()> {
        let provider = candidate.route.provider;
        let reserved_nano = self.tab.reserved();
        let refiled = reserved_nano.is_some() && reserved_nano != self.reserved_nano;
        let same = |(filed, model): &(Arc<Route>, Arc<str>)| {
            filed.provider == provider && *model == candidate.model
        };
        if refiled || !self.filed.as_ref().is_some_and(same) {
            self.file((&candidate.route, &candidate.model), reserved_nano)?;
        }
        self.prices = prices;
        self.attempts += 1;
        self.under_way = true;
        Ok(())
    }

    fn file(
        &mut self,
        (route, model): (&Arc<Route>, &Arc<str>),
        reserved_nano: Option<u64>,
    ) -> Result<()> {
        let intent = self.intent((self.request, self.started), (route, model), reserved_nano);
        self.store.journal().intent(&intent)?;
        self.reserved_nano = reserved_nano;
        self.filed = Some((Arc::clone(route), Arc::clone(model)));
        Ok(())
    }

    /// Sets so much aside in all, and files it.
    ///
    /// # Errors
    /// What the client hears when too little is left, or it cannot be filed.
    pub(crate) fn keep(&mut self, amount: u64) -> std::result::Result<(), Box<Failure>> {
        self.tab.keep(amount).map_err(|place| Box::new(Failure::out_of_money(&place)))?;
        let reserved = self.tab.reserved();
        let Some((route, model)) = self.filed.clone().filter(|_| reserved != self.reserved_nano)
        else {
            return Ok(());
        };
        self.file((&route, &model), reserved).map_err(|error| {
            tracing::error!(code = error.code(), causes = error.causes(), "no intent, no answer");
            Box::new(Failure::refusing(llm::Refusal::from(&error)))
        })
    }

    pub(crate) const fn request(&self) -> RequestId {
        self.request
    }

    /// How long an answer takes does not tell how fast the provider writes.
    pub(crate) fn unobserved(&mut self) {
        self.observed = None;
    }

    fn intent(
        &self,
        (request, started): (RequestId, Timestamp),
        (route, model): (&Arc<Route>, &Arc<str>),
        reserved_nano: Option<u64>,
    ) -> Intent {
        Intent {
            request,
            org: self.caller.org,
            project: self.caller.project,
            key: self.caller.key,
            provider: route.provider,
            model: model.as_ref().to_owned(),
            requested_model: self.receipt.model().to_owned(),
            protocol: self.protocol,
            started,
            streaming: self.streaming,
            reserved_nano,
        }
    }

    /// Files the intent to send the request to another candidate as well, as a request of its own: its provider sends a
    /// bill of its own.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written: then nothing may be sent.
    pub(crate) fn beside(&self, candidate: &Candidate) -> Result<Side> {
        let request = RequestId::new(self.clock.now());
        let side = Side {
            store: self.store.clone(),
            clock: self.clock.clone(),
            intent: self.intent(
                (request, self.clock.now()),
                (&candidate.route, &candidate.model),
                None,
            ),
            prices: candidate.route.prices(&candidate.route.catalogue, &candidate.model),
            receipt: self.receipt.beside(request, candidate),
            input_estimate: self.input_estimate,
            settled: false,
        };
        self.store.journal().intent(&side.intent)?;
        Ok(side)
    }

    /// The attempt under way is the one that is answered.
    pub(crate) const fn answering(&mut self) {
        self.under_way = true;
    }

    /// The attempt came to nothing.
    pub(crate) const fn attempt_failed(&mut self) {
        self.under_way = false;
    }

    /// Somebody was asked, and it took so long until the answer began, or did not.
    pub(crate) fn asked(
        &mut self,
        candidate: &Candidate,
        (outcome, status): (&'static str, Option<u16>),
        took: Duration,
    ) {
        self.receipt.attempt(candidate, outcome, status, took);
        if let Some(trace) = &mut self.trace {
            trace.asked(candidate, (outcome, status), took);
        }
    }

    /// The first piece of the answer is here.
    pub(crate) fn first_token(&mut self) {
        self.first_token.get_or_insert_with(|| self.began.elapsed());
    }

    /// An answer that is no conversation has begun, or gone on.
    pub(crate) const fn counted(&mut self, units: Units) {
        self.units = Some(units);
        self.receipt.count(units);
    }

    /// Nano-units of the currency; `None` when a price or a count is unknown.
    pub(crate) fn cost(&self, usage: &Usage) -> Option<u64> {
        let prices = self.prices.as_ref()?;
        match self.units {
            Some(units) => prices.of_all(usage, &units, None),
            None if usage.provenance == Provenance::Absent => None,
            None => prices.of(usage, None),
        }
    }

    /// An answer begins, at the gateway's steady millisecond `now`.
    pub(crate) fn observing(&mut self, observed: Arc<Observed>, now: u64) {
        self.observed = Some((observed, now));
    }

    /// Whether a stream may go on that has used so much by now.
    ///
    /// # Errors
    /// What the client hears when a budget would be passed.
    pub(crate) fn goes_on(
        &mut self,
        usage: impl FnOnce() -> Usage,
    ) -> std::result::Result<(), Box<Failure>> {
        if !self.tab.is_watched() {
            return Ok(());
        }
        let cost = self.cost(&usage());
        // Before the first count there is nothing to hold against the budget.
        self.tab.goes_on(cost.unwrap_or(0)).map_err(|place| Box::new(Failure::out_of_money(&place)))
    }

    pub(crate) fn answered(&mut self, usage: Usage) {
        if let Some((route, _)) = &self.filed {
            route.meters.answered();
        }
        if let Some((observed, since)) = &self.observed {
            let writing = self.first_token.map(|first| self.began.elapsed().saturating_sub(first));
            let now = since.saturating_add(writing.map_or(0, millis));
            observed.used(&usage, writing.filter(|_| self.streaming), now);
        }
        self.settle(200, None, usage);
    }

    pub(crate) fn failed(&mut self, failure: &Failure, usage: Usage) {
        if let Some((route, _)) = &self.filed {
            route.meters.failed(failure.code);
            tracing::info!(
                request = %self.request,
                provider = %route.provider,
                code = failure.code,
                status = failure.refusal.status,
                attempts = self.attempts,
                "a request failed"
            );
        }
        self.settle(failure.refusal.status, Some(&failure.refusal.code), usage);
    }

    /// The client left, or this code panicked; `usage` is what is known of the answer so far.
    pub(crate) fn abandoned(&mut self, usage: Usage) {
        if self.settled {
            return;
        }
        let (status, code) =
            if std::thread::panicking() { (500, "internal") } else { (499, "client_closed") };
        if let Some((route, _)) = &self.filed {
            route.meters.failed(code);
        }
        self.settle(status, Some(code), usage);
    }

    fn settle(&mut self, status: u16, code: Option<&str>, usage: Usage) {
        let Some((route, _)) = self.filed.as_ref().filter(|_| !self.settled) else { return };
        self.settled = true;
        self.entry.used(usage.input_total().saturating_add(usage.output));
        route.meters.spent(&usage, self.began.elapsed(), self.first_token);
        let settlement = Settlement {
            request: self.request,
            ended: self.clock.now(),
            usage,
            cost_nano: self.cost(&usage),
            currency: Some(CURRENCY.to_owned()),
            status,
            error_code: code.map(str::to_owned),
            first_token_ms: self.first_token.map(millis),
            attempts: self.attempts,
            receipt_json: self.receipt.to_json(),
        };
        self.trace(&settlement);
        // The intent is on file: should this be lost, the request still shows up, as interrupted.
        let write = || self.store.journal().settle(&settlement);
        if let Err(error) = self.tab.settle(settlement.cost_nano, write) {
            tracing::error!(request = %self.request, code = error.code(),
                causes = error.causes(), "a settlement could not be written");
        }
    }
}

impl Settler {
    fn trace(&mut self, settlement: &Settlement) {
        let Some(trace) = self.trace.take() else { return };
        let Caller { org, project, key } = self.caller;
        trace.finish(Settled {
            request: self.request,
            payer: (org, project, key),
            format: self.protocol.as_str(),
            model: self.receipt.model().to_owned(),
            streaming: self.streaming,
            first_token: self.first_token,
            status: settlement.status,
            error: settlement.error_code.clone(),
            usage: settlement.usage,
            cost_nano: settlement.cost_nano,
        });
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        let mut usage = Usage::default();
        if self.under_way && self.input_estimate > 0 {
            // Providers bill what they were sent even if nobody waits for the answer.
            usage.input = self.input_estimate;
            usage.provenance = Provenance::Estimated;
        }
        self.abandoned(usage);
    }
}

/// The record of a provider that was asked beside another and not heard. Dropped unsettled, the client has left.
pub(crate) struct Side {
    store: Store,
    clock: Clock,
    intent: Intent,
    prices: Option<Arc<Prices>>,
    receipt: Receipt,
    /// Tokens.
    input_estimate: u64,
    settled: bool,
}

impl Side {
    /// From here on it is the record of `candidate`, since the one asked later was faster.
    ///
    /// # Errors
    /// What the client hears when that cannot be written.
    pub(crate) fn exchange(
        &mut self,
        candidate: &Candidate,
    ) -> std::result::Result<(), Box<Failure>> {
        let route = &candidate.route;
        self.receipt.exchange(candidate);
        self.prices = route.prices(&route.catalogue, &candidate.model);
        self.intent.provider = route.provider;
        self.intent.model = candidate.model.as_ref().to_owned();
        self.store.journal().intent(&self.intent).map_err(|error| {
            tracing::error!(code = error.code(), causes = error.causes(), "no intent, no answer");
            Box::new(Failure::refusing(llm::Refusal::from(&error)))
        })
    }

    /// It had not begun to answer when the other one did. Providers bill what they were sent.
    pub(crate) fn lost(self) {
        let usage = self.estimated();
        self.settle(499, "outrun", usage);
    }

    /// It refused or broke off.
    pub(crate) fn failed(self, failure: &Failure) {
        self.settle(failure.refusal.status, failure.code, failure.usage);
    }

    fn estimated(&self) -> Usage {
        let provenance = Provenance::Estimated;
        Usage { input: self.input_estimate, provenance, ..Usage::default() }
    }

    fn settle(mut self, status: u16, code: &str, usage: Usage) {
        self.write(status, code, usage);
    }

    fn write(&mut self, status: u16, code: &str, usage: Usage) {
        self.settled = true;
        let known = usage.provenance != Provenance::Absent;
        let prices = self.prices.as_ref().filter(|_| known);
        let settlement = Settlement {
            request: self.intent.request,
            ended: self.clock.now(),
            usage,
            cost_nano: prices.and_then(|prices| prices.of(&usage, None)),
            currency: Some(CURRENCY.to_owned()),
            status,
            error_code: Some(code.to_owned()),
            first_token_ms: None,
            attempts: 1,
            receipt_json: self.receipt.to_json(),
        };
        if let Err(error) = self.store.journal().settle(&settlement) {
            tracing::error!(request = %self.intent.request, code = error.code(),
                causes = error.causes(), "a settlement could not be written");
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        if !self.settled {
            self.write(499, "client_closed", self.estimated());
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
