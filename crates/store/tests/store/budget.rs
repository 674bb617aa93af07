//! Budgets, and the sums they begin with.

use std::time::Duration;

use domain::{
    Action, BudgetOf, KeyId, Kind, LimitOf, Limits, Period, Protocol, Provenance, ProviderId,
    RequestId, Timestamp, Usage,
};
use store::{
    AuditFilter, Budget, Claim, Claimed, CounterOf, Intent, OrgLimits, Page, Settlement, Spent,
    Store,
};
use testkit::{Backend, each_backend};

use crate::fixture::{self, House, event, house, refusal};

pub(crate) async fn set(store: &Store, house: &House, of: BudgetOf, limit: u64) -> Budget {
    let mut write = store.write(&house.scope).await.unwrap();
    let budget = write.budget_set(of, Period::Month, limit).await.unwrap();
    write.commit(event(Action::BudgetSet)).await.unwrap();
    budget
}

fn intent(store: &Store, house: &House, key: KeyId) -> Intent {
    Intent {
        request: RequestId::new(store.clock().now()),
        org: house.organization.id,
        project: house.project.id,
        key,
        provider: ProviderId::from_uuid(uuid::Uuid::from_u128(2)),
        model: "model".to_owned(),
        requested_model: "model".to_owned(),
        protocol: Protocol::OpenAi,
        started: store.clock().now(),
        streaming: false,
        reserved_nano: Some(900),
    }
}

/// A request that cost so much, as far as the journal knows.
pub(crate) fn serve(store: &Store, house: &House, key: KeyId, cost_nano: Option<u64>) {
    let intent = intent(store, house, key);
    store.journal().intent(&intent).unwrap();
    let settlement = Settlement {
        request: intent.request,
        ended: intent.started,
        usage: Usage { input: 1, provenance: Provenance::Reported, ..Usage::default() },
        cost_nano,
        currency: None,
        status: 200,
        error_code: None,
        first_token_ms: None,
        attempts: 1,
        receipt_json: "{}".to_owned(),
    };
    store.journal().settle(&settlement).unwrap();
}

/// What was spent this month in all, and by `whom`.
pub(crate) async fn spent(store: &Store, house: &House, whom: BudgetOf) -> (u64, u64) {
    let spending = store.spending(&house.scope).await.unwrap();
    let span = Period::Month.span(store.clock().now());
    let waiting = spending.waiting().into_iter().filter(|(at, _)| span.holds(*at));
    let mut all: Vec<Spent> = waiting.map(|(_, spent)| spent).collect();
    all.extend(spending.recorded(span).await.unwrap());
    let sum = |of: BudgetOf| all.iter().filter(|one| one.counts(of)).map(|one| one.nano).sum();
    (sum(BudgetOf::Organization), sum(whom))
}

