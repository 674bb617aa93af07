//! Embeddings: 384 numbers that depend on the text alone.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    ask::{count, text_of},
    refusal::Refusal,
    reply::hash,
    task::{House, known, word},
};

pub(crate) const DIMENSIONS: usize = 384;

/// Answers `/v1/embeddings` for text, a list of texts, tokens or lists of tokens.
pub(crate) fn answer(body: &Value, house: House) -> Result<Value, Refusal> {
    let (packed, size) = wanted(body, house)?;
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
    let words: u64 = inputs.iter().map(|text| count(text)).sum();
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let numbers = vector(text, size);
            let embedding = if packed { json!(pack(&numbers)) } else { json!(numbers) };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let usage = match house {
        House::Voyage => json!({"total_tokens": words}),
        _ => json!({"prompt_tokens": words, "total_tokens": words}),
    };
    Ok(json!({"object": "list", "data": data, "model": model, "usage": usage}))
}

/// Whether the numbers are packed, and how many there are, in the words of the house.
fn wanted(body: &Value, house: House) -> Result<(bool, usize), Refusal> {
    let (names, packing, size): (&[&str], _, _) = match house {
        House::Jina => (
            &[
                "model",
                "input",
                "task",
                "dimensions",
                "normalized",
                "late_chunking",
                "truncate",
                "embedding_type",
            ],
            "embedding_type",
            "dimensions",
        ),
        House::Voyage => (
            &[
                "model",
                "input",
                "input_type",
                "truncation",
                "output_dimension",
                "output_dtype",
                "encoding_format",
            ],
            "encoding_format",
            "output_dimension",
        ),
        _ => (
            &["model", "input", "encoding_format", "dimensions", "user"],
            "encoding_format",
            "dimensions",
        ),
    };
    known(body, names)?;
    let texts = |value: &Value| value.as_array().is_none_or(|all| all.iter().all(Value::is_string));
    if house != House::OpenAi && !body.get("input").is_none_or(texts) {
        return Err(Refusal::invalid("input", "a string or a list of strings is required"));
    }
    match house {
        House::Jina => drop(word(
            body,
            "task",
            &[
                "text-matching",
                "retrieval.query",
                "retrieval.passage",
                "classification",
                "separation",
            ],
        )?),
        House::Voyage => drop(word(body, "input_type", &["document", "query"])?),
        _ => {}
    }
    // Voyage gives floats when nothing is said, and knows no word for that.
    let words: &[&str] =
        if house == House::Voyage { &["", "base64"] } else { &["float", "base64"] };
    let packed = word(body, packing, words)? == "base64";
    let dimensions = match body.get(size) {
        None | Some(Value::Null) => DIMENSIONS,
        Some(value) => value
            .as_u64()
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| (1..=DIMENSIONS).contains(size))
            .ok_or_else(|| Refusal::invalid("dimensions", "between 1 and 384"))?,
    };
    Ok((packed, dimensions))
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
pub(crate) fn vector(text: &str, size: usize) -> Vec<f32> {
    let mut state = hash(text.as_bytes()) | 1;
    let raw: Vec<f32> = (0..size)
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
