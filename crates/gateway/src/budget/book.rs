//! The counters of each organization: found in memory, begun from what was spent before.

use std::{collections::HashMap, sync::Arc};

use domain::{BudgetOf, Clock, OrgId, Payer, Period, Result, Timestamp};
use parking_lot::RwLock;
use store::{OrgRouting, Scope, Spending, Spent, Store};
use tokio_util::task::TaskTracker;

use super::{
    counter::{Counter, Place},
    shared::Shared,
};
use crate::limit::Part;

type Counters = HashMap<(BudgetOf, Period), Arc<Counter>>;

/// The books of all organizations that were asked for.
#[derive(Default)]
pub(crate) struct Books {
    all: RwLock<HashMap<OrgId, Arc<Book>>>,
    /// What servers count in together.
    pub shared: Option<Arc<Shared>>,
}

impl Books {
    pub(crate) fn new(shared: Option<Arc<Shared>>) -> Self {
        Self { shared, ..Self::default() }
    }

    /// The time that decides in which period a request is counted: the counter's where servers count together.
    pub(crate) fn now(&self, clock: &Clock) -> Timestamp {
        self.shared.as_ref().map_or_else(|| clock.now(), |shared| shared.now())
    }

    /// Which of the servers this is, for limits that are divided among them.
    pub(crate) fn part(&self) -> Part {
        self.shared.as_ref().map(|shared| shared.part()).unwrap_or_default()
    }

    /// The book of the scope's organization, with the budgets that the store knows now.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot say what was spent: nothing may be spent then.
    pub(crate) async fn of(
        &self,
        store: &Store,
        tasks: &TaskTracker,
        scope: &Scope,
    ) -> Result<Arc<Book>> {
        let source = store.routing(scope).await?;
        let known = self.all.read().get(&scope.org()).cloned();
        let book = known.unwrap_or_else(|| {
            let new = || Arc::new(Book::new(store, tasks, scope, self.shared.clone()));
            Arc::clone(self.all.write().entry(scope.org()).or_insert_with(new))
        });
        if !book.shelf().is_of(&source) {
            // Boxed: it is large, and few requests find something new.
            Box::pin(book.renew(scope, source)).await?;
        }
        Ok(book)
    }
}

/// The budgets of one organization.
pub(crate) struct Book {
    org: OrgId,
    store: Store,
    tasks: TaskTracker,
    /// Held for reading while a request is written down as settled and counted, for writing while a new counter takes
    /// over: so that each request is either among what the counter begins with or counted by it, never both.
    still: RwLock<()>,
    /// One at a time brings it up to date.
    renewing: tokio::sync::Mutex<()>,
    shelf: RwLock<Arc<Shelf>>,
    shared: Option<Arc<Shared>>,
}

#[derive(Default)]
struct Shelf {
    /// The budgets that every counter is ready for.
    source: Option<Arc<OrgRouting>>,
    counters: Counters,
}

impl Shelf {
    fn is_of(&self, source: &Arc<OrgRouting>) -> bool {
        self.source.as_ref().is_some_and(|known| Arc::ptr_eq(known, source))
    }
}

impl Book {
    fn new(store: &Store, tasks: &TaskTracker, scope: &Scope, shared: Option<Arc<Shared>>) -> Self {
        Self {
            org: scope.org(),
            store: store.clone(),
            tasks: tasks.clone(),
            still: RwLock::default(),
            renewing: tokio::sync::Mutex::default(),
            shelf: RwLock::default(),
            shared,
        }
    }

    pub(crate) const fn shared(&self) -> Option<&Arc<Shared>> {
        self.shared.as_ref()
    }

    fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf.read())
    }

    /// Where a request that was started at `at` is counted.
    pub(crate) fn places(&self, payer: Payer, at: Timestamp) -> Vec<Place> {
        let shelf = self.shelf();
        if shelf.counters.is_empty() {
            return Vec::new();
        }
        let each = BudgetOf::all(payer)
            .flat_map(|of| Period::ALL.into_iter().map(move |period| (of, period)));
        each.filter_map(|of| shelf.counters.get(&of))
            .map(|counter| Place { window: counter.window(at), counter: Arc::clone(counter) })
            .collect()
    }

    /// Every budget with the period that `at` lies in.
    pub(crate) fn all(&self, at: Timestamp) -> Vec<Place> {
        let shelf = self.shelf();
        let place = |counter: &Arc<Counter>| Place {
            window: counter.window(at),
            counter: Arc::clone(counter),
        };
        shelf.counters.values().map(place).collect()
    }

    /// Does `settle`, and no counter takes over meanwhile.
    pub(crate) fn undisturbed<T>(&self, settle: impl FnOnce() -> T) -> T {
        let _still = self.still.read();
        settle()
    }

    /// Takes in what was changed. Counters go on where their budget stays; new ones begin with what was spent.
    async fn renew(&self, scope: &Scope, source: Arc<OrgRouting>) -> Result<()> {
        let _one = self.renewing.lock().await;
        let before = self.shelf();
        if before.is_of(&source) {
            return Ok(());
        }
        let now = match &self.shared {
            Some(shared) if !source.budgets.is_empty() => {
                shared.enter().await?;
                shared.now()
            }
            _ => self.store.clock().now(),
        };
        let (mut counters, mut fresh) = (HashMap::new(), Vec::new());
        for budget in &source.budgets {
            let place = (budget.of, budget.period);
            let known = before.counters.get(&place);
            let known = known.filter(|known| known.budget.id == budget.id && known.is_ready());
            let counter = known.cloned().unwrap_or_else(|| {
                let shared = self.shared.clone().map(|shared| (self.org, shared));
                let new = Arc::new(Counter::new(budget.clone(), now, shared));
                fresh.push(Arc::clone(&new));
                new
            });
            counter.set_limit(budget.limit_nano);
            counters.insert(place, counter);
        }
        if !fresh.is_empty() {
            self.begin(scope, (&fresh, &counters), now).await?;
        }
        *self.shelf.write() = Arc::new(Shelf { source: Some(source), counters });
        self.tell(&self.all(now));
        Ok(())
    }

    /// Lets counters take over, and adds what was spent before.
    async fn begin(
        &self,
        scope: &Scope,
        (fresh, all): (&[Arc<Counter>], &Counters),
        now: Timestamp,
    ) -> Result<()> {
        let spending = self.store.spending(scope).await?;
        let add = |counter: &Counter, spent: Spent| {
            if spent.counts(counter.budget.of) {
                counter.window(now).add_spent(spent.nano);
            }
        };
        {
            let _still = self.still.write();
            for (at, spent) in spending.waiting() {
                let within = |counter: &&Arc<Counter>| counter.window(now).span.holds(at);
                fresh.iter().filter(within).for_each(|counter| add(counter, spent));
            }
            *self.shelf.write() = Arc::new(Shelf { source: None, counters: all.clone() });
        }
        if let Some(shared) = &self.shared {
            return join(shared, &spending, fresh, now).await;
        }
        for period in Period::ALL {
            let of_period: Vec<_> =
                fresh.iter().filter(|counter| counter.budget.period == period).collect();
            if of_period.is_empty() {
                continue;
            }
            for spent in spending.recorded(period.span(now)).await? {
                of_period.iter().for_each(|counter| add(counter, spent));
            }
        }
        fresh.iter().for_each(|counter| counter.make_ready());
        Ok(())
    }

    /// Lets the log know which shares of these budgets are spent.
    pub(crate) fn tell(&self, places: &[Place]) {
        for Place { counter, window } in places {
            // Whoever settles while the runtime ends has nobody left to tell; the next start tells it.
            let (Some(share), Ok(runtime)) =
                (window.reached(counter.limit()), tokio::runtime::Handle::try_current())
            else {
                continue;
            };
            let (store, org, id, from) =
                (self.store.clone(), self.org, counter.budget.id, window.span.from);
            let told = async move {
                if let Err(error) = store.budget_reached(org, id, from, share).await {
                    tracing::error!(
                        code = error.code(),
                        causes = error.causes(),
                        "that a share of a budget is spent could not be recorded"
                    );
                }
            };
            self.tasks.spawn_on(told, &runtime);
        }
    }
}

/// Joins the counters that servers count in together, with what this one has spent.
async fn join(
    shared: &Shared,
    spending: &Spending<'_>,
    fresh: &[Arc<Counter>],
    now: Timestamp,
) -> Result<()> {
    for counter in fresh {
        let window = counter.window(now);
        // By the records of this server; those of the others are theirs to tell.
        window.add_spent(spending.recorded_here(counter.budget.of, window.span).await?);
        shared.join(&window).await?;
        counter.make_ready();
    }
    Ok(())
}
