//! What is exported verifies offline, and only as long as it is true.

use domain::{Action, Event};
use ledger::{Bundle, Known, Report};
use store::{Authority, Scope, Store};

use super::{record, spine};
use crate::fixture::house;

/// Exports and verifies; fails with the report when it does not hold.
pub(super) async fn verified(store: &Store, scope: &Scope) -> Report {
    let bytes = store.audit_export(scope).await.unwrap();
    let report = ledger::verify(&bytes, Some(&store.log_fingerprint().unwrap())).unwrap();
    assert!(report.ok, "{report}");
    report
}

/// Exports and returns the names of the checks that find a mismatch.
pub(super) async fn mismatches(store: &Store, scope: &Scope) -> Vec<&'static str> {
    let bytes = store.audit_export(scope).await.unwrap();
    let report = ledger::verify(&bytes, Some(&store.log_fingerprint().unwrap())).unwrap();
    let wrong = report.checks.iter().filter(|check| check.status == ledger::Status::Mismatch);
    wrong.map(|check| check.name).collect()
}

testkit::each_backend! {
    async fn an_export_verifies_and_names_itself(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        house(&store, "other").await;
        record(&store, &acme, Event::new(Action::SessionRefuse).personal("ip", "192.0.2.7")).await;
        let bytes = store.audit_export(&acme.scope).await.unwrap();
        let report = ledger::verify(&bytes, Some(&store.log_fingerprint().unwrap())).unwrap();
        assert!(report.ok, "{report}");
        assert_eq!((report.entries, report.disclosures.present), (4, 1));
        assert!(report.epoch.is_some());
        let last = Bundle::parse(&bytes).unwrap().entries.pop().unwrap();
        assert_eq!(ledger::Entry::parse(&last).unwrap().action, "audit.export");
        // Another deployment's key is not this one's.
        let stranger = testkit::Backend::sqlite();
        let other = stranger.open().await.log_fingerprint().unwrap();
        assert!(!ledger::verify(&bytes, Some(&other)).unwrap().ok);
    }

    async fn a_later_export_continues_an_earlier_one(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        let earlier = Bundle::parse(&store.audit_export(&acme.scope).await.unwrap()).unwrap();
        let mut read = store.read(&acme.scope).await.unwrap();
        assert_eq!(read.audit_head().await.unwrap().as_ref(), Some(&earlier.checkpoint));
        drop(read);
        record(&store, &acme, Event::new(Action::AuditRead)).await;
        let later = store.audit_export(&acme.scope).await.unwrap();
        let known = Known { fingerprint: None, checkpoint: Some(&earlier.checkpoint) };
        let report = ledger::verify_with(&later, known).unwrap();
        assert!(report.ok && report.entries == 5, "{report}");
    }

    async fn the_spine_exports_itself(backend: testkit::Backend) {
        let store = backend.open().await;
        house(&store, "acme").await;
        store.drain().await.unwrap();
        let deployment = store.deployment(Authority::Sweep).await.unwrap();
        let bytes = store.audit_export_spine(&deployment).await.unwrap();
        let report = ledger::verify(&bytes, Some(&store.log_fingerprint().unwrap())).unwrap();
        assert!(report.ok, "{report}");
        assert!(report.origin.ends_with("/audit/spine"));
        let head = deployment.read().await.unwrap().audit_head().await.unwrap().unwrap();
        let key = ledger::VerifierKey::parse(&store.log_verifier().unwrap()).unwrap();
        assert!(ledger::Checkpoint::verified(&head, &key).unwrap().size < report.entries);
    }

    async fn an_epoch_comes_only_with_news(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        let epochs = async || {
            store.drain().await.unwrap();
            spine(&store).await.iter().filter(|row| row.action == "log.epoch").count()
        };
        assert_eq!(epochs().await, 1);
        assert_eq!(epochs().await, 1);
        record(&store, &acme, Event::new(Action::AuditRead)).await;
        assert_eq!(epochs().await, 2);
        assert_eq!(epochs().await, 2);
    }
}
