//! Usage from the journal into the database: once, with proof, whatever happens in between.

use std::time::Duration;

use domain::{Action, Provenance, Timestamp, Usage};
use store::{
    AuditFilter, AuditRow, Intent, Page, Settlement, Store, UsageBy, UsageFilter, UsageRow,
};
use testkit::{Backend, each_backend};

use crate::fixture::{self, House, intent};

fn settlement(intent: &Intent) -> Settlement {
    Settlement {
        request: intent.request,
        ended: intent.started.plus(Duration::from_millis(750)),
        usage: Usage {
            input: 10,
            cache_read: 20,
            cache_write: 30,
            output: 40,
            reasoning: 5,
            provenance: Provenance::Reported,
        },
        cost_nano: Some(1_234_567),
        currency: Some("USD".to_owned()),
        status: 200,
        error_code: None,
        first_token_ms: Some(120),
        attempts: 2,
        receipt_json: "{\"candidates\":[\"large-model\"]}".to_owned(),
    }
}

pub(crate) async fn serve(store: &Store, house: &House) -> Intent {
    let intent = intent(store, house);
    store.journal().intent(&intent).unwrap();
    store.journal().settle(&settlement(&intent)).unwrap();
    intent
}

async fn usage(store: &Store, house: &House) -> Vec<UsageRow> {
    let mut read = store.read(&house.scope).await.unwrap();
    read.usage_list(&UsageFilter::default(), &Page::first(500)).await.unwrap().data
}

async fn settle_events(store: &Store, house: &House) -> Vec<AuditRow> {
    store.drain().await.unwrap();
    let mut read = store.read(&house.scope).await.unwrap();
    let rows = read.audit_list(&AuditFilter::default(), &Page::first(500)).await.unwrap().data;
    rows.into_iter().filter(|row| row.action == Action::UsageSettle.as_str()).collect()
}

