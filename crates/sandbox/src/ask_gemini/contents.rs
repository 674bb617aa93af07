//! The turns of a Gemini request.

use serde_json::Value;

use crate::{
    ask::{Part, Role, Turn, decoded_length, list_of, text_of},
    gemini,
    refusal::Refusal,
};

/// The members of a part of which exactly one says what it is.
const DATA: [&str; 5] = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];

pub(super) fn read(body: &Value) -> Result<Vec<Turn>, Refusal> {
    let mut reader = Reader::default();
    let mut turns = Vec::new();
    if let Some(content) = body.get("systemInstruction").filter(|content| !content.is_null()) {
        let parts = reader.parts(content)?;
        if !parts.iter().all(|part| matches!(part, Part::Text(_))) {
            return Err(Refusal::invalid("systemInstruction", "only text is supported"));
        }
        turns.push(Turn { role: Role::System, parts });
    }
    let contents = list_of(body, "contents")?;
    if contents.is_empty() {
        return Err(Refusal::invalid("contents", "contents are required"));
    }
    for content in contents {
        let role = match content.get("role").and_then(Value::as_str) {
            None | Some("user") => Role::User,
            Some("model") => Role::Assistant,
            Some(_) => {
                return Err(Refusal::invalid("contents", "Please use a valid role: user, model."));
            }
        };
        let parts = reader.parts(content)?;
        reader.paired(role, &parts)?;
        turns.push(Turn { role, parts });
    }
    Ok(turns)
}

/// With this model every call must come back with the signature that stood on it.
pub(super) fn check_signed(body: &Value, model: &str) -> Result<(), Refusal> {
    let contents = list_of(body, "contents")?;
    let [.., called, _] = contents else { return Ok(()) };
    let first = list_of(called, "parts")?.iter().find(|part| part.get("functionCall").is_some());
    let unsigned = first.is_some_and(|part| part.get("thoughtSignature").is_none());
    if model.contains("thinking") && unsigned {
        let why = "Function call is missing a thought_signature in functionCall parts.";
        return Err(Refusal::new(400, why));
    }
    Ok(())
}

#[derive(Default)]
struct Reader {
    /// Names and ids of calls that wait for their results.
    open: Vec<(String, String)>,
    calls: usize,
}

impl Reader {
    fn parts(&mut self, content: &Value) -> Result<Vec<Part>, Refusal> {
        let given = list_of(content, "parts")?;
        if given.is_empty() {
            return Err(Refusal::invalid("contents.parts", "must not be empty"));
        }
        let mut parts = Vec::new();
        for part in given {
            self.part(part, &mut parts)?;
        }
        Ok(parts)
    }

    fn part(&mut self, part: &Value, parts: &mut Vec<Part>) -> Result<(), Refusal> {
        let said: Vec<&str> = DATA.into_iter().filter(|name| part.get(*name).is_some()).collect();
        let [kind] = said.as_slice() else {
            let why = "required oneof field 'data' must have one initialized field";
            return Err(Refusal::invalid("contents.parts", why));
        };
        if let Some(signature) = part.get("thoughtSignature") {
            let call = part.get("functionCall");
            let signature = signature.as_str().unwrap_or_default();
            if !gemini::is_signature(signature, call) {
                return Err(Refusal::new(400, "Corrupted thought signature."));
            }
            parts.push(Part::Thinking { text: String::new(), signature: signature.to_owned() });
        }
        // What was thought aloud is not read again.
        if part.get("thought").and_then(Value::as_bool) == Some(true) {
            return Ok(());
        }
        let inner = part.get(*kind).unwrap_or(part);
        parts.push(match *kind {
            "functionCall" => self.call(inner)?,
            "functionResponse" => self.result(inner)?,
            "inlineData" => {
                let data = text_of(inner, "data")?;
                Part::Image(text_of(inner, "mimeType")?, decoded_length(&data))
            }
            "fileData" => return Err(Refusal::new(403, "You do not have access to the file")),
            _ => Part::Text(text_of(part, "text")?),
        });
        Ok(())
    }

    fn call(&mut self, call: &Value) -> Result<Part, Refusal> {
        let name = text_of(call, "name")?;
        if call.get("args").is_some_and(|args| !args.is_object()) {
            return Err(Refusal::invalid("functionCall.args", "must be an object"));
        }
        self.calls += 1;
        let unnamed = || format!("unnamed_{}", self.calls);
        let id = call.get("id").and_then(Value::as_str).map_or_else(unnamed, str::to_owned);
        self.open.push((name, id.clone()));
        Ok(Part::Call { id })
    }

    /// Results answer the call of their id, or the first of their name.
    fn result(&mut self, result: &Value) -> Result<Part, Refusal> {
        let name = text_of(result, "name")?;
        let said = result.get("response").filter(|said| said.is_object());
        let said =
            said.ok_or_else(|| Refusal::invalid("functionResponse.response", "must be an object"))?;
        let id = result.get("id").and_then(Value::as_str);
        let of = |(called, call): &(String, String)| match id {
            Some(id) => id == call && *called == name,
            None => *called == name,
        };
        let place = self.open.iter().position(of).ok_or_else(|| {
            Refusal::invalid("contents", "a function response turn comes after its function call")
        })?;
        let (_, id) = self.open.remove(place);
        let text = match said.get("output").or(said.get("error")).and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => said.to_string(),
        };
        Ok(Part::Result { id, text })
    }

    /// A turn of calls is answered by the next, all of it at once.
    fn paired(&self, role: Role, parts: &[Part]) -> Result<(), Refusal> {
        let calls = parts.iter().any(|part| matches!(part, Part::Call { .. }));
        if calls && role == Role::User {
            return Err(Refusal::invalid(
                "contents",
                "a function call belongs to the model's turn",
            ));
        }
        if role == Role::User && !self.open.is_empty() {
            let why = "Please ensure that the number of function response parts is equal to the number of \
                       function call parts of the function call turn.";
            return Err(Refusal::invalid("contents", why));
        }
        Ok(())
    }
}
