//! Providers whose credential is exchanged for a token: Vertex AI, watsonx, Azure with an application of Entra ID.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::{KeyPair as _, RsaKeyPair},
};
use domain::{Clock, Protocol, ProviderId, Secret, StatedTerms};
use llm::Format;
use sandbox::{Grants, Sandbox, Script};
use serde_json::json;
use store::NewProvider;

use crate::house::{
    self, FORMATS, House, PROMPT, model_of, quick, request, script, streamed_text, text_of,
};

pub(crate) const IBM_KEY: &str = "ibm-key-0123456789";
const ENTRA_SECRET: &str = "entra~secret:0123";

/// A house whose twin gives tokens, with one provider that needs them.
pub(crate) async fn house_of(catalog: &str, script: Script) -> House {
    house_at(catalog, script, Clock::system()).await
}

pub(crate) async fn house_at(catalog: &str, script: Script, clock: Clock) -> House {
    let (grants, secret) = credential(catalog);
    let twin = Script { grants: Some(grants), ..script };
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), twin).await.unwrap();
    let house = House::at(quick(), twin, clock).await;
    add(&house, catalog, &secret).await;
    house
}

pub(crate) async fn add(house: &House, catalog: &str, secret: &str) -> ProviderId {
    let (path, protocol) = match catalog {
        "vertex" => ("", Protocol::Gemini),
        "watsonx" => ("/ml/v1", Protocol::Watsonx),
        _ => ("/openai/v1", Protocol::OpenAi),
    };
    let base = format!("http://{}{path}", house.twin.addr);
    let about = ("eu-test-1", Some(StatedTerms::OWN));
    let new = NewProvider {
        catalog: catalog.to_owned(),
        secret: Some(Secret::new(secret.to_owned())),
        ..house::provider("cloud", protocol, &base, about)
    };
    house.register(new).await
}

