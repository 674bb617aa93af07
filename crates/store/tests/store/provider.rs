//! Providers, aliases, and the routing that the gateway reads from memory.

use std::time::{Duration, Instant};

use domain::{
    Action, HealthAgreement, Kind, Masking, MaskingMode, Protocol, RoutingPolicy, Secret,
    StatedTerms,
};
use store::{NewProvider, ProviderChange};
use testkit::{Backend, each_backend};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::fixture::{event, house, refusal};

fn provider(name: &str) -> NewProvider {
    NewProvider {
        catalog: "openai".into(),
        name: name.into(),
        protocol: Protocol::OpenAi,
        base_url: "https://api.example.org/v1".into(),
        secret: Some(Secret::new("sk-canary-0123456789".into())),
        models: vec!["gpt-x".into()],
        region: Some("eu".into()),
        allow_private: false,
        contract: None,
        contract_until: None,
        baa: None,
        terms: None,
    }
}

each_backend! {
    async fn routing_follows_providers_and_aliases(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        assert!(store.routing(&made.scope).await.unwrap().providers.is_empty());
        let mut write = store.write(&made.scope).await.unwrap();
        let row = write.provider_create(provider("One")).await.unwrap();
        assert_eq!((row.has_secret, row.secret_last_four.as_str()), (true, "6789"));
        let alias = write.alias_set("fast", "gpt-x").await.unwrap();
        write.alias_set("fast", "openai/gpt-x").await.unwrap();
        write.commit(event(Action::ProviderCreate)).await.unwrap();

        let routing = store.routing(&made.scope).await.unwrap();
        let live = &routing.providers[0];
        assert_eq!(live.secret.as_ref().unwrap().expose(), "sk-canary-0123456789");
        assert_eq!((live.id, live.models.as_slice()), (row.id, &["gpt-x".to_owned()][..]));
        assert_eq!(routing.aliases["fast"], "openai/gpt-x");
        let same = store.routing(&made.scope).await.unwrap();
        assert!(std::sync::Arc::ptr_eq(&routing, &same), "the second time comes from memory");

        let mut write = store.write(&made.scope).await.unwrap();
        let change = ProviderChange {
            base_url: Some("https://other.example.org/v1".into()),
            secret: Some(Secret::new("sk-another-abcdefgh".into())),
            ..ProviderChange::default()
        };
        write.provider_change(row.id, change).await.unwrap();
        write.alias_remove(alias.id).await.unwrap();
        write.commit(event(Action::ProviderChange)).await.unwrap();
        let routing = store.routing(&made.scope).await.unwrap();
        assert_eq!(routing.providers[0].base_url, "https://other.example.org/v1");
        assert_eq!(routing.providers[0].secret.as_ref().unwrap().expose(), "sk-another-abcdefgh");
        assert!(routing.aliases.is_empty());

        let mut write = store.write(&made.scope).await.unwrap();
        write.provider_remove(row.id).await.unwrap();
        assert!(write.providers_list().await.unwrap().is_empty());
        assert_eq!(refusal(write.provider_remove(row.id).await), (Kind::NotFound, "not_found"));
        write.commit(event(Action::ProviderRemove)).await.unwrap();
        assert!(store.routing(&made.scope).await.unwrap().providers.is_empty());
    }

    async fn rules_of_a_project_narrow_those_of_its_organization(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let only = |all: &[&str]| RoutingPolicy {
            regions: Some(all.iter().map(|&one| one.to_owned()).collect()),
            ..RoutingPolicy::default()
        };
        assert_eq!(store.routing(&made.scope).await.unwrap().rules, RoutingPolicy::default());
        let set = async |project, rules: Option<&RoutingPolicy>| {
            let mut write = store.write(&made.scope).await.unwrap();
            write.routing_policy_set(project, rules).await.unwrap();
            write.commit(event(Action::RoutingPolicySet)).await.unwrap();
            store.routing(&made.scope).await.unwrap()
        };
        set(Some(made.project.id), Some(&only(&["DE", "US"]))).await;
        set(None, Some(&only(&["CH"]))).await;
        let routing = set(None, Some(&only(&["EU"]))).await;
        assert_eq!(routing.rules, only(&["EU"]), "one set of rules, the last");
        assert_eq!(routing.projects[&made.project.id].regions, only(&["DE"]).regions);
        let mut read = store.read(&made.scope).await.unwrap();
        let own = read.routing_policy(Some(made.project.id)).await.unwrap();
        assert_eq!(own, Some(only(&["DE", "US"])), "kept as they were set");
        drop(read);
        let other = house(&store, "globex").await;
        assert_eq!(store.routing(&other.scope).await.unwrap().rules, RoutingPolicy::default());
        assert!(set(Some(made.project.id), None).await.projects.is_empty());
        assert_eq!(set(None, None).await.rules, RoutingPolicy::default());
    }

    async fn the_masking_of_a_project_strengthens_that_of_its_organization(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let of = |mode| Masking { mode, ..Masking::default() };
        let before = store.routing(&made.scope).await.unwrap();
        assert_eq!(*before.masking(made.project.id), Masking::default());
        let set = async |project, setting: Option<&Masking>| {
            let mut write = store.write(&made.scope).await.unwrap();
            write.masking_set(project, setting).await.unwrap();
            write.commit(event(Action::MaskingSet)).await.unwrap();
            store.routing(&made.scope).await.unwrap()
        };
        let project = made.project.id;
        set(Some(project), Some(&of(MaskingMode::Detect))).await;
        let routing = set(Some(project), Some(&of(MaskingMode::Mask))).await;
        assert_eq!(routing.masking(project).mode, MaskingMode::Mask, "one setting, the last");
        assert_eq!(routing.masking.mode, MaskingMode::Off);
        let routing = set(None, Some(&of(MaskingMode::Block))).await;
        assert_eq!(routing.masking(project).mode, MaskingMode::Block);
        let mut read = store.read(&made.scope).await.unwrap();
        let own = read.masking(Some(project)).await.unwrap();
        assert_eq!(own, Some(of(MaskingMode::Mask)), "kept as it was set");
        drop(read);
        let other = house(&store, "globex").await;
        let theirs = store.routing(&other.scope).await.unwrap();
        assert_eq!(theirs.masking.mode, MaskingMode::Off);
        // Codes stay the same through every change, and differ between organizations.
        assert_eq!(routing.masking_key.expose(), before.masking_key.expose());
        assert_ne!(routing.masking_key.expose(), theirs.masking_key.expose());
        assert_eq!(set(None, None).await.masking(project).mode, MaskingMode::Mask);
        assert!(set(Some(project), None).await.masking_of.is_empty());
    }

    async fn terms_are_kept_with_a_provider(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let terms = Some(StatedTerms { trains: Some(false), retention_days: None });
        let contract = "zero-retention".to_owned();
        let until = Some(backend.clock.now());
        let mut write = store.write(&made.scope).await.unwrap();
        let new = NewProvider {
            contract: Some(contract.clone()),
            contract_until: until,
            terms,
            ..provider("One")
        };
        let row = write.provider_create(new).await.unwrap();
        assert_eq!((&row.contract, row.terms), (&contract, terms));
        write.commit(event(Action::ProviderCreate)).await.unwrap();
        let live = store.routing(&made.scope).await.unwrap().providers[0].clone();
        assert_eq!((live.contract, live.contract_until, live.terms), (contract, until, terms));
        let mut write = store.write(&made.scope).await.unwrap();
        let change =
            ProviderChange { contract_until: Some(None), terms: Some(None), ..ProviderChange::default() };
        write.provider_change(row.id, change).await.unwrap();
        write.commit(event(Action::ProviderChange)).await.unwrap();
        let live = store.routing(&made.scope).await.unwrap().providers[0].clone();
        assert_eq!((live.contract.as_str(), live.contract_until, live.terms), ("zero-retention", None, None));
    }

    async fn health_data_tightens_what_is_stored_and_looked_through(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let baa = HealthAgreement { signed: backend.clock.now(), until: None };
        let mut write = store.write(&made.scope).await.unwrap();
        let row = write.provider_create(NewProvider { baa: Some(baa), ..provider("One") }).await.unwrap();
        assert_eq!(row.baa, Some(baa));
        let project = made.project.id;
        write.content_storage_set(project, true).await.unwrap();
        write.commit(event(Action::ProviderCreate)).await.unwrap();
        let routing = store.routing(&made.scope).await.unwrap();
        assert_eq!(routing.providers[0].baa, Some(baa));
        assert!(routing.storing.contains(&project));

        let health = RoutingPolicy { health_data: true, ..RoutingPolicy::default() };
        for whole in [false, true] {
            let mut write = store.write(&made.scope).await.unwrap();
            let (own, all) = if whole { (None, Some(&health)) } else { (Some(&health), None) };
            write.routing_policy_set(Some(project), own).await.unwrap();
            write.routing_policy_set(None, all).await.unwrap();
            let change = ProviderChange { baa: Some(None), ..ProviderChange::default() };
            write.provider_change(row.id, change).await.unwrap();
            write.commit(event(Action::RoutingPolicySet)).await.unwrap();
            let routing = store.routing(&made.scope).await.unwrap();
            assert_eq!(routing.providers[0].baa, None);
            assert!(routing.storing.is_empty(), "what is stored is not to be had any more");
            assert_eq!(routing.masking(project).mode, MaskingMode::Detect);
            let others = if whole { MaskingMode::Detect } else { MaskingMode::Off };
            assert_eq!(routing.masking.mode, others);
        }
    }

    async fn a_change_that_is_dropped_is_not_routed(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let mut write = store.write(&made.scope).await.unwrap();
        write.provider_create(provider("Gone")).await.unwrap();
        drop(write);
        assert!(store.routing(&made.scope).await.unwrap().providers.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_routes_anew_within_a_second() {
    let backend = Backend::postgres().await;
    let store = backend.open().await;
    let other = backend.open_another().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    other.run(&tasks, &stop);
    let made = house(&store, "acme").await;
    assert!(other.routing(&made.scope).await.unwrap().providers.is_empty());
    let mut write = store.write(&made.scope).await.unwrap();
    write.provider_create(provider("One")).await.unwrap();
    write.commit(event(Action::ProviderCreate)).await.unwrap();
    let until = Instant::now() + Duration::from_secs(1);
    while other.routing(&made.scope).await.unwrap().providers.is_empty() {
        assert!(Instant::now() < until, "the other node did not hear of the provider");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
