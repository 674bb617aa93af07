//! The audit log: recorded with the change, sequenced once, readable, provable.

mod erasure;
mod export;
mod outside;
mod rollback;
mod tamper;

use domain::{Action, ActorKind, Event, Outcome};
use store::{AuditFilter, AuditRow, Authority, Listed, NewProject, Page, Scope, Store};

use crate::fixture::{self, House, house};

/// The organization's log, newest first.
async fn log(store: &Store, scope: &Scope) -> Vec<AuditRow> {
    listed(store, scope, &AuditFilter::default(), 500).await.data
}

async fn listed(
    store: &Store,
    scope: &Scope,
    filter: &AuditFilter,
    limit: u32,
) -> Listed<AuditRow> {
    let mut read = store.read(scope).await.unwrap();
    read.audit_list(filter, &Page::first(limit)).await.unwrap()
}

async fn spine(store: &Store) -> Vec<AuditRow> {
    let deployment = store.deployment(Authority::Sweep).await.unwrap();
    let mut read = deployment.read().await.unwrap();
    read.audit_list(&AuditFilter::default(), &Page::first(500)).await.unwrap().data
}

fn actions(rows: &[AuditRow]) -> Vec<&str> {
    rows.iter().map(|row| row.action.as_str()).collect()
}

/// Commits an event without any change.
async fn record(store: &Store, house: &House, event: Event) {
    store.write(&house.scope).await.unwrap().commit(event).await.unwrap();
}

