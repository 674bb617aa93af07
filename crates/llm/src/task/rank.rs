//! Ranking between the shapes of Jina (and Cohere's first version), Cohere's second version, and Voyage.

use super::{Dialect, Task, embed::meta, lost, prepare::Said};
use crate::{
    BadAnswer, BadRequest,
    json::{self, Fields, Raw, Shape},
    write::{self, Object},
};

/// The request in another dialect than the client's. Documents are never sent back by the provider: where the client
/// wants them, they are taken from its own request.
pub(super) fn request(mut fields: Fields<'_>, model: &str, dialect: Dialect) -> Said {
    let query = fields.take("query").ok_or_else(|| crate::head::missing("query"))?;
    let documents = documents(fields.take("documents"))?;
    let top = fields.take("top_n").or_else(|| fields.take("top_k"));
    let length = fields.take("max_tokens_per_doc");
    fields.take("return_documents");
    let mut dropped = Vec::new();
    let mut out = Vec::with_capacity(4096);
    write::object(&mut out, |root| {
        root.text("model", model);
        root.raw("query", query.get());
        root.array("documents", |list| documents.iter().for_each(|one| list.raw(one.get())));
        root.raw_some(if dialect == Dialect::Voyage { "top_k" } else { "top_n" }, top);
        match dialect {
            Dialect::Cohere => root.raw_some("max_tokens_per_doc", length),
            _ => {
                root.boolean("return_documents", false);
                if length.is_some() {
                    lost(&mut dropped, "max_tokens_per_doc");
                }
            }
        }
        if dialect == Dialect::Voyage {
            root.raw_some("truncation", fields.take("truncation"));
        }
    });
    for name in fields.rest() {
        lost(&mut dropped, name);
    }
    Ok((out, dropped))
}

/// The texts, bare or as the `text` of an object.
fn documents(raw: Option<Raw<'_>>) -> Result<Vec<Raw<'_>>, BadRequest> {
    let wrong = || BadRequest::at("documents", "`documents` must be a list of texts.");
    let all = raw.and_then(json::array).ok_or_else(wrong)?;
    all.into_iter()
        .map(|one| match json::shape(one) {
            Shape::Text => Ok(one),
            Shape::Object => {
                let only = Fields::lenient(one).and_then(|mut one| one.take("text"));
                only.filter(|raw| json::shape(raw) == Shape::Text).ok_or_else(|| {
                    let why = "This provider ranks texts only.";
                    BadRequest::unsupported("documents", why)
                })
            }
            _ => Err(wrong()),
        })
        .collect()
}

struct Rank<'a> {
    index: u64,
    score: Raw<'a>,
}

/// What counts of the answer, for one of the client's shapes.
pub(super) struct Billed<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    pub(super) tokens: Option<u64>,
    pub(super) searches: Option<u64>,
}

/// The answer of any dialect in the client's shape.
pub(super) fn answer(
    task: Task,
    asked: Option<Fields<'_>>,
    answer: &mut Fields<'_>,
    billed: &Billed<'_>,
    out: &mut Vec<u8>,
) -> Result<(), BadAnswer> {
    let ranks = answer.take("results").or_else(|| answer.take("data"));
    let ranks = ranks.and_then(json::array).ok_or(BadAnswer::Malformed)?;
    let ranks = ranks.into_iter().map(rank).collect::<Result<Vec<_>, _>>()?;
    let mut asked = asked.ok_or(BadAnswer::Malformed)?;
    let wants = asked.take("return_documents").and_then(json::boolean).unwrap_or(false);
    let texts = if wants && task == Task::Rerank {
        documents(asked.take("documents")).map_err(|_| BadAnswer::Malformed)?
    } else {
        Vec::new()
    };
    write::object(out, |root| {
        root.text("id", billed.id);
        if task == Task::Rerank {
            root.text("model", billed.model);
        }
        root.array("results", |list| {
            for rank in &ranks {
                list.object(|item| {
                    item.number("index", rank.index);
                    item.raw("relevance_score", rank.score.get());
                    let text = usize::try_from(rank.index).ok().and_then(|at| texts.get(at));
                    if let Some(text) = text {
                        item.object("document", |document| document.raw("text", text.get()));
                    }
                });
            }
        });
        bill(root, task, billed);
    });
    Ok(())
}

fn bill(root: &mut Object<'_>, task: Task, billed: &Billed<'_>) {
    if let Some(tokens) = billed.tokens.filter(|_| task == Task::Rerank) {
        root.object("usage", |usage| usage.number("total_tokens", tokens));
    }
    meta(root, |units| {
        if let Some(searches) = billed.searches {
            units.number("search_units", searches);
        }
        if let Some(tokens) = billed.tokens {
            units.number("input_tokens", tokens);
        }
    });
}

fn rank(raw: Raw<'_>) -> Result<Rank<'_>, BadAnswer> {
    let mut fields = Fields::lenient(raw).ok_or(BadAnswer::Malformed)?;
    let index = fields.take("index").and_then(json::whole).ok_or(BadAnswer::Malformed)?;
    let score = fields.take("relevance_score").or_else(|| fields.take("score"));
    let score = score.filter(|raw| json::shape(raw) == Shape::Number);
    Ok(Rank { index, score: score.ok_or(BadAnswer::Malformed)? })
}
