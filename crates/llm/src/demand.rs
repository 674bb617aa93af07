//! What a client's request must hold, and the refusal when it does not.

use std::borrow::Cow;

use crate::{
    BadRequest,
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
