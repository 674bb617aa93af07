//! Embeddings: 384 numbers that depend on the text alone.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    ask::{count, text_of},
    refusal::Refusal,
    reply::hash,
};

const DIMENSIONS: usize = 384;

/// Answers `/v1/embeddings` for text, a list of texts, tokens or lists of tokens.
pub(crate) fn answer(body: &Value) -> Result<Value, Refusal> {
    let model = text_of(body, "model")?;
    let inputs = match body.get("input") {
        Some(Value::Array(items)) if !items.is_empty() => {
            if items.iter().all(Value::is_number) {
                vec![tokens(items)]
            } else {
                items.iter().map(one).collect::<Result<_, _>>()?
            }
        }
        Some(value @ Value::String(_)) => vec![one(value)?],
        _ => return Err(Refusal::invalid("input", "a string or a non-empty array is required")),
    };
    let packed = body.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let words: u64 = inputs.iter().map(|text| count(text)).sum();
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let numbers = vector(text);
            let embedding = if packed { json!(pack(&numbers)) } else { json!(numbers) };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let usage = json!({"prompt_tokens": words, "total_tokens": words});
    Ok(json!({"object": "list", "data": data, "model": model, "usage": usage}))
}

fn one(value: &Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Array(items) => Ok(tokens(items)),
        _ => Err(Refusal::invalid("input", "a string or an array of tokens is required")),
    }
}

fn tokens(items: &[Value]) -> String {
    items.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")
}

/// A vector of length one.
fn vector(text: &str) -> Vec<f32> {
    let mut state = hash(text.as_bytes()) | 1;
    let raw: Vec<f32> = (0..DIMENSIONS)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            f32::from(i16::from_ne_bytes((state as u16).to_ne_bytes())) / 32768.0
        })
        .collect();
    let norm = raw.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.into_iter().map(|number| number / norm).collect()
}

/// What the official SDKs ask for: little-endian floats in base64.
fn pack(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}
