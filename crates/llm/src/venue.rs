//! Models that are called elsewhere than at their maker's own address: what the host wants in path and body.

use std::borrow::Cow;

use memchr::memmem;
use serde_json::{Value, json};

use crate::{
    Format, Prepared,
    edit::{Edits, span},
    force,
    json::{self, Fields, Raw},
    segment, wishes,
};

/// What Anthropic's format is called at Google.
const ANTHROPIC_AT_GOOGLE: &str = "vertex-2023-10-16";

/// A host of models with words of its own for whom a request belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Venue {
    /// Google Vertex AI: the path names project, location, the model's maker and the model.
    Vertex { project: String, location: String },
    /// IBM watsonx.ai: the body names the project or space.
    Watsonx { member: &'static str, id: String },
}

impl Venue {
    /// Whether a model can be asked in that format there. At Google that is decided by its maker.
    #[must_use]
    pub fn speaks(&self, format: Format, model: &str) -> bool {
        match self {
            Self::Vertex { .. } => {
                (format == Format::AnthropicMessages) == model.starts_with("claude")
            }
            Self::Watsonx { .. } => true,
        }
    }

    /// A request for a conversation in the host's form.
    #[must_use]
    pub fn address(
        &self,
        prepared: Prepared,
        format: Format,
        (model, stream): (&str, bool),
    ) -> Prepared {
        match self {
            Self::Vertex { .. } => {
                let (maker, call) = match (format, stream) {
                    (Format::AnthropicMessages, false) => ("anthropic", "rawPredict"),
                    (Format::AnthropicMessages, true) => ("anthropic", "streamRawPredict"),
                    (_, false) => ("google", "generateContent"),
                    (_, true) => ("google", "streamGenerateContent?alt=sse"),
                };
                let body = without_model(&prepared.body);
                let body = match format {
                    Format::AnthropicMessages => {
                        with(&body, "anthropic_version", json!(ANTHROPIC_AT_GOOGLE))
                    }
                    _ => without_ids(&body),
                };
                Prepared { path: self.path(maker, model, call), body, ..prepared }
            }
            Self::Watsonx { member, id } => {
                Prepared { body: with(&prepared.body, member, json!(id)), ..prepared }
            }
        }
    }

    /// A request to count the tokens of a Messages request, which names its model in the body.
    #[must_use]
    pub fn address_count(&self, prepared: Prepared) -> Prepared {
        match self {
            Self::Vertex { .. } => {
                Prepared { path: self.path("anthropic", "count-tokens", "rawPredict"), ..prepared }
            }
            Self::Watsonx { .. } => prepared,
        }
    }

    fn path(&self, maker: &str, model: &str, call: &str) -> Cow<'static, str> {
        let Self::Vertex { project, location } = self else { return Cow::Borrowed("/") };
        let mut path =
            format!("/v1/projects/{project}/locations/{location}/publishers/{maker}/models/");
        // `@` stands before a model's version.
        segment::push(&mut path, model, b"-._~@");
        path.push(':');
        path.push_str(call);
        Cow::Owned(path)
    }
}

/// The body without the model's name, which stands in the path.
fn without_model(body: &bytes::Bytes) -> bytes::Bytes {
    let mut edits = Edits::default();
    let fields = json::document(body).and_then(Fields::lenient);
    let named = fields.iter().flat_map(Fields::entries).find(|(name, _)| *name == "model");
    let place = named.and_then(|(_, raw)| wishes::member(body, &span(body, raw)?));
    if let Some(member) = place {
        edits.replace(member, *b"");
    }
    edits.apply(body)
}

/// The body without the ids of calls and their results, which Gemini knows and Vertex AI refuses: there they belong
/// together by name and order.
fn without_ids(body: &bytes::Bytes) -> bytes::Bytes {
    const HOLDERS: [&str; 4] =
        ["functionCall", "function_call", "functionResponse", "function_response"];
    let mut edits = Edits::default();
    if memmem::find(body, b"\"id\"").is_none() {
        return body.clone();
    }
    let inside = |raw, name: &str| -> Vec<Raw<'_>> {
        let list = Fields::lenient(raw).and_then(|mut fields| fields.take(name));
        list.and_then(json::array).unwrap_or_default()
    };
    let turns = json::document(body).map(|raw| inside(raw, "contents")).unwrap_or_default();
    for part in turns.into_iter().flat_map(|turn| inside(turn, "parts")) {
        let Some(mut part) = Fields::lenient(part) else { continue };
        for held in HOLDERS.iter().filter_map(|name| part.take(name)).collect::<Vec<_>>() {
            let id = Fields::lenient(held).and_then(|mut fields| fields.take("id"));
            let place = id.and_then(|raw| wishes::member(body, &span(body, raw)?));
            if let Some(member) = place {
                edits.replace(member, *b"");
            }
        }
    }
    edits.apply(body)
}

