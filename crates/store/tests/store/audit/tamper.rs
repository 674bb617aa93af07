//! The log under attack: the server's own role is refused; what an owner can do, the tree shows.

use domain::{Action, Event};
use store::{Attack, Authority};

use super::{export, log, outside, record};
use crate::fixture::{house, refusal};

const ROOT: &str = "root recomputed over all entries";

testkit::each_backend! {
    async fn the_server_itself_cannot_change_the_log(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        store.drain().await.unwrap();
        let deployment = store.deployment(Authority::Sweep).await.unwrap();
        let attacks = store.audit_attack(&deployment).await.unwrap();
        assert!(attacks.len() >= 15);
        let through: Vec<_> = attacks.iter().filter(|attack| !attack.refused).collect();
        assert!(through.is_empty(), "{through:?}");
        assert_eq!(export::verified(&store, &acme.scope).await.entries, 3);
    }

    /// The attacks would succeed if the guards were not there: the test above can fail.
    async fn without_triggers_the_attacks_succeed(backend: testkit::Backend) {
        let store = backend.open().await;
        house(&store, "acme").await;
        store.drain().await.unwrap();
        if backend.is_postgres() {
            for table in ["entry", "node", "head", "checkpoint"] {
                outside::run(&backend, &format!("alter table audit_{table} disable trigger all")).await;
                outside::run(&backend, &format!("grant all on audit_{table} to probity_app")).await;
            }
        } else {
            for table in ["audit_entry", "audit_node", "audit_checkpoint", "audit_head"] {
                for act in ["update", "delete", "insert_guard", "update_guard"] {
                    outside::run(&backend, &format!("drop trigger if exists {table}_{act}")).await;
                }
            }
        }
        let deployment = store.deployment(Authority::Sweep).await.unwrap();
        let attacks = store.audit_attack(&deployment).await.unwrap();
        let still: Vec<_> = attacks.into_iter().filter(|attack| attack.refused).map(|Attack { statement, .. }| statement).collect();
        let rights = |statement: &&str| {
            // What takes the owner's or a superuser's rights.
            !["alter", "drop", "set "].iter().any(|word| statement.starts_with(word))
        };
        assert_eq!(still.iter().filter(|statement| rights(statement)).count(), 0, "{still:?}");
    }

    async fn the_owner_of_the_data_is_found_out(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        for _ in 0..3 {
            record(&store, &acme, Event::new(Action::AuditRead)).await;
        }
        export::verified(&store, &acme.scope).await;
        let org = acme.organization.id;
        let rewrite = async |leaf: &str| {
            // With a hash that fits, as the database demands.
            let hash = vault::sha256(&[b"\0", leaf.as_bytes()].concat());
            let change = format!(
                "update audit_entry set leaf = {}, leaf_hash = {} where seq = 2 and org_id = {}",
                outside::bytes(&backend, leaf.as_bytes()),
                outside::bytes(&backend, &hash),
                outside::literal(&backend, org),
            );
            outside::run_untriggered(&backend, &change).await;
        };
        // One that is none cannot even be written to the file; one that reads well is told by the root.
        rewrite(r#"{"v":1,"seq":2}"#).await;
        assert_eq!(refusal(store.audit_export(&acme.scope).await).0, domain::Kind::Internal);
        rewrite(&forged(&store, org)).await;
        assert_eq!(export::mismatches(&store, &acme.scope).await, [ROOT]);
    }

    async fn a_removed_entry_is_found_out(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        export::verified(&store, &acme.scope).await;
        outside::run_untriggered(&backend, "delete from audit_entry where seq = 1").await;
        assert!(export::mismatches(&store, &acme.scope).await.contains(&ROOT));
    }

    async fn a_changed_head_is_not_signed_on(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        let other = house(&store, "other").await;
        store.drain().await.unwrap();
        let org = outside::literal(&backend, acme.organization.id);
        let change = |by: &str| format!("update audit_head set size = size {by} where org_id = {org}");
        outside::run_untriggered(&backend, &change("+ 2")).await;
        record(&store, &acme, Event::new(Action::AuditRead)).await;
        record(&store, &other, Event::new(Action::AuditRead)).await;
        assert_eq!(refusal(store.drain().await).1, "log_damaged");
        assert_eq!(log(&store, &acme.scope).await.len(), 2);
        assert_eq!(log(&store, &other.scope).await.len(), 3, "other logs go on");
        outside::run_untriggered(&backend, &change("- 2")).await;
        store.drain().await.unwrap();
        assert_eq!(log(&store, &acme.scope).await.len(), 3, "the event was not lost");
        export::verified(&store, &acme.scope).await;
        export::verified(&store, &other.scope).await;
    }

    async fn waiting_events_cannot_be_removed_or_changed(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        record(&store, &acme, Event::new(Action::KeyCreate).personal("name", "x")).await;
        for statement in [
            "delete from audit_outbox",
            "update audit_outbox set body = '{}'",
            "update audit_disclosure set value = value",
            "update audit_pseudonym set pid = 'x'",
        ] {
            assert!(outside::attempt(&backend, statement, acme.organization.id).await.is_err(), "{statement}");
        }
        let replace = [
            "insert or replace into audit_outbox select * from audit_outbox limit 1",
            "insert or replace into audit_disclosure select * from audit_disclosure limit 1",
            "insert or replace into audit_pseudonym select * from audit_pseudonym limit 1",
        ];
        for statement in replace.iter().filter(|_| !backend.is_postgres()) {
            assert!(outside::attempt(&backend, statement, acme.organization.id).await.is_err(), "{statement}");
        }
    }
}

/// An entry that reads well, in the place of the one with number 2.
fn forged(store: &store::Store, org: domain::OrgId) -> String {
    let origin = format!("{}/audit/t/{}", store.deployment_id().unwrap(), org.uuid());
    let id = "evt_00000000000000000000000000";
    format!(
        r#"{{"action":"audit.read","activity_id":2,"actor":{{"kind":"system"}},"class_uid":3004,"id":"{id}","log":"{origin}","outcome":"success","ret":"7y","seq":2,"t":0,"v":1}}"#
    )
}
