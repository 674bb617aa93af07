//! Clients that speak Gemini: the path names the model and whether the answer is a stream.

use http::HeaderMap;
use llm::Format;
use serde_json::{Value, json};

use crate::house::{
    FORMATS, House, PROMPT, PROVIDERS, complete, error_code, events, read, streamed_text, text_of,
};

const FORMAT: Format = Format::Gemini;

fn request() -> Value {
    json!({
        "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
        "generationConfig": {"maxOutputTokens": 1000},
    })
}

#[tokio::test]
async fn every_provider_is_reached() {
    let house = House::new().await;
    for (provider, _) in PROVIDERS {
        let model = format!("{provider}/sandbox-echo");
        let told = house.generate(&model, false, &request()).await;
        assert_eq!(told.status, 200, "{}", told.text);
        assert_eq!(text_of(FORMAT, &told.json()), PROMPT);
        assert_eq!(told.header("x-probity-provider"), provider);
        let told = house.generate(&model, true, &request()).await;
        assert_eq!(streamed_text(FORMAT, &told.text), PROMPT, "{}", told.text);
        assert!(complete(FORMAT, &told.text), "{}", told.text);
        let row = house.usage().await.pop().unwrap();
        let usage = row.usage.unwrap();
        assert_eq!((usage.input, usage.output), (3, 3), "{provider}");
        assert!(row.streaming);
        assert_eq!(row.protocol, "gemini");
    }
    assert_eq!(house.usage().await.len(), 2 * PROVIDERS.len());
}

#[tokio::test]
async fn refusals_are_in_the_clients_format() {
    let house = House::new().await;
    let told = house.generate("gpt-9", false, &request()).await;
    assert_eq!((told.status, told.json()["error"]["status"].as_str()), (404, Some("NOT_FOUND")));
    assert_eq!(error_code(FORMAT, &told.json()), "model_not_found");
    let told = house.generate("open/sandbox-echo", false, &json!({})).await;
    assert_eq!(told.status, 400, "{}", told.text);
    let told = house.generate("open/sandbox-error-429", true, &request()).await;
    assert_eq!((told.status, told.json()["error"]["code"].as_u64()), (429, Some(429)));
    assert!(!told.text.contains("giraffe"));
}

#[tokio::test]
async fn the_same_format_passes_as_it_is() {
    let house = House::new().await;
    let body = "{ \"contents\": [{\"parts\": [{\"text\":\"a\\u0062c\"}] ,\"role\":\"user\"}],\n \"generationConfig\":{\"temperature\":1.0e0,\"topK\":40} }";
    for stream in [false, true] {
        let way = (FORMAT, Some(("gem/sandbox-echo", stream)));
        let told =
            read(house.start_at(&house.key, way, &HeaderMap::new(), body.to_owned()).await).await;
        assert_eq!(told.status, 200);
        let seen = house.twin.inspector().requests().pop().unwrap();
        assert_eq!(seen.body, body.as_bytes());
        let call = if stream { "streamGenerateContent" } else { "generateContent" };
        assert_eq!(seen.path, format!("/v1/models/sandbox-echo:{call}"));
    }
}

/// What the libraries say about themselves and their user is between them and us.
#[tokio::test]
async fn headers_of_the_libraries_stay_here() {
    let house = House::new().await;
    let mut headers = HeaderMap::new();
    let own =
        ["x-goog-api-client", "x-goog-user-project", "x-goog-request-params", "x-server-timeout"];
    for name in own {
        headers.insert(name, "telling".parse().unwrap());
    }
    for (name, secret) in [("x-goog-api-key", "pbk_client"), ("authorization", "Bearer pbk_client")]
    {
        headers.insert(name, secret.parse().unwrap());
    }
    for (provider, _) in PROVIDERS {
        let model = format!("{provider}/sandbox-echo");
        let way = (FORMAT, Some((model.as_str(), false)));
        let body = request().to_string();
        let told = read(house.start_at(&house.key, way, &headers, body).await).await;
        assert_eq!(told.status, 200, "{}", told.text);
        let seen = house.twin.inspector().requests().pop().unwrap();
        for (name, value) in &seen.headers {
            assert!(!own.contains(&name.as_str()), "{provider}: {name}");
            assert!(!value.contains("pbk_client"), "{provider}: {name}");
        }
        let key = (provider == "gem").then_some("twin-key");
        assert_eq!(seen.header("x-goog-api-key"), key, "{provider}");
    }
}

/// The parts of a whole answer or of all chunks of a stream.
fn parts(text: &str, stream: bool) -> Vec<Value> {
    let answers = if stream { events(text) } else { vec![serde_json::from_str(text).unwrap()] };
    let parts = answers.iter().map(|answer| answer["candidates"][0]["content"]["parts"].clone());
    parts.flat_map(|parts| parts.as_array().cloned().unwrap_or_default()).collect()
}

/// The providers check what they get back: the second turn would be refused if a byte of it were lost.
#[tokio::test]
async fn thinking_and_calls_survive_two_turns() {
    let house = House::new().await;
    for provider in ["anth", "gem"] {
        for stream in [false, true] {
            let model = format!("{provider}/sandbox-thinking");
            let mut ask = request();
            ask["tools"] = json!([{"functionDeclarations": [{"name": "look"}]}]);
            ask["generationConfig"]["maxOutputTokens"] = json!(8192);
            ask["generationConfig"]["thinkingConfig"] =
                json!({"includeThoughts": true, "thinkingBudget": 2048});
            let first = house.generate(&model, stream, &ask).await;
            assert_eq!(first.status, 200, "{}", first.text);
            let parts = parts(&first.text, stream);
            let call = parts.iter().find_map(|part| part.get("functionCall")).unwrap();
            let result = json!({"functionResponse":
                {"id": call["id"], "name": "look", "response": {"output": "sunny"}}});
            let contents = ask["contents"].as_array_mut().unwrap();
            contents.push(json!({"role": "model", "parts": parts}));
            contents.push(json!({"role": "user", "parts": [result]}));
            let second = house.generate(&model, false, &ask).await;
            assert_eq!(second.status, 200, "{model} {stream}: {}", second.text);
            assert!(second.text.contains("verified 1 sunny"), "{model}: {}", second.text);
        }
    }
}

#[tokio::test]
async fn a_signature_of_gemini_comes_back_from_chat() {
    let house = House::new().await;
    let tools = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    let mut ask = json!({
        "model": "gem/sandbox-thinking", "tools": tools, "reasoning_effort": "low",
        "messages": [{"role": "user", "content": PROMPT}],
    });
    let first = house.ask(FORMATS[0], &ask).await.json();
    let message = first["choices"][0]["message"].clone();
    let id = message["tool_calls"][0]["id"].clone();
    let turns = ask["messages"].as_array_mut().unwrap();
    turns.push(message);
    turns.push(json!({"role": "tool", "tool_call_id": id, "content": "sunny"}));
    let second = house.ask(FORMATS[0], &ask).await;
    assert_eq!(second.status, 200, "{}", second.text);
    assert!(second.text.contains("verified 1 sunny"), "{}", second.text);
    // Without it the provider refuses the turn, and says so.
    ask["messages"][1].as_object_mut().unwrap().remove("reasoning_details");
    let refused = house.ask(FORMATS[0], &ask).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
}
