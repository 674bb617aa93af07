//! What another process sees of the data, and that it can change nothing.

use std::collections::BTreeSet;

use domain::{Action, Event, OrgId};
use store::{Authority, Handover, Inspector, NewProvider, Store};

use crate::{
    fixture::{self, house},
    settle,
};

async fn inspector(store: &Store) -> Inspector {
    let line = store.hand_over().unwrap().to_line().unwrap();
    Inspector::open(Handover::from_line(line.expose()).unwrap()).await.unwrap()
}

fn provider() -> NewProvider {
    NewProvider {
        catalog: "openai".to_owned(),
        name: "OpenAI".to_owned(),
        protocol: domain::Protocol::OpenAi,
        base_url: "https://api.openai.com/v1".to_owned(),
        secret: None,
        models: Vec::new(),
        region: None,
        allow_private: false,
        contract: None,
        contract_until: None,
        baa: None,
        terms: None,
    }
}

/// `table.column` of every value that holds `needle`, and whether it was opened for that.
async fn holders(inspector: &Inspector, needle: &str) -> BTreeSet<(String, bool)> {
    let mut found = BTreeSet::new();
    let coverage = inspector
        .values(&mut |seen| {
            let held = seen.value.windows(needle.len()).any(|part| part == needle.as_bytes());
            if held {
                found.insert((format!("{}.{}", seen.table, seen.column), seen.opened));
            }
        })
        .await
        .unwrap();
    assert_eq!(coverage.unopened, 0, "{coverage:?}");
    // Password hashes are sealed by the pepper, which nobody but the sign-in holds.
    assert!(coverage.closed.iter().all(|column| column == "user.password"), "{coverage:?}");
    assert!(coverage.tables > 20 && coverage.values > 50, "{coverage:?}");
    found
}

fn at(column: &str, opened: bool) -> BTreeSet<(String, bool)> {
    BTreeSet::from([(column.to_owned(), opened)])
}

