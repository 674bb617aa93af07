//! Who a request is for, where the client says so: a name of the client's own for its user.

use std::borrow::Cow;

use crate::{
    Format, Head,
    json::{self, Fields, Raw},
};

/// Longer names are cut off here, in bytes: they are only compared.
const LONGEST: usize = 512;

/// Whether the member says it; one that is newer counts more than `user`, whichever comes first.
pub(crate) fn names(format: Format, key: &str, known: bool) -> bool {
    match format {
        Format::AnthropicMessages => key == "metadata",
        Format::OpenAiChat | Format::OpenAiResponses => {
            key == "safety_identifier" || (key == "user" && !known)
        }
        _ => false,
    }
}

/// The client's own name for who the request is for. For telling people apart only: it must be neither kept nor shown.
#[must_use]
pub fn person<'a>(head: &Head, body: &'a [u8]) -> Option<Cow<'a, str>> {
    let text = std::str::from_utf8(body.get(head.spots.person.clone()?)?).ok()?;
    let raw: Raw<'a> = serde_json::from_str(text).ok()?;
    let name = match Fields::lenient(raw) {
        Some(mut fields) => json::text(fields.take("user_id")?)?,
        None => json::text(raw)?,
    };
    let end = name.floor_char_boundary(LONGEST);
    let cut = match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.get(..end)?),
        Cow::Owned(name) => Cow::Owned(name.get(..end)?.to_owned()),
    };
    Some(cut).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(format: Format, body: &str) -> Option<String> {
        let head = crate::head(format, body.as_bytes()).unwrap();
        person(&head, body.as_bytes()).map(Cow::into_owned)
    }

    #[test]
    fn each_format_says_it_in_its_own_way() {
        let chat = Format::OpenAiChat;
        assert_eq!(of(chat, r#"{"model":"m","messages":[],"user":"u\u00e4"}"#).unwrap(), "u\u{e4}");
        let both = [
            r#"{"user":"old","model":"m","messages":[],"safety_identifier":"new"}"#,
            r#"{"safety_identifier":"new","model":"m","messages":[],"user":"old"}"#,
        ];
        for body in both {
            assert_eq!(of(chat, body).unwrap(), "new");
        }
        let anthropic = Format::AnthropicMessages;
        let body = r#"{"model":"m","messages":[],"metadata":{"user_id":"a"},"user":"no"}"#;
        assert_eq!(of(anthropic, body).unwrap(), "a");
        for nobody in [
            r#"{"model":"m","messages":[]}"#,
            r#"{"model":"m","messages":[],"user":""}"#,
            r#"{"model":"m","messages":[],"user":7}"#,
        ] {
            assert_eq!(of(chat, nobody), None, "{nobody}");
        }
        assert_eq!(of(anthropic, r#"{"model":"m","messages":[],"metadata":{}}"#), None);
        let long = format!(r#"{{"model":"m","messages":[],"user":"{}"}}"#, "x".repeat(900));
        assert_eq!(of(chat, &long).unwrap().len(), LONGEST);
    }
}
