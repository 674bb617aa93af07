//! From a client's request to a provider's.

use bytes::Bytes;

use super::{Dialect, Task, embed, rank, replicate, stability};
use crate::{
    BadRequest, Head, Prepared,
    edit::Edits,
    json::{self, Fields, Raw},
    realtime,
};

/// A request in a provider's dialect, and the names of what it cannot carry.
pub(super) type Said = Result<(Vec<u8>, Vec<String>), BadRequest>;

/// Puts a request into the provider's dialect, addressed to `target_model`. In the same dialect the body stays byte for
/// byte but for the model's name and, unless `passes_wishes`, the client's wishes about providers. `head` must be the
/// one read from `body`.
///
/// # Errors
/// When the request cannot be said in the provider's dialect.
pub fn task_prepare(
    task: Task,
    dialect: Dialect,
    body: &Bytes,
    head: &Head,
    (target_model, passes_wishes): (&str, bool),
) -> Result<Prepared, BadRequest> {
    let (body, dropped) = match (task, dialect) {
        (Task::Embeddings, Dialect::Jina | Dialect::Voyage | Dialect::Cohere) => {
            said(embed::from_openai(fields(body)?, target_model, dialect))?
        }
        (Task::Embed, Dialect::OpenAi | Dialect::Jina | Dialect::Voyage) => {
            said(embed::from_cohere(fields(body)?, target_model, dialect))?
        }
        (Task::Rerank, Dialect::Voyage | Dialect::Cohere)
        | (Task::RerankV2, Dialect::OpenAi | Dialect::Jina | Dialect::Voyage) => {
            said(rank::request(fields(body)?, target_model, dialect))?
        }
        (Task::Images | Task::ImageEdits, Dialect::Stability) => {
            return stability::request(task, body, head, target_model);
        }
        (Task::Images, Dialect::Replicate) => {
            return replicate::request(fields(body)?, target_model);
        }
        (Task::Realtime, _) => return Ok(realtime::prepare(target_model)),
        _ => (same(body, head, target_model, passes_wishes), Vec::new()),
    };
    Ok(Prepared {
        body,
        dropped,
        path: task.path(dialect).into(),
        headers: &[],
        // The boundary stands there.
        forwarded: if head.is_form() { &["content-type"] } else { &[] },
    })
}

fn said(said: Said) -> Result<(Bytes, Vec<String>), BadRequest> {
    said.map(|(body, dropped)| (body.into(), dropped))
}

pub(super) fn fields(body: &Bytes) -> Result<Fields<'_>, BadRequest> {
    let wrong = || BadRequest::new("invalid_json", "The request body is not a JSON object.");
    let document: Raw<'_> = json::document(body).ok_or_else(wrong)?;
    let mut fields = Fields::strict(document).map_err(|_| wrong())?;
    // Both were read with the head: the model is another one there, and the wishes are not for the provider.
    fields.take("model");
    fields.take("provider");
    Ok(fields)
}

fn same(body: &Bytes, head: &Head, target: &str, passes_wishes: bool) -> Bytes {
    let (mut edits, spots) = (Edits::default(), &head.spots);
    if head.is_form() {
        if head.model != target {
            edits.replace(spots.model.clone(), target.as_bytes());
        }
        return edits.apply(body);
    }
    if spots.model.is_empty() {
        let mut member = b",\"model\":".to_vec();
        crate::write::quote(&mut member, target);
        edits.replace(spots.end..spots.end, member);
    } else if head.model != target {
        edits.replace_text(spots.model.clone(), target);
    }
    if let Some(member) = spots.wishes.as_ref().filter(|_| !passes_wishes) {
        edits.replace(member.clone(), *b"");
    }
    edits.apply(body)
}
