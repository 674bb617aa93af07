//! Sessions over WebSockets: admitted, planned, carried and settled like every request, within every budget.

use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{BudgetOf, Masking, MaskingMode, Protocol, Provenance, Secret, StatedTerms};
use futures::{SinkExt as _, StreamExt as _};
use gateway::{Body, Call, Duplex, Line};
use http::{HeaderMap, HeaderValue, Response, header};
use llm::Format;
use sandbox::Sandbox;
use serde_json::{Value, json};
use store::NewProvider;
use tokio::io::DuplexStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use crate::house::{House, PROMPT, Told, quick, read, script};

const ALL: BudgetOf = BudgetOf::Organization;
/// The most that one answer of `voice` may cost, in nano-units: a thousand tokens in, a hundred out, all of it sound.
const WORST: u64 = 1_000 * 8_000 + 100 * 16_000;
/// Three words each way.
const ECHO: u64 = 3 * 1_000 + 3 * 4_000;

/// A client's end of a session, or why there is none.
enum Knocked {
    In(Box<Ends>, HeaderMap),
    Out(Box<Told>),
}

struct Ends(WebSocketStream<DuplexStream>);

impl Ends {
    async fn say(&mut self, event: Value) {
        self.0.send(Message::text(event.to_string())).await.unwrap();
    }

    /// The next event; nothing at the end, with the code that it ends with.
    async fn hear(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match tokio::time::timeout(Duration::from_secs(10), self.0.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Everything up to the first event of that kind.
    async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let event = self.hear().await.unwrap_or_else(|code| panic!("{code:?} after {all:?}"));
            let found = event["type"] == kind;
            all.push(event);
            if found {
                return all;
            }
        }
    }

    async fn ask(&mut self, text: &str) -> Vec<Value> {
        self.add(text).await;
        self.answer().await
    }

    async fn add(&mut self, text: &str) {
        self.say(json!({"type": "conversation.item.create", "item": {
            "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}],
        }}))
        .await;
    }

    async fn answer(&mut self) -> Vec<Value> {
        self.say(json!({"type": "response.create", "response": {"output_modalities": ["text"]}}))
            .await;
        self.until("response.done").await
    }

    async fn leave(mut self) {
        self.0.close(None).await.unwrap();
        while self.0.next().await.is_some() {}
    }
}

