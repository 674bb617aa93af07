//! Requests and answers in the words of each format.

use llm::Format;
use serde_json::{Value, json};

use super::PROMPT;

/// The same request in the words of `format`.
pub(super) fn in_format(format: Format, mut body: Value) -> Value {
    if format == Format::Gemini {
        return in_gemini(&body);
    }
    if format == Format::OpenAiResponses
        && let Some(all) = body.as_object_mut()
    {
        for (name, own) in [("messages", "input"), ("max_tokens", "max_output_tokens")] {
            if let Some(value) = all.remove(name) {
                all.insert(own.to_owned(), value);
            }
        }
    }
    body
}

/// What Gemini says in the path is left out.
fn in_gemini(body: &Value) -> Value {
    let turns = body["messages"].as_array().cloned().unwrap_or_default();
    let contents: Vec<Value> = turns
        .iter()
        .map(|turn| {
            let role = if turn["role"] == "assistant" { "model" } else { "user" };
            json!({"role": role, "parts": [{"text": turn["content"]}]})
        })
        .collect();
    let mut said = json!({"contents": contents});
    if let Some(limit) = body.get("max_tokens") {
        said["generationConfig"] = json!({"maxOutputTokens": limit});
    }
    said
}

/// A request that Chat Completions, Messages and Cohere all understand, and [`House::ask`](super::House::ask) says in the others.
pub(crate) fn request(model: &str, stream: bool) -> Value {
    json!({
        "model": model, "stream": stream, "max_tokens": 1000,
        "messages": [{"role": "user", "content": PROMPT}],
    })
}

/// The text of a whole answer.
pub(crate) fn text_of(format: Format, answer: &Value) -> String {
    let pointer = match format {
        Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => {
            "/choices/0/message/content"
        }
        Format::AnthropicMessages => "/content/0/text",
        Format::OpenAiResponses => "/output/0/content/0/text",
        Format::Gemini => "/candidates/0/content/parts/0/text",
        Format::Cohere => "/message/content/0/text",
    };
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The model that a whole answer names. Those of Cohere name none.
pub(crate) fn model_of(format: Format, answer: &Value) -> &Value {
    &answer[if format == Format::Gemini { "modelVersion" } else { "model" }]
}

/// The data of all events of a stream.
pub(crate) fn events(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str(data.trim()).ok())
        .collect()
}

/// The text that a stream's events add up to.
pub(crate) fn streamed_text(format: Format, text: &str) -> String {
    let pointer = match format {
        Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => {
            "/choices/0/delta/content"
        }
        Format::AnthropicMessages => "/delta/text",
        Format::OpenAiResponses => "/delta",
        Format::Gemini => "/candidates/0/content/parts/0/text",
        Format::Cohere => "/delta/message/content/text",
    };
    let events = events(text);
    events.iter().filter_map(|event| event.pointer(pointer).and_then(Value::as_str)).collect()
}

/// Whether a stream ended as its format says.
pub(crate) fn complete(format: Format, text: &str) -> bool {
    match format {
        Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => {
            text.trim_end().ends_with("[DONE]")
        }
        Format::AnthropicMessages => text.contains("event: message_stop"),
        Format::OpenAiResponses => text.contains("event: response.completed"),
        Format::Gemini => text.contains("\"finishReason\":"),
        Format::Cohere => {
            text.contains("event: message-end") && !text.contains("\"finish_reason\":\"ERROR\"")
        }
    }
}

/// The code of an error, in a body or as the last event of a stream.
pub(crate) fn error_code(format: Format, error: &Value) -> String {
    let pointer = match format {
        // The error of a stream of Responses is the event itself.
        Format::OpenAiResponses if error.get("error").is_none() => "/code",
        Format::OpenAiChat
        | Format::OpenAiResponses
        | Format::BedrockConverse
        | Format::Watsonx => "/error/code",
        Format::AnthropicMessages => "/error/details/error_code",
        Format::Gemini => "/error/details/0/reason",
        // The error of a stream ends its message.
        Format::Cohere if error.get("delta").is_some() => "/delta/code",
        Format::Cohere => "/code",
    };
    error.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
