//! What a client's request must hold, and the refusal when it does not.

use std::borrow::Cow;

use crate::{
    BadRequest,
    conversation::Choice,
    json::{self, Fields, NotFields, Path, Raw, Shape},
};

/// The members of an object.
pub(crate) fn members<'a>(raw: Raw<'a>, path: &Path<'_>) -> Result<Fields<'a>, BadRequest> {
    Fields::strict(raw).map_err(|why| match why {
        NotFields::Shape => BadRequest::at(path, "An object is expected here."),
        NotFields::Duplicate => BadRequest {
            code: "duplicate_key",
            ..BadRequest::at(path, "A member is given twice; it must be given once.")
        },
    })
}

pub(crate) fn list<'a>(raw: Raw<'a>, path: &Path<'_>) -> Result<Vec<Raw<'a>>, BadRequest> {
    json::array(raw).ok_or_else(|| BadRequest::at(path, "An array is expected here."))
}

pub(crate) fn string<'a>(
    fields: &mut Fields<'a>,
    name: &str,
    path: &Path<'_>,
) -> Result<Cow<'a, str>, BadRequest> {
    fields
        .take(name)
        .and_then(json::text)
        .ok_or_else(|| BadRequest::at(path.key(name), "A string is required here."))
}

pub(crate) fn number<'a>(
    fields: &mut Fields<'a>,
    name: &'static str,
) -> Result<Option<Raw<'a>>, BadRequest> {
    match fields.take(name) {
        Some(raw) if json::shape(raw) != Shape::Number => {
            Err(BadRequest::at(name, "A number is expected here."))
        }
        other => Ok(other),
    }
}

/// A truth value; absent and `null` are none.
pub(crate) fn boolean(
    raw: Option<Raw<'_>>,
    path: &'static str,
) -> Result<Option<bool>, BadRequest> {
    let wrong = || BadRequest::at(path, "The value must be a boolean.");
    raw.filter(|raw| json::shape(raw) != Shape::Null)
        .map(|raw| json::boolean(raw).ok_or_else(wrong))
        .transpose()
}

/// For formats that know no alternative answers.
pub(crate) fn one_answer(choices: u64) -> Result<(), BadRequest> {
    if choices > 1 {
        let why = "This model gives one answer; `n` must be 1.";
        return Err(BadRequest::unsupported("n", why));
    }
    Ok(())
}

/// A choice of tools in OpenAI's words.
pub(crate) fn choice_word<'a>(word: &str, path: Path<'_>) -> Result<Choice<'a>, BadRequest> {
    match word {
        "auto" => Ok(Choice::Auto),
        "none" => Ok(Choice::None),
        "required" => Ok(Choice::Any),
        _ => Err(BadRequest::at(path, "This tool choice is not known.")),
    }
}
