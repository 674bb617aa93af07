//! Google Vertex AI: Gemini's format and Anthropic's, at paths that name the project, the place, the model's maker and
//! the model.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// A call as its path says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'p> {
    pub(crate) claude: bool,
    pub(crate) model: &'p str,
    pub(crate) stream: bool,
    pub(crate) counts: bool,
}

impl<'p> Place<'p> {
    /// Reads `/projects/P/locations/L/publishers/MAKER/models/MODEL:CALL`.
    pub(crate) fn of(path: &'p str) -> Option<Self> {
        let rest = path.strip_prefix("/projects/")?;
        let (project, rest) = rest.split_once("/locations/")?;
        let (location, rest) = rest.split_once("/publishers/")?;
        let (maker, rest) = rest.split_once("/models/")?;
        let (model, call) = rest.split_once(':')?;
        if project.is_empty() || location.is_empty() || project.contains('/') {
            return None;
        }
        let (claude, stream) = match (maker, call) {
            ("google", "generateContent") => (false, false),
            ("google", "streamGenerateContent") => (false, true),
            ("anthropic", "rawPredict") => (true, false),
            ("anthropic", "streamRawPredict") => (true, true),
            _ => return None,
        };
        let counts = claude && model == "count-tokens";
        // Claude's models bear their maker's name.
        let model = if claude { model.strip_prefix("claude-").unwrap_or(model) } else { model };
        Some(Self { claude, model, stream, counts })
    }

    /// The request as the maker itself would be asked.
    pub(crate) fn plain(&self, body: &Bytes) -> Result<Bytes, Refusal> {
        let mut said: Value = serde_json::from_slice(body)
            .map_err(|_| Refusal::invalid("body", "We could not parse the JSON body"))?;
        let Some(members) = said.as_object_mut().filter(|_| !self.counts) else {
            return Ok(body.clone());
        };
        if members.contains_key("model") {
            return Err(Refusal::invalid("model", "the model is named in the path"));
        }
        if !self.claude {
            let all = said.get("contents").and_then(Value::as_array);
            let rolled = |turn: &Value| {
                matches!(turn.get("role").and_then(Value::as_str), Some("user" | "model"))
            };
            if !all.is_some_and(|all| all.iter().all(rolled)) {
                return Err(Refusal::invalid("contents", "Please use a valid role: user, model."));
            }
            let parts = all.into_iter().flatten().filter_map(|turn| turn.get("parts")?.as_array());
            let named = |part: &Value| {
                ["functionCall", "functionResponse"]
                    .iter()
                    .any(|name| part.get(name).is_some_and(|held| held.get("id").is_some()))
            };
            if parts.flatten().any(named) {
                let why = "Unknown name \"id\": Cannot find field.";
                return Err(Refusal::invalid("contents", why));
            }
            return Ok(body.clone());
        }
        if members.remove("anthropic_version") != Some(json!("vertex-2023-10-16")) {
            return Err(Refusal::invalid("anthropic_version", "Field required"));
        }
        if members.get("stream").and_then(Value::as_bool).unwrap_or(false) != self.stream {
            return Err(Refusal::invalid("stream", "the path says otherwise"));
        }
        members.insert("model".to_owned(), json!(self.model));
        Ok(said.to_string().into())
    }
}
