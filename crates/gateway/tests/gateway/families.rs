//! What is particular to some families of providers: how they are shown who asks, and what they leave out.

use domain::{Protocol, Secret, StatedTerms};
use llm::Format;
use sandbox::{Sandbox, Script};
use serde_json::{Value, json};
use store::NewProvider;

use crate::house::{
    self, FORMATS, House, PROMPT, events, model_of, quick, request, script, streamed_text, text_of,
};

/// A provider of the catalogue, at the twin.
fn provider(
    catalog: &str,
    name: &str,
    protocol: Protocol,
    (base_url, secret): (String, &str),
) -> NewProvider {
    let about = ("eu-test-1", Some(StatedTerms::OWN));
    NewProvider {
        catalog: catalog.to_owned(),
        secret: Some(Secret::new(secret.to_owned())),
        ..house::provider(name, protocol, &base_url, about)
    }
}

const ACCESS_KEY: &str = "AKIASANDBOXEXAMPLE01:wJalrXUtnFEMI/K7MDENG+bPxRfiCY";

/// A twin that wants its requests signed.
async fn signed_house(secret: &str) -> House {
    let twin = Script { key: Some(Secret::new(ACCESS_KEY.to_owned())), ..script() };
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), twin).await.unwrap();
    let house = House::bare(quick(), twin).await;
    let base = house.twin.base_url();
    house.register(provider("sandbox", "bed", Protocol::Bedrock, (base, secret))).await;
    house
}

#[tokio::test]
async fn an_access_key_signs_every_request() {
    let house = signed_house(ACCESS_KEY).await;
    for format in FORMATS {
        for stream in [false, true] {
            // A name with characters that the path has to escape.
            let told = house.ask(format, &request("bed/sandbox-echo", stream)).await;
            assert_eq!(told.status, 200, "{}", told.text);
        }
    }
    let seen = house.twin.inspector().requests();
    for one in &seen {
        let said = one.header("authorization").unwrap();
        assert!(said.contains("/eu-test-1/bedrock/aws4_request"), "{said}");
        assert!(!said.contains("wJalr"), "the secret itself stays here");
        assert!(one.header("x-amz-date").is_some());
    }
}

#[tokio::test]
async fn a_model_s_name_is_signed_as_it_is_sent() {
    let house = signed_house(ACCESS_KEY).await;
    let told = house.ask(FORMATS[0], &request("bed/sandbox-none-v1:0", false)).await;
    // The twin checks the signature first, and then does not know the model.
    assert_eq!((told.status, told.text.contains("model")), (404, true), "{}", told.text);
    let seen = house.twin.inspector().requests().pop().unwrap();
    assert_eq!(seen.path, "/v1/model/sandbox-none-v1%3A0/converse");
}

#[tokio::test]
async fn a_wrong_access_key_is_named_as_such() {
    let wrong = ACCESS_KEY.replace("bPx", "bPy");
    for secret in [wrong.as_str(), "ABSKwrong"] {
        let house = signed_house(secret).await;
        let told = house.ask(FORMATS[0], &request("bed/sandbox-echo", false)).await;
        assert_eq!(told.status, 401, "{}", told.text);
        let receipt = house.receipt().await;
        assert_eq!(receipt["attempts"][0]["outcome"], "upstream_authentication");
    }
}

#[tokio::test]
async fn answers_without_id_and_model_are_given_them() {
    let house = House::new().await;
    for (format, provider) in FORMATS.into_iter().flat_map(|one| [(one, "bed"), (one, "coh")]) {
        let model = format!("{provider}/sandbox-echo");
        let told = house.ask(format, &request(&model, false)).await;
        let answer = told.json();
        let id = if format == Format::Gemini { &answer["responseId"] } else { &answer["id"] };
        assert!(id.as_str().unwrap().len() > 8, "{}", told.text);
        if format == Format::Cohere {
            // It has no word for the model.
            continue;
        }
        assert_eq!(*model_of(format, &answer), model);
        let told = house.ask(format, &request(&model, true)).await;
        let first = events(&told.text).remove(0);
        let inner = first.get("message").or(first.get("response")).unwrap_or(&first);
        assert_eq!(*model_of(format, inner), model, "{}", told.text);
    }
}

