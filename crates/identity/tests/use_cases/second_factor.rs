//! Second factors: set up, asked for, taken once, lost, removed; and what stays closed without one.

use std::{collections::BTreeSet, time::Duration};

use domain::{Kind, OrgRole, Permission, Secret};
use futures::future::join_all;
use identity::{Config, SecondFactor, decide};
use store::Session;
use testkit::{Backend, each_backend};
use vault::Totp;

use crate::house::{HOUR, House, OTHER_PASSWORD, PASSWORD, code, home, secret};

const STEP: Duration = Duration::from_secs(30);
const KNOWN: &str = "operator@example.org";

fn now(house: &House, app: &Totp) -> String {
    app.code(house.clock.now()).expose().clone()
}

/// The code after the one that was taken last.
fn next(house: &House, app: &Totp) -> String {
    house.clock.advance(STEP);
    now(house, app)
}

async fn finish(house: &House, token: &Secret<String>, code: &str) -> domain::Result<Session> {
    let signed_in = house.identity.sign_in_finish(token, (code, false), home()).await?;
    house.identity.session(&signed_in.token).await
}

each_backend! {
    async fn the_rights_of_an_operator_begin_with_the_second_factor(backend: Backend) {
        let house = House::new(backend).await;
        let weak = house.password_operator().await;
        let refused = house.identity.organization_create(&weak, "Acme", None).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (Kind::Forbidden, "second_factor_required"));
        let (strong, _) = house.strong(&weak).await;
        assert_eq!(code(house.identity.organization_create(&strong, "Acme", None).await), "ok");
        let token_of_before = house.identity.sessions_list(&strong).await.unwrap();
        assert_eq!(token_of_before.len(), 1, "the session goes on as another one");
        assert_ne!(weak.id(), strong.id());
    }

    async fn an_owner_without_it_is_as_a_member(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let project = house.project(&owner, "app").await;
        let session = house.newcomer(&owner, "second", OrgRole::Owner).await;
        let weak = house.inside(&owner, &session).await;
        let refused = |permission, project| code(decide(&weak, permission, project));
        assert_eq!(refused(Permission::OrganizationRead, None), "ok");
        assert_eq!(refused(Permission::MembersManage, None), "second_factor_required");
        assert_eq!(refused(Permission::AuditRead, None), "second_factor_required");
        assert_eq!(refused(Permission::KeysManage, Some(project.id)), "second_factor_required");
        assert!(house.identity.projects_list(&weak, &store::Page::default()).await.unwrap().data.is_empty());
        // Where it is offered only, nobody is held up.
        let lenient = house
            .configured(Config { second_factor: SecondFactor::Offered, ..Config::default() })
            .await;
        let again = house.sign_in("second@example.org", PASSWORD, home()).await.unwrap();
        let session = lenient.session(&again.token).await.unwrap();
        let scope = lenient.enter(&session, "acme").await.unwrap();
        assert_eq!(code(decide(&scope, Permission::MembersManage, None)), "ok");
        let (strong, _) = house.strong(&session).await;
        let scope = house.inside(&owner, &strong).await;
        assert_eq!(code(decide(&scope, Permission::MembersManage, None)), "ok");
    }

    async fn signing_in_takes_both_and_a_code_counts_once(backend: Backend) {
        let house = House::new(backend).await;
        let (_, app) = house.strong(&house.password_operator().await).await;
        let half = house.half_sign_in(KNOWN).await;
        assert!(house.identity.half_sign_in_waits(&half.token).await.unwrap());
        assert_eq!(code(house.identity.session(&half.token).await), "signed_out", "no session yet");
        let used = now(&house, &app);
        assert_eq!(code(finish(&house, &half.token, &used).await), "wrong_code", "it set the app up");
        let fresh = next(&house, &app);
        assert_eq!(code(finish(&house, &half.token, "000000").await), "wrong_code");
        let session = finish(&house, &half.token, &fresh).await.unwrap();
        assert!(session.strong());
        assert_eq!(session.second(), Some(house.clock.now()));
        assert_eq!(code(finish(&house, &half.token, &next(&house, &app)).await), "half_sign_in_over");
        let other = house.half_sign_in(KNOWN).await;
        let spaced = next(&house, &app);
        let spaced = format!("{} {}", &spaced[..3], &spaced[3..]);
        assert_eq!(code(finish(&house, &other.token, &spaced).await), "ok", "as apps show it");
    }

    async fn of_one_code_sent_many_times_at_once_one_counts(backend: Backend) {
        let house = House::new(backend).await;
        let (_, app) = house.strong(&house.password_operator().await).await;
        let halves = join_all((0..4).map(|_| house.half_sign_in(KNOWN))).await;
        let fresh = next(&house, &app);
        let tries = halves.iter().map(|half| finish(&house, &half.token, &fresh));
        let done = join_all(tries).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(done, 1);
    }

    async fn the_second_half_does_not_wait_for_ever(backend: Backend) {
        let house = House::new(backend).await;
        let (_, app) = house.strong(&house.password_operator().await).await;
        let half = house.half_sign_in(KNOWN).await;
        house.clock.advance(Duration::from_secs(600));
        assert!(!house.identity.half_sign_in_waits(&half.token).await.unwrap());
        assert_eq!(code(finish(&house, &half.token, &now(&house, &app)).await), "half_sign_in_over");
        assert_eq!(code(finish(&house, &secret("made up"), "123456").await), "half_sign_in_over");
    }

    async fn wrong_codes_and_wrong_passwords_share_a_budget(backend: Backend) {
        let house = House::new(backend).await;
        let (_, app) = house.strong(&house.password_operator().await).await;
        let half = house.half_sign_in(KNOWN).await;
        for _ in 0..5 {
            drop(house.sign_in(KNOWN, "wrong", home()).await);
            assert_eq!(code(finish(&house, &half.token, "000000").await), "wrong_code");
        }
        let right = next(&house, &app);
        assert_eq!(code(finish(&house, &half.token, &right).await), "too_many_attempts");
        house.clock.advance(Duration::from_secs(15 * 60 + 1));
        let half = house.half_sign_in(KNOWN).await;
        assert_eq!(code(finish(&house, &half.token, &now(&house, &app)).await), "ok");
    }

    async fn recovery_codes_work_once_each_and_new_ones_end_the_old(backend: Backend) {
        let house = House::new(backend).await;
        let session = house.password_operator().await;
        let offer = house.identity.authenticator_offer(&session).await.unwrap();
        let app = Totp::parse(&offer.seed, "Probity", "somebody").unwrap();
        let shown = now(&house, &app);
        let given = (&offer.seed, shown.as_str());
        let set = house.identity.authenticator_set(&session, given, secret(PASSWORD), home());
        let (signed_in, codes) = set.await.unwrap();
        let different: BTreeSet<_> = codes.iter().map(|code| code.expose().clone()).collect();
        assert_eq!(different.len(), 10);
        let first = codes[0].expose().as_str();
        let half = house.half_sign_in(KNOWN).await;
        let typed = first.to_ascii_uppercase().replace('-', " ");
        assert_eq!(code(finish(&house, &half.token, &typed).await), "ok", "as people type it");
        let half = house.half_sign_in(KNOWN).await;
        assert_eq!(code(finish(&house, &half.token, first).await), "wrong_code", "a second time");
        let session = house.session(&signed_in).await;
        assert_eq!(house.identity.second_factor(&session).await.unwrap().recovery_codes_left, 9);
        let shown = next(&house, &app);
        let renewed = house.identity.recovery_codes_renew(&session, &shown, home()).await.unwrap();
        assert_eq!(house.identity.second_factor(&session).await.unwrap().recovery_codes_left, 10);
        let old = codes[1].expose().as_str();
        assert_eq!(code(finish(&house, &half.token, old).await), "wrong_code");
        assert_eq!(code(finish(&house, &half.token, renewed[0].expose()).await), "ok");
    }

    async fn setting_it_up_takes_the_password_and_a_code(backend: Backend) {
        let house = House::new(backend).await;
        let session = house.password_operator().await;
        let offer = house.identity.authenticator_offer(&session).await.unwrap();
        let app = Totp::parse(&offer.seed, "Probity", "somebody").unwrap();
        let set = async |seed: &Secret<String>, shown: &str, password| {
            let given = (seed, shown);
            code(house.identity.authenticator_set(&session, given, secret(password), home()).await)
        };
        let right = now(&house, &app);
        assert_eq!(set(&offer.seed, &right, OTHER_PASSWORD).await, "wrong_password");
        assert_eq!(set(&offer.seed, "000000", PASSWORD).await, "wrong_code");
        assert_eq!(set(&secret("AAAA"), &right, PASSWORD).await, "invalid_seed");
        assert!(house.identity.second_factor(&session).await.unwrap().since.is_none());
        assert_eq!(set(&offer.seed, &right, PASSWORD).await, "ok");
        let again = next(&house, &app);
        assert_eq!(set(&offer.seed, &again, PASSWORD).await, "second_factor_exists");
    }

    async fn a_session_of_before_shows_it_later(backend: Backend) {
        let house = House::new(backend).await;
        let first = house.password_operator().await;
        let second = house.sign_in(KNOWN, PASSWORD, home()).await.unwrap();
        let second = house.session(&second).await;
        let (_, app) = house.strong(&first).await;
        assert!(!second.strong());
        let shown = next(&house, &app);
        let signed_in = house.identity.second_factor_show(&second, &shown, home()).await.unwrap();
        assert!(house.session(&signed_in).await.strong());
    }

    async fn removing_it_ends_every_session_and_the_rights(backend: Backend) {
        let house = House::new(backend).await;
        let (session, app) = house.strong(&house.password_operator().await).await;
        let half = house.half_sign_in(KNOWN).await;
        let wrong = house.identity.authenticator_remove(&session, "000000", home()).await;
        assert_eq!(code(wrong), "wrong_code");
        let shown = next(&house, &app);
        let signed_in = house.identity.authenticator_remove(&session, &shown, home()).await.unwrap();
        let after = house.session(&signed_in).await;
        assert!(!after.strong());
        assert_eq!(house.identity.sessions_list(&after).await.unwrap().len(), 1);
        assert!(!house.identity.half_sign_in_waits(&half.token).await.unwrap());
        assert_eq!(code(house.sign_in(KNOWN, PASSWORD, home()).await), "ok", "no half way any more");
        assert_eq!(house.identity.second_factor(&after).await.unwrap().recovery_codes_left, 0);
        let refused = house.identity.organization_create(&after, "Acme", None).await;
        assert_eq!(code(refused), "second_factor_required");
    }

    async fn whoever_runs_the_machine_can_remove_a_lost_one(backend: Backend) {
        let house = House::new(backend).await;
        let (session, _) = house.strong(&house.password_operator().await).await;
        let reset = async |email| house.identity.second_factor_reset(email).await;
        assert_eq!(code(reset("nobody@example.org").await), "not_found");
        assert!(reset(KNOWN).await.unwrap());
        assert!(!reset(KNOWN).await.unwrap(), "nothing is left to remove");
        assert!(house.identity.sessions_list(&session).await.unwrap().is_empty());
        assert_eq!(code(house.sign_in(KNOWN, PASSWORD, home()).await), "ok");
    }

    async fn a_changed_password_keeps_the_factor_and_ends_what_waits(backend: Backend) {
        let house = House::new(backend).await;
        let (session, _) = house.strong(&house.password_operator().await).await;
        let half = house.half_sign_in(KNOWN).await;
        house.clock.advance(HOUR / 60);
        let (current, new) = (secret(PASSWORD), secret(OTHER_PASSWORD));
        let fresh = house.identity.password_change(&session, current, new, home()).await.unwrap();
        let fresh = house.session(&fresh).await;
        assert_eq!(fresh.second(), session.second());
        assert!(!house.identity.half_sign_in_waits(&half.token).await.unwrap());
    }
}
