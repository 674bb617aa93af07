//! Budgets in the data plane: nothing is sent whose worst case does not fit, and nothing waits for the database.
//!
//! Each request opens a [`Tab`]: the worst case of each attempt is set aside under every budget that applies, all
//! together or not at all; a stream is cut when what it has cost passes what is set aside and no more is left; in the
//! end what it came to is spent and the rest given back. Counters begin with what the usage rows and the journal say
//! was spent, before the first request of an organization is admitted. Several servers count together where the
//! configuration says in what; see `docs/adr/0009-several-servers-count-together.md`.

mod book;
mod counter;
mod price;
mod shared;
mod tab;
mod words;

use domain::{Error, Result, Span};
use http::{HeaderName, Response};
use llm::{Head, Prepared};
use store::{Budget, Scope};

use crate::{
    Body, Gateway, Inner,
    failure::{Again, Failure},
    plan::{Candidate, Exclusion, Plan},
    rank,
};

pub use self::shared::check as check_counters;
pub(crate) use self::{
    book::Books,
    counter::Place,
    shared::Shared,
    tab::{Short, Tab},
};
use price::Worst;

/// The code of a request that no money is left for.
pub(crate) const EXCEEDED: &str = "budget_exceeded";
/// Says to the client how much the provider may write, when that is less than it asked for.
const OUTPUT_LIMIT: HeaderName = HeaderName::from_static("x-probity-output-limit");

/// A budget and what has become of it in the present period. Amounts are nano-units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetState {
    pub budget: Budget,
    pub spent_nano: u64,
    /// Set aside for requests under way.
    pub reserved_nano: u64,
    pub span: Span,
}

impl BudgetState {
    /// The part of the limit that is spent, in whole percent; more than 100 when the last answers cost more than was
    /// foreseen, or the limit was lowered.
    #[must_use]
    pub fn percent(&self) -> u64 {
        let percent = |limit: u64| u128::from(self.spent_nano) * 100 / u128::from(limit);
        match self.budget.limit_nano {
            0 => 100,
            limit => u64::try_from(percent(limit)).unwrap_or(u64::MAX),
        }
    }
}

impl Gateway {
    /// The budgets of the scope's organization, as the servers count them; the oldest first.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot say what was spent.
    pub async fn budgets(&self, scope: &Scope) -> Result<Vec<BudgetState>> {
        let Inner { store, tasks, budgets, clock, .. } = &*self.0;
        let book = budgets.of(store, tasks, scope).await?;
        let state = |Place { counter, window }: Place| {
            let sums = window.sums();
            BudgetState {
                budget: Budget { limit_nano: counter.limit(), ..counter.budget.clone() },
                spent_nano: sums.all_spent(),
                reserved_nano: sums.all_reserved(),
                span: window.span,
            }
        };
        let places = book.all(budgets.now(clock));
        if let Some(shared) = book.shared() {
            shared.look(&places).await;
        }
        let mut all: Vec<_> = places.into_iter().map(state).collect();
        all.sort_by_key(|state| state.budget.id);
        Ok(all)
    }
}

impl Inner {
    /// Opens the tab of a request. Under a budget, candidates whose price is unknown leave the plan.
    ///
    /// # Errors
    /// `Forbidden` with code `no_price` when no candidate is left; `Unavailable` when the store cannot say what was
    /// spent.
    pub(crate) async fn open_tab(
        &self,
        call: &crate::Call<'_>,
        head: &Head,
        plan: &mut Plan,
    ) -> Result<Tab> {
        let book = self.budgets.of(&self.store, &self.tasks, &call.scope).await?;
        let Some(payer) = call.scope.payer() else {
            return Err(Error::forbidden("Models are called with a project's key."));
        };
        let tab = Tab::new(book, payer, self.budgets.now(&self.clock));
        if !tab.is_limited() {
            return Ok(tab);
        }
        let priced = |candidate: &Candidate| self.worst(candidate, head, 0).is_some();
        let (known, unknown): (Vec<_>, Vec<_>) =
            std::mem::take(&mut plan.candidates).into_iter().partition(priced);
        let exclusion = |Candidate { route, .. }| {
            let reason = "no_price";
            Exclusion { route, reason, ranked: None }
        };
        let fewer = !unknown.is_empty();
        plan.excluded.extend(unknown.into_iter().map(exclusion));
        plan.candidates = known;
        if fewer {
            rank::again(plan);
        }
        if plan.candidates.is_empty() {
            return Err(words::no_price());
        }
        Ok(tab)
    }