#[tokio::test]
async fn claude_at_bedrock_recognises_its_thinking() {
    let house = House::new().await;
    for stream in [false, true] {
        let mut ask = request("bed/anthropic.sandbox-thinking", stream);
        ask["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
        ask["max_tokens"] = json!(4096);
        ask["tools"] = json!([{"name": "look", "input_schema": {"type": "object"}}]);
        let first = house.ask(Format::AnthropicMessages, &ask).await;
        assert_eq!(first.status, 200, "{}", first.text);
        let content =
            if stream { blocks(&events(&first.text)) } else { first.json()["content"].clone() };
        let id = content[1]["id"].clone();
        ask["stream"] = json!(false);
        ask["messages"] = json!([
            {"role": "user", "content": PROMPT},
            {"role": "assistant", "content": content},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": id, "content": "sunny"}]},
        ]);
        let second = house.ask(Format::AnthropicMessages, &ask).await;
        assert_eq!(second.status, 200, "{}", second.text);
        assert_eq!(second.json()["content"][1]["text"], "verified 1 sunny");
        // Another signature is refused there.
        ask["messages"][1]["content"][0]["signature"] = json!("c2ln");
        assert_eq!(house.ask(Format::AnthropicMessages, &ask).await.status, 400);
    }
}

/// The blocks of a streamed answer, as its client keeps them.
fn blocks(events: &[Value]) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    let mut input = String::new();
    for event in events {
        match event["type"].as_str() {
            Some("content_block_start") => blocks.push(event["content_block"].clone()),
            Some("content_block_delta") => {
                let block = blocks.last_mut().unwrap();
                let delta = &event["delta"];
                for name in ["thinking", "signature", "text"] {
                    if let (Some(more), Some(before)) = (delta[name].as_str(), block[name].as_str())
                    {
                        block[name] = json!(format!("{before}{more}"));
                    }
                }
                input.push_str(delta["partial_json"].as_str().unwrap_or_default());
            }
            Some("content_block_stop") if !input.is_empty() => {
                let block = blocks.last_mut().unwrap();
                block["input"] = serde_json::from_str(&std::mem::take(&mut input)).unwrap();
            }
            _ => {}
        }
    }
    Value::Array(blocks)
}

#[tokio::test]
async fn azure_is_shown_its_key_in_its_own_header() {
    let house = House::new().await;
    let base = format!("http://{}/openai/v1", house.twin.addr);
    for (name, protocol) in [("az", Protocol::OpenAi), ("az-responses", Protocol::OpenAiResponses)]
    {
        let new = provider("azure", name, protocol, (base.clone(), "twin-key"));
        house.register(new).await;
        for format in FORMATS {
            for stream in [false, true] {
                let told =
                    house.ask(format, &request(&format!("{name}/sandbox-echo"), stream)).await;
                assert_eq!(told.status, 200, "{}", told.text);
                let text = if stream {
                    streamed_text(format, &told.text)
                } else {
                    text_of(format, &told.json())
                };
                assert_eq!(text, PROMPT, "{name} {format:?} {stream}");
                let seen = house.twin.inspector().requests().pop().unwrap();
                assert_eq!(seen.header("api-key"), Some("twin-key"));
                assert_eq!(seen.header("authorization"), None);
                assert!(seen.path.starts_with("/openai/v1/"), "{}", seen.path);
                let usage = house.usage().await.pop().unwrap().usage.unwrap();
                assert_eq!((usage.input, usage.output), (3, 3));
            }
        }
    }
}

#[tokio::test]
async fn what_azure_says_of_the_prompt_is_no_beginning() {
    let house = House::new().await;
    let base = format!("http://{}/openai/v1", house.twin.addr);
    house.register(provider("azure", "az", Protocol::OpenAi, (base, "twin-key"))).await;
    let told = house.ask(Format::AnthropicMessages, &request("az/sandbox-echo", true)).await;
    let first = events(&told.text).remove(0);
    assert!(first["message"]["id"].as_str().unwrap().starts_with("chatcmpl"), "{}", told.text);
    // Whoever speaks the same format reads what the provider said.
    let told = house.ask(Format::OpenAiChat, &request("az/sandbox-echo", true)).await;
    assert!(told.text.contains("prompt_filter_results"), "{}", told.text);
}