fn wish() -> HeaderMap {
    let pairs = [
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_VERSION, "13"),
        (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    pairs.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

async fn asked(
    house: &House,
    model: Option<&str>,
    headers: &HeaderMap,
    line: Option<Line>,
) -> Response<Body> {
    let (scope, request) = (house.key.clone(), house.request_id());
    let (inbound, said, body) = (Format::OpenAiChat, None, Bytes::new());
    house.gateway.realtime(Call { scope, inbound, said, headers, body, request }, model, line).await
}

async fn knock(house: &House, model: &str) -> Knocked {
    let (near, far) = tokio::io::duplex(1 << 20);
    let line: Line = Box::pin(async { Some(Box::new(far) as Box<dyn Duplex>) });
    let response = asked(house, Some(model), &wish(), Some(line)).await;
    if response.status() != 101 {
        return Knocked::Out(Box::new(read(response).await));
    }
    let headers = response.headers().clone();
    let ends = Ends(WebSocketStream::from_raw_socket(near, Role::Client, None).await);
    Knocked::In(Box::new(ends), headers)
}

async fn enter(house: &House, model: &str) -> Ends {
    match knock(house, model).await {
        Knocked::In(mut ends, _) => {
            let begun = ends.hear().await.unwrap();
            assert_eq!(begun["type"], "session.created");
            *ends
        }
        Knocked::Out(told) => panic!("{} {}", told.status, told.text),
    }
}

async fn refused(house: &House, model: &str) -> Told {
    match knock(house, model).await {
        Knocked::In(..) => panic!("a session began"),
        Knocked::Out(told) => *told,
    }
}

fn said(events: &[Value]) -> String {
    let pieces = events.iter().filter(|event| event["type"] == "response.output_text.delta");
    pieces.map(|event| event["delta"].as_str().unwrap()).collect()
}

/// What the twin heard over the socket.
fn heard(house: &House) -> Vec<Value> {
    let all = house.twin.inspector().requests();
    all.iter().filter(|one| one.method == "WS").map(sandbox::Recorded::json).collect()
}

async fn voice() -> House {
    let house =
        House::bare(quick(), Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap())
            .await;
    let base = house.twin.base_url();
    let new = |catalog: &str, name: &str| NewProvider {
        catalog: catalog.to_owned(),
        secret: Some(Secret::new("twin-key".to_owned())),
        ..crate::house::provider(
            name,
            Protocol::OpenAi,
            &base,
            ("eu-test-1", Some(StatedTerms::OWN)),
        )
    };
    house.register(new("voice", "voice")).await;
    house
}

#[tokio::test]
async fn a_session_is_one_request_with_all_its_answers() {
    let house = House::new().await;
    house.alias("talk", "open/sandbox-echo").await;
    let Knocked::In(mut ends, headers) = knock(&house, "talk").await else { panic!() };
    assert_eq!(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(headers["x-probity-provider"], "open");
    assert!(headers.contains_key("x-probity-receipt"));
    let begun = ends.hear().await.unwrap();
    assert_eq!(begun["session"]["model"], "talk", "as the client knows it");
    ends.say(json!({"type": "session.update", "session": {"type": "realtime", "model": "talk", "instructions": "x"}})).await;
    assert_eq!(ends.until("session.updated").await.pop().unwrap()["session"]["model"], "talk");
    assert_eq!(heard(&house)[0]["session"]["model"], "sandbox-echo", "as the provider knows it");
    let first = ends.ask(PROMPT).await;
    assert_eq!(said(&first), PROMPT);
    assert!(
        first.iter().all(|event| event["type"] != "rate_limits.updated"),
        "the operator's account"
    );
    ends.answer().await;
    ends.leave().await;
    let row = house.row().await;
    assert_eq!(
        (row.status, row.protocol.as_str(), row.model.as_str()),
        (200, "realtime", "sandbox-echo")
    );
    // Three words are asked and answered; then there are six.
    assert_eq!((row.usage.unwrap().input, row.usage.unwrap().output), (3 + 6, 3 + 3));
    assert_eq!(
        (row.usage.unwrap().provenance, row.cost_nano),
        (Provenance::Reported, Some(9 * 1_000 + 6 * 4_000))
    );
    let receipt = house.receipt().await;
    assert_eq!(receipt["client_format"], "realtime");
    assert!(!receipt.to_string().contains("giraffe"));
    assert_eq!(house.twin.inspector().wait(|seen| seen.completed == 1).await.cancelled, 0);
}

#[tokio::test]
async fn sound_has_its_own_price() {
    let house = voice().await;
    let mut ends = enter(&house, "voice/sandbox-echo").await;
    // Two tenths of a second, and then the provider answers by itself.
    let sound = "A".repeat(4 * 3_200);
    ends.say(json!({"type": "input_audio_buffer.append", "audio": sound})).await;
    ends.say(json!({"type": "input_audio_buffer.commit"})).await;
    let events = ends.until("response.done").await;
    assert!(events.iter().any(|event| event["type"] == "response.output_audio.delta"));
    ends.leave().await;
    let row = house.row().await;
    assert_eq!((row.usage.unwrap().input, row.usage.unwrap().output), (2, 1));
    assert_eq!(row.cost_nano, Some(2 * 8_000 + 16_000));
    let receipt = house.receipt().await;
    assert_eq!(
        (&receipt["units"]["audio_input"], &receipt["units"]["audio_output"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test]
async fn without_a_socket_there_is_no_session() {
    let house = House::new().await;
    let line = || Some(Box::pin(async { None }) as Line);
    let mut without = wish();
    without.remove(header::UPGRADE);
    for (headers, line) in [(wish(), None), (without, line()), (HeaderMap::new(), line())] {
        let told = read(asked(&house, Some("open/sandbox-echo"), &headers, line).await).await;
        assert_eq!((told.status, told.header("upgrade")), (426, "websocket"));
        assert_eq!(told.json()["error"]["code"], "upgrade_required");
    }
    let told = read(asked(&house, None, &wish(), line()).await).await;
    assert_eq!((told.status, &told.json()["error"]["code"]), (400, &json!("missing_parameter")));
    for (model, status, code) in [
        ("open/nothing", 404, "model_not_found"),
        ("elsewhere", 404, "model_not_found"),
        ("anth/sandbox-echo", 400, "wrong_endpoint"),
    ] {
        let told = refused(&house, model).await;
        assert_eq!(
            (told.status, told.json()["error"]["code"].as_str().unwrap()),
            (status, code),
            "{}",
            told.text
        );
    }
}

#[tokio::test]
async fn another_provider_is_asked_until_a_session_begins() {
    for fault in
        ["error-500", "error-429", "error-401", "error-in-200", "slow-headers", "slow-first-token"]
    {
        let house = House::new().await;
        house.alias("talk", &format!("open/sandbox-{fault},resp/sandbox-echo")).await;
        let mut ends = enter(&house, "talk").await;
        assert_eq!(said(&ends.ask(PROMPT).await), PROMPT, "{fault}");
        ends.leave().await;
        let receipt = house.receipt().await;
        assert_eq!(
            receipt["attempts"].as_array().unwrap().last().unwrap()["outcome"],
            "ok",
            "{fault}: {receipt}"
        );
        assert_eq!(house.row().await.status, 200);
    }
    let house = House::new().await;
    let told = refused(&house, "open/sandbox-error-500").await;
    assert!(told.status >= 500 && !told.text.contains("sandbox error"), "{}", told.text);
    assert_ne!(house.row().await.status, 200);
}

#[tokio::test]
async fn what_breaks_in_the_middle_is_said_and_counted() {
    for (fault, code) in [("cut", "upstream_cut"), ("reset", "upstream_cut")] {
        let house = House::new().await;
        let mut ends = enter(&house, &format!("open/sandbox-{fault}")).await;
        ends.add(PROMPT).await;
        ends.say(json!({"type": "response.create", "response": {"output_modalities": ["text"]}}))
            .await;
        let error = ends.until("error").await.pop().unwrap();
        assert_eq!(error["error"]["code"], code);
        assert_eq!(ends.hear().await.unwrap_err(), Some(1011));
        let row = house.row().await;
        assert_eq!((row.status, row.error_code.as_deref()), (502, Some(code)), "{fault}");
        assert_eq!(row.usage.unwrap().provenance, Provenance::Estimated, "{fault}");
        assert!(row.usage.unwrap().output >= 3, "{fault}: {row:?}");
    }
    let house = House::new().await;
    let mut ends = enter(&house, "open/sandbox-error-mid-stream").await;
    let events = ends.ask(PROMPT).await;
    let error = events.iter().find(|event| event["type"] == "error").unwrap();
    assert!(!error.to_string().contains("giraffe"), "{error}");
    let mut ends = enter(&house, "open/sandbox-malformed-sse").await;
    assert!(
        said(&ends.ask(PROMPT).await).len() > PROMPT.len(),
        "what is no event is not passed on"
    );
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_answer_at_once_and_pays_what_it_used() {
    let house = voice().await;
    let mut ends = enter(&house, "voice/sandbox-slow").await;
    ends.add(PROMPT).await;
    ends.say(json!({"type": "response.create", "response": {"output_modalities": ["text"]}})).await;
    ends.until("response.output_text.delta").await;
    drop(ends);
    let left = Instant::now();
    while !heard(&house).iter().any(|event| event["type"] == "response.cancel") {
        assert!(left.elapsed() < Duration::from_secs(5), "nobody told the provider");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(left.elapsed() < Duration::from_millis(50), "{:?}", left.elapsed());
    house.twin.inspector().wait(|seen| seen.open == 0).await;
    let row = loop {
        if let Some(row) = house.usage().await.pop() {
            break row;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(
        (row.usage.unwrap().provenance, row.usage.unwrap().input),
        (Provenance::Reported, 3)
    );
    assert!((1..20).contains(&row.usage.unwrap().output) && row.cost_nano.is_some(), "{row:?}");
}

#[tokio::test]
async fn what_the_next_answer_may_cost_is_set_aside() {
    for member in [false, true] {
        let house = voice().await;
        let of = if member { BudgetOf::User(house.owner.actor().user().unwrap()) } else { ALL };
        set_aside(&house, of).await;
    }
}

async fn set_aside(house: &House, of: BudgetOf) {
    house.budget(of, WORST + 2 * ECHO).await;
    let sums = async || {
        let all = house.gateway.budgets(&house.owner).await.unwrap();
        (all[0].spent_nano, all[0].reserved_nano)
    };
    let mut ends = enter(house, "voice/sandbox-echo").await;
    assert_eq!(sums().await, (0, WORST));
    ends.ask(PROMPT).await;
    assert_eq!(sums().await, (0, WORST + ECHO));
    let transcribe = json!({"audio": {"input": {"transcription": {"model": "whisper-1"}}}});
    ends.say(json!({"type": "session.update", "session": transcribe})).await;
    assert_eq!(ends.until("error").await.pop().unwrap()["error"]["code"], "no_price");
    // Six words and three: too much of the money is gone for a third one.
    ends.say(json!({"type": "response.create", "response": {"output_modalities": ["text"]}})).await;
    let error = ends.until("error").await.pop().unwrap();
    assert_eq!(error["error"]["code"], "budget_exceeded");
    assert_eq!(ends.hear().await.unwrap_err(), Some(1008));
    let row = house.row().await;
    assert_eq!((row.status, row.error_code.as_deref()), (429, Some("budget_exceeded")));
    assert_eq!(row.cost_nano, Some(9 * 1_000 + 6 * 4_000), "what was used is counted all the same");
    assert_eq!(sums().await, (33_000, 0));
    let told = refused(house, "voice/sandbox-echo").await;
    assert_eq!((told.status, &told.json()["error"]["code"]), (429, &json!("budget_exceeded")));
}

#[tokio::test]
async fn without_a_known_worst_case_there_is_no_session_under_a_budget() {
    let house = House::new().await;
    house.budget(ALL, u64::MAX / 4).await;
    let told = refused(&house, "open/sandbox-echo").await;
    assert_eq!(told.json()["error"]["code"], "no_price", "{}", told.text);
}

#[tokio::test]
async fn a_key_that_is_revoked_ends_its_sessions() {
    let house = House::new().await;
    let mut ends = enter(&house, "open/sandbox-echo").await;
    let mut write = house.store.write(&house.owner).await.unwrap();
    write.key_revoke(house.key.key().unwrap()).await.unwrap();
    write.commit(domain::Event::new(domain::Action::KeyRevoke)).await.unwrap();
    let began = Instant::now();
    assert_eq!(ends.until("error").await.pop().unwrap()["error"]["code"], "key_revoked");
    assert_eq!(ends.hear().await.unwrap_err(), Some(1008));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let house = House::new().await;
    let mut ends = enter(&house, "open/sandbox-echo").await;
    house.gateway.drain(Duration::from_millis(20)).await;
    assert_eq!(ends.until("error").await.pop().unwrap()["error"]["code"], "shutting_down");
    assert_eq!(ends.hear().await.unwrap_err(), Some(1012));
    assert_eq!(house.gateway.open_requests(), 0);
}

#[tokio::test]
async fn what_cannot_be_looked_through_is_not_said_where_that_matters() {
    let house = House::new().await;
    for (mode, begins) in
        [(MaskingMode::Mask, false), (MaskingMode::Block, false), (MaskingMode::Detect, true)]
    {
        house.masking(&Masking { mode, ..Masking::default() }).await;
        match knock(&house, "open/sandbox-echo").await {
            Knocked::In(ends, _) => {
                assert!(begins, "{mode:?}");
                ends.leave().await;
                assert_eq!(house.receipt().await["masking"]["unread"], true);
            }
            Knocked::Out(told) => {
                assert!(!begins, "{mode:?} {}", told.text);
                assert_eq!(told.json()["error"]["code"], "cannot_mask");
            }
        }
    }
}