/// What the twin takes, and what the provider is registered with.
pub(crate) fn credential(catalog: &str) -> (Grants, String) {
    match catalog {
        "vertex" => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            let key = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
            let email = "robot@acme-1.iam.gserviceaccount.com";
            let public_key = pair.public_key().as_ref().to_vec();
            let secret = format!("{email}:acme-1:{}:k-17", base64(key.as_ref()));
            (Grants::Google { email: email.to_owned(), public_key }, secret)
        }
        "watsonx" => (Grants::Ibm { key: IBM_KEY.to_owned() }, format!("{IBM_KEY}:project-1")),
        _ => {
            let [tenant, client, secret] =
                ["acme.onmicrosoft.com", "client-1", ENTRA_SECRET].map(str::to_owned);
            let entered = format!("{tenant}:{client}:{secret}");
            (Grants::Entra { tenant, client, secret }, entered)
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

async fn both_ways(house: &House, model: &str) {
    for format in FORMATS {
        for stream in [false, true] {
            let told = house.ask(format, &request(model, stream)).await;
            assert_eq!(told.status, 200, "{format:?} {stream}: {}", told.text);
            let text = if stream {
                streamed_text(format, &told.text)
            } else {
                let answer = told.json();
                // One format's answers name no model.
                if format != Format::Cohere {
                    assert_eq!(*model_of(format, &answer), model, "{}", told.text);
                }
                text_of(format, &answer)
            };
            assert_eq!(text, PROMPT, "{format:?} {stream}");
            let usage = house.usage().await.pop().unwrap().usage.unwrap();
            assert_eq!((usage.input, usage.output), (3, 3), "{format:?} {stream}");
        }
    }
}

#[tokio::test]
async fn vertex_is_asked_in_the_format_of_the_model_s_maker() {
    let house = house_of("vertex", script()).await;
    both_ways(&house, "cloud/sandbox-echo").await;
    both_ways(&house, "cloud/claude-sandbox-echo").await;
    let seen = house.twin.inspector().requests();
    let (at, all) = ("/v1/projects/acme-1/locations/eu-test-1/publishers", FORMATS.len());
    for (path, count) in [
        ("/token".to_owned(), 1),
        (format!("{at}/google/models/sandbox-echo:generateContent"), all),
        (format!("{at}/google/models/sandbox-echo:streamGenerateContent"), all),
        (format!("{at}/anthropic/models/claude-sandbox-echo:rawPredict"), all),
        (format!("{at}/anthropic/models/claude-sandbox-echo:streamRawPredict"), all),
    ] {
        assert_eq!(seen.iter().filter(|one| one.path == path).count(), count, "{path}");
    }
    for one in seen.iter().filter(|one| one.path != "/token") {
        assert_eq!(one.header("authorization"), Some("Bearer ya29.sandbox-1"));
        assert_eq!((one.header("x-goog-api-key"), one.header("x-api-key")), (None, None));
    }
}

#[tokio::test]
async fn claude_at_vertex_counts_and_keeps_its_thinking() {
    let house = house_of("vertex", script()).await;
    let body = json!({
        "model": "cloud/claude-sandbox-echo", "messages": [{"role": "user", "content": PROMPT}],
    });
    let told = house.count_tokens(&body).await;
    assert_eq!((told.status, &told.json()["input_tokens"]), (200, &json!(3)), "{}", told.text);
    let seen = house.twin.inspector().requests().pop().unwrap();
    assert!(seen.path.ends_with("/anthropic/models/count-tokens:rawPredict"), "{}", seen.path);
    let mut ask = request("cloud/claude-sandbox-thinking", false);
    ask["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    ask["max_tokens"] = json!(4096);
    ask["tools"] = json!([{"name": "look", "input_schema": {"type": "object"}}]);
    let first = house.ask(Format::AnthropicMessages, &ask).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let content = first.json()["content"].clone();
    let id = content[1]["id"].clone();
    ask["messages"] = json!([
        {"role": "user", "content": PROMPT},
        {"role": "assistant", "content": content},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": "sunny"}]},
    ]);
    let second = house.ask(Format::AnthropicMessages, &ask).await;
    assert_eq!(second.json()["content"][1]["text"], "verified 1 sunny", "{}", second.text);
}

#[tokio::test]
async fn a_conversation_with_tools_goes_on_at_vertex() {
    let house = house_of("vertex", script()).await;
    let mut ask = request("cloud/sandbox-echo", false);
    ask["tools"] = json!([{"type": "function", "function": {
        "name": "look", "parameters": {"type": "object"}}}]);
    ask["messages"] = json!([
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "user", "content": PROMPT},
    ]);
    let told = house.ask(Format::OpenAiChat, &ask).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let seen = house.twin.inspector().requests().pop().unwrap();
    let body = String::from_utf8_lossy(&seen.body).into_owned();
    assert!(body.contains("functionResponse") && !body.contains("c1"), "{body}");
}

#[tokio::test]
async fn watsonx_is_asked_with_its_project_and_version() {
    let house = house_of("watsonx", script()).await;
    both_ways(&house, "cloud/sandbox-echo").await;
    let seen = house.twin.inspector().requests();
    assert_eq!(seen.iter().filter(|one| one.path == "/identity/token").count(), 1);
    for one in seen.iter().filter(|one| one.path != "/identity/token") {
        assert!(one.path.starts_with("/ml/v1/text/chat"), "{}", one.path);
        assert_eq!(one.json()["project_id"], "project-1");
        assert!(one.json().get("stream").is_none(), "the path says it");
        assert!(!String::from_utf8_lossy(&one.body).contains(IBM_KEY));
    }
}

#[tokio::test]
async fn tools_cross_to_watsonx_and_back() {
    let house = house_of("watsonx", script()).await;
    for (choice, name) in [
        (json!("auto"), "tool_choice_option"),
        (json!("required"), "tool_choice_option"),
        (json!({"type": "function", "function": {"name": "look"}}), "tool_choice"),
    ] {
        let mut ask = request("cloud/sandbox-tools", false);
        ask["tools"] = json!([{"type": "function", "function": {
            "name": "look", "parameters": {"type": "object"}}}]);
        ask["tool_choice"] = choice.clone();
        let told = house.ask(Format::OpenAiChat, &ask).await;
        assert_eq!(told.status, 200, "{}", told.text);
        let message = &told.json()["choices"][0]["message"];
        assert_eq!(message["tool_calls"][0]["function"]["name"], "look", "{}", told.text);
        let seen = house.twin.inspector().requests().pop().unwrap();
        assert_eq!(seen.json()[name], choice);
    }
}

#[tokio::test]
async fn errors_of_watsonx_are_understood_and_not_repeated() {
    let house = house_of("watsonx", script()).await;
    for (model, stream, status) in [
        ("error-400", false, 400),
        ("error-429", false, 429),
        ("error-in-200", false, 503),
        ("error-in-200", true, 503),
    ] {
        let told = house.ask(FORMATS[0], &request(&format!("cloud/sandbox-{model}"), stream)).await;
        assert_eq!(told.status, status, "{model}: {}", told.text);
        assert!(!told.text.contains("giraffe"), "{}", told.text);
    }
    let told = house.ask(FORMATS[0], &request("cloud/sandbox-error-mid-stream", true)).await;
    assert!(told.text.contains("overloaded"), "{}", told.text);
    let told = house.ask(FORMATS[0], &request("cloud/sandbox-cut", true)).await;
    assert!(told.text.contains("upstream_cut"), "{}", told.text);
}

#[tokio::test]
async fn azure_takes_the_token_of_an_application() {
    let house = house_of("azure", script()).await;
    both_ways(&house, "cloud/sandbox-echo").await;
    let seen = house.twin.inspector().requests();
    let token = "/acme.onmicrosoft.com/oauth2/v2.0/token";
    assert_eq!(seen.iter().filter(|one| one.path == token).count(), 1);
    for one in seen.iter().filter(|one| one.path != token) {
        assert_eq!(one.header("authorization"), Some("Bearer ya29.sandbox-1"));
        assert_eq!(one.header("api-key"), None);
    }
}