    /// The most that asking the candidate may cost; `None` when a price is unknown.
    fn worst(&self, candidate: &Candidate, head: &Head, body_bytes: usize) -> Option<Worst> {
        let route = &candidate.route;
        let prices = route.prices(&route.catalogue, &candidate.model)?;
        let entry = route.catalogue.provider(&route.catalog);
        let model =
            entry.and_then(|entry| entry.models.iter().find(|model| model.id == *candidate.model));
        let bytes = u64::try_from(body_bytes).unwrap_or(u64::MAX);
        Worst::of(&prices, model, head, (bytes, self.config.budget_output_tokens))
    }

    /// Sets aside what asking the candidate may cost, and lowers the limit on its output where less is left.
    ///
    /// # Errors
    /// The reason for the receipt, and what the client hears if nobody cheaper can be asked.
    pub(crate) fn set_aside(
        &self,
        tab: &mut Tab,
        (candidate, head): (&Candidate, &Head),
        prepared: &Prepared,
    ) -> std::result::Result<Option<Prepared>, (&'static str, Box<Failure>)> {
        tab.reserve(|| self.worst(candidate, head, prepared.body.len())).map_err(failure)?;
        Ok(limited(tab, (candidate, head), prepared))
    }

    /// The same after asking the other servers' counter.
    ///
    /// # Errors
    /// As [`Inner::set_aside`].
    pub(crate) async fn lease(
        &self,
        tab: &mut Tab,
        (candidate, head): (&Candidate, &Head),
        prepared: &Prepared,
    ) -> std::result::Result<Option<Prepared>, (&'static str, Box<Failure>)> {
        let worst = || self.worst(candidate, head, prepared.body.len());
        tab.lease(worst).await.map_err(failure)?;
        Ok(limited(tab, (candidate, head), prepared))
    }
}

/// The request with a lower limit on its output, where that is needed.
fn limited(
    tab: &Tab,
    (candidate, head): (&Candidate, &Head),
    prepared: &Prepared,
) -> Option<Prepared> {
    tab.output_limit().filter(|_| head.task.is_none()).map(|tokens| {
        let quirks = candidate.quirks(head);
        let body = llm::cap_output(candidate.format(), &prepared.body, tokens, &quirks);
        Prepared { body, ..prepared.clone() }
    })
}

fn failure(short: Short) -> (&'static str, Box<Failure>) {
    let (reason, failure) = match short {
        Short::NoPrice => {
            let refusal = llm::Refusal::from(&words::no_price());
            ("no_price", Failure { again: Again::Elsewhere, ..Failure::refusing(refusal) })
        }
        Short::Money(place) => ("budget", Failure::short_of_money(&place)),
        Short::Away(error) => {
            let failure = Failure::refusing(llm::Refusal::from(&error));
            let retry_after = Some(std::time::Duration::from_secs(1));
            ("counters", Failure { retry_after, code: error.code(), ..failure })
        }
    };
    (reason, Box::new(failure))
}

impl Failure {
    /// Too little is left to send the request.
    fn short_of_money(place: &Place) -> Self {
        let (message, passing) = words::too_little(place);
        let refusal = llm::Refusal::new(429, EXCEEDED, message);
        let retry_after = passing.then(|| std::time::Duration::from_secs(1));
        let again = Again::Elsewhere;
        Self { retry_after, again, code: EXCEEDED, ..Self::refusing(refusal) }
    }

    /// Too little is left for the rest of the answer.
    pub(crate) fn out_of_money(place: &Place) -> Self {
        let refusal = llm::Refusal::new(429, EXCEEDED, words::cut(place));
        Self { code: EXCEEDED, ..Self::refusing(refusal) }
    }
}

/// Says in the response how much the provider may write, when that is less than was asked for.
pub(crate) fn announce(response: &mut Response<Body>, limit: Option<u64>) {
    if let Some(tokens) = limit {
        response.headers_mut().insert(OUTPUT_LIMIT, tokens.into());
    }
}
