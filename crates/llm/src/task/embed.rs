//! Embeddings between OpenAI's shape, with what Jina and Voyage call things, and Cohere's.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Dialect, lost, names::Purpose, prepare::Said};
use crate::{
    BadAnswer, BadRequest,
    json::{self, Fields, Raw, Shape},
    write::{self, Object},
};

/// From OpenAI's shape.
pub(super) fn from_openai(mut fields: Fields<'_>, model: &str, dialect: Dialect) -> Said {
    let input = fields.take("input").ok_or_else(|| crate::head::missing("input"))?;
    let texts = texts(input)?;
    let mut dropped = Vec::new();
    let purpose = purpose(&mut fields, &mut dropped, dialect);
    let encoding = fields.take("encoding_format").or_else(|| fields.take("embedding_type"));
    let packed = encoding.and_then(json::text).as_deref() == Some("base64");
    let dimensions = fields.take("dimensions").or_else(|| fields.take("output_dimension"));
    if fields.take("user").is_some() {
        lost(&mut dropped, "user");
    }
    let mut out = Vec::with_capacity(input.get().len() + 256);
    write::object(&mut out, |root| {
        root.text("model", model);
        match dialect {
            Dialect::Cohere => {
                raw_list(root, "texts", &texts);
                // The floats are packed here, so that nobody has to agree on how.
                root.array("embedding_types", |types| types.text("float"));
                let purpose = purpose.and_then(|purpose| purpose.word(dialect));
                root.text("input_type", purpose.unwrap_or("search_document"));
                root.raw_some("output_dimension", dimensions);
            }
            Dialect::Jina => {
                root.raw("input", input.get());
                say(root, purpose, dialect);
                root.raw_some("embedding_type", encoding);
                root.raw_some("dimensions", dimensions);
            }
            _ => {
                root.raw("input", input.get());
                say(root, purpose, dialect);
                // Floats are what is given unless something else is asked for.
                root.raw_some("encoding_format", encoding.filter(|_| packed));
                root.raw_some("output_dimension", dimensions);
            }
        }
        rest(root, &fields, dialect, &mut dropped);
    });
    Ok((out, dropped))
}

/// What nobody took: Jina and Voyage are sent their own members, Cohere only those it documents.
fn rest(root: &mut Object<'_>, fields: &Fields<'_>, dialect: Dialect, dropped: &mut Vec<String>) {
    for (name, raw) in fields.entries().filter(|(_, raw)| json::shape(raw) != Shape::Null) {
        let theirs = match dialect {
            Dialect::Cohere => matches!(name, "truncate" | "max_tokens" | "priority"),
            Dialect::Jina => matches!(name, "normalized" | "late_chunking" | "truncate"),
            Dialect::Voyage => matches!(name, "truncation" | "output_dtype"),
            Dialect::OpenAi | Dialect::Stability | Dialect::Replicate => false,
        };
        if theirs {
            root.raw(name, raw.get());
        } else {
            lost(dropped, name);
        }
    }
}

/// What the text is for, in whichever member the client says it.
fn purpose(
    fields: &mut Fields<'_>,
    dropped: &mut Vec<String>,
    dialect: Dialect,
) -> Option<Purpose> {
    let mut found = None;
    for member in ["input_type", "task"] {
        let Some(raw) = fields.take(member) else { continue };
        let purpose = json::text(raw).and_then(|word| Purpose::parse(&word));
        match purpose.filter(|purpose| purpose.word(dialect).is_some()) {
            Some(purpose) => found = Some(purpose),
            None => lost(dropped, member),
        }
    }
    found
}

fn say(root: &mut Object<'_>, purpose: Option<Purpose>, dialect: Dialect) {
    if let Some(word) = purpose.and_then(|purpose| purpose.word(dialect)) {
        root.text(Purpose::member(dialect), word);
    }
}

/// One text or several; tokens are those of OpenAI's models and mean something else to others.
fn texts(input: Raw<'_>) -> Result<Vec<Raw<'_>>, BadRequest> {
    let all = match json::shape(input) {
        Shape::Text => vec![input],
        _ => json::array(input).unwrap_or_default(),
    };
    if all.is_empty() || all.iter().any(|one| json::shape(one) != Shape::Text) {
        let why = "This provider takes a text or a list of texts.";
        return Err(BadRequest::unsupported("input", why));
    }
    Ok(all)
}

fn raw_list(root: &mut Object<'_>, name: &str, all: &[Raw<'_>]) {
    root.array(name, |list| all.iter().for_each(|one| list.raw(one.get())));
}

/// From Cohere's shape.
pub(super) fn from_cohere(mut fields: Fields<'_>, model: &str, dialect: Dialect) -> Said {
    for name in ["images", "inputs"] {
        if fields.take(name).is_some() {
            return Err(BadRequest::unsupported(name, "This provider takes texts only."));
        }
    }
    types_of(&mut fields)?;
    let texts = fields.take("texts").ok_or_else(|| crate::head::missing("texts"))?;
    let mut dropped = Vec::new();
    let purpose = purpose(&mut fields, &mut dropped, dialect);
    let dimension = fields.take("output_dimension");
    let truncate = fields.take("truncate").and_then(json::text);
    let mut out = Vec::with_capacity(texts.get().len() + 256);
    write::object(&mut out, |root| {
        root.text("model", model);
        root.raw("input", texts.get());
        say(root, purpose, dialect);
        match dialect {
            Dialect::Voyage => root.raw_some("output_dimension", dimension),
            _ => root.raw_some("dimensions", dimension),
        }
        match (truncate.as_deref(), dialect) {
            (None, _) => {}
            (Some("NONE"), Dialect::Voyage) => root.boolean("truncation", false),
            (Some("END"), Dialect::Voyage) => root.boolean("truncation", true),
            (Some(_), _) => lost(&mut dropped, "truncate"),
        }
        if dialect == Dialect::OpenAi {
            root.text("encoding_format", "float");
        }
    });
    for name in fields.rest() {
        lost(&mut dropped, name);
    }
    Ok((out, dropped))
}

