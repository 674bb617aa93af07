//! Ranking: the share of the query's words that a document holds, in three houses' shapes.

use serde_json::{Value, json};

use super::{House, known};
use crate::{
    ask::{count, text_of},
    refusal::Refusal,
};

pub(super) fn answer(body: &Value, house: House) -> Result<Value, Refusal> {
    let limit = match house {
        House::Cohere => {
            known(
                body,
                &["model", "query", "documents", "top_n", "max_tokens_per_doc", "priority"],
            )?;
            "top_n"
        }
        House::Voyage => {
            let names = ["model", "query", "documents", "top_k", "return_documents", "truncation"];
            known(body, &names)?;
            "top_k"
        }
        House::Jina | House::OpenAi => {
            known(body, &["model", "query", "documents", "top_n", "return_documents"])?;
            "top_n"
        }
    };
    let model = text_of(body, "model")?;
    let query = text_of(body, "query")?;
    let wrong = || Refusal::invalid("documents", "a list of strings is required");
    let documents = body.get("documents").and_then(Value::as_array).ok_or_else(wrong)?;
    let objects = matches!(house, House::Jina | House::OpenAi);
    let text = |one: &Value| match one {
        Value::String(text) => Ok(text.clone()),
        Value::Object(_) if objects => text_of(one, "text"),
        _ => Err(wrong()),
    };
    let documents = documents.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    if documents.is_empty() {
        return Err(wrong());
    }
    let mut ranked: Vec<(usize, f64)> =
        documents.iter().map(|document| score(&query, document)).enumerate().collect();
    ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let top = body.get(limit).and_then(Value::as_u64).and_then(|top| usize::try_from(top).ok());
    ranked.truncate(top.unwrap_or(usize::MAX));
    let back = body.get("return_documents").and_then(Value::as_bool).unwrap_or(objects);
    let row = |&(at, score): &(usize, f64)| {
        let mut row = json!({"index": at, "relevance_score": score});
        if let (true, Some(text), Some(row)) = (back, documents.get(at), row.as_object_mut()) {
            let document = if objects { json!({"text": text}) } else { json!(text) };
            row.insert("document".to_owned(), document);
        }
        row
    };
    let rows: Vec<Value> = ranked.iter().map(row).collect();
    let words = documents.iter().map(|text| count(text) + count(&query)).sum::<u64>();
    let usage = json!({"total_tokens": words});
    Ok(match house {
        House::Cohere => json!({
            "id": "sandbox-rerank", "results": rows,
            "meta": {
                "api_version": {"version": "2", "is_experimental": false},
                "billed_units": {"search_units": documents.len().div_ceil(100)},
            },
        }),
        House::Voyage => json!({"object": "list", "data": rows, "model": model, "usage": usage}),
        _ => json!({"model": model, "object": "list", "usage": usage, "results": rows}),
    })
}

fn score(query: &str, document: &str) -> f64 {
    let words: Vec<&str> = document.split_whitespace().collect();
    let found = query.split_whitespace().filter(|word| words.contains(word)).count();
    let all = query.split_whitespace().count().max(1);
    f64::from(u32::try_from(found).unwrap_or(u32::MAX))
        / f64::from(u32::try_from(all).unwrap_or(u32::MAX))
}
