//! What an organization asks of the sessions with which its members enter it.

use std::time::Duration;

use domain::{OrgRole, SignInPolicy};
use identity::Config;
use testkit::{Backend, each_backend};

use crate::house::{HOUR, House, PASSWORD, code, home};

const STRONG: SignInPolicy = SignInPolicy { second_factor: true, session_hours: None };

each_backend! {
    async fn a_second_factor_is_asked_of_every_member_at_once(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let weak = house.newcomer(&owner, "mem", OrgRole::Member).await;
        assert_eq!(code(house.identity.enter(&weak, "acme").await), "ok");
        house.identity.sign_in_policy_set(&owner, Some(&operator), STRONG).await.unwrap();
        assert_eq!(house.identity.sign_in_policy(&owner).await.unwrap(), STRONG);
        let refused = house.identity.enter(&weak, "acme").await;
        assert_eq!(code(refused), "second_factor_required", "the session was open before");
        let (strong, _) = house.strong(&weak).await;
        assert_eq!(code(house.identity.enter(&strong, "acme").await), "ok");
        let counted = house.identity.members_without_second_factor(&owner).await.unwrap();
        assert_eq!(counted, (0, 2));
        // Strangers learn nothing from what it asks for.
        let (_, other) = house.organization(&operator, "other").await;
        let stranger = house.newcomer(&other, "stranger", OrgRole::Member).await;
        assert_eq!(code(house.identity.enter(&stranger, "acme").await), "not_found");
    }

    async fn it_is_asked_for_where_the_deployment_only_offers_it_too(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        house.newcomer(&owner, "mem", OrgRole::Member).await;
        house.identity.sign_in_policy_set(&owner, Some(&operator), STRONG).await.unwrap();
        let offered = identity::SecondFactor::Offered;
        let lenient =
            house.configured(Config { second_factor: offered, ..Config::default() }).await;
        let signed_in = house.sign_in("mem@example.org", PASSWORD, home()).await.unwrap();
        let session = lenient.session(&signed_in.token).await.unwrap();
        assert!(session.strong(), "rights ask for none there");
        assert_eq!(code(lenient.enter(&session, "acme").await), "second_factor_required");
    }

    async fn sessions_end_for_the_organization_when_they_are_as_old_as_it_says(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let policy = SignInPolicy { session_hours: Some(2), second_factor: false };
        house.identity.sign_in_policy_set(&owner, Some(&operator), policy).await.unwrap();
        let mem = house.newcomer(&owner, "mem", OrgRole::Member).await;
        house.clock.advance(HOUR * 2 - Duration::from_secs(1));
        assert_eq!(code(house.identity.enter(&mem, "acme").await), "ok");
        house.clock.advance(Duration::from_secs(1));
        assert_eq!(code(house.identity.enter(&mem, "acme").await), "session_too_old");
        // Showing a second factor makes the first proof no younger.
        let (strong, _) = house.strong(&mem).await;
        assert_eq!(code(house.identity.enter(&strong, "acme").await), "session_too_old");
    }

    async fn nobody_locks_themselves_out(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let set = async |policy| {
            code(house.identity.sign_in_policy_set(&owner, Some(&operator), policy).await)
        };
        assert_eq!(set(SignInPolicy { session_hours: Some(0), ..STRONG }).await, "invalid_session_hours");
        house.clock.advance(HOUR);
        assert_eq!(set(SignInPolicy { session_hours: Some(1), ..STRONG }).await, "locks_you_out");
        assert_eq!(set(SignInPolicy { session_hours: Some(2), ..STRONG }).await, "ok");
        house.clock.advance(HOUR);
        assert_eq!(code(house.identity.enter(&operator, "acme").await), "session_too_old");
        assert_eq!(code(house.identity.sign_in_policy_reset("nothing").await), "not_found");
        house.identity.sign_in_policy_reset("acme").await.unwrap();
        assert_eq!(code(house.identity.enter(&operator, "acme").await), "ok");
    }
}
