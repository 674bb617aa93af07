//! Budgets: nothing goes out that does not fit, streams are cut at the limit, and what is counted is what is billed.

use std::sync::Arc;

use domain::{Action, BudgetOf, Event, Protocol, Secret, StatedTerms};
use gateway::{BudgetState, Gateway, GatewayConfig};
use http::HeaderMap;
use http_body_util::BodyExt;
use llm::Format;
use serde_json::{Value, json};
use store::{AuditFilter, NewProvider, Page, Scope};

use crate::house::{
    FORMATS, House, PROVIDERS, Told, WAYS, error_code, events, quick, read, request, script,
    text_of,
};

const ALL: BudgetOf = BudgetOf::Organization;
/// What a request of the house and its echo cost, in nano-units: three words each way.
const ECHO: u64 = 3 * 1_000 + 3 * 4_000;
/// Plenty for one request, and too little for one that may write its thousand tokens.
const TIGHT: u64 = 400_000;

async fn state(gateway: &Gateway, scope: &Scope) -> BudgetState {
    let mut all = gateway.budgets(scope).await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.pop().unwrap()
}

/// The only budget: what is spent and what is set aside.
async fn sums(house: &House) -> (u64, u64) {
    let state = state(&house.gateway, &house.owner).await;
    (state.spent_nano, state.reserved_nano)
}

async fn ask(house: &House, format: Format, model: &str, stream: bool) -> Told {
    house.ask(format, &request(model, stream)).await
}

fn sent(house: &House) -> u64 {
    house.twin.inspector().counters().requests
}

#[tokio::test]
async fn what_does_not_fit_is_refused_in_the_words_of_the_format() {
    let house = House::new().await;
    house.budget(ALL, 50_000).await;
    for format in FORMATS {
        for stream in [false, true] {
            let told = ask(&house, format, "open/sandbox-echo", stream).await;
            assert_eq!(told.status, 429, "{format:?} {}", told.text);
            let error = told.json();
            assert_eq!(error_code(format, &error), "budget_exceeded");
            let (pointer, kind) = match format {
                Format::OpenAiChat
                | Format::OpenAiResponses
                | Format::BedrockConverse
                | Format::Watsonx => ("/error/type", "insufficient_quota"),
                Format::AnthropicMessages => ("/error/type", "billing_error"),
                Format::Gemini => ("/error/status", "RESOURCE_EXHAUSTED"),
                Format::Cohere => ("/code", "budget_exceeded"),
            };
            assert_eq!(error.pointer(pointer).and_then(Value::as_str), Some(kind));
            let message = error.pointer("/error/message").or(error.get("message"));
            let message = message.and_then(Value::as_str).unwrap();
            for part in ["your organization", "in total", "does not begin anew", "admin"] {
                assert!(message.contains(part), "{part}: {message}");
            }
            assert_eq!(told.header("x-should-retry"), "false");
            assert_eq!(told.header("retry-after"), "");
        }
    }
    assert_eq!(sent(&house), 0);
    assert!(house.usage().await.is_empty());
    assert_eq!(sums(&house).await, (0, 0));
}

#[tokio::test]
async fn what_is_spent_is_what_is_billed() {
    let house = House::new().await;
    house.budget(ALL, 1_000_000_000).await;
    for format in FORMATS {
        for (provider, _) in PROVIDERS {
            for stream in [false, true] {
                let told = ask(&house, format, &format!("{provider}/sandbox-echo"), stream).await;
                assert_eq!(told.status, 200, "{}", told.text);
                assert_eq!(told.header("x-probity-output-limit"), "", "all of it fitted");
            }
        }
    }
    for model in ["open/sandbox-error-400", "open/sandbox-cut", "open/sandbox-no-usage"] {
        house.ask(FORMATS[0], &request(model, true)).await;
    }
    let rows = house.usage().await;
    let answered = 2 * WAYS;
    assert_eq!(rows.len(), answered + 3);
    let billed = rows.iter().filter_map(|row| row.cost_nano).sum::<u64>();
    assert!(billed >= answered as u64 * ECHO);
    assert_eq!(sums(&house).await, (billed, 0));
}

#[tokio::test]
async fn where_less_is_left_the_answer_is_limited_to_it() {
    let house = House::new().await;
    house.budget(ALL, TIGHT).await;
    let ways = [
        ("open", FORMATS[0], "/max_tokens"),
        ("anth", FORMATS[1], "/max_tokens"),
        ("resp", FORMATS[2], "/max_output_tokens"),
        ("gem", FORMATS[3], "/generationConfig/maxOutputTokens"),
        ("bed", FORMATS[0], "/inferenceConfig/maxTokens"),
        ("coh", FORMATS[4], "/max_tokens"),
    ];
    for (provider, format, member) in ways {
        let told = ask(&house, format, &format!("{provider}/sandbox-echo"), false).await;
        assert_eq!(told.status, 200, "{}", told.text);
        assert_eq!(text_of(format, &told.json()), crate::house::PROMPT);
        let limit: u64 = told.header("x-probity-output-limit").parse().unwrap();
        let asked = house.twin.inspector().requests().pop().unwrap();
        let asked: Value = serde_json::from_slice(&asked.body).unwrap();
        assert_eq!(asked.pointer(member).and_then(Value::as_u64), Some(limit), "{asked}");
        assert!((16..100).contains(&limit), "{limit}");
    }
    assert_eq!(sums(&house).await, (6 * ECHO, 0));
}

