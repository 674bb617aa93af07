//! Personal data: providers never see it where a project masks, and callers do not notice.

use domain::{Action, Event, Masking, MaskingMode};
use http::HeaderMap;
use llm::Format;
use sandbox::Running;
use serde_json::{Value, json};

use crate::house::{
    FORMATS, House, PROVIDERS, Told, complete, error_code, events, read, streamed_text, text_of,
};

const MAIL: &str = "anna.andersson@example.com";
const PHONE: &str = "+45 20 12 34 56";
const CARD: &str = "4111 1111 1111 1111";
const VALUES: [&str; 3] = [MAIL, PHONE, CARD];

fn prompt() -> String {
    format!("Write to {MAIL} or call {PHONE} about {CARD} today")
}

fn mode(mode: MaskingMode) -> Masking {
    Masking { mode, ..Masking::default() }
}

/// The same conversation in every format: instructions, a call with its result, and a last turn.
fn conversation(format: Format, model: &str, stream: bool) -> Value {
    let arguments = json!({"to": MAIL, "note": CARD});
    let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    let result = format!("sent to {MAIL}");
    match format {
        Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => json!({
            "model": model, "stream": stream,
            "messages": [
                {"role": "system", "content": format!("You work for {MAIL}.")},
                {"role": "user", "content": "Send it."},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
                    "function": {"name": "send", "arguments": arguments.to_string()}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": result},
                {"role": "assistant", "content": "Done."},
                {"role": "user", "content": [{"type": "text", "text": prompt()}]},
            ],
            "tools": [{"type": "function", "function": {"name": "send", "parameters": schema}}],
        }),
        Format::Cohere => json!({
            "model": model, "stream": stream,
            "messages": [
                {"role": "system", "content": format!("You work for {MAIL}.")},
                {"role": "user", "content": "Send it."},
                {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function",
                    "function": {"name": "send", "arguments": arguments.to_string()}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": [
                    {"type": "document", "document": {"data": {"result": result}}}]},
                {"role": "assistant", "content": "Done."},
                {"role": "user", "content": [{"type": "text", "text": prompt()}]},
            ],
            "tools": [{"type": "function", "function": {"name": "send", "parameters": schema}}],
        }),
        Format::AnthropicMessages => json!({
            "model": model, "stream": stream, "max_tokens": 1000,
            "system": format!("You work for {MAIL}."),
            "messages": [
                {"role": "user", "content": "Send it."},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "send", "input": arguments}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": result}]},
                {"role": "assistant", "content": "Done."},
                {"role": "user", "content": [{"type": "text", "text": prompt()}]},
            ],
            "tools": [{"name": "send", "input_schema": schema}],
        }),
        Format::OpenAiResponses => json!({
            "model": model, "stream": stream,
            "instructions": format!("You work for {MAIL}."),
            "input": [
                {"role": "user", "content": "Send it."},
                {"type": "function_call", "call_id": "call_1", "name": "send", "arguments": arguments.to_string()},
                {"type": "function_call_output", "call_id": "call_1", "output": result},
                {"role": "assistant", "content": "Done."},
                {"role": "user", "content": [{"type": "input_text", "text": prompt()}]},
            ],
            "tools": [{"type": "function", "name": "send", "parameters": schema}],
        }),
        Format::Gemini => json!({
            "systemInstruction": {"parts": [{"text": format!("You work for {MAIL}.")}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Send it."}]},
                {"role": "model", "parts": [{"functionCall": {"id": "call_1", "name": "send", "args": arguments}}]},
                {"role": "user", "parts": [{"functionResponse": {"id": "call_1", "name": "send", "response": {"result": result}}}]},
                {"role": "model", "parts": [{"text": "Done."}]},
                {"role": "user", "parts": [{"text": prompt()}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "send", "parameters": schema}]}],
        }),
    }
}

/// Asks in a format whose requests say everything, or in Gemini.
async fn ask(house: &House, format: Format, model: &str, stream: bool) -> Told {
    let body = conversation(format, model, stream);
    if format == Format::Gemini {
        return house.generate(model, stream, &body).await;
    }
    let key = house.key.clone();
    read(house.start_with(&key, format, &HeaderMap::new(), body.to_string()).await).await
}

