//! Every path from a client's format to a provider's, whole and streamed.

use domain::Provenance;
use llm::Format;
use serde_json::json;

use crate::house::{
    FORMATS, House, PROMPT, PROVIDERS, WAYS, complete, error_code, model_of, request,
    streamed_text, text_of,
};

#[tokio::test]
async fn every_path_whole() {
    let house = House::new().await;
    for (provider, outbound) in PROVIDERS {
        for format in FORMATS {
            let model = format!("{provider}/sandbox-echo");
            let told = house.ask(format, &request(&model, false)).await;
            assert_eq!(told.status, 200, "{}", told.text);
            assert_eq!(text_of(format, &told.json()), PROMPT);
            if format != Format::Cohere {
                assert_eq!(
                    *model_of(format, &told.json()),
                    *model,
                    "the name that was asked for is shown"
                );
            }
            assert_eq!(told.header("content-type"), "application/json");
            assert_eq!(told.header("x-probity-provider"), provider);
            assert_eq!(told.header("x-probity-region"), "eu-test-1");
            assert_eq!(told.header("x-probity-receipt"), told.header("x-request-id"));
            let row = house.usage().await.pop().unwrap();
            assert_eq!(row.request.to_string(), told.header("x-request-id"));
            let usage = row.usage.unwrap();
            assert_eq!((usage.input, usage.output), (3, 3));
            assert_eq!(usage.provenance, Provenance::Reported);
            assert_eq!(row.cost_nano, Some(3 * 1000 + 3 * 4000));
            assert_eq!(row.currency.as_deref(), Some("USD"));
            assert_eq!((row.status, row.error_code, row.attempts), (200, None, 1));
            assert_eq!((row.model.as_str(), row.requested_model), ("sandbox-echo", model));
            assert_eq!(row.protocol, format.as_str());
            assert!(!row.streaming);
            let receipt = house.receipt().await;
            assert_eq!(receipt["candidates"][0]["name"], provider);
            assert_eq!(receipt["candidates"][0]["format"], outbound.as_str());
            assert_eq!(receipt["candidates"][0]["region"], "eu-test-1");
            assert_eq!(receipt["attempts"][0]["candidate"], 0);
            assert_eq!(receipt["attempts"][0]["outcome"], "ok");
            assert!(!receipt.to_string().contains("giraffe"));
        }
    }
    assert_eq!(house.usage().await.len(), WAYS);
    for seen in house.twin.inspector().requests() {
        assert!(seen.header("x-probity-strict").is_none());
        assert!(!seen.headers.iter().any(|(_, value)| value.contains("pbk_")));
    }
}

#[tokio::test]
async fn every_path_streamed() {
    let house = House::new().await;
    for (provider, _) in PROVIDERS {
        for format in FORMATS {
            let model = format!("{provider}/sandbox-echo");
            let told = house.ask(format, &request(&model, true)).await;
            assert_eq!(told.status, 200, "{}", told.text);
            assert!(told.header("content-type").starts_with("text/event-stream"));
            assert_eq!(streamed_text(format, &told.text), PROMPT, "{}", told.text);
            assert!(complete(format, &told.text), "{}", told.text);
            if format == Format::OpenAiChat {
                assert!(!told.text.contains("prompt_tokens"), "usage was not asked for");
            }
            let row = house.usage().await.pop().unwrap();
            let usage = row.usage.unwrap();
            assert_eq!((usage.input, usage.output), (3, 3), "{model} {format:?}");
            assert_eq!(usage.provenance, Provenance::Reported);
            assert!(row.streaming && row.first_token_ms.is_some());
        }
    }
    assert_eq!(house.usage().await.len(), WAYS);
}

#[tokio::test]
async fn connections_are_used_again() {
    let house = House::new().await;
    for _ in 0..10 {
        assert_eq!(house.ask(FORMATS[0], &request("open/sandbox-echo", true)).await.status, 200);
        assert_eq!(house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await.status, 200);
    }
    let connections = house.twin.inspector().counters().connections;
    assert!(connections <= 3, "{connections} connections for 20 requests in a row");
}

#[tokio::test]
async fn thinking_survives_two_turns() {
    let house = House::new().await;
    let tools = json!([{"name": "look", "input_schema": {"type": "object"}}]);
    let mut ask = request("anth/sandbox-thinking", false);
    ask["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    ask["max_tokens"] = json!(4096);
    ask["tools"] = tools;
    let first = house.ask(Format::AnthropicMessages, &ask).await.json();
    assert_eq!(first["content"][0]["type"], "thinking", "{first}");
    let id = first["content"][1]["id"].clone();
    ask["messages"] = json!([
        {"role": "user", "content": PROMPT},
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": "sunny"}]},
    ]);
    let second = house.ask(Format::AnthropicMessages, &ask).await;
    assert_eq!(second.status, 200, "{}", second.text);
    assert_eq!(second.json()["content"][1]["text"], "verified 1 sunny");
}

#[tokio::test]
async fn what_a_provider_says_about_the_prompt_stays_there() {
    let house = House::new().await;
    for (provider, _) in PROVIDERS {
        for format in FORMATS {
            for status in [400, 401, 429, 500, 529] {
                for stream in [false, true] {
                    let model = format!("{provider}/sandbox-error-{status}");
                    let told = house.ask(format, &request(&model, stream)).await;
                    let expected = match (status, format) {
                        (529, format) if format != Format::AnthropicMessages => 503,
                        (status, _) => status,
                    };
                    assert_eq!(told.status, expected, "{model} {format:?}");
                    assert!(!told.text.contains("giraffe"), "{}", told.text);
                    assert!(!error_code(format, &told.json()).is_empty(), "{}", told.text);
                    assert_eq!(told.header("x-probity-provider"), provider);
                }
            }
        }
    }
    let rows = house.usage().await;
    assert_eq!(rows.len(), WAYS * 10);
    for row in rows {
        assert!(row.status >= 400 && row.error_code.is_some());
        assert_eq!(row.usage, None, "nothing is known, which is not zero");
        assert_eq!(row.cost_nano, None);
    }
}