testkit::each_backend! {
    async fn every_value_is_seen_and_sealed_ones_are_opened(backend: testkit::Backend) {
        let store = backend.open().await;
        let first = house(&store, "acme").await;
        house(&store, "zenith").await;
        let refused = Event::new(Action::SessionRefuse).failed().personal("ip", "192.0.2.77");
        store.write(&first.scope).await.unwrap().commit(refused).await.unwrap();
        store.drain().await.unwrap();
        let inspector = inspector(&store).await;
        // Of both organizations, although each transaction of PostgreSQL sees one.
        assert_eq!(holders(&inspector, "The zenith").await, at("organization.name", false));
        assert_eq!(holders(&inspector, "acme@example.org").await, at("user.email", true));
        assert_eq!(holders(&inspector, "192.0.2.77").await, at("audit_disclosure.value", true));
        assert!(holders(&inspector, "nobody has written this").await.is_empty());
        assert!(inspector.columns("usage").await.unwrap().contains(&"input".to_owned()));
        assert!(inspector.columns("nothing").await.unwrap().is_empty());
    }

    async fn logs_are_seen_as_they_lie_there(backend: testkit::Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        let (key, text) = fixture::key(&store, &house).await;
        store.drain().await.unwrap();
        let inspector = inspector(&store).await;
        let logs = inspector.logs().await.unwrap();
        assert_eq!(logs.len(), 2);
        let (spine, own) = (&logs[0], &logs[1]);
        assert_eq!((spine.org, spine.slot), (OrgId::DEPLOYMENT, None));
        assert_eq!((own.org, own.slot), (house.organization.id, Some(0)));
        assert_eq!(own.size, own.epoch_size);
        let tree = inspector.tree(own.org);
        assert_eq!(tree.entries().await.unwrap(), own.size);
        let (leaf, stored) = tree.entry(0).await.unwrap().unwrap();
        assert_eq!(ledger::tree::leaf_hash(&leaf), stored);
        assert_eq!(tree.node(0, 0).await.unwrap(), Some(stored));
        let second = tree.node(0, 1).await.unwrap().unwrap();
        let pair = ledger::tree::node_hash(&stored, &second);
        assert_eq!(tree.node(1, 0).await.unwrap(), Some(pair));
        assert_eq!(tree.entry(own.size).await.unwrap(), None);
        assert_eq!(inspector.organizations_count().await.unwrap(), 1);
        let digests = inspector.key_digests(key.id).await.unwrap();
        assert_eq!(digests, [vault::sha256(text.expose().as_bytes()).to_vec()]);
    }

    async fn attempts_on_the_log_are_refused_and_on_a_copy_succeed(backend: testkit::Backend) {
        let store = backend.open().await;
        house(&store, "acme").await;
        store.drain().await.unwrap();
        let before = inspector(&store).await.logs().await.unwrap();
        let tamper = inspector(&store).await.tamper().await.unwrap();
        assert!(tamper.attempts.len() > 10 && tamper.attempts.iter().all(|one| one.refused), "{tamper:?}");
        assert!(tamper.unprotected.len() > 4 && tamper.unprotected.iter().all(|one| !one.refused), "{tamper:?}");
        assert_eq!(inspector(&store).await.logs().await.unwrap(), before);
    }

    async fn free_tiers_are_refused_by_the_database_itself(backend: testkit::Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        assert_eq!(inspector(&store).await.contracting().await.unwrap(), store::Contracting::default());
        let mut write = store.write(&house.scope).await.unwrap();
        let made = write.provider_create(provider()).await.unwrap();
        assert_eq!((made.contract.as_str(), made.contract_until), ("standard", None));
        write.commit(Event::new(Action::ProviderCreate)).await.unwrap();
        let done = inspector(&store).await.contracting().await.unwrap();
        assert!(done.attempts.len() == 7 && done.attempts.iter().all(|one| one.refused), "{done:?}");
        assert!(done.allowed.len() == 3 && done.allowed.iter().all(|one| !one.refused), "{done:?}");
        let mut write = store.write(&house.scope).await.unwrap();
        let free = NewProvider { contract: Some("free-tier".to_owned()), ..provider() };
        assert!(write.provider_create(free).await.is_err());
        drop(write);
        let own = NewProvider { catalog: "custom".to_owned(), ..provider() };
        let mut write = store.write(&house.scope).await.unwrap();
        assert_eq!(write.provider_create(own).await.unwrap().contract, "own");
    }

    async fn usage_cannot_be_removed_before_its_time(backend: testkit::Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        let none = inspector(&store).await.usage_kept().await.unwrap();
        assert!(none.attempts.is_empty() && none.records == 0 && none.columns.len() > 20);
        settle::serve(&store, &house).await;
        store.drain().await.unwrap();
        let kept = inspector(&store).await.usage_kept().await.unwrap();
        assert_eq!((kept.records, kept.oldest.is_some()), (1, true));
        assert!(kept.attempts.len() >= 5 && kept.attempts.iter().all(|one| one.refused), "{kept:?}");
        assert!(kept.unprotected.len() == 2 && kept.unprotected.iter().all(|one| !one.refused), "{kept:?}");
        assert_eq!(inspector(&store).await.usage_kept().await.unwrap().records, 1);
    }

    async fn where_the_data_lies_is_told(backend: testkit::Backend) {
        let store = backend.open().await;
        let told = inspector(&store).await;
        let placement = told.placement().await.unwrap();
        assert_eq!(placement.configured.is_some(), backend.is_postgres());
        assert!(placement.replicas.is_empty() && placement.foreign.is_empty());
        assert!(told.directories().iter().all(|(_, path)| path.exists()), "{:?}", told.directories());
    }

    async fn the_server_finds_its_evidence_in_the_log(backend: testkit::Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        let deployment = store.deployment(Authority::Sweep).await.unwrap();
        let write = deployment.write().await.unwrap();
        let event = Event::new(Action::EvidenceAppend).on("evidence", "evi_1");
        let committed = write.commit(event).await.unwrap();
        let logged = async || {
            let mut read = deployment.read().await.unwrap();
            read.event_logged(committed.event_id).await.unwrap()
        };
        assert_eq!(logged().await, None);
        store.drain().await.unwrap();
        let found = logged().await.unwrap();
        let mut read = deployment.read().await.unwrap();
        assert_eq!(found.target.as_deref(), Some("evi_1"));
        let last = read.events_last(Action::EvidenceAppend, 9).await.unwrap();
        assert_eq!(last, std::slice::from_ref(&found));
        assert!(read.events_last(Action::SlotsCommit, 9).await.unwrap().is_empty());
        let head = read.spine_head().await.unwrap().unwrap();
        assert!(head.size > found.seq && head.note.contains("/audit/spine\n"));
        assert!(read.providers_in_use(&[]).await.unwrap().is_empty());
        assert!(read.evidence_outcomes(store.clock().now()).await.unwrap().is_empty());
        drop(read);
        let mut write = store.write(&house.scope).await.unwrap();
        write.provider_create(provider()).await.unwrap();
        write.commit(Event::new(Action::ProviderCreate)).await.unwrap();
        let mut read = deployment.read().await.unwrap();
        let used = read.providers_in_use(&[]).await.unwrap();
        assert_eq!(used.into_iter().collect::<Vec<_>>(), ["openai"]);
        assert!(read.providers_in_use(&[house.organization.id]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_wrong_grant_opens_nothing_and_a_right_one_is_read_only() {
    let backend = testkit::Backend::sqlite();
    let store = backend.open().await;
    assert!(Handover::from_line("{}").is_err());
    let line = store.hand_over().unwrap().to_line().unwrap();
    let key: serde_json::Value = serde_json::from_str(line.expose()).unwrap();
    let key = key["database_key"].as_str().unwrap();
    let wrong = line.expose().replace(key, &"0".repeat(64));
    assert!(Inspector::open(Handover::from_line(&wrong).unwrap()).await.is_err());
    let inspector = Inspector::open(Handover::from_line(line.expose()).unwrap()).await.unwrap();
    let files = inspector.database_files();
    assert!(files[0].exists() && files.len() == 4);
    assert_eq!(store.signing_key("a").unwrap().public(), store.signing_key("a").unwrap().public());
    assert_ne!(store.signing_key("a").unwrap().public(), store.signing_key("b").unwrap().public());
}
