//! Several servers on one database, counting in it or in a Redis server: never over the limit, everything given back.

mod fleet;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use domain::{Clock, Period};
use proptest::prelude::*;
use store::Scope;
use testkit::Backend;
use tokio_util::task::TaskTracker;

use super::*;
use crate::budget::{Books, Tab};
use fleet::{Fleet, In, Node, TOKEN, worst};

/// Something that happens to one of the servers, or to what they count in.
#[derive(Clone, Debug)]
enum Step {
    Reserve(usize, u64),
    Settle(usize, u8),
    Forsake(usize),
    Tick(usize),
    Record(usize),
    Crash(usize),
    Start(usize),
    Limit(u64),
    Lose,
    Stop,
}

const SERVERS: usize = 3;
const LIMIT: u64 = 20_000;

fn step() -> impl Strategy<Value = Step> {
    let server = 0..SERVERS;
    prop_oneof![
        30 => (server.clone(), 1_u64..300).prop_map(|(at, tokens)| Step::Reserve(at, tokens)),
        20 => (server.clone(), any::<u8>()).prop_map(|(at, share)| Step::Settle(at, share)),
        4 => server.clone().prop_map(Step::Forsake),
        10 => server.clone().prop_map(Step::Tick),
        6 => server.clone().prop_map(Step::Record),
        3 => server.clone().prop_map(Step::Crash),
        5 => server.prop_map(Step::Start),
        2 => (LIMIT / 2..LIMIT * 2).prop_map(Step::Limit),
        2 => Just(Step::Lose),
        1 => Just(Step::Stop),
    ]
}

async fn play(what: In, member: bool, steps: Vec<Step>) {
    let mut fleet = Fleet::new(what, SERVERS, (Period::Total, LIMIT)).await;
    if member {
        fleet = fleet.of_member(LIMIT).await;
    }
    // What may be used: after the limit was lowered, what was set aside before goes on.
    let (mut limit, mut most) = (LIMIT, LIMIT);
    for (number, step) in steps.iter().enumerate() {
        match *step {
            Step::Reserve(at, tokens) => drop(fleet.reserve(at, tokens).await),
            Step::Settle(at, share) => fleet.settle(at, share),
            Step::Forsake(at) => {
                // The client leaves before anybody was asked: it cost nothing.
                fleet.settle(at, 0);
            }
            Step::Tick(at) => {
                if let Some(node) = &fleet.nodes[at] {
                    node.tick().await;
                }
            }
            Step::Record(at) => {
                if let Some(node) = &fleet.nodes[at] {
                    node.store.settle_batch().await.unwrap();
                }
            }
            Step::Crash(at) => fleet.crash(at).await,
            Step::Start(at) => fleet.start(at).await,
            Step::Limit(to) if fleet.nodes.iter().flatten().next().is_some() => {
                fleet.limit(to).await;
                for node in fleet.nodes.iter().flatten() {
                    drop(node.books.of(&node.store, &node.tasks, &fleet.caller).await);
                }
                fleet.tick().await;
                limit = to;
                most = most.max(to);
            }
            Step::Limit(_) => {}
            Step::Lose => {
                if let Some(redis) = &mut fleet.redis {
                    redis.start_again();
                }
            }
            Step::Stop => {
                if let Some(redis) = &mut fleet.redis {
                    redis.stop();
                }
            }
        }
        assert!(fleet.used() <= most, "{} of {most} after step {number}: {step:?}", fleet.used());
    }
    fleet.rest().await;
    fleet.check_the_rest(limit).await;
    fleet.end().await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn several_servers_never_pass_the_limit_and_give_everything_back_on_redis(
        member in any::<bool>(), steps in prop::collection::vec(step(), 20..120)
    ) {
        runtime().block_on(play(In::Redis, member, steps));
    }

    #[test]
    fn several_servers_never_pass_the_limit_and_give_everything_back_on_postgres(
        member in any::<bool>(), steps in prop::collection::vec(step(), 20..120)
    ) {
        runtime().block_on(play(In::Database, member, steps));
    }
}

/// All servers at once, from several tasks each.
async fn crowd(what: In) {
    let mut fleet = Fleet::new(what, SERVERS, (Period::Month, 200_000)).await;
    let sums = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let nodes: Vec<_> = fleet.nodes.iter_mut().filter_map(Option::take).map(Arc::new).collect();
    let workers = TaskTracker::new();
    for (at, node) in nodes.iter().enumerate() {
        for one in 0..4 {
            let (node, caller, sums) = (Arc::clone(node), fleet.caller.clone(), Arc::clone(&sums));
            let seed = u64::try_from(at).unwrap() * 4 + one;
            workers.spawn(async move { work(&node, &caller, seed, &sums).await });
        }
    }
    workers.close();
    workers.wait().await;
    let (spent, wanted) = (sums.0.load(Ordering::SeqCst), sums.1.load(Ordering::SeqCst));
    assert!(spent <= 200_000, "{spent}");
    assert!(wanted > 400_000 && spent > 150_000, "{spent} of {wanted}: it was scarce, and used");
    for node in nodes {
        node.store.close().await.unwrap();
    }
}

