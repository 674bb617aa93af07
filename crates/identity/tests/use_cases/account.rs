//! Operator links, sessions, passwords.

use std::time::Duration;

use domain::{Kind, SessionId, Timestamp};
use identity::{SignIn, SignInStep};
use testkit::{Backend, each_backend};

use crate::house::{DAY, HOUR, House, OTHER_PASSWORD, PASSWORD, account, code, home, secret};

each_backend! {
    async fn an_operator_link_works_once(backend: Backend) {
        let house = House::new(backend).await;
        assert!(!house.identity.operator_exists().await.unwrap());
        let link = house.identity.operator_link_create().await.unwrap();
        assert!(house.identity.operator_link_is_live(&link.token).await.unwrap());
        let first =
            house.identity.operator_link_redeem(&link.token, account("a@example.org")).await;
        assert!(house.session(&first.unwrap()).await.operator());
        assert!(house.identity.operator_exists().await.unwrap());
        assert!(!house.identity.operator_link_is_live(&link.token).await.unwrap());
        let again =
            house.identity.operator_link_redeem(&link.token, account("b@example.org")).await;
        assert_eq!(again.unwrap_err().code(), "link_invalid");
    }

    async fn an_operator_link_dies_of_age_and_of_the_next_one(backend: Backend) {
        let house = House::new(backend).await;
        let first = house.identity.operator_link_create().await.unwrap();
        let second = house.identity.operator_link_create().await.unwrap();
        let redeem = async |token| {
            code(house.identity.operator_link_redeem(token, account("a@example.org")).await)
        };
        assert_eq!(redeem(&first.token).await, "link_invalid");
        house.clock.advance(Duration::from_secs(30 * 60));
        assert_eq!(redeem(&second.token).await, "link_invalid");
        assert_eq!(redeem(&secret("made up")).await, "link_invalid");
    }

    async fn what_is_wrong_in_the_form_does_not_use_the_link_up(backend: Backend) {
        let house = House::new(backend).await;
        let link = house.identity.operator_link_create().await.unwrap();
        let mut weak = account("a@example.org");
        weak.password = Some(secret("short"));
        let redeem = async |new| code(house.identity.operator_link_redeem(&link.token, new).await);
        assert_eq!(redeem(weak).await, "weak_password");
        assert_eq!(redeem(account("not an address")).await, "invalid_email");
        let mut unnamed = account("a@example.org");
        unnamed.name = " ".to_owned();
        assert_eq!(redeem(unnamed).await, "invalid_name");
        let mut weak = account("a@example.org");
        weak.password = Some(secret("short"));
        let guessed = house.identity.operator_link_redeem(&secret("made up"), weak).await;
        assert_eq!(code(guessed), "link_invalid", "without a link nothing else is looked at");
        assert_eq!(redeem(account("a@example.org")).await, "ok");
    }

    async fn sessions_end_when_idle_and_when_old(backend: Backend) {
        let house = House::new(backend).await;
        house.password_operator().await;
        let sign_in =
            async || house.sign_in("operator@example.org", PASSWORD, home()).await.unwrap();
        let alive = async |token| house.identity.session(token).await.is_ok();

        let idle = sign_in().await;
        house.clock.advance(11 * HOUR);
        assert!(alive(&idle.token).await, "eleven hours are fine");
        house.clock.advance(11 * HOUR);
        assert!(alive(&idle.token).await, "use counts from the last time");
        house.clock.advance(12 * HOUR);
        assert!(!alive(&idle.token).await);

        let working = sign_in().await;
        house.clock.advance(11 * HOUR);
        assert!(alive(&working.token).await);
        house.clock.advance(11 * HOUR);
        assert!(alive(&working.token).await);
        house.clock.advance(2 * HOUR);
        assert!(!alive(&working.token).await, "a day is the end however busy");

        let lasting = async || {
            let (email, password) = ("operator@example.org".to_owned(), secret(PASSWORD));
            let attempt = SignIn { email, password, address: home(), stay: true };
            match house.identity.sign_in(attempt).await.unwrap() {
                SignInStep::Done(signed_in) => signed_in,
                SignInStep::SecondFactor(_) => panic!("a password is enough here"),
            }
        };
        let left = lasting().await;
        let session = house.session(&left).await;
        house.clock.advance(6 * DAY);
        assert_eq!(house.identity.sessions_list(&session).await.unwrap().len(), 1);
        assert!(alive(&left.token).await);
        house.clock.advance(7 * DAY);
        assert!(!alive(&left.token).await, "a week without use is the end of one that lasts");
        let busy = lasting().await;
        let session = house.session(&busy).await;
        for _ in 0..(30 * 24 / 10 - 1) {
            house.clock.advance(10 * HOUR);
            assert!(alive(&busy.token).await);
        }
        assert_eq!(house.identity.sessions_list(&session).await.unwrap().len(), 1);
        house.clock.advance(10 * HOUR);
        assert!(!alive(&busy.token).await, "thirty days are the end however busy");
        assert_eq!(busy.expires, session.created().plus(30 * DAY));
        assert!(house.identity.sessions_list(&session).await.unwrap().is_empty());
    }

    async fn signing_out_ends_one_session_or_all(backend: Backend) {
        let house = House::new(backend).await;
        let first = house.password_operator().await;
        let sign_in =
            async || house.sign_in("operator@example.org", PASSWORD, home()).await.unwrap();
        let (second, third) = (sign_in().await, sign_in().await);
        let other = house.session(&second).await;
        assert_eq!(house.identity.sessions_list(&first).await.unwrap().len(), 3);

        house.identity.sign_out(&other).await.unwrap();
        assert_eq!(code(house.identity.session(&second.token).await), "signed_out");
        assert!(house.identity.session(&third.token).await.is_ok());
        let made_up = SessionId::new(Timestamp::from_millis(1));
        for id in [other.id(), made_up] {
            let refused = house.identity.session_end(&first, id).await.unwrap_err();
            assert_eq!(refused.kind(), Kind::NotFound);
        }
        assert_eq!(house.identity.sign_out_everywhere(&first).await.unwrap(), 2);
        assert_eq!(code(house.identity.session(&third.token).await), "signed_out");
    }

    async fn nobody_ends_somebody_elses_session(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, scope) = house.organization(&operator, "acme").await;
        let bob = house.member(&scope, "bob", domain::OrgRole::Member).await;
        assert_eq!(code(house.identity.session_end(&bob, operator.id()).await), "not_found");
        assert_eq!(house.identity.account(&bob).await.unwrap().email, "bob@example.org");
        assert!(!house.identity.account(&bob).await.unwrap().operator);
    }

    async fn a_changed_password_ends_what_the_old_one_opened(backend: Backend) {
        let house = House::new(backend).await;
        let session = house.password_operator().await;
        let other = house.sign_in("operator@example.org", PASSWORD, home()).await.unwrap();
        let change = async |current: &str, new: &str| {
            house.identity.password_change(&session, secret(current), secret(new), home()).await
        };
        assert_eq!(code(change("wrong", OTHER_PASSWORD).await), "wrong_password");
        assert_eq!(code(change(PASSWORD, "short").await), "weak_password");
        assert_eq!(code(change(PASSWORD, "operator operator").await), "weak_password");
        assert!(house.identity.session(&other.token).await.is_ok(), "nothing happened yet");

        let fresh = change(PASSWORD, OTHER_PASSWORD).await.unwrap();
        assert!(house.identity.session(&fresh.token).await.is_ok());
        assert_eq!(code(house.identity.session(&other.token).await), "signed_out");
        assert_eq!(house.identity.sessions_list(&session).await.unwrap().len(), 1);
        let try_password =
            async |password| code(house.sign_in("operator@example.org", password, home()).await);
        assert_eq!(try_password(PASSWORD).await, "sign_in_refused");
        assert_eq!(try_password(OTHER_PASSWORD).await, "ok");
    }

    async fn a_stolen_session_does_not_guess_the_password_for_ever(backend: Backend) {
        let house = House::new(backend).await;
        let session = house.operator().await;
        let change = async |current: &str| {
            let (current, new) = (secret(current), secret(OTHER_PASSWORD));
            code(house.identity.password_change(&session, current, new, home()).await)
        };
        for _ in 0..10 {
            assert_eq!(change("wrong").await, "wrong_password");
        }
        assert_eq!(change(PASSWORD).await, "too_many_attempts");
    }
}
