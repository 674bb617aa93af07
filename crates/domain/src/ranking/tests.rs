use super::*;

const BASIS: Basis = Basis {
    rule: RULE,
    sort: Sort::Balanced,
    stream: true,
    input_tokens: 1_000,
    output_tokens: 500,
};

fn at(place: u32) -> Inputs {
    Inputs { place, healthy: true, ..Inputs::default() }
}

fn priced(place: u32, input: u64, output: u64) -> Inputs {
    let price = Price { input: Some(input), output: Some(output), ..Price::default() };
    Inputs { price: Some(price), ..at(place) }
}

fn order(basis: &Basis, all: &[Inputs]) -> Vec<usize> {
    rank(basis, all).into_iter().map(|(at, _)| at).collect()
}

fn sorted(sort: Sort, all: &[Inputs]) -> Vec<usize> {
    order(&Basis { sort, ..BASIS }, all)
}

#[test]
fn without_anything_known_registration_decides() {
    assert_eq!(order(&BASIS, &[at(2), at(0), at(1)]), [1, 2, 0]);
    assert_eq!(order(&BASIS, &[priced(0, 5, 5), priced(1, 5, 5)]), [0, 1]);
    assert_eq!(order(&BASIS, &[]), [0; 0]);
    for sort in [Sort::Price, Sort::Latency, Sort::Throughput] {
        assert_eq!(sorted(sort, &[at(1), at(0)]), [1, 0], "{sort:?}");
    }
}

#[test]
fn each_input_moves_the_order_its_way() {
    let slow = Inputs { wait_ms: Some(5_000), ..at(0) };
    let quick = Inputs { wait_ms: Some(300), ..at(1) };
    let failing = Inputs { errors_permille: 250, ..at(0) };
    let ill = Inputs { healthy: false, ..priced(0, 1, 1) };
    let wished = Inputs { wished: Some(0), ..priced(1, 900, 900) };
    let home = Inputs { home: true, ..priced(1, 900, 900) };
    for (what, all) in [
        ("the cheaper first", [priced(0, 20, 20), priced(1, 10, 10)]),
        ("the slow one sinks", [slow, quick]),
        ("who was never seen is tried before the slow one", [slow, at(1)]),
        ("the failing one sinks", [failing, at(1)]),
        ("the unhealthy one is last, however cheap", [ill, priced(1, 900, 900)]),
        ("the client's order outweighs the price", [priced(0, 1, 1), wished]),
        ("a conversation stays at home, however dear", [priced(0, 1, 1), home]),
        ("the client's order outweighs the home", [Inputs { home: true, ..at(0) }, wished]),
        ("an unknown price is behind its equal", [at(0), priced(1, 5, 5)]),
    ] {
        assert_eq!(order(&BASIS, &all), [1, 0], "{what}");
    }
    let unhealthy_wish = Inputs { healthy: false, wished: Some(0), ..at(1) };
    assert_eq!(order(&BASIS, &[at(0), unhealthy_wish]), [0, 1]);
}

#[test]
fn what_nobody_notices_does_not_count() {
    let wait = |place, ms| Inputs { wait_ms: Some(ms), ..at(place) };
    assert_eq!(order(&BASIS, &[wait(0, 240), wait(1, 3)]), [0, 1]);
    assert_eq!(sorted(Sort::Latency, &[wait(0, 240), wait(1, 3)]), [1, 0]);
}

#[test]
fn the_wish_alone_decides_when_there_is_one() {
    let all = [
        Inputs { wait_ms: Some(100), pace_ms: Some(30_000), ..priced(0, 10, 10) },
        Inputs { wait_ms: Some(50), pace_ms: Some(40_000), ..priced(1, 20, 20) },
        Inputs { wait_ms: Some(9_000), pace_ms: Some(5_000), errors_permille: 400, ..at(2) },
    ];
    assert_eq!(sorted(Sort::Price, &all), [0, 1, 2], "an unknown price is the highest");
    assert_eq!(sorted(Sort::Latency, &all), [1, 0, 2]);
    assert_eq!(sorted(Sort::Throughput, &all), [2, 0, 1]);
}

