//! From a provider's whole answer to the client's.

use bytes::Bytes;
use domain::{Units, Usage};

use super::{Dialect, Task, embed, rank, replicate, stability, usage};
use crate::{
    BadAnswer, Head,
    edit::{Edits, span},
    json::{self, Fields, Raw, Shape},
    upstream, write,
};

/// What the answer belongs to.
#[derive(Clone, Copy, Debug)]
pub struct TaskAsked<'a> {
    pub task: Task,
    pub dialect: Dialect,
    /// The client's request, with its head.
    pub body: &'a Bytes,
    pub head: &'a Head,
    /// The id of the request, for shapes that have one in the answer.
    pub id: &'a str,
    /// Seconds since the epoch, for shapes that have a time in the answer.
    pub created: u64,
}

/// An answer in the client's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskAnswer {
    pub body: Bytes,
    /// Absent when the provider did not say.
    pub usage: Usage,
    pub units: Units,
}

impl TaskAsked<'_> {
    /// Whether the provider answers in the client's own shape.
    fn same(&self) -> bool {
        match self.task {
            Task::Embeddings => self.dialect != Dialect::Cohere,
            Task::Embed | Task::RerankV2 => self.dialect == Dialect::Cohere,
            Task::Rerank => matches!(self.dialect, Dialect::OpenAi | Dialect::Jina),
            Task::Images | Task::ImageEdits => {
                !matches!(self.dialect, Dialect::Stability | Dialect::Replicate)
            }
            _ => true,
        }
    }

    fn request(&self) -> Option<Fields<'_>> {
        json::document(self.body).and_then(Fields::lenient)
    }

    /// The member that makes an answer one.
    const fn substance(&self) -> &'static str {
        match (self.task, self.dialect) {
            (Task::Embeddings | Task::Embed, Dialect::Cohere) => "embeddings",
            (Task::Rerank | Task::RerankV2, Dialect::Voyage) => "data",
            (Task::Rerank | Task::RerankV2 | Task::Moderations, _) => "results",
            (Task::Transcriptions | Task::Translations, _) => "text",
            (Task::Images | Task::ImageEdits, Dialect::Stability) => "image",
            (Task::Images, Dialect::Replicate) => "output",
            _ => "data",
        }
    }
}

/// Puts a provider's answer into the client's shape. In the same dialect the bytes stay as they are, but for the
/// model's name; an answer that is no JSON (the plain text of a recording) stays whatever it is.
///
/// # Errors
/// When the body holds an error in spite of its HTTP 200, or is no answer of the provider's dialect.
pub fn task_respond(
    asked: TaskAsked<'_>,
    body: &Bytes,
    is_json: bool,
    shown_model: Option<&str>,
) -> Result<TaskAnswer, BadAnswer> {
    let mut units = asked.head.units;
    if !is_json {
        return match asked.task {
            Task::Transcriptions | Task::Translations | Task::Speech => {
                Ok(TaskAnswer { body: body.clone(), usage: Usage::default(), units })
            }
            _ => Err(BadAnswer::Malformed),
        };
    }
    let document = json::document(body).ok_or(BadAnswer::Malformed)?;
    let mut fields = Fields::lenient(document).ok_or(BadAnswer::Malformed)?;
    match asked.dialect {
        Dialect::Stability => stability::refused(&mut fields)?,
        Dialect::Replicate => replicate::refused(&mut fields)?,
        _ => {}
    }
    if let Some(raw) = fields.take("error") {
        return Err(BadAnswer::Upstream(upstream::reduce(None, raw)));
    }
    let said = fields.take("usage");
    let usage = said.and_then(|raw| usage::read(asked.task, raw, &mut units));
    let usage = usage.or_else(|| usage::of_meta(fields.take("meta")?, &mut units));
    let substance = asked.substance();
    let held = fields.entries().find(|(name, _)| *name == substance);
    let (_, held) = held.ok_or(BadAnswer::Malformed)?;
    match asked.task {
        Task::Images | Task::ImageEdits => {
            units.images = json::array(held).map(|all| all.len() as u64).or(units.images);
        }
        Task::Transcriptions | Task::Translations if units.milliseconds.is_none() => {
            usage::heard(&mut fields, &["duration"], &mut units);
        }
        _ => {}
    }
    let model = fields.take("model");
    let tokens = usage.map(|usage| usage.input);
    let body = if asked.same() {
        same(asked, body, (model, shown_model), (said, tokens))
    } else {
        let shown =
            shown_model.map(str::to_owned).or_else(|| Some(json::text(model?)?.into_owned()));
        let model = shown.as_deref().unwrap_or(&asked.head.model);
        translated(asked, &mut fields, (model, tokens), &units)?
    };
    Ok(TaskAnswer { body, usage: usage.unwrap_or_default(), units })
}

fn translated(
    asked: TaskAsked<'_>,
    fields: &mut Fields<'_>,
    (model, tokens): (&str, Option<u64>),
    units: &Units,
) -> Result<Bytes, BadAnswer> {
    let mut out = Vec::with_capacity(4096);
    match asked.task {
        Task::Embeddings => {
            embed::to_openai(asked.request(), fields, (model, tokens), &mut out)?;
        }
        Task::Images | Task::ImageEdits => {
            let images = if asked.dialect == Dialect::Stability {
                stability::images(fields)
            } else {
                replicate::images(fields)
            };
            write_images(&images.ok_or(BadAnswer::Malformed)?, asked.created, &mut out);
        }
        Task::Embed => embed::to_cohere(asked.request(), fields, (asked.id, tokens), &mut out)?,
        task => {
            let billed = rank::Billed { id: asked.id, model, tokens, searches: units.searches };
            rank::answer(task, asked.request(), fields, &billed, &mut out)?;
        }
    }
    Ok(out.into())
}

/// One image: the name of the member that holds it, and the member as it came.
pub(super) type Image<'a> = (&'static str, Raw<'a>);

fn write_images(images: &[Image<'_>], created: u64, out: &mut Vec<u8>) {
    write::object(out, |root| {
        root.number("created", created);
        root.array("data", |list| {
            for (name, raw) in images {
                list.object(|image| image.raw(name, raw.get()));
            }
        });
    });
}

/// The same bytes with the model's name as the client knows it. Jina and Voyage count only the sum of tokens, which for
/// embeddings is the input.
fn same(
    asked: TaskAsked<'_>,
    body: &Bytes,
    (model, shown): (Option<Raw<'_>>, Option<&str>),
    (said, tokens): (Option<Raw<'_>>, Option<u64>),
) -> Bytes {
    let mut edits = Edits::default();
    let place = model.filter(|raw| json::shape(raw) == Shape::Text);
    if let (Some(shown), Some(range)) = (shown, place.and_then(|raw| span(body, raw))) {
        edits.replace_text(range, shown);
    }
    let halved = |raw: Raw<'_>| {
        let mut fields = Fields::lenient(raw)?;
        (fields.take("prompt_tokens").is_none() && fields.take("total_tokens").is_some())
            .then_some(())
    };
    if asked.task == Task::Embeddings
        && let (Some(raw), Some(tokens)) = (said, tokens)
        && halved(raw).is_some()
        && let Some(range) = span(body, raw)
    {
        let mut both = Vec::with_capacity(64);
        write::object(&mut both, |usage| embed::counts(usage, tokens));
        edits.replace(range, both);
    }
    edits.apply(body)
}
