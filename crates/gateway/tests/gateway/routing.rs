//! From names to routes, and what is refused on the way.

use http::HeaderMap;
use llm::Format;
use serde_json::json;

use crate::house::{FORMATS, House, PROVIDERS, error_code, read, request, text_of};

#[tokio::test]
async fn unknown_models_are_not_found_and_tell_nothing() {
    let house = House::new().await;
    for model in ["gpt-9", "nobody/sandbox-echo", "open/", "purple giraffe", "a/../b"] {
        for format in FORMATS {
            let told = house.ask(format, &request(model, true)).await;
            assert_eq!(told.status, 404, "{model}: {}", told.text);
            assert_eq!(error_code(format, &told.json()), "model_not_found");
            assert!(!told.text.contains("open") && !told.text.contains("giraffe"));
            assert!(told.header("x-request-id").starts_with("req_"));
        }
    }
    assert!(house.usage().await.is_empty());
    assert_eq!(house.twin.inspector().counters().requests, 0);
}

#[tokio::test]
async fn malformed_requests_are_refused_in_the_clients_format() {
    let house = House::new().await;
    let bodies = ["", "{", "[]", "{\"model\":7}", "{\"model\":\"x\"}", "\u{feff}{}"];
    for body in bodies {
        for format in FORMATS {
            let headers = HeaderMap::new();
            let told =
                read(house.start_with(&house.key, format, &headers, body.to_owned()).await).await;
            assert_eq!(told.status, 400, "{body}");
            assert!(!error_code(format, &told.json()).is_empty(), "{}", told.text);
        }
    }
}

#[tokio::test]
async fn aliases_change_at_once() {
    let house = House::new().await;
    house.alias("fast", "anth/sandbox-echo").await;
    let told = house.ask(FORMATS[0], &request("fast", false)).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "anth"));
    assert_eq!(told.json()["model"], "fast");
    assert_eq!(house.receipt().await["alias_of"], "anth/sandbox-echo");
    house.alias("fast", "open/sandbox-echo").await;
    let told = house.ask(FORMATS[0], &request("fast", false)).await;
    assert_eq!(told.header("x-probity-provider"), "open");
}

#[tokio::test]
async fn strict_mode_refuses_what_the_other_format_cannot_carry() {
    let house = House::new().await;
    let mut ask = request("anth/sandbox-echo", false);
    ask["logprobs"] = json!(true);
    let format = Format::OpenAiChat;
    let lossy = house.ask(format, &ask).await;
    assert_eq!(lossy.status, 200, "{}", lossy.text);
    assert!(lossy.header("x-probity-dropped").contains("logprobs"));
    assert!(house.receipt().await["dropped"].to_string().contains("logprobs"));

    let mut strict = HeaderMap::new();
    strict.insert("x-probity-strict", "true".parse().unwrap());
    let told = read(house.start_with(&house.key, format, &strict, ask.to_string()).await).await;
    assert_eq!(told.status, 400, "{}", told.text);
    assert_eq!(error_code(format, &told.json()), "lossy_route");
    assert_eq!(house.usage().await.len(), 1, "refused before anything was sent");

    // With a choice of routes, the lossless one is taken, though it is not the first.
    ask["model"] = json!("any");
    house.alias("any", "sandbox/sandbox-echo").await;
    let told = read(house.start_with(&house.key, format, &strict, ask.to_string()).await).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "open"));
    ask["model"] = json!("open/sandbox-echo");
    let told = read(house.start_with(&house.key, format, &strict, ask.to_string()).await).await;
    assert_eq!(text_of(format, &told.json()), "purple giraffe whispers");
    assert_eq!(told.header("x-probity-dropped"), "");
}

#[tokio::test]
async fn models_are_listed_in_every_shape() {
    let house = House::new().await;
    house.alias("fast", "anth/sandbox-echo").await;
    for format in FORMATS {
        let request = domain::RequestId::new(house.store.clock().now());
        let told = read(house.gateway.models(&house.key, format, request).await).await;
        let (list, id, before) = match format {
            Format::Gemini => ("models", "name", "models/"),
            _ => ("data", "id", ""),
        };
        let data = told.json()[list].as_array().unwrap().clone();
        let has = |name: &str| {
            let name = format!("{before}{name}");
            data.iter().filter(|row| row[id] == name).count()
        };
        assert_eq!((has("sandbox-echo"), has("fast"), has("open")), (1, 1, 0));
    }
}

#[tokio::test]
async fn a_removed_provider_cannot_be_reached_any_more() {
    let house = House::new().await;
    house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await;
    assert_eq!(house.egress.destinations().len(), PROVIDERS.len());
    let mut write = house.store.write(&house.owner).await.unwrap();
    let open = write.providers_list().await.unwrap().remove(0).id;
    write.provider_remove(open).await.unwrap();
    write.commit(domain::Event::new(domain::Action::ProviderRemove)).await.unwrap();
    assert_eq!(house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await.status, 404);
    assert_eq!(house.egress.destinations().len(), PROVIDERS.len() - 1);
}

#[tokio::test]
async fn tokens_are_counted_by_the_provider_or_by_size() {
    let house = House::new().await;
    let format = Format::AnthropicMessages;
    let count = |model: &str| {
        let body = request(model, false).to_string();
        let (house, scope, headers) = (&house, house.key.clone(), HeaderMap::new());
        let request = domain::RequestId::new(house.store.clock().now());
        async move {
            let (body, headers) = (body.into(), &headers);
            let call = gateway::Call { scope, inbound: format, said: None, headers, body, request };
            read(house.gateway.count_tokens(call).await).await
        }
    };
    assert_eq!(count("anth/sandbox-echo").await.json(), json!({"input_tokens": 3}));
    assert!(count("open/sandbox-echo").await.json()["input_tokens"].as_u64().unwrap() > 3);
    assert_eq!(count("gpt-9").await.status, 404);
    assert!(house.usage().await.is_empty());
}