testkit::each_backend! {
    async fn what_was_done_is_listed_with_who_did_it(backend: testkit::Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        let (key, _) = fixture::key(&store, &house).await;
        let ada = fixture::member(&store, &house, "ada", domain::OrgRole::Admin).await;
        record(&store, &house, Event::new(Action::SessionRefuse).failed().personal("ip", "192.0.2.7")).await;
        assert!(log(&store, &house.scope).await.is_empty(), "nothing is listed before it has its place");
        store.drain().await.unwrap();

        let rows = log(&store, &house.scope).await;
        assert_eq!(
            actions(&rows),
            ["session.refuse", "member.join", "key.create", "project.create", "organization.create"]
        );
        assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
        let created = &rows[2];
        assert_eq!((created.says.as_str(), created.outcome), ("created an API key", Outcome::Success));
        assert_eq!(created.targets[0].id, key.id.to_string());
        let actor = created.actor.clone().unwrap();
        assert_eq!((actor.id, actor.name.as_deref()), (Some(house.owner), Some("acme Person")));
        assert_eq!(actor.email.as_deref(), Some("acme@example.org"));
        assert_eq!(created.actor_kind, ActorKind::User);
        let joined = rows[1].subject.clone().unwrap();
        assert_eq!(joined.email.as_deref(), Some("ada@example.org"));
        assert_eq!((rows[0].outcome, rows[0].personal["ip"].as_str()), (Outcome::Failure, Some("192.0.2.7")));
        assert_eq!(rows, log(&store, &ada).await);
        store.close().await.unwrap();
    }

    async fn lists_narrow_and_page(backend: testkit::Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        let (key, text) = fixture::key(&store, &house).await;
        let ada = fixture::member(&store, &house, "ada", domain::OrgRole::Admin).await;
        let by_key = store.api_key(&fixture::presented(&text)).unwrap();
        store.write(&by_key).await.unwrap().commit(Event::new(Action::AuditRead)).await.unwrap();
        backend.clock.advance(std::time::Duration::from_secs(60));
        let late = store.clock().now();
        store.write(&ada).await.unwrap().commit(Event::new(Action::AuditRead)).await.unwrap();
        store.drain().await.unwrap();

        let only = async |filter: AuditFilter| {
            let rows = listed(&store, &house.scope, &filter, 500).await.data;
            rows.into_iter().map(|row| row.action).collect::<Vec<_>>()
        };
        let none = AuditFilter::default;
        let user = |scope: &Scope| match scope.actor() {
            domain::Actor::User(id) => Some(id),
            _ => None,
        };
        assert_eq!(only(AuditFilter { action: Some(Action::KeyCreate), ..none() }).await, ["key.create"]);
        assert_eq!(only(AuditFilter { user: user(&ada), ..none() }).await, ["audit.read"]);
        assert_eq!(only(AuditFilter { subject: user(&ada), ..none() }).await, ["member.join"]);
        assert_eq!(only(AuditFilter { key: Some(key.id), ..none() }).await, ["audit.read"]);
        assert_eq!(only(AuditFilter { target: Some(key.id.to_string()), ..none() }).await, ["key.create"]);
        assert_eq!(only(AuditFilter { since: Some(late), ..none() }).await, ["audit.read"]);
        assert_eq!(only(AuditFilter { until: Some(late), ..none() }).await.len(), 5);
        let stranger = Some(domain::UserId::new(late));
        assert!(only(AuditFilter { user: stranger, ..none() }).await.is_empty());
        let read = listed(&store, &house.scope, &AuditFilter { key: Some(key.id), ..none() }, 1).await;
        assert_eq!(read.data[0].actor_key, Some((key.id, Some("A key".to_owned()))));

        let mut seen = Vec::new();
        let mut page = Page::first(4);
        loop {
            let mut read = store.read(&house.scope).await.unwrap();
            let part = read.audit_list(&none(), &page).await.unwrap();
            seen.extend(part.data.into_iter().map(|row| row.seq));
            match part.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, [5, 4, 3, 2, 1, 0]);
        page.after = Some("x".to_owned());
        let mut read = store.read(&house.scope).await.unwrap();
        assert_eq!(fixture::refusal(read.audit_list(&none(), &page).await).1, "invalid_cursor");
    }

    async fn another_organization_sees_nothing_of_it(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        let other = house(&store, "other").await;
        record(&store, &acme, Event::new(Action::SessionRefuse).personal("ip", "192.0.2.7")).await;
        store.drain().await.unwrap();
        assert_eq!(actions(&log(&store, &other.scope).await), ["project.create", "organization.create"]);
        let by_owner = AuditFilter { user: Some(acme.owner), ..AuditFilter::default() };
        assert!(listed(&store, &other.scope, &by_owner, 10).await.data.is_empty());
        let pseudonym = |rows: Vec<AuditRow>| rows[0].actor.clone().unwrap().pseudonym;
        let in_log = pseudonym(log(&store, &acme.scope).await);
        let in_spine: Vec<_> = spine(&store).await.into_iter().filter_map(|row| row.subject).collect();
        assert!(in_spine.iter().any(|person| person.id == Some(acme.owner)));
        assert!(in_spine.iter().all(|person| person.pseudonym != in_log), "each log has its own");
    }

    async fn what_is_rolled_back_leaves_no_event(backend: testkit::Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        store.drain().await.unwrap();
        let before = log(&store, &house.scope).await;

        let mut write = store.write(&house.scope).await.unwrap();
        let new = NewProject { name: "Gone".to_owned(), slug: "gone".to_owned() };
        write.project_create(new).await.unwrap();
        drop(write);
        // The event itself cannot be recorded: neither can the change be kept.
        let mut write = store.write(&house.scope).await.unwrap();
        let new = NewProject { name: "Gone".to_owned(), slug: "gone".to_owned() };
        write.project_create(new).await.unwrap();
        let large = Event::new(Action::ProjectCreate)
            .personal("name", "somebody")
            .fact("text", "x".repeat(20_000));
        assert_eq!(fixture::refusal(write.commit(large).await).0, domain::Kind::Internal);

        assert_eq!(outside::count(&backend, "audit_outbox").await, 0);
        assert_eq!(outside::count(&backend, "audit_disclosure").await, 0);
        store.drain().await.unwrap();
        assert_eq!(log(&store, &house.scope).await, before);
        let mut read = store.read(&house.scope).await.unwrap();
        assert!(read.project_by_slug("gone").await.is_err());
    }

    async fn what_was_not_sequenced_is_after_a_restart(backend: testkit::Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        assert_eq!(outside::count(&backend, "audit_entry").await, 0);
        store.close().await.unwrap();
        drop(store);

        let store = backend.open().await;
        store.drain().await.unwrap();
        let session = fixture::sign_in(&store, house.owner).await;
        let scope = store.enter(&session, "acme").await.unwrap();
        assert_eq!(actions(&log(&store, &scope).await), ["project.create", "organization.create"]);
        store.drain().await.unwrap();
        assert_eq!(outside::count(&backend, "audit_outbox").await, 0);
        export::verified(&store, &scope).await;
    }

    async fn many_events_keep_their_order(backend: testkit::Backend) {
        let store = backend.open().await;
        let house = house(&store, "acme").await;
        for at in 0..300 {
            record(&store, &house, Event::new(Action::AuditRead).fact("at", at)).await;
        }
        store.drain().await.unwrap();
        let rows = log(&store, &house.scope).await;
        let order: Vec<_> = rows.iter().rev().filter_map(|row| row.facts.get("at")?.as_i64()).collect();
        assert_eq!(order, (0..300).collect::<Vec<_>>());
        assert_eq!(export::verified(&store, &house.scope).await.entries, 303);
    }

    async fn the_running_server_sequences_by_itself(backend: testkit::Backend) {
        let store = backend.open().await;
        let tasks = tokio_util::task::TaskTracker::new();
        let stop = tokio_util::sync::CancellationToken::new();
        store.run(&tasks, &stop);
        let house = house(&store, "acme").await;
        let begun = std::time::Instant::now();
        while log(&store, &house.scope).await.len() < 2 {
            assert!(begun.elapsed().as_secs() < 5, "an event waits too long");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_share_one_log() {
    let backend = testkit::Backend::postgres().await;
    let (one, two) = (backend.open().await, backend.open_another().await);
    let house = house(&one, "acme").await;
    for at in 0..20 {
        for (name, node) in [("one", &one), ("two", &two)] {
            let event = Event::new(Action::AuditRead).fact("at", at).fact("node", name);
            node.write(&house.scope).await.unwrap().commit(event).await.unwrap();
        }
        if at % 5 == 0 {
            let (left, right) = tokio::join!(one.drain(), two.drain());
            left.unwrap();
            right.unwrap();
        }
    }
    let (left, right) = tokio::join!(one.drain(), two.drain());
    left.unwrap();
    right.unwrap();
    assert_eq!(log(&two, &house.scope).await.len(), 42);
    assert_eq!(export::verified(&two, &house.scope).await.entries, 43);
    assert_eq!(export::verified(&one, &house.scope).await.entries, 44);
    assert_eq!(one.log_fingerprint().unwrap(), two.log_fingerprint().unwrap());
}
