//! Budgets that are counted in a Redis server, through the whole data plane.

use std::time::Duration;

use domain::{BudgetOf, Secret};
use gateway::{Counters, GatewayConfig};
use testkit::Redis;

use crate::house::{FORMATS, House, PROVIDERS, error_code, events, quick, request, script};

const ALL: BudgetOf = BudgetOf::Organization;

async fn house(redis: &Redis) -> House {
    let counters = Counters::Redis(Secret::new(redis.url()));
    House::with(GatewayConfig { counters, ..quick() }, script()).await
}

/// The only budget: what is spent and what is set aside.
async fn sums(house: &House) -> (u64, u64) {
    let all = house.gateway.budgets(&house.owner).await.unwrap();
    (all[0].spent_nano, all[0].reserved_nano)
}

#[tokio::test]
async fn what_is_counted_is_what_is_billed() {
    let redis = Redis::start();
    let house = house(&redis).await;
    house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await;
    house.budget(ALL, 1_000_000_000).await;
    for format in FORMATS {
        for (provider, _) in PROVIDERS {
            let body = request(&format!("{provider}/sandbox-echo"), true);
            let told = house.ask(format, &body).await;
            assert_eq!(told.status, 200, "{}", told.text);
            assert_eq!(told.header("x-probity-output-limit"), "", "all of it fitted");
        }
    }
    let billed: u64 = house.usage().await.iter().filter_map(|row| row.cost_nano).sum();
    assert_eq!(sums(&house).await, (billed, 0), "with what was spent before there was a budget");
}

#[tokio::test]
async fn a_stream_is_cut_at_the_limit() {
    let redis = Redis::start();
    for format in FORMATS {
        let house = house(&redis).await;
        house.budget(ALL, 250_000).await;
        let told = house.ask(format, &request("open/sandbox-slow", true)).await;
        assert_eq!(told.status, 200);
        let all = events(&told.text);
        assert_eq!(error_code(format, all.last().unwrap()), "budget_exceeded", "{}", told.text);
        let (spent, reserved) = sums(&house).await;
        assert_eq!((house.row().await.cost_nano, reserved), (Some(spent), 0));
        assert!((100_000..=250_000).contains(&spent), "{format:?} {spent}");
    }
}

#[tokio::test]
async fn without_the_counter_what_is_here_is_spent_and_then_nothing_is_sent() {
    let mut redis = Redis::start();
    let house = house(&redis).await;
    house.budget(ALL, 450_000).await;
    let ask = async |format| house.ask(format, &request("open/sandbox-echo", false)).await;
    assert_eq!(ask(FORMATS[0]).await.status, 200);
    redis.stop();
    let mut served = 0;
    for format in FORMATS {
        // Some need less than others for the least that is of any use.
        let told = loop {
            let told = ask(format).await;
            if told.status != 200 {
                break told;
            }
            served += 1;
            assert!(served < 60, "nothing ends it");
        };
        let sent = house.twin.inspector().counters().requests;
        assert_eq!((told.status, told.header("retry-after")), (503, "1"), "{}", told.text);
        assert_eq!(error_code(format, &told.json()), "counters_unreachable");
        assert!(told.text.contains("probity doctor"), "{}", told.text);
        assert_eq!(ask(format).await.status, 503);
        assert_eq!(house.twin.inspector().counters().requests, sent);
    }
    assert!(served > 3, "{served}: what is here");
    let billed: u64 = house.usage().await.iter().filter_map(|row| row.cost_nano).sum();
    assert!(billed <= 450_000);
    // Empty: it is counted anew from the records.
    redis.start_again();
    tokio::time::sleep(Duration::from_millis(300)).await;
    house.budget(ALL, billed + 450_000).await;
    assert_eq!(ask(FORMATS[0]).await.status, 200);
    let billed: u64 = house.usage().await.iter().filter_map(|row| row.cost_nano).sum();
    assert_eq!(sums(&house).await, (billed, 0));
}

#[tokio::test]
async fn what_cannot_be_used_is_said() {
    let egress = egress::Egress::new(&egress::Config::default(), domain::Clock::system()).unwrap();
    let check =
        async |counters: &Counters, kind| gateway::check_counters(counters, kind, &egress).await;
    let (sqlite, postgres) = (store::EngineKind::Sqlite, store::EngineKind::Postgres);
    assert!(check(&Counters::Memory, sqlite).await.unwrap().contains("the only one"));
    assert!(check(&Counters::Postgres, postgres).await.is_ok());
    let error = check(&Counters::Postgres, sqlite).await.unwrap_err();
    assert!(error.message().contains("Use memory"), "{error}");
    let mut redis = Redis::start();
    let counters = Counters::Redis(Secret::new(redis.url()));
    let says = check(&counters, postgres).await.unwrap();
    assert!(says.contains("answers and runs scripts"), "{says}");
    redis.stop();
    let error = check(&counters, postgres).await.unwrap_err();
    assert!(error.message().contains("does not answer"), "{error}");
}