each_backend! {
    async fn a_budget_is_one_per_payer_and_period(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let other = house(&store, "globex").await;
        let (key, _) = fixture::key(&store, &made).await;
        let (project, key) = (BudgetOf::Project(made.project.id), BudgetOf::Key(key.id));
        let first = set(&store, &made, BudgetOf::Organization, 10).await;
        set(&store, &made, project, 20).await;
        set(&store, &made, key, 30).await;
        let again = set(&store, &made, BudgetOf::Organization, 11).await;
        assert_eq!((again.id, again.limit_nano), (first.id, 11), "the same, with another limit");
        let mut write = store.write(&made.scope).await.unwrap();
        write.budget_set(BudgetOf::Organization, Period::Day, 5).await.unwrap();
        write.commit(event(Action::BudgetSet)).await.unwrap();

        let mut read = store.read(&made.scope).await.unwrap();
        let listed: Vec<_> = read.budgets_list().await.unwrap();
        assert_eq!(listed.len(), 4);
        assert_eq!(read.budget_fetch(first.id).await.unwrap(), again);
        let mut theirs: Vec<_> =
            read.budgets_of_project(made.project.id).await.unwrap().iter().map(|one| one.of).collect();
        theirs.sort();
        assert_eq!(theirs, [project, key]);
        drop(read);
        assert_eq!(store.routing(&made.scope).await.unwrap().budgets, listed, "as the gateway sees them");
        assert!(store.routing(&other.scope).await.unwrap().budgets.is_empty());

        let mut foreign = store.write(&other.scope).await.unwrap();
        assert_eq!(refusal(foreign.budget_set(project, Period::Day, 1).await), (Kind::NotFound, "not_found"));
        drop(foreign);
        let mut foreign = store.write(&other.scope).await.unwrap();
        assert_eq!(refusal(foreign.budget_remove(first.id).await), (Kind::NotFound, "not_found"));
        assert_eq!(refusal(foreign.budget_fetch(first.id).await), (Kind::NotFound, "not_found"));
        drop(foreign);
        let mut write = store.write(&made.scope).await.unwrap();
        write.budget_remove(first.id).await.unwrap();
        write.commit(event(Action::BudgetRemove)).await.unwrap();
        assert_eq!(store.routing(&made.scope).await.unwrap().budgets.len(), 3, "at once");
    }

    async fn what_a_server_may_spend_is_agreed_on(backend: Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        let (key, _) = fixture::key(&store, &house).await;
        serve(&store, &house, key.id, Some(30));
        store.drain().await.unwrap();
        let budget = set(&store, &house, BudgetOf::Key(key.id), 1_000).await;
        let (org, period, now) = (house.organization.id, budget.period, store.time().await.unwrap());
        let from = if backend.is_postgres() { store.clock().now() } else { now };
        let from = period.span(from).from;
        let of = CounterOf { org, budget: budget.id, of: budget.of, period, from };
        assert_eq!(store.spent_by_node(&of).await.unwrap(), [(store.node(), 30)]);
        let claim = Claim { sequence: 1, limit: 0, spent: 30, ceiling: 30, need: 100 };
        let Claimed::Share(share) = store.claim(&of, &claim).await.unwrap() else { panic!("refused") };
        assert_eq!((share.ceiling, share.spent_elsewhere, share.scarce), (130, 0, false));
        assert_eq!(store.claim(&of, &claim).await.unwrap(), Claimed::Stale(1));
        assert_eq!(store.counters_held(store.node()).await.unwrap(), [of]);
        let claim = Claim { sequence: 2, ceiling: 130, need: 2_000, ..claim };
        let Claimed::Share(share) = store.claim(&of, &claim).await.unwrap() else { panic!("refused") };
        assert_eq!((share.ceiling, share.scarce), (1_000, true), "all that is left");
        store.counters_free(store.node()).await.unwrap();
        assert!(store.counters_held(store.node()).await.unwrap().is_empty());
        let mut write = store.write(&house.scope).await.unwrap();
        write.budget_remove(budget.id).await.unwrap();
        write.commit(event(Action::BudgetRemove)).await.unwrap();
        assert_eq!(store.claim(&of, &Claim { sequence: 3, ..claim }).await.unwrap(), Claimed::Gone);
    }

    async fn servers_are_on_the_list_until_they_leave(backend: Backend) {
        let store = backend.open().await;
        assert!(store.nodes().await.unwrap().is_empty());
        store.node_enter().await.unwrap();
        assert_eq!(store.node_seen().await.unwrap(), (0, 1));
        let node = store.node();
        assert_eq!(store.nodes().await.unwrap().iter().map(|node| node.id).collect::<Vec<_>>(), [node]);
        if backend.is_postgres() {
            let other = backend.open_another().await;
            other.node_enter().await.unwrap();
            assert_ne!(other.node(), node);
            let (one, two) = (store.node_seen().await.unwrap(), other.node_seen().await.unwrap());
            assert_eq!((one.1, two.1, one.0 + two.0), (2, 2, 1));
            other.node_leave(other.node()).await.unwrap();
            other.close().await.unwrap();
        }
        store.node_leave(node).await.unwrap();
        assert_eq!(refusal(store.node_leave(node).await), (Kind::NotFound, "not_found"));
        store.close().await.unwrap();
        let again = backend.open().await;
        assert_eq!(again.node(), node, "the same after every start");
    }

    async fn what_was_spent_is_in_the_journal_or_in_the_database(backend: Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        let (one, other) = (KeyId::new(store.clock().now()), KeyId::new(store.clock().now()));
        serve(&store, &house, one, Some(5));
        backend.clock.advance(Duration::from_secs(40 * 86_400));
        serve(&store, &house, one, Some(100));
        serve(&store, &house, other, Some(20));
        serve(&store, &house, one, None);
        assert_eq!(spent(&store, &house, BudgetOf::Key(one)).await, (120, 100), "of this month");
        store.drain().await.unwrap();
        serve(&store, &house, one, Some(3));
        assert_eq!(spent(&store, &house, BudgetOf::Key(one)).await, (123, 103));
    }

    async fn an_interrupted_request_counts_as_what_was_set_aside(backend: Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        let (key, _) = fixture::key(&store, &house).await;
        serve(&store, &house, key.id, Some(7));
        let mut cut = intent(&store, &house, key.id);
        store.journal().intent(&cut).unwrap();
        let free = Intent { request: RequestId::new(store.clock().now()), reserved_nano: None, ..cut.clone() };
        store.journal().intent(&free).unwrap();
        cut.reserved_nano = Some(400);
        store.journal().intent(&cut).unwrap();
        assert_eq!(spent(&store, &house, BudgetOf::Key(key.id)).await, (7, 7), "under way, it is not spent");
        store.close().await.unwrap();
        drop(store);
        let store = backend.open().await;
        assert_eq!(spent(&store, &house, BudgetOf::Key(key.id)).await, (407, 407));
        store.drain().await.unwrap();
        assert_eq!(spent(&store, &house, BudgetOf::Key(key.id)).await, (407, 407), "also once it is a row");
    }

    async fn each_share_of_a_period_is_told_once(backend: Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        let budget = set(&store, &house, BudgetOf::Organization, 10).await;
        let org = house.organization.id;
        let from = |millis| Timestamp::from_millis(millis);
        let tell = async |at, percent| {
            store.budget_reached(org, budget.id, from(at), percent).await.unwrap()
        };
        assert!(tell(1_000, 50).await);
        assert!(!tell(1_000, 50).await);
        assert!(tell(1_000, 100).await);
        assert!(!tell(1_000, 80).await, "less than was told");
        assert!(tell(2_000, 50).await, "another period");
        assert!(!tell(1_000, 100).await, "a period that is over");
        store.drain().await.unwrap();
        let mut read = store.read(&house.scope).await.unwrap();
        let rows = read.audit_list(&AuditFilter::default(), &Page::first(100)).await.unwrap().data;
        assert_eq!(rows.iter().filter(|row| row.action == "budget.reach").count(), 3);
    }

    async fn limits_are_kept_for_the_whole_for_each_key_and_for_one(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let other = house(&store, "globex").await;
        let (key, _) = fixture::key(&store, &made).await;
        let few = |requests| Limits {
            requests_per_minute: Some(requests),
            tokens_per_minute: Some(1 << 40),
            concurrent: None,
        };
        let set = async |of, limits| {
            let mut write = store.write(&made.scope).await.unwrap();
            write.limits_set(of, limits).await.unwrap();
            write.commit(event(Action::LimitsSet)).await.unwrap();
            store.routing(&made.scope).await.unwrap().limits.clone()
        };
        set(LimitOf::Organization, few(1)).await;
        set(LimitOf::EachKey, few(2)).await;
        set(LimitOf::Key(key.id), few(9)).await;
        let all = set(LimitOf::Key(key.id), few(3)).await;
        assert_eq!((all.whole, all.each_key, all.keys[&key.id]), (few(1), few(2), few(3)));
        assert_eq!(store.routing(&other.scope).await.unwrap().limits, OrgLimits::default());
        let mut foreign = store.write(&other.scope).await.unwrap();
        let stolen = foreign.limits_set(LimitOf::Key(key.id), few(1)).await;
        assert_eq!(refusal(stolen), (Kind::NotFound, "not_found"));
        drop(foreign);
        set(LimitOf::Organization, Limits::default()).await;
        set(LimitOf::EachKey, Limits::default()).await;
        assert_eq!(set(LimitOf::Key(key.id), Limits::default()).await, OrgLimits::default());
    }
}
