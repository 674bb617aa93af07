//! Signing in, and not signing in.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use domain::{Kind, OrgRole};
use futures::future::join_all;
use identity::Config;
use store::Authority;
use testkit::{Backend, each_backend};

use crate::house::{House, PASSWORD, code, home};

const KNOWN: &str = "operator@example.org";

each_backend! {
    async fn the_right_password_opens_a_session_in_any_spelling_of_the_address(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.password_operator().await;
        let signed_in = house.sign_in(" Operator@Example.ORG ", PASSWORD, home()).await.unwrap();
        assert_eq!(signed_in.token.expose().len(), 43);
        let session = house.session(&signed_in).await;
        assert_eq!((session.user(), session.id()), (operator.user(), signed_in.session));
    }

    async fn every_refusal_is_the_same(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, scope) = house.organization(&operator, "acme").await;
        let bob = house.member(&scope, "bob", OrgRole::Member).await;
        let mut write = house
            .store
            .deployment(Authority::Operator(&operator))
            .await
            .unwrap()
            .write()
            .await
            .unwrap();
        write.user_disable(bob.user(), true).await.unwrap();
        write.commit(domain::Event::new(domain::Action::UserCreate)).await.unwrap();

        let mut answers = Vec::new();
        for (email, password) in [
            (KNOWN, "wrong"),
            (KNOWN, ""),
            (KNOWN, &"x".repeat(300)),
            ("nobody@example.org", PASSWORD),
            ("bob@example.org", PASSWORD),
            ("not an address", PASSWORD),
            ("", ""),
        ] {
            let refused = house.sign_in(email, password, home()).await.unwrap_err();
            answers.push((refused.kind(), refused.code(), refused.to_string(), refused.causes()));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!((answers[0].0, answers[0].1), (Kind::Unauthenticated, "sign_in_refused"));
    }

    async fn guesses_at_one_account_run_out_whether_or_not_it_exists(backend: Backend) {
        let house = House::new(backend).await;
        house.password_operator().await;
        for email in [KNOWN, "nobody@example.org"] {
            for at in 0..10u8 {
                let address = IpAddr::from([198, 51, 100, at]);
                assert_eq!(code(house.sign_in(email, "wrong", address).await), "sign_in_refused");
            }
            let limited = house.sign_in(email, PASSWORD, home()).await.unwrap_err();
            assert_eq!((limited.kind(), limited.code()), (Kind::Limited, "too_many_attempts"));
        }
        house.clock.advance(Duration::from_secs(15 * 60 - 1));
        assert_eq!(code(house.sign_in(KNOWN, PASSWORD, home()).await), "too_many_attempts");
        house.clock.advance(Duration::from_secs(2));
        assert_eq!(code(house.sign_in(KNOWN, PASSWORD, home()).await), "ok");
    }

    async fn guesses_from_one_network_run_out(backend: Backend) {
        let house = House::with(backend, Config { failures_per_address: 3, ..Config::default() }).await;
        house.password_operator().await;
        let address = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, last]);
        for at in 0..3u16 {
            let email = format!("person{at}@example.org");
            assert_eq!(code(house.sign_in(&email, "wrong", address(at)).await), "sign_in_refused");
        }
        assert_eq!(code(house.sign_in(KNOWN, PASSWORD, address(99)).await), "too_many_attempts");
        assert_eq!(code(house.sign_in(KNOWN, PASSWORD, home()).await), "ok", "others are not hit");
    }

    async fn signing_in_well_uses_no_budget_up(backend: Backend) {
        let house = House::with(backend, Config { failures_per_account: 2, ..Config::default() }).await;
        house.password_operator().await;
        for _ in 0..4 {
            assert_eq!(code(house.sign_in(KNOWN, PASSWORD, home()).await), "ok");
        }
    }

    async fn guesses_at_once_do_not_slip_past_the_budget(backend: Backend) {
        let house = House::with(backend, Config { failures_per_account: 3, ..Config::default() }).await;
        house.password_operator().await;
        let tries = (0..1600).map(|_| house.sign_in(KNOWN, "wrong", home()));
        let answers: Vec<_> = join_all(tries).await.into_iter().map(code).collect();
        let tried = answers.iter().filter(|answer| **answer == "sign_in_refused").count();
        assert_eq!(tried, 3, "the budget and no more");
        assert!(
            answers.iter().all(|answer| ["sign_in_refused", "too_many_attempts"].contains(answer))
        );
    }

    /// Interleaved, and the fastest of each kind: what else the machine does hits both alike, and in enough rounds
    /// each kind is undisturbed once.
    async fn an_absent_account_takes_as_long(backend: Backend) {
        let config =
            Config { failures_per_account: 1000, failures_per_address: 1000, ..Config::default() };
        let house = House::with(backend, config).await;
        house.operator().await;
        let mut fastest = [Duration::MAX; 2];
        let alike = |[known, absent]: [Duration; 2]| known.abs_diff(absent) * 4 < known;
        for round in 0..40 {
            if round >= 4 && alike(fastest) {
                break;
            }
            for (best, email) in fastest.iter_mut().zip([KNOWN, "nobody@example.org"]) {
                let start = Instant::now();
                assert_eq!(code(house.sign_in(email, "wrong", home()).await), "sign_in_refused");
                *best = start.elapsed().min(*best);
            }
        }
        assert!(alike(fastest), "a quarter of the whole would be seen: {fastest:?}");
    }
}
