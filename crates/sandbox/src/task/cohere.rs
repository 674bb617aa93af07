//! Embeddings as Cohere's second version gives them.

use serde_json::{Value, json};

use super::known;
use crate::{
    ask::{count, text_of},
    embed::{DIMENSIONS, vector},
    refusal::Refusal,
};

const MOST_TEXTS: usize = 96;

pub(super) fn embed(body: &Value) -> Result<Value, Refusal> {
    known(
        body,
        &[
            "model",
            "texts",
            "images",
            "inputs",
            "input_type",
            "embedding_types",
            "output_dimension",
            "max_tokens",
            "truncate",
            "priority",
        ],
    )?;
    let kinds = ["search_document", "search_query", "classification", "clustering", "image"];
    let kind = text_of(body, "input_type")?;
    if !kinds.contains(&kind.as_str()) {
        return Err(Refusal::invalid("input_type", "this value is not supported"));
    }
    let wrong = || Refusal::invalid("texts", "a list of at most 96 strings is required");
    let texts = body.get("texts").and_then(Value::as_array).ok_or_else(wrong)?;
    let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
    if texts.is_empty() || texts.len() > MOST_TEXTS {
        return Err(wrong());
    }
    let types = body.get("embedding_types").and_then(Value::as_array);
    if types.is_some_and(|types| types.iter().any(|one| one != "float")) {
        return Err(Refusal::invalid("embedding_types", "this twin gives floats"));
    }
    let size = body.get("output_dimension").and_then(Value::as_u64);
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(DIMENSIONS);
    let words: u64 = texts.iter().map(|text| count(text)).sum();
    let vectors: Vec<_> = texts.iter().map(|text| vector(text, size)).collect();
    Ok(json!({
        "id": "sandbox-embed", "embeddings": {"float": vectors}, "texts": texts,
        "meta": {
            "api_version": {"version": "2"}, "billed_units": {"input_tokens": words},
        },
        "response_type": "embeddings_by_type",
    }))
}