fn seen(twin: &Running) -> Vec<String> {
    let all = twin.inspector().requests();
    all.iter().map(|one| String::from_utf8_lossy(&one.body).into_owned()).collect()
}

fn assert_unseen(house: &House) {
    let seen = seen(&house.twin);
    assert!(!seen.is_empty());
    for body in seen {
        for value in VALUES {
            assert!(!body.contains(value), "{value} in {body}");
        }
    }
}

/// The arguments of all calls of an answer, in order.
fn arguments(format: Format, told: &str) -> String {
    let mut all = String::new();
    let mut whole = Vec::new();
    let pointers: &[&str] = match format {
        Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => &[
            "/choices/0/delta/tool_calls/0/function/arguments",
            "/choices/0/message/tool_calls/0/function/arguments",
        ],
        Format::AnthropicMessages => &["/delta/partial_json"],
        // One provider plans before it calls.
        Format::OpenAiResponses => &["/delta", "/output/0/arguments", "/output/1/arguments"],
        Format::Gemini => &[],
        Format::Cohere => &[
            "/delta/message/tool_calls/function/arguments",
            "/message/tool_calls/0/function/arguments",
        ],
    };
    let documents = match serde_json::from_str::<Value>(told) {
        Ok(document) => vec![document],
        Err(_) => events(told),
    };
    for document in documents {
        let texts = pointers.iter().filter_map(|pointer| document.pointer(pointer));
        texts.filter_map(Value::as_str).for_each(|text| all.push_str(text));
        for pointer in [
            "/content/0/input",
            "/content/1/input",
            "/candidates/0/content/parts/0/functionCall/args",
            "/candidates/0/content/parts/1/functionCall/args",
        ] {
            whole.extend(document.pointer(pointer).map(ToString::to_string));
        }
    }
    all + &whole.concat()
}