#[test]
fn a_conversation_stays_where_it_was_among_equals() {
    let seen = |place, affinity| Inputs { affinity: Some(affinity), ..priced(place, 100, 100) };
    assert_eq!(order(&BASIS, &[seen(0, 1), seen(1, 0)]), [1, 0]);
    // Hardly dearer is still an equal, twice as dear is not.
    let dearer = |price| Inputs { affinity: Some(0), ..priced(1, price, price) };
    assert_eq!(order(&BASIS, &[seen(0, 1), dearer(105)]), [1, 0]);
    assert_eq!(order(&BASIS, &[seen(0, 1), dearer(200)]), [0, 1]);
    assert_eq!(sorted(Sort::Price, &[seen(0, 1), dearer(101)]), [0, 1], "the wish is exact");
    // Who was never seen keeps its place: nothing of the conversation can be there.
    let unseen = priced(0, 100, 100);
    assert_eq!(order(&BASIS, &[unseen, seen(1, 0)]), [0, 1]);
    assert_eq!(order(&BASIS, &[seen(0, 1), priced(1, 100, 100), seen(2, 0)]), [2, 1, 0]);
}

#[test]
fn a_warm_cache_makes_cheaper() {
    let price =
        Price { input: Some(1_000), cache_read: Some(100), output: Some(10), ..Price::default() };
    let cold = Inputs { price: Some(price), ..at(0) };
    let warm = Inputs { cached_permille: Some(900), place: 1, ..cold };
    let ranked = rank(&BASIS, &[cold, warm]);
    assert_eq!(ranked[0].0, 1);
    assert_eq!(ranked[0].1.cost_nano, Some(100 * 1_000 + 900 * 100 + 500 * 10));
    assert_eq!(ranked[1].1.cost_nano, Some(1_000 * 1_000 + 500 * 10));
}

#[test]
fn scores_are_what_the_documentation_says() {
    let all = [
        Inputs { wait_ms: Some(500), errors_permille: 200, ..priced(0, 20, 20) },
        Inputs { wait_ms: Some(1_000), ..priced(1, 10, 10) },
    ];
    // Twice as dear and quickest: (2 × 1999 + 1000) / 3, divided by 0.8. Cheapest and twice as slow: (2 × 1000 + 1998) / 3.
    let scores: Vec<u64> = rank(&BASIS, &all).iter().map(|(_, score)| score.score).collect();
    assert_eq!(scores, [1_332, 2_082]);
}

#[test]
fn no_number_breaks_it() {
    let price = |value| Price { input: Some(value), output: Some(value), ..Price::default() };
    for value in [0, 1, u64::MAX] {
        let inputs = Inputs {
            price: Some(price(value)),
            cached_permille: Some(value),
            wait_ms: Some(value),
            pace_ms: Some(value),
            errors_permille: value,
            affinity: Some(0),
            ..at(0)
        };
        for sort in [Sort::Balanced, Sort::Price, Sort::Latency, Sort::Throughput] {
            for tokens in [0, u64::MAX] {
                let basis = Basis { sort, input_tokens: tokens, output_tokens: tokens, ..BASIS };
                assert_eq!(rank(&basis, &[inputs, at(1), priced(2, 1, 1)]).len(), 3);
            }
        }
    }
}

/// The order of the list says nothing: only what stands in it.
#[test]
fn the_order_does_not_depend_on_how_it_is_asked_for() {
    let mut all: Vec<Inputs> = (0..24)
        .map(|place| Inputs {
            healthy: place % 7 != 0,
            wait_ms: (place % 3 != 0).then_some(u64::from(place * 37 % 11) * 100),
            errors_permille: u64::from(place % 4) * 90,
            affinity: (place % 2 == 0).then_some(place * 5 % 24),
            wished: (place % 11 == 0).then_some(place),
            ..priced(place, 100 + u64::from(place * 13 % 5), 100)
        })
        .collect();
    let places = |all: &[Inputs]| -> Vec<u32> {
        rank(&BASIS, all).iter().map(|(at, _)| all[*at].place).collect()
    };
    let first = places(&all);
    for turn in 1..24 {
        all.rotate_left(turn);
        assert_eq!(places(&all), first);
    }
    all.reverse();
    assert_eq!(places(&all), first);
}

#[test]
fn what_a_receipt_says_reads_back() {
    let inputs = Inputs { wished: Some(1), wait_ms: Some(2), affinity: Some(3), ..priced(4, 5, 6) };
    let text = serde_json::to_string(&inputs).unwrap();
    assert_eq!(serde_json::from_str::<Inputs>(&text).unwrap(), inputs);
    let text = serde_json::to_string(&BASIS).unwrap();
    assert_eq!(
        text,
        r#"{"rule":2,"sort":"balanced","stream":true,"input_tokens":1000,"output_tokens":500}"#
    );
}
