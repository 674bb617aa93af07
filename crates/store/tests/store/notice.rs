//! The register of sub-processors: what the database itself refuses, and what every node hears of.

use std::{collections::BTreeMap, time::Duration};

use domain::{Action, Announcement, Catalogue, Cause, DRILL, Decision, Gate};
use store::{Authority, CatalogueVersion, Store};
use testkit::{Backend, NOTICE, announce, each_backend, sandbox_catalogue, sandbox_file};

use crate::fixture::{event, house};

const PRICE: &str = "input = 1";
const DAY: Duration = Duration::from_secs(86_400);

fn two() -> Catalogue {
    let (first, second) = (sandbox_file(&[], PRICE), sandbox_file(&[], PRICE));
    let second = second.replace("id = \"sandbox\"", "id = \"second\"");
    Catalogue::parse([("sandbox", first.as_str()), ("second", second.as_str())]).unwrap()
}

/// What the database says to rows that nobody computed.
async fn appends(store: &Store, row: Announcement) -> bool {
    let mut write = store.deployment(Authority::Sweep).await.unwrap().write().await.unwrap();
    if write.announcements_append(&[row]).await.is_err() {
        return false;
    }
    write.commit(event(Action::CatalogueLoad)).await.is_ok()
}

each_backend! {
    async fn what_is_new_waits_and_the_register_is_heard_of(backend: Backend) {
        let store = backend.open().await;
        announce(&store, &sandbox_catalogue(&[], PRICE)).await;
        let before = store.register().await.unwrap();
        assert_eq!(before.gate("sandbox", None, None, backend.clock.now()), Gate::Open);
        assert_eq!(before.notice(), Some(NOTICE));
        backend.clock.advance(DAY);
        announce(&store, &two()).await;
        let after = store.register().await.unwrap();
        let from = backend.clock.now().plus(NOTICE);
        assert_eq!(after.gate("second", None, None, backend.clock.now()), Gate::Until(from));
        assert_eq!(after.changes().len(), 2);
        store.drain().await.unwrap();
        let mut read = store.deployment(Authority::Sweep).await.unwrap().read().await.unwrap();
        let told = read.events_last(Action::SubprocessorAnnounce, 5).await.unwrap();
        assert_eq!(told.len(), 2, "one event for each load that announced something");
        let leaf = String::from_utf8(told[0].leaf.clone()).unwrap();
        assert!(leaf.contains("second") && !leaf.contains(DRILL), "{leaf}");
    }

    async fn a_load_that_changes_nothing_leaves_nothing_and_overlays_are_remembered(backend: Backend) {
        let store = backend.open().await;
        let catalogue = sandbox_catalogue(&[], PRICE);
        let overlays = BTreeMap::from([("own".to_owned(), "text".to_owned())]);
        let version = CatalogueVersion { catalogue: &catalogue, overlays: &overlays, notice: NOTICE };
        assert_eq!(store.catalogue_announce(version).await.unwrap().len(), 2, "it and the drill");
        assert!(store.catalogue_announce(version).await.unwrap().is_empty());
        assert_eq!(store.catalogue_overlays().await.unwrap(), overlays);
        let none = CatalogueVersion { overlays: &BTreeMap::new(), ..version };
        assert!(store.catalogue_announce(none).await.unwrap().is_empty());
        store.drain().await.unwrap();
        let mut read = store.deployment(Authority::Sweep).await.unwrap().read().await.unwrap();
        let loads = read.events_last(Action::CatalogueLoad, 5).await.unwrap();
        assert_eq!(loads.len(), 1, "only the overlays changed");
        drop(read);
        backend.clock.advance(20 * DAY);
        store.notice_drill().await.unwrap();
        let gate = store.register().await.unwrap().gate(DRILL, None, None, backend.clock.now());
        assert_eq!(gate, Gate::Until(backend.clock.now().plus(NOTICE)));
    }

    async fn the_database_itself_lets_nothing_new_be_used_at_once(backend: Backend) {
        let store = backend.open().await;
        announce(&store, &sandbox_catalogue(&[], PRICE)).await;
        let now = backend.clock.now();
        let known = store.register().await.unwrap().changes()[0].clone();
        let row = |provider: &str, cause, usable_from| Announcement {
            provider: provider.to_owned(),
            revision: 1,
            cause,
            sheet: known.sheet.clone(),
            announced: now,
            usable_from,
            news: Vec::new(),
        };
        let early = now.plus(DAY).minus(Duration::from_millis(1));
        assert!(!appends(&store, row("new", Cause::Added, now)).await);
        assert!(!appends(&store, row("new", Cause::Changed, early)).await);
        assert!(!appends(&store, row("new", Cause::Corrected, now.minus(DAY))).await);
        let late = Announcement { announced: now.plus(DAY), ..row("new", Cause::Installed, now.plus(DAY)) };
        assert!(!appends(&store, late).await, "nothing joins those from the beginning later");
        assert!(!appends(&store, row("sandbox", Cause::Added, now.plus(NOTICE))).await, "revision 1 is taken");
        assert!(appends(&store, row("new", Cause::Added, now.plus(NOTICE))).await);
    }

    async fn a_decision_reaches_the_routes_of_its_organization_only(backend: Backend) {
        let store = backend.open().await;
        announce(&store, &two()).await;
        let (acme, other) = (house(&store, "acme").await, house(&store, "other").await);
        assert!(store.routing(&acme.scope).await.unwrap().decisions.is_empty());
        let decide = async |decision| {
            let mut write = store.write(&acme.scope).await.unwrap();
            let had = write.subprocessor_decide("second", decision).await.unwrap();
            write.commit(event(Action::SubprocessorObject)).await.unwrap();
            had
        };
        assert!(!decide(Some(Decision::Objected)).await);
        let known = store.routing(&acme.scope).await.unwrap().decisions.clone();
        assert_eq!(known.get("second"), Some(&Decision::Objected));
        assert!(decide(Some(Decision::Accepted { revision: 1 })).await);
        let known = store.routing(&acme.scope).await.unwrap().decisions.clone();
        assert_eq!(known.get("second"), Some(&Decision::Accepted { revision: 1 }));
        assert!(store.routing(&other.scope).await.unwrap().decisions.is_empty());
        assert!(decide(None).await && !decide(None).await);
        assert!(store.routing(&acme.scope).await.unwrap().decisions.is_empty());
    }
}