/// The two forms of numbers that every provider can give.
#[derive(Clone, Copy, Default)]
struct Types {
    float: bool,
    base64: bool,
}

fn types_of(fields: &mut Fields<'_>) -> Result<Types, BadRequest> {
    let Some(raw) = fields.take("embedding_types") else {
        return Ok(Types { float: true, base64: false });
    };
    let mut types = Types::default();
    for one in json::array(raw).unwrap_or_default() {
        match json::text(one).as_deref() {
            Some("float") => types.float = true,
            Some("base64") => types.base64 = true,
            _ => {
                let why = "This provider gives embeddings as float or base64 only.";
                return Err(BadRequest::unsupported("embedding_types", why));
            }
        }
    }
    Ok(Types { float: types.float || !types.base64, ..types })
}

/// An answer of Cohere's shape in OpenAI's; `asked` is the client's request.
pub(super) fn to_openai(
    asked: Option<Fields<'_>>,
    answer: &mut Fields<'_>,
    (model, tokens): (&str, Option<u64>),
    out: &mut Vec<u8>,
) -> Result<(), BadAnswer> {
    let encoding = asked.and_then(|mut asked| asked.take("encoding_format")).and_then(json::text);
    let packed = encoding.as_deref() == Some("base64");
    let vectors = answer
        .take("embeddings")
        .and_then(Fields::lenient)
        .and_then(|mut by_type| by_type.take("float"))
        .and_then(json::array)
        .ok_or(BadAnswer::Malformed)?;
    let each: Vec<String> = if packed {
        vectors.iter().map(|raw| pack(raw)).collect::<Result<_, _>>()?
    } else {
        vectors.iter().map(|raw| raw.get().to_owned()).collect()
    };
    write::object(out, |root| {
        root.text("object", "list");
        root.array("data", |list| {
            for (at, vector) in each.iter().enumerate() {
                list.object(|item| {
                    item.text("object", "embedding");
                    item.number("index", at as u64);
                    item.raw("embedding", vector);
                });
            }
        });
        root.text("model", model);
        if let Some(tokens) = tokens {
            root.object("usage", |usage| counts(usage, tokens));
        }
    });
    Ok(())
}

/// The members of a `usage` object in OpenAI's shape: nothing but input.
pub(super) fn counts(usage: &mut Object<'_>, tokens: u64) {
    usage.number("prompt_tokens", tokens);
    usage.number("total_tokens", tokens);
}

/// An answer of OpenAI's shape in Cohere's.
pub(super) fn to_cohere(
    asked: Option<Fields<'_>>,
    answer: &mut Fields<'_>,
    (id, tokens): (&str, Option<u64>),
    out: &mut Vec<u8>,
) -> Result<(), BadAnswer> {
    let mut asked = asked.ok_or(BadAnswer::Malformed)?;
    let types = types_of(&mut asked).map_err(|_| BadAnswer::Malformed)?;
    let vectors = in_order(answer.take("data").ok_or(BadAnswer::Malformed)?)?;
    let packed = if types.base64 {
        vectors.iter().map(|raw| pack(raw)).collect::<Result<Vec<_>, _>>()?
    } else {
        Vec::new()
    };
    write::object(out, |root| {
        root.text("id", id);
        root.object("embeddings", |by_type| {
            if types.float {
                raw_list(by_type, "float", &vectors);
            }
            if types.base64 {
                by_type.array("base64", |list| packed.iter().for_each(|one| list.raw(one)));
            }
        });
        root.raw_some("texts", asked.take("texts"));
        root.text("response_type", "embeddings_by_type");
        meta(root, |billed| {
            if let Some(tokens) = tokens {
                billed.number("input_tokens", tokens);
            }
        });
    });
    Ok(())
}

/// What Cohere's answers say of themselves.
pub(super) fn meta(root: &mut Object<'_>, billed: impl FnOnce(&mut Object<'_>)) {
    root.object("meta", |meta| {
        meta.object("api_version", |version| version.text("version", "2"));
        meta.object("billed_units", billed);
    });
}

/// The vectors, each at its index.
fn in_order(data: Raw<'_>) -> Result<Vec<Raw<'_>>, BadAnswer> {
    let items = json::array(data).ok_or(BadAnswer::Malformed)?;
    let mut all = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let mut item = Fields::lenient(item).ok_or(BadAnswer::Malformed)?;
        let index = item.take("index").and_then(json::whole).unwrap_or(at as u64);
        let vector = item.take("embedding").filter(|raw| json::shape(raw) == Shape::Array);
        all.push((index, vector.ok_or(BadAnswer::Malformed)?));
    }
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, vector)| vector).collect())
}

/// Little-endian floats in base64, as a JSON string.
fn pack(vector: Raw<'_>) -> Result<String, BadAnswer> {
    let numbers: Vec<f32> = serde_json::from_str(vector.get()).map_err(|_| BadAnswer::Malformed)?;
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    Ok(format!("\"{}\"", STANDARD.encode(bytes)))
}
