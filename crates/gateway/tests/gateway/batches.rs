//! Batches: every line goes the way of a request, once.

use std::time::Duration;

use bytes::Bytes;
use domain::{
    Action, BatchId, BatchState, BudgetOf, Event, Exit, FileId, Kind, LimitOf, Limits, Masking,
    MaskingMode, RequestId, RoutingPolicy,
};
use gateway::{BatchOrder, Gateway};
use serde_json::{Value, json};
use store::{Batch, StoredFile};
use tokio_util::sync::CancellationToken;

use crate::{
    house::{House, quick, script},
    tasks::{BOUNDARY, form},
};

const CHAT: &str = "/v1/chat/completions";

impl House {
    async fn storing(&self, allowed: bool) {
        let mut write = self.store.write(&self.owner).await.unwrap();
        write.content_storage_set(self.project(), allowed).await.unwrap();
        write.commit(Event::new(Action::ContentStorageSet)).await.unwrap();
    }

    async fn upload(&self, content: &str) -> domain::Result<StoredFile> {
        let body = form(&[("purpose", b"batch"), ("file", content.as_bytes())]);
        self.gateway.file_create(&self.key, Some(BOUNDARY), &Bytes::from(body)).await
    }

    async fn order(&self, endpoint: &str, content: &str) -> domain::Result<Batch> {
        let input = self.upload(content).await?.id;
        self.gateway.batch_create(&self.key, order(input, endpoint)).await
    }

    async fn batch(&self, id: BatchId) -> Batch {
        self.gateway.batch_fetch(&self.key, id).await.unwrap()
    }

    /// The batch once it is over.
    async fn over(&self, id: BatchId) -> Batch {
        let over = async {
            loop {
                let batch = self.batch(id).await;
                if !batch.state.is_open() {
                    return batch;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), over).await.unwrap()
    }

    /// The lines of a file, by `custom_id`.
    async fn lines(&self, file: Option<FileId>) -> std::collections::BTreeMap<String, Value> {
        let (mut text, mut after) = (Vec::new(), None);
        let Some(file) = file else { return Default::default() };
        while let Some((number, piece)) =
            self.gateway.file_piece(&self.key, file, after).await.unwrap()
        {
            text.extend_from_slice(piece.expose_to(Exit::Caller));
            after = Some(number);
        }
        let text = String::from_utf8(text).unwrap();
        let line = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            (value["custom_id"].as_str().unwrap().to_owned(), value)
        };
        text.lines().map(line).collect()
    }

    fn sent(&self) -> u64 {
        self.twin.inspector().counters().requests
    }
}

fn order(input: FileId, endpoint: &str) -> BatchOrder {
    BatchOrder {
        input,
        endpoint: endpoint.to_owned(),
        window: "24h".to_owned(),
        metadata: None,
        keep_seconds: None,
    }
}

fn line(id: &str, url: &str, body: &Value) -> String {
    format!("{}\n", json!({"custom_id": id, "method": "POST", "url": url, "body": body}))
}

fn chat(id: &str, model: &str, words: &str) -> String {
    let messages = json!([{"role": "user", "content": words}]);
    line(id, CHAT, &json!({"model": model, "messages": messages, "max_tokens": 50}))
}

/// Works until the token is dropped.
fn work(gateway: &Gateway) -> tokio_util::sync::DropGuard {
    let stop = CancellationToken::new();
    gateway.work_on_batches(&stop);
    stop.drop_guard()
}

async fn house() -> House {
    let house = House::new().await;
    house.storing(true).await;
    house
}

fn code(error: &domain::Error) -> (Kind, &'static str) {
    (error.kind(), error.code())
}

