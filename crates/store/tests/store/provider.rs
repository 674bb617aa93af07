//! Providers, aliases, and the routing that the gateway reads from memory.

use std::time::{Duration, Instant};

use domain::{Action, Kind, Protocol, Secret};
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
