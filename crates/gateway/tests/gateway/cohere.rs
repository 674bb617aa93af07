//! Cohere's format: what only its own clients can say and read, and what others are told instead.

use domain::Protocol;
use http::HeaderMap;
use llm::{Format, Task};
use serde_json::{Value, json};

use crate::house::{FORMATS, House, PROMPT, PROVIDERS, events, read, request, text_of};

const COHERE: Format = Format::Cohere;

/// A request that rests on documents.
fn grounded(model: &str, stream: bool) -> Value {
    let mut ask = request(model, stream);
    ask["documents"] = json!([{"id": "d1", "data": {"text": "Owls fly."}}]);
    ask["safety_mode"] = json!("STRICT");
    ask
}

#[tokio::test]
async fn the_same_format_passes_as_it_is() {
    let house = House::new().await;
    let body = "{ \"messages\": [{\"content\":\"a\\u0062c\" ,\"role\":\"user\"}],\n \"temperature\":1.0e0,\"k\":40,\"model\":\"coh/sandbox-echo\" }";
    let sent = body.replace("coh/sandbox-echo", "sandbox-echo");
    let told =
        read(house.start_with(&house.key, COHERE, &HeaderMap::new(), body.to_owned()).await).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let seen = house.twin.inspector().requests().pop().unwrap();
    assert_eq!((seen.body.as_ref(), seen.path.as_str()), (sent.as_bytes(), "/v1/chat"));
}

#[tokio::test]
async fn citations_reach_clients_of_the_format() {
    let house = House::new().await;
    let whole = house.ask(COHERE, &grounded("coh/sandbox-echo", false)).await;
    assert_eq!(whole.json()["message"]["citations"][0]["text"], "purple", "{}", whole.text);
    assert_eq!(whole.header("x-probity-dropped"), "");
    let told = house.ask(COHERE, &grounded("coh/sandbox-echo", true)).await;
    assert!(told.text.contains("event: citation-start"), "{}", told.text);
    let usage = house.usage().await.pop().unwrap().usage.unwrap();
    assert_eq!((usage.input, usage.output), (3, 3), "what is billed, not what the service read");
}

#[tokio::test]
async fn documents_become_texts_elsewhere_and_what_is_lost_is_named() {
    let house = House::new().await;
    for (provider, _) in PROVIDERS.into_iter().filter(|(name, _)| *name != "coh") {
        let told = house.ask(COHERE, &grounded(&format!("{provider}/sandbox-echo"), false)).await;
        assert_eq!(told.status, 200, "{}", told.text);
        assert!(text_of(COHERE, &told.json()).contains("Owls fly."), "{}", told.text);
        assert_eq!(told.header("x-probity-dropped"), "citation_options,safety_mode", "{provider}");
    }
    let strict = HeaderMap::from_iter([(
        "x-probity-strict".parse::<http::HeaderName>().unwrap(),
        "true".parse().unwrap(),
    )]);
    let body = grounded("open/sandbox-echo", false).to_string();
    let told = read(house.start_with(&house.key, COHERE, &strict, body).await).await;
    assert_eq!((told.status, &told.json()["code"]), (400, &json!("lossy_route")), "{}", told.text);
}

/// A call, its result and the answer, by clients of every format.
#[tokio::test]
async fn plans_go_back_to_cohere() {
    let house = House::new().await;
    let tool =
        json!({"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}});
    let mut ask = request("coh/sandbox-tools", false);
    ask["tools"] = json!([tool]);
    let first = house.ask(Format::OpenAiChat, &ask).await.json();
    let message = first["choices"][0]["message"].clone();
    assert_eq!(message["reasoning_content"], "I will use a tool.", "{first}");
    let id = message["tool_calls"][0]["id"].clone();
    let turns = ask["messages"].as_array_mut().unwrap();
    turns.push(message);
    turns.push(json!({"role": "tool", "tool_call_id": id, "content": "sunny"}));
    let second = house.ask(Format::OpenAiChat, &ask).await;
    assert_eq!(text_of(Format::OpenAiChat, &second.json()), "sunny", "{}", second.text);
    let seen = house.twin.inspector().requests().pop().unwrap();
    let seen: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(seen["messages"][1]["tool_plan"], "I will use a tool.");
    assert_eq!(second.header("x-probity-dropped"), "");
    // The client of the format gets it as it is.
    let mut ask = request("coh/sandbox-tools", true);
    ask["tools"] = json!([tool]);
    let told = house.ask(COHERE, &ask).await;
    let plan: String = events(&told.text)
        .iter()
        .filter_map(|event| event.pointer("/delta/message/tool_plan")?.as_str())
        .collect();
    assert_eq!(plan, "I will use a tool.");
}

/// One registration serves conversations, embeddings and ranking.
#[tokio::test]
async fn one_provider_serves_all_that_cohere_does() {
    let house = House::new().await;
    house.provider("all", Protocol::Cohere, &house.twin.cohere_url(), &[]).await;
    for format in FORMATS {
        let told = house.ask(format, &request("all/sandbox-echo", false)).await;
        assert_eq!(text_of(format, &told.json()), PROMPT, "{}", told.text);
    }
    let texts = json!({"model": "all/sandbox-embed", "texts": ["x"], "input_type": "search_query"});
    assert_eq!(house.ask_task(Task::Embed, &texts).await.status, 200);
    let ranked = json!({"model": "all/sandbox-rerank", "query": "x", "documents": ["x"]});
    assert_eq!(house.ask_task(Task::RerankV2, &ranked).await.status, 200);
}