each_backend! {
    async fn a_request_becomes_a_row_with_its_receipt(backend: Backend) {
        let store = backend.open().await;
        let house = fixture::house(&store, "acme").await;
        let intent = serve(&store, &house).await;
        assert_eq!(usage(&store, &house).await, Vec::new());

        store.settle_batch().await.unwrap();
        let rows = usage(&store, &house).await;
        let settled = settlement(&intent);
        let expected = UsageRow {
            request: intent.request,
            project: intent.project,
            key: intent.key,
            provider: Some(intent.provider),
            model: intent.model.clone(),
            requested_model: intent.requested_model.clone(),
            protocol: "anthropic".to_owned(),
            streaming: true,
            started: intent.started,
            ended: settled.ended,
            first_token_ms: Some(120),
            status: 200,
            error_code: None,
            attempts: 2,
            usage: Some(settled.usage),
            cost_nano: Some(1_234_567),
            currency: Some("USD".to_owned()),
        };
        assert_eq!(rows, vec![expected]);
        let mut read = store.read(&house.scope).await.unwrap();
        let receipt = read.receipt_fetch(intent.request).await.unwrap();
        assert_eq!(receipt.body, settled.receipt_json);
        drop(read);
        store.close().await.unwrap();
    }

    async fn the_log_commits_to_the_rows_of_each_batch(backend: Backend) {
        let store = backend.open().await;
        let (house, other) =
            (fixture::house(&store, "acme").await, fixture::house(&store, "other").await);
        for _ in 0..3 {
            serve(&store, &house).await;
            serve(&store, &other).await;
        }
        store.settle_batch().await.unwrap();
        store.settle_batch().await.unwrap();
        for house in [&house, &other] {
            let events = settle_events(&store, house).await;
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].facts["requests"], 3);
            let mut read = store.read(&house.scope).await.unwrap();
            let batch = read.usage_batch(events[0].id).await.unwrap();
            assert_eq!(batch.requests.len(), 3);
            assert_eq!(events[0].facts["root"], hex::encode(batch.root));
        }
        // The batch of one organization is nothing to another.
        let foreign = settle_events(&store, &other).await.remove(0);
        let mut read = store.read(&house.scope).await.unwrap();
        assert_eq!(read.usage_batch(foreign.id).await.unwrap().requests, Vec::new());
        drop(read);
        store.close().await.unwrap();
    }

    async fn an_interrupted_request_is_absent_not_zero(backend: Backend) {
        let store = backend.open().await;
        let house = fixture::house(&store, "acme").await;
        let left = intent(&store, &house);
        store.journal().intent(&left).unwrap();
        serve(&store, &house).await;
        // Open requests are nobody's business while the server runs.
        store.drain().await.unwrap();
        assert_eq!(usage(&store, &house).await.len(), 1);
        store.close().await.unwrap();
        drop(store);

        let store = backend.open().await;
        store.drain().await.unwrap();
        let mut read = store.read(&house.scope).await.unwrap();
        let row = read.usage_list(&UsageFilter::default(), &Page::default()).await.unwrap();
        let row = row.data.iter().find(|row| row.request == left.request).unwrap();
        assert_eq!((row.status, row.error_code.as_deref()), (0, Some("interrupted")));
        assert_eq!((row.usage, row.cost_nano), (None, None));
        let sum = read.usage_summary(&UsageFilter::default()).await.unwrap();
        assert_eq!((sum.requests, sum.errors, sum.absent, sum.unpriced), (2, 1, 1, 1));
        assert_eq!((sum.input, sum.output), (10, 40));
        drop(read);
        store.close().await.unwrap();
    }

    async fn what_was_recorded_before_a_crash_is_not_recorded_again(backend: Backend) {
        let store = backend.open().await;
        let house = fixture::house(&store, "acme").await;
        let journal = backend.config.data_dir.join("journal");
        let mut all = Vec::new();
        for _ in 0..5 {
            all.push(serve(&store, &house).await.request);
        }
        // The journal as it was before the database had the rows.
        let copy = backend.directory().join("copy");
        copy_files(&journal, &copy);
        store.drain().await.unwrap();
        let before = usage(&store, &house).await;
        store.close().await.unwrap();
        drop(store);

        copy_files(&copy, &journal);
        let store = backend.open().await;
        backend.clock.advance(Duration::from_secs(1));
        all.push(serve(&store, &house).await.request);
        let events = settle_events(&store, &house).await;
        assert_eq!(events.len(), 2, "one for each batch that brought something new");
        assert_eq!(events[0].facts["requests"], 1);
        let after = usage(&store, &house).await;
        assert_eq!(after.len(), 6);
        assert_eq!(after[1..], before[..]);
        store.close().await.unwrap();
    }

    async fn large_batches_are_split_and_nothing_is_left(backend: Backend) {
        let store = backend.open().await;
        let house = fixture::house(&store, "acme").await;
        for _ in 0..1_201 {
            serve(&store, &house).await;
        }
        let events = settle_events(&store, &house).await;
        let sizes: Vec<_> = events.iter().rev().map(|event| event.facts["requests"].clone()).collect();
        assert_eq!(sizes, [1_000, 201]);
        let mut read = store.read(&house.scope).await.unwrap();
        let sum = read.usage_summary(&UsageFilter::default()).await.unwrap();
        assert_eq!((sum.requests, sum.output), (1_201, 48_040));
        drop(read);
        store.close().await.unwrap();
        assert_eq!(std::fs::read_dir(backend.config.data_dir.join("journal")).unwrap().count(), 0);
    }

    async fn usage_is_broken_down_by_model_provider_key_and_project(backend: Backend) {
        let store = backend.open().await;
        let house = fixture::house(&store, "acme").await;
        for number in 0..5u16 {
            let intent = Intent {
                model: if number < 3 { "small" } else { "large" }.to_owned(),
                ..intent(&store, &house)
            };
            store.journal().intent(&intent).unwrap();
            let failed = number == 4;
            let settlement = Settlement {
                status: if failed { 502 } else { 200 },
                usage: if failed { Usage::default() } else { settlement(&intent).usage },
                cost_nano: (!failed).then_some(7),
                ..settlement(&intent)
            };
            store.journal().settle(&settlement).unwrap();
        }
        store.drain().await.unwrap();
        let mut read = store.read(&house.scope).await.unwrap();
        let filter = UsageFilter::default();
        let models = read.usage_by(&filter, UsageBy::Model).await.unwrap();
        let found: Vec<_> = models
            .iter()
            .map(|group| (group.of.as_str(), group.requests, group.errors, group.absent))
            .collect();
        assert_eq!(found, [("small", 3, 0, 0), ("large", 2, 1, 1)]);
        assert_eq!((models[1].input, models[1].output, models[1].cost_nano), (60, 40, 7));
        for (by, prefix) in
            [(UsageBy::Provider, "pvd_"), (UsageBy::Key, "key_"), (UsageBy::Project, "prj_")]
        {
            let groups = read.usage_by(&filter, by).await.unwrap();
            assert_eq!((groups.len(), groups[0].requests), (1, 5));
            assert!(groups[0].of.starts_with(prefix), "{}", groups[0].of);
        }
        let nothing = UsageFilter { until: Some(Timestamp::from_millis(0)), ..filter };
        assert_eq!(read.usage_by(&nothing, UsageBy::Key).await.unwrap(), Vec::new());
        drop(read);
        store.close().await.unwrap();
    }

    async fn absurd_counts_do_not_break_the_sums(backend: Backend) {
        let store = backend.open().await;
        let house = fixture::house(&store, "acme").await;
        for _ in 0..3 {
            let intent = intent(&store, &house);
            store.journal().intent(&intent).unwrap();
            let usage = Usage { input: u64::MAX, output: u64::MAX, ..settlement(&intent).usage };
            let settlement =
                Settlement { usage, cost_nano: Some(u64::MAX), ..settlement(&intent) };
            store.journal().settle(&settlement).unwrap();
        }
        store.drain().await.unwrap();
        let mut read = store.read(&house.scope).await.unwrap();
        let sum = read.usage_summary(&UsageFilter::default()).await.unwrap();
        assert_eq!(sum.input, 3_000_000_000_000);
        drop(read);
        store.close().await.unwrap();
    }
}

fn copy_files(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