#[tokio::test]
async fn every_line_is_an_ordinary_request_of_its_key() {
    let house = house().await;
    let _working = work(&house.gateway);
    let masking = Masking { mode: MaskingMode::Mask, ..Masking::default() };
    house.masking(&masking).await;
    let file = [
        chat("plain", "open/sandbox-echo", "purple giraffe"),
        "\n".to_owned(),
        chat("masked", "anth/sandbox-echo", "write to anna@example.com"),
        chat("absent", "no-such-model", "hello"),
        chat("failing", "open/sandbox-error-400", "hello"),
    ]
    .concat();
    let batch = house.order(CHAT, &file).await.unwrap();
    let done = house.over(batch.id).await;
    assert_eq!(
        (done.state, done.total, done.completed, done.failed),
        (BatchState::Completed, 4, 2, 2)
    );
    let answers = house.lines(done.output).await;
    let text =
        |id: &str| answers[id]["response"]["body"]["choices"][0]["message"]["content"].clone();
    assert_eq!(
        (text("plain"), text("masked")),
        (json!("purple giraffe"), json!("write to anna@example.com"))
    );
    assert_eq!(answers["plain"]["response"]["status_code"], 200);
    let received = house.twin.inspector().requests();
    assert!(
        received.iter().all(|one| !String::from_utf8_lossy(&one.body).contains("anna@")),
        "masked on its way"
    );
    let errors = house.lines(done.errors).await;
    assert_eq!(errors.keys().collect::<Vec<_>>(), ["absent", "failing"]);
    assert_eq!(errors["absent"]["response"]["body"]["error"]["code"], "model_not_found");
    assert_eq!(errors["failing"]["response"]["status_code"], 400);

    let rows = house.usage().await;
    assert_eq!(rows.len(), 3, "one row for each that was sent");
    let key = house.key.key().unwrap();
    assert!(rows.iter().all(|row| row.key == key && row.project == house.project()));
    let request: RequestId =
        answers["plain"]["response"]["request_id"].as_str().unwrap().parse().unwrap();
    let mut read = house.store.read(&house.owner).await.unwrap();
    let receipt = read.receipt_fetch(request).await.unwrap().body;
    assert_eq!(ledger::follows(&receipt).status, ledger::Status::Ok);
}

#[tokio::test]
async fn all_four_endpoints_are_served() {
    let house = crate::tasks::house().await;
    house.storing(true).await;
    let _working = work(&house.gateway);
    let input = json!("purple giraffe");
    for (url, body, pointer) in [
        (
            "/v1/embeddings",
            json!({"model": "open/sandbox-embed", "input": input}),
            "/data/0/embedding",
        ),
        (
            "/v1/moderations",
            json!({"model": "sandbox-moderation", "input": input}),
            "/results/0/flagged",
        ),
        (
            "/v1/responses",
            json!({"model": "open/sandbox-echo", "input": input}),
            "/output/0/content/0/text",
        ),
        (
            CHAT,
            json!({"model": "open/sandbox-echo", "messages": [{"role": "user", "content": "x"}]}),
            "/choices/0",
        ),
    ] {
        let batch = house.order(url, &line("a", url, &body)).await.unwrap();
        let done = house.over(batch.id).await;
        assert_eq!((done.state, done.completed), (BatchState::Completed, 1), "{url}");
        let answer = house.lines(done.output).await;
        assert!(answer["a"]["response"]["body"].pointer(pointer).is_some(), "{url}: {answer:?}");
    }
}

#[tokio::test]
async fn there_is_no_way_around_rules_and_budgets() {
    let house = house().await;
    let _working = work(&house.gateway);
    let rules =
        RoutingPolicy { deny_providers: ["sandbox".to_owned()].into(), ..RoutingPolicy::default() };
    house.rules(true, &rules).await;
    let batch = house.order(CHAT, &chat("a", "open/sandbox-echo", "x")).await.unwrap();
    let done = house.over(batch.id).await;
    let errors = house.lines(done.errors).await;
    assert_eq!(errors["a"]["response"]["status_code"], 403, "{errors:?}");
    house.rules(true, &RoutingPolicy::default()).await;

    house.budget(BudgetOf::Project(house.project()), 10).await;
    let batch = house.order(CHAT, &chat("a", "open/sandbox-echo", "x")).await.unwrap();
    let done = house.over(batch.id).await;
    let errors = house.lines(done.errors).await;
    assert_eq!(errors["a"]["response"]["body"]["error"]["code"], "budget_exceeded", "{errors:?}");

    house.budget(BudgetOf::Project(house.project()), 1_000_000_000).await;
    house.budget(BudgetOf::User(house.owner.actor().user().unwrap()), 10).await;
    let batch = house.order(CHAT, &chat("a", "open/sandbox-echo", "x")).await.unwrap();
    let done = house.over(batch.id).await;
    let error = house.lines(done.errors).await["a"]["response"]["body"]["error"].clone();
    assert_eq!(error["code"], "budget_exceeded", "{error}");
    assert!(error["message"].as_str().unwrap().contains("the member who made"), "{error}");
    assert_eq!(house.sent(), 0);
}