/// One client of a server, which takes a little of what is left again and again.
async fn work(node: &Node, caller: &Scope, seed: u64, (spent, wanted): &(AtomicU64, AtomicU64)) {
    for turn in 0..60 {
        let tokens = 20 + (seed * 37 + turn * 101) % 180;
        wanted.fetch_add(tokens * TOKEN, Ordering::SeqCst);
        if let Ok(open) = node.reserve(caller, tokens).await {
            tokio::task::yield_now().await;
            let cost = (open.reserved() * ((seed + turn) % 256) / 255).max(open.reserved() / 2);
            spent.fetch_add(cost, Ordering::SeqCst);
            node.settle(open, cost);
        }
        if turn % 10 == seed % 10 {
            node.tick().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_of_many_servers_at_once_never_pass_the_limit_on_redis() {
    crowd(In::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_of_many_servers_at_once_never_pass_the_limit_on_postgres() {
    crowd(In::Database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_here_is_spent_while_the_counter_is_away_and_no_more() {
    let mut fleet = Fleet::new(In::Redis, 2, (Period::Day, 100_000)).await;
    let first = fleet.reserve(0, 100).await;
    assert_eq!(first, Ok(1_000));
    fleet.redis.as_mut().unwrap().stop();
    let mut more = 0;
    let refused = loop {
        match fleet.reserve(0, 100).await {
            Ok(amount) => more += amount,
            Err(code) => break code,
        }
    };
    assert_eq!(refused, "counters_unreachable");
    assert!(more > 2_000 && more < 10_000, "{more}: a block, and not all of it");
    assert_eq!(fleet.reserve(1, 100).await, Err("counters_unreachable"), "it has nothing");
    // It comes back empty: everything that is set aside counts, and is not given out twice.
    fleet.redis.as_mut().unwrap().start_again();
    tokio::time::sleep(Duration::from_millis(300)).await;
    fleet.tick().await;
    fleet.tick().await;
    let left = 100_000 - fleet.used();
    let got = fleet.reserve(1, 10_000).await;
    assert_eq!(got, Ok(left), "all but what the other holds, and that exactly");
    fleet.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_that_were_lost_wait_for_a_server_that_is_gone() {
    let mut fleet = Fleet::new(In::Redis, 2, (Period::Total, 100_000)).await;
    fleet.reserve(0, 1_000).await.unwrap();
    fleet.reserve(1, 1_000).await.unwrap();
    fleet.crash(0).await;
    fleet.redis.as_mut().unwrap().start_again();
    assert_eq!(
        fleet.reserve(1, 8_500).await,
        Err("counters_begin_anew"),
        "nobody knows of the other"
    );
    fleet.tick().await;
    assert_eq!(fleet.reserve(1, 8_500).await, Err("counters_begin_anew"));
    // Once it is back, what it left behind is on record.
    fleet.start(0).await;
    fleet.tick().await;
    assert_eq!(fleet.reserve(1, 8_500).await, Ok(100_000 - 20_000));
    fleet.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashed_holds_what_it_held_until_it_is_back() {
    for what in [In::Redis, In::Database] {
        let mut fleet = Fleet::new(what, 2, (Period::Total, 16_000)).await;
        assert_eq!(fleet.reserve(0, 500).await, Ok(5_000));
        fleet.settle(0, 51);
        assert_eq!((fleet.spent, fleet.reserve(0, 100).await), (1_000, Ok(1_000)));
        fleet.crash(0).await;
        let got = fleet.reserve(1, 2_000).await.unwrap();
        assert_eq!(got, 11_000, "not what the other could still have spent ({what:?})");
        fleet.start(0).await;
        assert!(fleet.nodes[0].as_ref().unwrap().tick().await);
        assert_eq!(fleet.reserve(1, 2_000).await, Ok(3_000), "what it recorded is all it spent");
        fleet.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_will_not_come_back_can_be_forgotten() {
    for what in [In::Redis, In::Database] {
        let mut fleet = Fleet::new(what, 2, (Period::Total, 16_000)).await;
        fleet.reserve(0, 500).await.unwrap();
        let gone = fleet.nodes[0].as_ref().unwrap().store.node();
        fleet.crash(0).await;
        assert_eq!(fleet.reserve(1, 2_000).await, Ok(11_000));
        let shared = fleet.nodes[1].as_ref().unwrap().shared();
        shared.forget(gone).await.unwrap();
        assert_eq!(shared.forget(gone).await.unwrap_err().kind(), domain::Kind::NotFound);
        fleet.tick().await;
        // What it had not recorded is the operator's to answer for.
        assert_eq!(fleet.reserve(1, 2_000).await, Ok(5_000), "{what:?}");
        fleet.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_disagree_count_in_the_same_period() {
    for what in [In::Redis, In::Database] {
        let backend = Backend::postgres().await;
        let day = Duration::from_secs(86_400);
        let now = backend.clock.now();
        let clocks = vec![
            Clock::frozen(now.plus(day * 400)),
            Clock::frozen(now),
            Clock::frozen(now.minus(day)),
        ];
        let mut fleet = Fleet::at(what, backend, clocks, (Period::Day, 9_000)).await;
        let mut got = 0;
        for at in 0..3 {
            got += fleet.reserve(at, 500).await.unwrap_or(0);
        }
        assert_eq!(got, 9_000, "{what:?}");
        fleet.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_that_was_set_back_is_not_believed() {
    let mut fleet = Fleet::new(In::Redis, 2, (Period::Total, 100_000)).await;
    fleet.reserve(0, 100).await.unwrap();
    fleet.reserve(1, 100).await.unwrap();
    fleet.redis.as_ref().unwrap().save();
    assert_eq!(fleet.reserve(0, 8_000).await, Ok(80_000), "what it does not remember");
    fleet.redis.as_mut().unwrap().start_again();
    fleet.tick().await;
    fleet.tick().await;
    let left = 100_000 - fleet.used();
    assert_eq!(fleet.reserve(1, 8_000).await, Ok(left));
    assert_eq!(fleet.used(), 100_000);
    fleet.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_was_overtaken_changes_nothing() {
    for what in [In::Redis, In::Database] {
        let mut fleet = Fleet::new(what, 2, (Period::Total, 100_000)).await;
        fleet.reserve(0, 100).await.unwrap();
        let shared = fleet.nodes[0].as_ref().unwrap().shared();
        let window = Arc::clone(&shared.windows.lock()[0]);
        let of = window.link.as_ref().unwrap().of;
        let claim =
            |sequence, ceiling| Claim { sequence, limit: 100_000, spent: 0, ceiling, need: 0 };
        let (first, then) = (shared.next(), shared.next());
        let said = shared.engine.claim(&of, &claim(then, 60_000), None).await.unwrap();
        assert!(matches!(said, Answer::Share(Share { ceiling: 60_000, .. }, None)), "{said:?}");
        // It was on its way all the time.
        let said = shared.engine.claim(&of, &claim(first, 1_000), None).await.unwrap();
        assert!(matches!(said, Answer::Stale(number) if number == then), "{said:?}");
        assert_eq!(fleet.reserve(1, 9_000).await, Ok(40_000), "{what:?}");
        fleet.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lower_limit_takes_back_what_is_not_used() {
    for what in [In::Redis, In::Database] {
        let mut fleet = Fleet::new(what, 2, (Period::Total, 1_000_000)).await;
        for at in 0..2 {
            assert_eq!(fleet.reserve(at, 100).await, Ok(1_000), "of a block of sixty thousand");
        }
        fleet.limit(10_000).await;
        for _ in 0..3 {
            for at in 0..2 {
                fleet.reserve(at, 16).await.unwrap();
            }
            fleet.tick().await;
        }
        let (mut got, used) = (0, fleet.used());
        for at in [0, 1, 0, 1] {
            got += fleet.reserve(at, 900).await.unwrap_or(0);
        }
        assert_eq!(used + got, 10_000, "{what:?}");
        fleet.end().await;
    }
}

/// A reservation on the hot path asks nobody: only a block that runs out does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_reservations_ask_anybody() {
    for what in [In::Redis, In::Database] {
        let fleet = Fleet::new(what, 2, (Period::Total, 1_000_000_000)).await;
        let node = fleet.nodes[0].as_ref().unwrap();
        let (scope, worst) = (&fleet.caller, worst(200));
        let payer = scope.payer().unwrap();
        drop(node.reserve(scope, 200).await.unwrap());
        let asked = || node.shared().sequence.load(Ordering::SeqCst);
        let (before, began) = (asked(), std::time::Instant::now());
        const REQUESTS: u32 = 20_000;
        for _ in 0..REQUESTS {
            let book = node.books.of(&node.store, &node.tasks, scope).await.unwrap();
            let mut tab = Tab::new(book, payer, node.books.now(node.store.clock()));
            if tab.reserve(|| Some(worst)).is_err() {
                assert!(tab.lease(|| Some(worst)).await.is_ok());
            }
            tab.settle(Some(1_000), || ());
        }
        let (asked, each) = (asked() - before, began.elapsed() / REQUESTS);
        assert!(asked < 50, "{asked} round trips");
        let windows = node.shared().windows.lock().clone();
        let began = std::time::Instant::now();
        for _ in 0..200 {
            node.shared().claim(&windows[0], (u64::MAX, 0)).await.unwrap();
        }
        let trip = began.elapsed() / 200;
        println!(
            "{what:?}: {each:?} for one reservation, {asked} round trips of {trip:?} for {REQUESTS}"
        );
        let books = Books::default();
        let began = std::time::Instant::now();
        for _ in 0..REQUESTS {
            let book = books.of(&node.store, &node.tasks, scope).await.unwrap();
            let mut tab = Tab::new(book, payer, books.now(node.store.clock()));
            assert!(tab.reserve(|| Some(worst)).is_ok());
            tab.settle(Some(1_000), || ());
        }
        println!("memory: {:?} for one reservation", began.elapsed() / REQUESTS);
        fleet.end().await;
    }
}
