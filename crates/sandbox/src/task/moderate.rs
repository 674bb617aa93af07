//! Moderation: flagged is what holds the word "violence".

use serde_json::{Map, Value, json};

use super::known;
use crate::{ask::text_of, refusal::Refusal};

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

pub(super) fn answer(body: &Value) -> Result<Value, Refusal> {
    known(body, &["model", "input"])?;
    let model = body.get("model").and_then(Value::as_str).unwrap_or("sandbox-moderation");
    let wrong = || Refusal::invalid("input", "a string or a non-empty list is required");
    let texts = match body.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        // Parts of one thing, and not several things.
        Some(Value::Array(parts)) if parts.iter().any(Value::is_object) => {
            let text = |part: &Value| match part.get("type").and_then(Value::as_str) {
                Some("text") => text_of(part, "text"),
                Some("image_url") => Ok(String::new()),
                _ => Err(wrong()),
            };
            vec![parts.iter().map(text).collect::<Result<Vec<_>, _>>()?.join(" ")]
        }
        Some(Value::Array(texts)) if !texts.is_empty() => {
            let text = |text: &Value| text.as_str().map(str::to_owned).ok_or_else(wrong);
            texts.iter().map(text).collect::<Result<_, _>>()?
        }
        _ => return Err(wrong()),
    };
    let results: Vec<Value> = texts.iter().map(|text| verdict(text)).collect();
    Ok(json!({"id": "modr-sandbox", "model": model, "results": results}))
}

fn verdict(text: &str) -> Value {
    let violent = text.contains("violence");
    let each = |of: &dyn Fn(bool) -> Value| -> Map<String, Value> {
        let one = |name: &&str| ((*name).to_owned(), of(violent && *name == "violence"));
        CATEGORIES.iter().map(one).collect()
    };
    json!({
        "flagged": violent,
        "categories": each(&Value::Bool),
        "category_scores": each(&|hit| json!(if hit { 0.99 } else { 0.01 })),
        "category_applied_input_types": each(&|_| json!(["text"])),
    })
}