#[tokio::test]
async fn limits_are_waited_for() {
    let house = house().await;
    let mut write = house.store.write(&house.owner).await.unwrap();
    let limits = Limits { concurrent: Some(1), ..Limits::default() };
    write.limits_set(LimitOf::EachKey, limits).await.unwrap();
    write.commit(Event::new(Action::LimitsSet)).await.unwrap();
    let _working = work(&house.gateway);
    let file: String = (0..2).map(|n| chat(&n.to_string(), "open/sandbox-echo", "x")).collect();
    let batch = house.order(CHAT, &file).await.unwrap();
    let done = house.over(batch.id).await;
    assert_eq!((done.completed, done.failed), (2, 0), "nothing fails for want of room");
    assert_eq!((house.sent(), house.usage().await.len()), (2, 2));
}

#[tokio::test]
async fn what_may_have_been_sent_is_not_sent_again() {
    let house = house().await;
    let file: String = (1..=3).map(|n| chat(&n.to_string(), "open/sandbox-echo", "x")).collect();
    let batch = house.order(CHAT, &file).await.unwrap();
    // As a server leaves it that is killed while the second line is under way.
    let run = house.store.batch_run(&house.key, batch.id).await.unwrap();
    run.begin(3).await.unwrap();
    assert!(run.intend(2, RequestId::new(house.store.clock().now())).await.unwrap());

    let _working = work(&house.started_anew());
    let done = house.over(batch.id).await;
    assert_eq!((done.state, done.completed, done.failed), (BatchState::Completed, 2, 1));
    let errors = house.lines(done.errors).await;
    assert_eq!(errors["2"]["error"]["code"], "unknown_outcome");
    assert!(errors["2"]["response"].is_null());
    assert_eq!((house.sent(), house.lines(done.output).await.len()), (2, 2));
}

#[tokio::test]
async fn a_stop_leaves_the_rest_for_the_next_start() {
    let house = house().await;
    let file: String = (0..40).map(|n| chat(&n.to_string(), "open/sandbox-echo", "x")).collect();
    let working = work(&house.gateway);
    let batch = house.order(CHAT, &file).await.unwrap();
    while house.batch(batch.id).await.completed == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(working);
    house.gateway.drain(Duration::from_secs(5)).await;
    house.tasks.close();
    house.tasks.wait().await;
    house.tasks.reopen();
    assert!(house.batch(batch.id).await.state.is_open());
    let _working = work(&house.started_anew());
    let done = house.over(batch.id).await;
    assert_eq!((done.state, done.completed, done.failed), (BatchState::Completed, 40, 0));
    assert_eq!((house.sent(), house.lines(done.output).await.len()), (40, 40), "each once");
}

#[tokio::test]
async fn cancelling_breaks_off_what_is_under_way() {
    let house = House::with(gateway::GatewayConfig { total_ms: 60_000, ..quick() }, script()).await;
    house.storing(true).await;
    let _working = work(&house.gateway);
    let batch = house.order(CHAT, &chat("a", "open/sandbox-slow-headers", "x")).await.unwrap();
    while house.gateway.open_requests() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let ended = house.gateway.batch_cancel(&house.key, None, batch.id).await.unwrap();
    assert_eq!(ended.state, BatchState::Cancelled);
    while house.gateway.open_requests() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(house.row().await.status, 499, "as if a client had left");
    assert!(house.gateway.file_fetch(&house.key, batch.input).await.is_err());
    let again = house.gateway.batch_cancel(&house.key, None, batch.id).await.unwrap_err();
    assert_eq!(code(&again), (Kind::Conflict, "batch_over"));
}