#[tokio::test]
async fn providers_see_codes_and_callers_see_values() {
    let house = House::new().await;
    house.masking(&mode(MaskingMode::Mask)).await;
    for (provider, _) in PROVIDERS {
        for format in FORMATS {
            for stream in [false, true] {
                let model = format!("{provider}/sandbox-echo");
                let told = ask(&house, format, &model, stream).await;
                assert_eq!(told.status, 200, "{}", told.text);
                if stream {
                    assert_eq!(
                        streamed_text(format, &told.text),
                        prompt(),
                        "{provider} {format:?}"
                    );
                    assert!(complete(format, &told.text), "{}", told.text);
                } else {
                    assert_eq!(text_of(format, &told.json()), prompt(), "{provider} {format:?}");
                }
                assert!(!told.text.contains("MAIL"), "no code is left: {}", told.text);
                let masking = house.receipt().await["masking"].clone();
                assert_eq!(
                    masking,
                    json!({"mode": "mask", "counts": {"email": 4, "phone": 1, "card": 2}})
                );
            }
        }
    }
    assert_unseen(&house);
    // The same value has the same code in every request, in whatever format, so prompt caches stay valid.
    let codes: std::collections::BTreeSet<String> = seen(&house.twin)
        .iter()
        .flat_map(|body| {
            body.match_indices("MAIL")
                .map(|(at, _)| body[at..at + 9].to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(codes.len(), 1, "{codes:?}");
    let receipt = house.receipt().await.to_string();
    assert!(VALUES.iter().all(|value| !receipt.contains(value)));
}

#[tokio::test]
async fn arguments_of_tools_are_restored() {
    let house = House::new().await;
    house.masking(&mode(MaskingMode::Mask)).await;
    for (provider, _) in PROVIDERS {
        for format in FORMATS {
            for stream in [false, true] {
                let model = format!("{provider}/sandbox-parallel-tools");
                let told = ask(&house, format, &model, stream).await;
                assert_eq!(told.status, 200, "{}", told.text);
                let arguments = arguments(format, &told.text);
                assert!(
                    arguments.contains(&prompt()),
                    "{provider} {format:?} {stream}: {}",
                    told.text
                );
                assert!(!told.text.contains("MAIL"), "{}", told.text);
            }
        }
    }
    assert_unseen(&house);
}

#[tokio::test]
async fn a_blocked_request_goes_to_nobody() {
    let house = House::new().await;
    house.masking(&mode(MaskingMode::Block)).await;
    for format in FORMATS {
        let told = ask(&house, format, "open/sandbox-echo", true).await;
        assert_eq!(told.status, 400, "{}", told.text);
        assert_eq!(error_code(format, &told.json()), "personal_data_found");
        assert!(told.text.contains("E-mail address (4)"), "{}", told.text);
        assert!(VALUES.iter().all(|value| !told.text.contains(value)), "{}", told.text);
    }
    assert_eq!(house.twin.inspector().counters().requests, 0);
    assert!(house.usage().await.is_empty());
    let clean =
        json!({"model": "open/sandbox-echo", "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(house.ask(FORMATS[0], &clean).await.status, 200);
}

#[tokio::test]
async fn detecting_counts_and_changes_no_byte() {
    let house = House::new().await;
    for format in FORMATS {
        for setting in [MaskingMode::Off, MaskingMode::Detect] {
            house.masking(&mode(setting)).await;
            let told = ask(&house, format, "open/sandbox-echo", false).await;
            assert_eq!(text_of(format, &told.json()), prompt());
        }
        let bodies = seen(&house.twin);
        let [.., off, detect] = bodies.as_slice() else { panic!("two requests") };
        assert_eq!(off, detect);
        let masking = &house.receipt().await["masking"];
        assert_eq!(masking["mode"], "detect");
        assert_eq!(masking["counts"]["email"], 4);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_not_sent() {
    let house = House::new().await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let bodies = [
        "{\"model\":\"open/sandbox-echo\",\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800 x\"}]}".to_owned(),
        format!("{{\"model\":\"open/sandbox-echo\",\"messages\":[{{\"role\":\"user\",\"content\":\"x\"}}],\"y\":{deep}}}"),
    ];
    let send = async |body: &String| {
        let key = house.key.clone();
        let sent = house.start_with(&key, FORMATS[0], &HeaderMap::new(), body.clone()).await;
        read(sent).await
    };
    for setting in [MaskingMode::Mask, MaskingMode::Block] {
        house.masking(&mode(setting)).await;
        for body in &bodies {
            let told = send(body).await;
            assert_eq!(told.status, 400, "{}", told.text);
            assert_eq!(error_code(FORMATS[0], &told.json()), "unreadable_text");
        }
    }
    assert_eq!(house.twin.inspector().counters().requests, 0);
    house.masking(&mode(MaskingMode::Detect)).await;
    send(&bodies[0]).await;
    assert_eq!(house.twin.inspector().counters().requests, 1, "who only counts sends it on");
    assert_eq!(house.receipt().await["masking"]["unread"], true);
}

#[tokio::test]
async fn counting_tokens_sends_codes_too() {
    let house = House::new().await;
    house.masking(&mode(MaskingMode::Mask)).await;
    let told = house
        .count_tokens(&conversation(Format::AnthropicMessages, "anth/sandbox-echo", false))
        .await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert!(told.json()["input_tokens"].as_u64().unwrap() > 0);
    assert_unseen(&house);
}

/// Long bodies are looked through elsewhere, with the same result.
#[tokio::test]
async fn long_requests_are_masked_too() {
    let house = House::new().await;
    house.masking(&mode(MaskingMode::Mask)).await;
    let long = format!("{} {}", "lorem ipsum ".repeat(10_000), prompt());
    let body = json!({
        "model": "open/sandbox-echo",
        "messages": [{"role": "system", "content": long}, {"role": "user", "content": prompt()}],
    });
    let told = house.ask(FORMATS[0], &body).await;
    assert_eq!(text_of(FORMATS[0], &told.json()), prompt());
    assert_unseen(&house);
}

#[tokio::test]
async fn kinds_are_left_alone_and_names_are_looked_for() {
    let house = House::new().await;
    let ask = |text: &str| json!({"model": "open/sandbox-echo", "messages": [{"role": "user", "content": text}]});
    let except = ["email".to_owned()].into();
    house.masking(&Masking { mode: MaskingMode::Mask, except, names: true }).await;
    let text = format!("My name is Anna Andersson, {MAIL}, {PHONE}");
    let told = house.ask(FORMATS[0], &ask(&text)).await;
    assert_eq!(text_of(FORMATS[0], &told.json()), text);
    let seen = seen(&house.twin).concat();
    assert!(seen.contains(MAIL), "{seen}");
    assert!(!seen.contains("Andersson") && !seen.contains(PHONE), "{seen}");
    assert_eq!(house.receipt().await["masking"]["counts"], json!({"person": 1, "phone": 1}));
}

async fn known(house: &House, names: &[&str]) {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut write = house.store.write(&house.owner).await.unwrap();
    write.directory_set(&names, false).await.unwrap();
    write.commit(Event::new(Action::MaskingDirectorySet)).await.unwrap();
}

/// Names that the organization knows are found wherever they stand, without a cue, until they are forgotten.
#[tokio::test]
async fn the_organizations_own_names_are_looked_for() {
    let house = House::new().await;
    house.masking(&mode(MaskingMode::Mask)).await;
    let text = "kanarek, zofia asked about Kanareks budget; Jonna Lind did not";
    let ask = |text: &str| json!({"model": "open/sandbox-echo", "messages": [{"role": "user", "content": text}]});
    let send = async |text: &str| {
        let told = house.ask(FORMATS[0], &ask(text)).await;
        assert_eq!(text_of(FORMATS[0], &told.json()), text, "the caller notices nothing");
        let last = seen(&house.twin).pop().unwrap();
        (last, house.receipt().await["masking"]["counts"].clone())
    };
    let (sent, counts) = send(text).await;
    assert!(sent.contains(text), "without names: {sent}");
    assert_eq!(counts, json!({}));
    known(&house, &["Zofia Kanarek"]).await;
    // The second time they are ready, and looked for on the spot.
    for _ in 0..2 {
        let (sent, counts) = send(text).await;
        assert!(!sent.to_lowercase().contains("kanarek") && sent.contains("Jonna Lind"), "{sent}");
        assert_eq!(counts, json!({"person": 2}));
    }
    house.masking(&Masking { names: true, ..mode(MaskingMode::Mask) }).await;
    let (sent, counts) = send("zofia kanarek said: My name is Jonna Lind").await;
    assert!(!sent.contains("kanarek") && !sent.contains("Jonna"), "strangers as well: {sent}");
    assert_eq!(counts, json!({"person": 2}));
    let except = ["person".to_owned()].into();
    house.masking(&Masking { except, ..mode(MaskingMode::Mask) }).await;
    assert!(send(text).await.0.contains(text), "left alone");
    house.masking(&mode(MaskingMode::Mask)).await;
    known(&house, &[]).await;
    assert!(send(text).await.0.contains(text), "forgotten");
}

/// Twenty thousand names are made ready once, beside the other requests.
#[tokio::test]
async fn many_names_do_not_hold_up_requests() {
    let house = House::new().await;
    house.masking(&mode(MaskingMode::Mask)).await;
    let letters = |mut number: usize| {
        let mut word = String::from("Q");
        while number > 0 {
            word.push(char::from(b'a' + (number % 26) as u8));
            number /= 26;
        }
        word
    };
    let names: Vec<_> =
        (1..=20_000).map(|at| format!("{}ar {}ek", letters(at), letters(at * 31))).collect();
    known(&house, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let body = json!({"model": "open/sandbox-echo", "messages": [{"role": "user", "content": names[19_999]}]});
    for _ in 0..2 {
        let before = std::time::Instant::now();
        let told = house.ask(FORMATS[0], &body).await;
        eprintln!("20,000 names: {:?}", before.elapsed());
        assert_eq!(text_of(FORMATS[0], &told.json()), names[19_999]);
    }
    assert!(!seen(&house.twin).concat().contains(&names[19_999]));
}