#[tokio::test]
async fn a_stream_is_cut_at_the_limit_with_a_word_and_the_provider_cancelled() {
    for format in FORMATS {
        let house = House::new().await;
        house.budget(ALL, 250_000).await;
        let told = ask(&house, format, "open/sandbox-slow", true).await;
        assert_eq!(told.status, 200);
        let all = events(&told.text);
        let last = all.last().unwrap();
        assert_eq!(error_code(format, last), "budget_exceeded", "{format:?} {}", told.text);
        assert!(all.len() > 5, "something of it came: {}", told.text);
        house.twin.inspector().wait(|now| now.cancelled > 0).await;
        let row = house.row().await;
        assert_eq!((row.status, row.error_code.as_deref()), (429, Some("budget_exceeded")));
        let (spent, reserved) = sums(&house).await;
        assert_eq!((Some(spent), reserved), (row.cost_nano, 0));
        assert!((100_000..=250_000).contains(&spent), "{format:?} {spent}");
    }
}

#[tokio::test]
async fn many_at_once_stay_under_the_limit() {
    // So many at once take their time on a busy machine.
    let patient =
        GatewayConfig { first_token_ms: 10_000, stall_ms: 10_000, total_ms: 30_000, ..quick() };
    let house = Arc::new(House::with(patient, script()).await);
    let limit = 1_000_000;
    house.budget(ALL, limit).await;
    let calls = (0..24).map(|at| {
        let house = Arc::clone(&house);
        let (format, mut body) = (FORMATS[at % 3], request("open/sandbox-slow", at % 2 == 0));
        body["max_tokens"] = json!(40);
        house.tasks.clone().spawn(async move { house.ask(format, &body).await.status })
    });
    let calls: Vec<_> = calls.collect();
    let (mut answered, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            200 => answered += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(answered >= 3 && refused > 0, "{answered} {refused}");
    let (spent, reserved) = sums(&house).await;
    assert_eq!(reserved, 0);
    assert!(spent <= limit, "{spent}");
    let rows = house.usage().await;
    assert_eq!(rows.iter().filter_map(|row| row.cost_nano).sum::<u64>(), spent);
}

#[tokio::test]
async fn what_is_set_aside_for_others_passes_by_itself() {
    let house = House::new().await;
    house.budget(ALL, TIGHT).await;
    let mut body = house.start(FORMATS[0], &request("open/sandbox-slow", true)).await.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(sums(&house).await, (0, TIGHT));
    let told = ask(&house, FORMATS[0], "open/sandbox-echo", false).await;
    assert_eq!((told.status, told.header("retry-after")), (429, "1"));
    assert_eq!(told.header("x-should-retry"), "");
    assert!(told.text.contains("under way"), "{}", told.text);
    drop(body);
    let billed = house.row().await.cost_nano.unwrap();
    assert_eq!(sums(&house).await, (billed, 0), "a client that leaves gives the rest back");
    assert_eq!(ask(&house, FORMATS[0], "open/sandbox-echo", false).await.status, 200);
}

#[tokio::test]
async fn every_budget_that_applies_counts_and_the_tightest_refuses() {
    let house = House::new().await;
    let key = house.key.key().unwrap();
    for (of, limit) in [
        (ALL, 9_000_000),
        (BudgetOf::Project(house.project()), 8_000_000),
        // Enough for one, and with that spent not for another.
        (BudgetOf::Key(key), 135_000),
    ] {
        house.budget(of, limit).await;
    }
    assert_eq!(ask(&house, FORMATS[0], "open/sandbox-echo", false).await.status, 200);
    let told = ask(&house, FORMATS[0], "open/sandbox-echo", false).await;
    assert_eq!(told.status, 429);
    assert!(told.text.contains("this API key"), "{}", told.text);
    let other = house.limited_key(1_000).await;
    let body = request("open/sandbox-echo", false).to_string();
    let told = read(house.start_with(&other, FORMATS[0], &HeaderMap::new(), body).await).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let spent = |of| {
        let all = &house;
        async move {
            let states = all.gateway.budgets(&all.owner).await.unwrap();
            states.into_iter().find(|state| state.budget.of == of).unwrap().spent_nano
        }
    };
    assert_eq!(spent(ALL).await, 2 * ECHO);
    assert_eq!(spent(BudgetOf::Project(house.project())).await, 2 * ECHO);
    assert_eq!(spent(BudgetOf::Key(key)).await, ECHO);
}

#[tokio::test]
async fn a_change_holds_at_once() {
    let house = House::new().await;
    let echo = async || ask(&house, FORMATS[1], "anth/sandbox-echo", false).await.status;
    assert_eq!(echo().await, 200, "without a budget");
    let id = house.budget(ALL, 10_000).await;
    assert_eq!(echo().await, 429);
    assert_eq!(sums(&house).await, (ECHO, 0), "what was spent before it was set counts");
    house.budget(ALL, 10_000_000).await;
    assert_eq!(echo().await, 200);
    house.budget(ALL, 2 * ECHO).await;
    assert_eq!(echo().await, 429);
    let mut write = house.store.write(&house.owner).await.unwrap();
    write.budget_remove(id).await.unwrap();
    write.commit(Event::new(Action::BudgetRemove)).await.unwrap();
    assert_eq!(echo().await, 200);
    assert!(house.gateway.budgets(&house.owner).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_budget_set_meanwhile_counts_what_is_under_way() {
    let house = House::new().await;
    let mut body = house.start(FORMATS[0], &request("open/sandbox-slow", true)).await.into_body();
    body.frame().await.unwrap().unwrap();
    house.budget(ALL, 10_000_000).await;
    assert_eq!(sums(&house).await, (0, 0));
    drop(body);
    let billed = house.row().await.cost_nano.unwrap();
    assert_eq!(sums(&house).await, (billed, 0));
    let anew = state(&house.started_anew(), &house.owner).await;
    assert_eq!(anew.spent_nano, billed);
}

#[tokio::test]
async fn a_start_counts_what_was_spent_before() {
    let house = House::new().await;
    house.budget(ALL, 10_000_000).await;
    ask(&house, FORMATS[0], "open/sandbox-echo", false).await;
    house.store.drain().await.unwrap();
    ask(&house, FORMATS[0], "open/sandbox-echo", true).await;
    let mut body = house.start(FORMATS[0], &request("open/sandbox-slow", true)).await.into_body();
    body.frame().await.unwrap().unwrap();
    let anew = house.started_anew();
    let counted = state(&anew, &house.owner).await;
    assert_eq!((counted.spent_nano, counted.reserved_nano), (2 * ECHO, 0));
    house.store.drain().await.unwrap();
    assert_eq!(
        state(&anew, &house.owner).await.spent_nano,
        2 * ECHO,
        "moving rows changes nothing"
    );
    drop(body);
}

#[tokio::test]
async fn an_unknown_price_is_not_used_under_a_budget() {
    let house = House::new().await;
    let mut write = house.store.write(&house.owner).await.unwrap();
    let own = NewProvider {
        catalog: "custom".to_owned(),
        name: "own".to_owned(),
        protocol: Protocol::OpenAi,
        base_url: house.twin.base_url(),
        secret: Some(Secret::new("twin-key".to_owned())),
        models: vec!["sandbox-echo".to_owned()],
        region: None,
        allow_private: true,
        contract: None,
        contract_until: None,
        baa: None,
        terms: Some(StatedTerms::OWN),
    };
    write.provider_create(own).await.unwrap();
    write.commit(Event::new(Action::ProviderCreate)).await.unwrap();
    assert_eq!(ask(&house, FORMATS[0], "own/sandbox-echo", false).await.status, 200);
    house.budget(ALL, 1_000_000_000).await;
    let told = ask(&house, FORMATS[0], "own/sandbox-echo", false).await;
    assert_eq!((told.status, error_code(FORMATS[0], &told.json()).as_str()), (403, "no_price"));
    assert_eq!(ask(&house, FORMATS[0], "sandbox-echo", false).await.status, 200);
    let receipt = house.receipt().await;
    let excluded = &receipt["excluded"][0];
    assert_eq!((&excluded["name"], &excluded["reason"]), (&json!("own"), &json!("no_price")));
    assert_eq!(sent(&house), 2);
}

#[tokio::test]
async fn failed_attempts_give_back_what_was_set_aside_for_them() {
    let house = House::new().await;
    house.budget(ALL, TIGHT).await;
    for model in
        ["sandbox-error-500", "open/sandbox-flaky", "open/sandbox-stall", "open/sandbox-cut"]
    {
        ask(&house, FORMATS[0], model, false).await;
        ask(&house, FORMATS[0], model, true).await;
        let (_, reserved) = sums(&house).await;
        assert_eq!(reserved, 0, "{model}");
    }
    let billed: u64 = house.usage().await.iter().filter_map(|row| row.cost_nano).sum();
    assert_eq!(sums(&house).await.0, billed);
}

#[tokio::test]
async fn each_share_is_in_the_log_once() {
    let house = House::new().await;
    let id = house.budget(ALL, 300_000).await;
    while ask(&house, FORMATS[0], "open/sandbox-echo", false).await.status == 200 {}
    house.tasks.close();
    house.tasks.wait().await;
    // Another start notices the same, and it is not told again.
    let _again = state(&house.started_anew(), &house.owner).await;
    house.tasks.wait().await;
    house.store.drain().await.unwrap();
    let mut read = house.store.read(&house.owner).await.unwrap();
    let rows = read.audit_list(&AuditFilter::default(), &Page::first(200)).await.unwrap().data;
    let told: Vec<_> = rows.iter().filter(|row| row.action == "budget.reach").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].facts["percent"], 50);
    assert_eq!(told[0].targets[0].id, id.to_string());
}
