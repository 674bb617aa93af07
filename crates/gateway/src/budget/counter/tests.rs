//! The counters by themselves: never over the limit, everything given back, all together or not at all.

use std::{
    sync::atomic::{AtomicBool, AtomicU64},
    thread,
};

use domain::{BudgetId, BudgetOf, Period};
use proptest::prelude::*;

use super::*;

const NOON: Timestamp = Timestamp::from_millis(1_767_268_800_000);

fn counter(period: Period, limit_nano: u64) -> Arc<Counter> {
    let (id, of) = (BudgetId::new(NOON), BudgetOf::Organization);
    Arc::new(Counter::new(Budget { id, of, period, limit_nano, changed: NOON }, NOON, None))
}

fn places(counters: &[Arc<Counter>]) -> Vec<Place> {
    let place = |counter: &Arc<Counter>| Place {
        window: counter.window(NOON),
        counter: Arc::clone(counter),
    };
    counters.iter().map(place).collect()
}

fn sums(counter: &Counter) -> (u64, u64) {
    let sums = counter.window(NOON).sums();
    (sums.spent, sums.reserved)
}

#[test]
fn what_is_set_aside_is_spent_or_given_back() {
    let one = [counter(Period::Day, 100)];
    let first = Hold::new(places(&one), 60, 10).unwrap();
    assert_eq!(sums(&one[0]), (0, 60));
    let second = Hold::new(places(&one), 60, 10).unwrap();
    assert_eq!(second.amount(), 40, "what is left");
    let refused = Hold::new(places(&one), 60, 10).unwrap_err();
    assert_eq!(refused.left(), 0);
    first.settle(25);
    assert_eq!(sums(&one[0]), (25, 40));
    drop(second);
    assert_eq!(sums(&one[0]), (25, 0));
    Hold::new(places(&one), 60, 60).unwrap().settle(200);
    assert_eq!(sums(&one[0]), (225, 0), "what it cost, it cost");
    assert!(Hold::new(places(&one), 1, 1).is_err());
    assert!(Hold::new(places(&one), 0, 0).is_ok(), "what is free needs no money");
}

#[test]
fn several_are_charged_all_together_or_not_at_all() {
    let (wide, narrow) = (counter(Period::Month, 1000), counter(Period::Day, 50));
    let both = [Arc::clone(&wide), Arc::clone(&narrow)];
    let refused = Hold::new(places(&both), 80, 60).unwrap_err();
    assert!(Arc::ptr_eq(&refused.counter, &narrow), "the tightest is named");
    assert_eq!((sums(&wide), sums(&narrow)), ((0, 0), (0, 0)));
    let mut hold = Hold::new(places(&both), 30, 1).unwrap();
    assert!(hold.grow(51).is_err());
    assert_eq!((sums(&wide), sums(&narrow)), ((0, 30), (0, 30)));
    hold.grow(50).unwrap();
    hold.grow(20).unwrap();
    assert_eq!(hold.amount(), 50, "nothing is given back before the end");
    hold.settle(7);
    assert_eq!((sums(&wide), sums(&narrow)), ((7, 0), (7, 0)));
}

#[test]
fn a_new_period_begins_with_nothing_and_old_requests_end_in_the_old_one() {
    let day = counter(Period::Day, 100);
    let hold = Hold::new(places(&[Arc::clone(&day)]), 90, 90).unwrap();
    let yesterday = day.window(NOON);
    let tomorrow = NOON.plus(std::time::Duration::from_secs(86_400));
    assert_eq!(day.window(tomorrow).sums(), Sums::default());
    hold.settle(80);
    assert_eq!(yesterday.sums().spent, 80);
    assert_eq!(day.window(tomorrow).sums().spent, 0);
    let back = day.window(NOON);
    assert_eq!(back.span, day.window(tomorrow).span, "a clock set back does not bring money back");
}

#[test]
fn a_changed_limit_holds_at_once() {
    let one = [counter(Period::Total, 100)];
    Hold::new(places(&one), 50, 50).unwrap().settle(50);
    one[0].set_limit(40);
    assert!(Hold::new(places(&one), 1, 1).is_err());
    one[0].set_limit(60);
    assert_eq!(Hold::new(places(&one), 30, 1).unwrap().amount(), 10);
}

#[test]
fn each_share_is_told_once() {
    let window = Window::new(Period::Day.span(NOON), 0);
    assert_eq!(window.reached(100), None);
    window.add_spent(55);
    assert_eq!((window.reached(100), window.reached(100)), (Some(50), None));
    window.add_spent(45);
    assert_eq!(
        (window.reached(100), window.reached(100)),
        (Some(100), None),
        "80 goes without saying"
    );
    assert_eq!(Window::new(Period::Day.span(NOON), 0).reached(0), None);
}

/// What one request does: the worst it may cost, the least it needs, how much of what it got it uses (in 256ths), and
/// whether it asks for more in between, or leaves without an end.
type Act = (u64, u64, u8, Option<u64>, bool);

fn play(act: &Act, places: Vec<Place>, spent: &AtomicU64) {
    let &(full, least, share, more, leaves) = act;
    let Ok(mut hold) = Hold::new(places, full, least.min(full)) else { return };
    assert!(hold.amount() <= full && hold.amount() >= least.min(full));
    if let Some(more) = more {
        drop(hold.grow(more));
    }
    let actual = hold.amount() * u64::from(share) / 255;
    if leaves {
        drop(hold);
    } else {
        spent.fetch_add(actual, Ordering::SeqCst);
        hold.settle(actual);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn many_at_once_never_pass_the_limit_and_give_everything_back(
        limits in prop::collection::vec(0u64..2_000, 1..6),
        acts in prop::collection::vec(
            (0u64..600, 0u64..200, any::<u8>(), prop::option::of(0u64..800), any::<bool>()),
            1..120,
        ),
    ) {
        let counters: Vec<_> = limits.iter().map(|limit| counter(Period::Day, *limit)).collect();
        let (spent, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let watch = || {
            for counter in &counters {
                let (spent, reserved) = sums(counter);
                if spent + reserved > counter.limit() {
                    over.store(true, Ordering::SeqCst);
                }
            }
        };
        thread::scope(|threads| {
            for worker in 0..6 {
                let (acts, counters, spent, watch) = (&acts, &counters, &spent, &watch);
                threads.spawn(move || {
                    // Each in another order, so that they meet at different places.
                    for at in 0..acts.len() {
                        let act = &acts[(at * 7 + worker * 13) % acts.len()];
                        play(act, places(counters), spent);
                        watch();
                    }
                });
            }
        });
        prop_assert!(!over.load(Ordering::SeqCst), "over the limit");
        for counter in &counters {
            prop_assert_eq!(sums(counter), (spent.load(Ordering::SeqCst), 0));
        }
    }
}