fn with(body: &bytes::Bytes, name: &str, value: Value) -> bytes::Bytes {
    force(body, &[(name.to_owned(), value)].into()).0
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Quirks, head, head_at, prepare};

    fn vertex() -> Venue {
        Venue::Vertex { project: "acme-1".to_owned(), location: "europe-west4".to_owned() }
    }

    fn asked(venue: &Venue, to: Format, model: &str, body: &'static str) -> (String, String) {
        let body = Bytes::from_static(body.as_bytes());
        let from = Format::AnthropicMessages;
        let head = head(from, &body).unwrap();
        let prepared = prepare(from, to, &body, &head, model, &Quirks::of_model(model)).unwrap();
        let there = venue.address(prepared, to, (model, head.stream));
        (there.path.into_owned(), String::from_utf8(there.body.to_vec()).unwrap())
    }

    #[test]
    fn claude_at_google_is_named_in_the_path_only() {
        let at = "/v1/projects/acme-1/locations/europe-west4/publishers";
        for (body, rest) in [
            (
                r#"{"model":"x","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#,
                r#""max_tokens":9,"messages":[{"role":"user","content":"hi"}]"#,
            ),
            (
                r#"{"max_tokens":9,"messages":[{"role":"user","content":"hi"}], "model" : "x" }"#,
                r#""max_tokens":9,"messages":[{"role":"user","content":"hi"}]"#,
            ),
        ] {
            let (path, said) =
                asked(&vertex(), Format::AnthropicMessages, "claude-opus-5@default", body);
            assert_eq!(path, format!("{at}/anthropic/models/claude-opus-5@default:rawPredict"));
            let said = said.replace("] ,", "],");
            assert_eq!(said, format!(r#"{{{rest},"anthropic_version":"vertex-2023-10-16"}}"#));
        }
        let stream = r#"{"model":"x","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
        let (path, said) = asked(&vertex(), Format::AnthropicMessages, "claude-a/b", stream);
        assert_eq!(path, format!("{at}/anthropic/models/claude-a%2Fb:streamRawPredict"));
        assert!(said.starts_with(r#"{"stream":true"#), "{said}");
        let (path, said) = asked(&vertex(), Format::Gemini, "gemini-3.8-flash", stream);
        let gemini = "google/models/gemini-3.8-flash:streamGenerateContent?alt=sse";
        assert_eq!(path, format!("{at}/{gemini}"));
        assert!(!said.contains("model\":"), "{said}");
    }

    #[test]
    fn what_names_its_model_in_the_body_too_is_named_once() {
        let body = Bytes::from_static(br#"{"model":"models/a","contents":[]}"#);
        let head = head_at("a", false, &body).unwrap();
        let to = Format::Gemini;
        let prepared = prepare(to, to, &body, &head, "a", &Quirks::default()).unwrap();
        let there = vertex().address(prepared, to, ("a", false));
        assert_eq!(there.body, r#"{"contents":[]}"#);
    }

    #[test]
    fn calls_lose_their_ids_and_nothing_else() {
        let body = Bytes::from_static(
            br#"{"contents":[{"role":"model","parts":[{"functionCall":{"id":"1","name":"a","args":{"id":7}}}]},
            {"role":"user","parts":[{"functionResponse":{"name":"a", "id" : "1" ,"response":{"id":8}}},{"text":"\"id\""}]}]}"#,
        );
        let text = String::from_utf8(without_ids(&body).to_vec()).unwrap();
        assert_eq!(text.matches("\"id\"").count(), 2, "{text}");
        let said: Value = serde_json::from_str(&text).unwrap();
        let call = json!({"name": "a", "args": {"id": 7}});
        assert_eq!(said["contents"][0]["parts"][0]["functionCall"], call);
        let result = json!({"name": "a", "response": {"id": 8}});
        assert_eq!(said["contents"][1]["parts"][0]["functionResponse"], result);
        assert_eq!(said["contents"][1]["parts"][1]["text"], "\"id\"");
    }

    #[test]
    fn tokens_are_counted_at_a_path_of_their_own() {
        let body = r#"{"model":"x","messages":[{"role":"user","content":"Hi"}]}"#;
        let prepared = Prepared {
            body: Bytes::from_static(body.as_bytes()),
            dropped: Vec::new(),
            path: "/messages/count_tokens".into(),
            headers: &[],
            forwarded: &[],
        };
        let there = vertex().address_count(prepared.clone());
        assert!(there.path.ends_with("/anthropic/models/count-tokens:rawPredict"));
        assert_eq!(there.body, body);
        let other = Venue::Watsonx { member: "project_id", id: "p".to_owned() };
        assert_eq!(other.address_count(prepared.clone()), prepared);
    }

    #[test]
    fn the_project_stands_in_the_body_whatever_the_client_says() {
        let venue = Venue::Watsonx { member: "space_id", id: "s-1".to_owned() };
        let body = r#"{"model":"x","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
        let (path, said) = asked(&venue, Format::Watsonx, "ibm/granite", body);
        assert!(path.starts_with("/text/chat?version="), "{path}");
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&said["space_id"], &said["model_id"]), (&json!("s-1"), &json!("ibm/granite")));
        assert_eq!(said.get("model"), None);
    }

    #[test]
    fn the_maker_decides_the_format() {
        let venue = vertex();
        assert!(venue.speaks(Format::AnthropicMessages, "claude-next"));
        assert!(!venue.speaks(Format::Gemini, "claude-next"));
        assert!(venue.speaks(Format::Gemini, "gemini-next"));
        assert!(!venue.speaks(Format::AnthropicMessages, "gemini-next"));
    }
}
