//! A lower limit on what the provider may write.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    Format, Quirks, force,
    json::{self, Fields},
};

/// The body of a prepared request, with at most `tokens` of output for each answer.
#[must_use]
pub fn cap_output(format: Format, body: &Bytes, tokens: u64, quirks: &Quirks) -> Bytes {
    let names = match format {
        Format::AnthropicMessages | Format::Cohere => vec!["max_tokens"],
        Format::OpenAiResponses => vec!["max_output_tokens"],
        Format::OpenAiChat => chat(body, quirks),
        Format::Gemini => vec![config(body)],
        Format::BedrockConverse => vec!["inferenceConfig"],
        Format::Watsonx => vec!["max_tokens"],
    };
    let value = match format {
        Format::Gemini => json!({"maxOutputTokens": tokens}),
        Format::BedrockConverse => json!({"maxTokens": tokens}),
        _ => json!(tokens),
    };
    let members: BTreeMap<String, Value> =
        names.into_iter().map(|name| (name.to_owned(), value.clone())).collect();
    force(body, &members).0
}

/// The names under which the limit is said already, else the one that the model is known to take.
fn chat(body: &Bytes, quirks: &Quirks) -> Vec<&'static str> {
    let said = said(body, &["max_completion_tokens", "max_tokens"]);
    match (said.is_empty(), quirks.max_completion_tokens) {
        (false, _) => said,
        (true, true) => vec!["max_completion_tokens"],
        (true, false) => vec!["max_tokens"],
    }
}

/// Both spellings are read; beside the other one, ours would be a second object.
fn config(body: &Bytes) -> &'static str {
    said(body, &["generation_config"]).first().copied().unwrap_or("generationConfig")
}

fn said(body: &Bytes, names: &[&'static str]) -> Vec<&'static str> {
    let fields = json::document(body).and_then(Fields::lenient);
    let entry = |name: &str| {
        let mut entries = fields.iter().flat_map(Fields::entries);
        entries.any(|(said, _)| said == name)
    };
    names.iter().copied().filter(|name| entry(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capped(format: Format, body: &'static str, model: &str) -> String {
        let body = Bytes::from_static(body.as_bytes());
        let body = cap_output(format, &body, 50, &Quirks::of_model(model));
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn a_limit_is_said_where_the_format_has_it() {
        use Format::{
            AnthropicMessages, BedrockConverse, Cohere, Gemini, OpenAiChat, OpenAiResponses,
        };
        for (format, model, body, expected) in [
            (AnthropicMessages, "m", r#"{"max_tokens":900,"a":1}"#, r#"{"max_tokens":50,"a":1}"#),
            (OpenAiResponses, "m", r#"{"a":1}"#, r#"{"a":1,"max_output_tokens":50}"#),
            (Cohere, "m", r#"{"a":1,"max_tokens":900}"#, r#"{"a":1,"max_tokens":50}"#),
            (Cohere, "m", r#"{"a":1}"#, r#"{"a":1,"max_tokens":50}"#),
            (OpenAiChat, "m", r#"{"a":1}"#, r#"{"a":1,"max_tokens":50}"#),
            (OpenAiChat, "o3", r#"{"a":1}"#, r#"{"a":1,"max_completion_tokens":50}"#),
            (OpenAiChat, "o3", r#"{"max_tokens":7000}"#, r#"{"max_tokens":50}"#),
            (
                OpenAiChat,
                "m",
                r#"{"max_tokens":1,"max_completion_tokens":7000}"#,
                r#"{"max_tokens":50,"max_completion_tokens":50}"#,
            ),
            (Gemini, "m", r#"{"a":1}"#, r#"{"a":1,"generationConfig":{"maxOutputTokens":50}}"#),
            (
                BedrockConverse,
                "m",
                r#"{"inferenceConfig":{"maxTokens":900,"topP":1}}"#,
                r#"{"inferenceConfig":{"maxTokens":50,"topP":1}}"#,
            ),
        ] {
            assert_eq!(capped(format, body, model), expected, "{format:?}");
        }
        let snake = capped(Gemini, r#"{"generation_config":{"topK":1}}"#, "m");
        let snake: Value = serde_json::from_str(&snake).unwrap();
        assert_eq!(snake, json!({"generation_config": {"topK": 1, "maxOutputTokens": 50}}));
    }
}