#[tokio::test]
async fn a_revoked_key_ends_its_batch() {
    let house = house().await;
    let file: String = (0..3).map(|n| chat(&n.to_string(), "open/sandbox-echo", "x")).collect();
    let batch = house.order(CHAT, &file).await.unwrap();
    let mut write = house.store.write(&house.owner).await.unwrap();
    write.key_revoke(house.key.key().unwrap()).await.unwrap();
    write.commit(Event::new(Action::KeyRevoke)).await.unwrap();
    let _working = work(&house.gateway);
    let done = house.over(batch.id).await;
    assert_eq!((done.state, done.problems[0].code.as_str()), (BatchState::Failed, "key_revoked"));
    assert_eq!((done.completed, house.sent()), (0, 0));
}

#[tokio::test]
async fn files_that_cannot_be_worked_through_say_where() {
    let house = house().await;
    let _working = work(&house.gateway);
    let file = [
        chat("a", "open/sandbox-echo", "x"),
        "nothing\n".to_owned(),
        chat("a", "open/sandbox-echo", "x"),
        line("b", "/v1/embeddings", &json!({})),
        line("c", CHAT, &json!({"stream": true})),
    ]
    .concat();
    let batch = house.order(CHAT, &file).await.unwrap();
    let done = house.over(batch.id).await;
    let problems: Vec<_> =
        done.problems.iter().map(|one| (one.code.as_str(), one.line.unwrap())).collect();
    assert_eq!(done.state, BatchState::Failed);
    assert_eq!(
        problems,
        [
            ("invalid_json_line", 2),
            ("duplicate_custom_id", 3),
            ("invalid_url", 4),
            ("unsupported_parameter", 5),
        ]
    );
    assert_eq!(house.sent(), 0);
}

#[tokio::test]
async fn nothing_is_stored_unless_somebody_switched_it_on() {
    let house = House::new().await;
    let text = chat("a", "open/sandbox-echo", "x");
    let refused = house.upload(&text).await.unwrap_err();
    assert_eq!(code(&refused), (Kind::Forbidden, "storage_off"));
    assert!(refused.message().contains("owner or admin"), "{refused}");
    house.storing(true).await;
    let file = house.upload(&text).await.unwrap();
    for (bad, expected) in [
        (
            BatchOrder { endpoint: "/v1/completions".to_owned(), ..order(file.id, CHAT) },
            "invalid_endpoint",
        ),
        (
            BatchOrder { window: "1h".to_owned(), ..order(file.id, CHAT) },
            "invalid_completion_window",
        ),
        (BatchOrder { keep_seconds: Some(60), ..order(file.id, CHAT) }, "invalid_expiry"),
        (
            order(FileId::from_uuid(RequestId::new(house.store.clock().now()).uuid()), CHAT),
            "not_found",
        ),
    ] {
        assert_eq!(house.gateway.batch_create(&house.key, bad).await.unwrap_err().code(), expected);
    }
    let stored = [("purpose", &b"fine-tune"[..]), ("file", text.as_bytes())];
    let wrong = house.gateway.file_create(&house.key, Some(BOUNDARY), &form(&stored).into()).await;
    assert_eq!(wrong.unwrap_err().code(), "unsupported_purpose");
    assert_eq!(house.upload("\n \n").await.unwrap_err().code(), "invalid_file");
    let owner = house.gateway.file_fetch(&house.owner, file.id).await.unwrap_err();
    assert_eq!(owner.kind(), Kind::Forbidden, "people read no content");
    house.storing(false).await;
    assert!(house.gateway.file_fetch(&house.key, file.id).await.is_err());
}
