//! Rules about where requests may go, and the terms of providers.

use domain::{OrgRole, RoutingPolicy, StatedTerms};
use identity::{ProviderEdit, ProviderEntry};
use store::Scope;
use testkit::{Backend, each_backend};

use crate::{
    house::{House, code, secret},
    providers::{self, KEY, acme},
};

const EU: &str = "https://eu.api.openai.com/v1";

fn openai() -> ProviderEntry {
    ProviderEntry { base_url: Some(EU.to_owned()), ..providers::openai() }
}

fn custom(base_url: &str) -> ProviderEntry {
    ProviderEntry { secret: Some(secret(KEY)), ..providers::custom(base_url) }
}

fn month() -> RoutingPolicy {
    RoutingPolicy { max_retention_days: Some(7), ..RoutingPolicy::default() }
}

/// Why the only provider is refused.
async fn reasons(house: &House, scope: &Scope) -> Vec<&'static str> {
    let effects = house.identity.routing_effects(scope, None).await.unwrap();
    effects[0].refusals.iter().map(|refusal| refusal.reason).collect()
}

each_backend! {
    async fn a_contract_changes_what_rules_allow(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let made = house.identity.provider_create(&scope, openai()).await.unwrap();
        assert!(reasons(&house, &scope).await.is_empty());
        house.identity.routing_policy_set(&scope, None, month()).await.unwrap();
        assert_eq!(reasons(&house, &scope).await, ["retention"]);
        let edit = |contract: &str| ProviderEdit {
            contract: Some(contract.to_owned()),
            ..ProviderEdit::default()
        };
        let change = async |edit| code(house.identity.provider_change(&scope, made.id, edit).await);
        assert_eq!(change(edit("zero-retenton")).await, "invalid_contract");
        assert_eq!(change(edit("zero-retention")).await, "ok");
        assert!(reasons(&house, &scope).await.is_empty());
        assert_eq!(change(edit("")).await, "ok");
        assert_eq!(reasons(&house, &scope).await, ["retention"]);
        let terms = Some(StatedTerms { trains: Some(false), retention_days: Some(1) });
        assert_eq!(change(ProviderEdit { terms, ..ProviderEdit::default() }).await, "ok");
        assert!(reasons(&house, &scope).await.is_empty(), "what was agreed counts");
        let terms = Some(StatedTerms::default());
        assert_eq!(change(ProviderEdit { terms, ..ProviderEdit::default() }).await, "ok");
        assert_eq!(reasons(&house, &scope).await, ["retention"]);
    }

    async fn a_server_of_ones_own_is_trusted_and_a_strangers_is_not(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let own = custom("http://127.0.0.1:11434/v1");
        let made = house.identity.provider_create(&scope, own).await.unwrap();
        assert_eq!(made.terms, Some(StatedTerms::OWN));
        assert!(reasons(&house, &scope).await.is_empty());
        let away = ProviderEdit {
            base_url: Some("https://llm.example.com/v1".to_owned()),
            secret: Some(secret("sk-1234567890")),
            allow_private: Some(false),
            ..ProviderEdit::default()
        };
        house.identity.provider_change(&scope, made.id, away).await.unwrap();
        assert_eq!(reasons(&house, &scope).await, ["training_unknown"], "it is another's now");
        house.identity.provider_remove(&scope, made.id).await.unwrap();
        let stranger = custom("https://llm.example.com/v1");
        let made = house.identity.provider_create(&scope, stranger).await.unwrap();
        assert_eq!(made.terms, None);
        assert_eq!(reasons(&house, &scope).await, ["training_unknown"]);
    }

    async fn what_was_said_of_a_host_does_not_follow_to_another(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let made = house.identity.provider_create(&scope, openai()).await.unwrap();
        assert_eq!(made.region.as_deref(), Some("EU"));
        let union = RoutingPolicy { regions: Some(["EU".to_owned()].into()), ..RoutingPolicy::default() };
        house.identity.routing_policy_set(&scope, None, union).await.unwrap();
        assert!(reasons(&house, &scope).await.is_empty());
        let to = |base_url: &str| ProviderEdit {
            base_url: Some(base_url.to_owned()),
            secret: Some(secret(KEY)),
            ..ProviderEdit::default()
        };
        let away = to("https://api.openai.com/v1");
        house.identity.provider_change(&scope, made.id, away).await.unwrap();
        assert_eq!(reasons(&house, &scope).await, ["region"], "it is in the United States now");
        house.identity.provider_remove(&scope, made.id).await.unwrap();

        let own = ProviderEntry { region: Some("de".to_owned()), ..custom("http://127.0.0.1:11434/v1") };
        let made = house.identity.provider_create(&scope, own).await.unwrap();
        assert_eq!(made.region.as_deref(), Some("DE"));
        assert!(reasons(&house, &scope).await.is_empty());
        // The box that allows the own network is still ticked.
        let stranger = to("https://llm.stranger.example/v1");
        house.identity.provider_change(&scope, made.id, stranger).await.unwrap();
        assert_eq!(reasons(&house, &scope).await, ["training_unknown", "region_unknown"]);
        let back = to("http://127.0.0.1:11434/v1");
        house.identity.provider_change(&scope, made.id, back).await.unwrap();
        let now = house.identity.provider_fetch(&scope, made.id).await.unwrap();
        assert_eq!((now.terms, now.region), (Some(StatedTerms::OWN), None));
    }

    async fn rules_are_checked_before_they_hold(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let set = async |rules| code(house.identity.routing_policy_set(&scope, None, rules).await);
        let of = RoutingPolicy::default;
        let named = |id: &str| Some([id.to_owned()].into());
        assert_eq!(set(RoutingPolicy { regions: named("the moon"), ..of() }).await, "invalid_region");
        assert_eq!(
            set(RoutingPolicy { only_providers: named("opnai"), ..of() }).await,
            "invalid_only_providers"
        );
        assert_eq!(set(RoutingPolicy { only_providers: named("custom"), ..of() }).await, "ok");
        let kept = house.identity.routing_policy(&scope, None).await.unwrap();
        assert_eq!(kept.only_providers, named("custom"));
        house.identity.provider_create(&scope, openai()).await.unwrap();
        assert_eq!(reasons(&house, &scope).await, ["provider"]);
    }

    async fn a_project_without_rules_may_do_what_its_organization_may(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let project = house.identity.project_create(&scope, "Lab", None).await.unwrap();
        let open = RoutingPolicy { allow_training: true, ..RoutingPolicy::default() };
        house.identity.routing_policy_set(&scope, None, open.clone()).await.unwrap();
        let stranger = custom("https://llm.example.com/v1");
        house.identity.provider_create(&scope, stranger).await.unwrap();
        let of = async |project| {
            let effects = house.identity.routing_effects(&scope, Some(project)).await.unwrap();
            effects[0].refusals.iter().map(|refusal| refusal.reason).collect::<Vec<_>>()
        };
        assert!(of(project.id).await.is_empty());
        let whose = Some(project.id);
        house.identity.routing_policy_set(&scope, whose, RoutingPolicy::default()).await.unwrap();
        assert_eq!(of(project.id).await, ["training_unknown"]);
        house.identity.routing_policy_set(&scope, whose, open).await.unwrap();
        assert!(of(project.id).await.is_empty());
    }

    async fn members_read_the_rules_and_admins_set_them(backend: Backend) {
        let house = House::new(backend).await;
        let owner = acme(&house).await;
        let member = house.member(&owner, "reader", OrgRole::Member).await;
        let member = house.inside(&owner, &member).await;
        assert_eq!(code(house.identity.routing_policy(&member, None).await), "ok");
        let set = house.identity.routing_policy_set(&member, None, month()).await;
        assert_eq!(code(set), "forbidden");
        let admin = house.member(&owner, "admin", OrgRole::Admin).await;
        let admin = house.inside(&owner, &admin).await;
        assert_eq!(code(house.identity.routing_policy_set(&admin, None, month()).await), "ok");
    }

    async fn health_data_needs_an_agreement_and_nothing_stored(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let (identity, health) = (&house.identity, |health_data| RoutingPolicy { health_data, ..RoutingPolicy::default() });
        let made = identity.provider_create(&scope, openai()).await.unwrap();
        let project = identity.project_create(&scope, "Ward", None).await.unwrap().id;
        let set = async |of, rules| code(identity.routing_policy_set(&scope, of, rules).await);
        let store = async |allowed| code(identity.content_storage_set(&scope, project, allowed).await);
        assert_eq!(store(true).await, "ok");
        assert_eq!(set(Some(project), health(true)).await, "storage_on");
        assert_eq!(set(None, health(true)).await, "storage_on");
        assert_eq!(store(false).await, "ok");
        assert_eq!(set(Some(project), health(true)).await, "ok");
        assert_eq!(store(true).await, "health_data");
        assert_eq!(set(Some(project), health(false)).await, "ok");
        assert_eq!(set(None, health(true)).await, "ok");
        assert_eq!(store(true).await, "health_data", "its organization says so");
        assert_eq!(reasons(&house, &scope).await, ["no_baa"]);

        let edit = |signed: &str, until: &str| ProviderEdit {
            baa_signed: Some(signed.to_owned()),
            baa_until: Some(until.to_owned()),
            ..ProviderEdit::default()
        };
        let change = async |edit| code(identity.provider_change(&scope, made.id, edit).await);
        assert_eq!(change(edit("yesterday", "")).await, "invalid_baa_signed");
        assert_eq!(change(edit("2026-01-02", "2026-01-01")).await, "invalid_baa_until");
        assert_eq!(change(edit("2020-01-01", "2020-12-31")).await, "ok");
        assert_eq!(reasons(&house, &scope).await, ["no_baa"], "it has ended");
        assert_eq!(change(edit("2020-01-01", "")).await, "ok");
        assert!(reasons(&house, &scope).await.is_empty());
        let away = ProviderEdit {
            base_url: Some("https://api.openai.com/v1".to_owned()),
            secret: Some(secret(KEY)),
            ..ProviderEdit::default()
        };
        assert_eq!(change(away).await, "ok");
        assert_eq!(reasons(&house, &scope).await, ["no_baa"], "it was about another host");
    }
}
