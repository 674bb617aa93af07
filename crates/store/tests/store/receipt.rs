//! Receipts with their proofs, from the journal to the spine.

use domain::{Kind, RequestId, Usage};
use ledger::{ReceiptProof, Status, verify_receipt};
use serde_json::json;
use store::{Intent, Settlement, Store};
use testkit::{Backend, each_backend};

use crate::fixture::{self, House, intent, refusal};

fn settlement(intent: &Intent) -> Settlement {
    let receipt = json!({
        "version": 1, "request": intent.request, "requested_model": "default", "stream": true,
        "candidates": [{"provider": intent.provider, "name": "One", "model": "large-model"}],
        "attempts": [{"candidate": 0, "outcome": "ok", "ms": 5}],
    });
    Settlement {
        request: intent.request,
        ended: intent.started,
        usage: Usage::default(),
        cost_nano: None,
        currency: None,
        status: 200,
        error_code: None,
        first_token_ms: None,
        attempts: 1,
        receipt_json: receipt.to_string(),
    }
}

async fn proof(store: &Store, house: &House, request: RequestId) -> domain::Result<ReceiptProof> {
    store.read(&house.scope).await.unwrap().receipt_proof(request).await
}

each_backend! {
    async fn a_receipt_proves_itself_once_it_is_signed(backend: Backend) {
        let store = backend.open().await;
        let (house, other) =
            (fixture::house(&store, "acme").await, fixture::house(&store, "other").await);
        let mut requests = Vec::new();
        for round in 0..2 {
            for _ in 0..3 + round {
                let intent = intent(&store, &house);
                store.journal().intent(&intent).unwrap();
                store.journal().settle(&settlement(&intent)).unwrap();
                requests.push(intent.request);
            }
            store.drain().await.unwrap();
        }
        let root = store.log_fingerprint().unwrap();
        for request in &requests {
            let proof = proof(&store, &house, *request).await.unwrap();
            let report = verify_receipt(proof.to_text().as_bytes(), Some(&root)).unwrap();
            assert!(report.checks.iter().all(|check| check.status == Status::Ok), "{report}");
            assert_eq!(report.request, request.to_string());
        }
        // Of another organization, and of nothing.
        let absent = RequestId::new(store.clock().now());
        for request in [requests[0], absent] {
            let refused = refusal(proof(&store, &other, request).await);
            assert_eq!(refused, (Kind::NotFound, "not_found"));
        }
        store.close().await.unwrap();
    }

    async fn what_is_on_its_way_is_told_from_what_does_not_exist(backend: Backend) {
        let store = backend.open().await;
        let (house, other) =
            (fixture::house(&store, "acme").await, fixture::house(&store, "other").await);
        store.drain().await.unwrap();
        let pending = (Kind::Conflict, "receipt_pending");
        let intent = intent(&store, &house);
        store.journal().intent(&intent).unwrap();
        let look = async |house: &House| {
            let mut read = store.read(&house.scope).await.unwrap();
            let project = read.request_project(intent.request).await.map_err(|error| error.kind());
            let fetched = read.receipt_fetch(intent.request).await;
            let fetched = fetched.map(drop).map_err(|error| (error.kind(), error.code()));
            (project, fetched, refusal(read.receipt_proof(intent.request).await))
        };
        let own = (Ok(house.project.id), Err(pending), pending);
        let absent = (Kind::NotFound, "not_found");
        let foreign = (Err(Kind::NotFound), Err(absent), absent);
        assert_eq!((look(&house).await, look(&other).await), (own, foreign), "under way");
        store.journal().settle(&settlement(&intent)).unwrap();
        assert_eq!((look(&house).await, look(&other).await), (own, foreign), "in the journal");
        store.settle_batch().await.unwrap();
        let recorded = (Ok(house.project.id), Ok(()), pending);
        assert_eq!((look(&house).await, look(&other).await), (recorded, foreign), "not signed yet");
        store.drain().await.unwrap();
        assert!(proof(&store, &house, intent.request).await.is_ok());
        store.close().await.unwrap();
    }
}
