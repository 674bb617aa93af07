//! Reading the chunks of a Chat Completions stream.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    Stop, StreamFault,
    carrier::{self, Details},
    conversation::Stopped,
    json::{self, Fields, Raw},
    stream::{Meter, Piece},
    upstream,
};

use super::stop_of;

#[derive(Default)]
pub(crate) struct ChunkReader {
    started: bool,
    /// The provider's index of a call to ours.
    calls: BTreeMap<u64, u64>,
    next_call: u64,
    last_id: Option<String>,
    refused: Option<String>,
    reasoning: Option<Reasoning>,
}

/// Reasoning that has come and waits for its seal.
struct Reasoning {
    field: &'static str,
    details: Details<'static>,
}

impl ChunkReader {
    /// Reads the data of one event.
    pub(crate) fn read<'a>(
        &mut self,
        text: &'a str,
        meter: &mut Meter,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        if text.trim() == "[DONE]" {
            out.push(Piece::Done);
            return Ok(());
        }
        let raw = json::document(text.as_bytes()).ok_or(StreamFault::Malformed)?;
        let mut fields = Fields::lenient(raw).ok_or(StreamFault::Malformed)?;
        if let Some(raw) = fields.take("error") {
            return Err(StreamFault::Upstream(upstream::reduce(None, raw)));
        }
        if !self.started && fields.take("prompt_filter_results").is_some() {
            // What Azure says of the prompt comes before the answer, and knows neither its id nor its model.
            return Ok(());
        }
        if !self.started {
            self.started = true;
            out.push(Piece::Start {
                id: fields.take_text("id").unwrap_or_default(),
                model: fields.take_text("model").unwrap_or_default(),
            });
        }
        if let Some(raw) = fields.take("usage") {
            meter.openai(raw);
        }
        let Some(raw) = fields.take("choices") else { return Ok(()) };
        for raw in json::array(raw).ok_or(StreamFault::Malformed)? {
            let mut choice = Fields::lenient(raw).ok_or(StreamFault::Malformed)?;
            // Only one answer was asked for.
            if choice.take("index").and_then(json::whole).unwrap_or(0) == 0 {
                self.choice(choice, out);
            }
        }
        Ok(())
    }

    fn choice<'a>(&mut self, mut choice: Fields<'a>, out: &mut Vec<Piece<'a>>) {
        if let Some(mut delta) = choice.take("delta").and_then(Fields::lenient) {
            self.delta(&mut delta, out);
        }
        let reason = choice.take_text("finish_reason").filter(|reason| !reason.is_empty());
        let Some(reason) = reason else { return };
        self.seal(out);
        let sequence = choice.take_text("stop_reason");
        let kind = match stop_of(&reason) {
            Stop::End if self.refused.is_some() => Stop::Refusal,
            // Some servers say `stop` after a tool call.
            Stop::End if self.next_call > 0 => Stop::ToolUse,
            // vLLM says which sequence it met.
            Stop::End if sequence.is_some() => Stop::StopSequence,
            kind => kind,
        };
        out.push(Piece::Stop(Stopped {
            kind,
            sequence: sequence.filter(|_| kind == Stop::StopSequence),
            explanation: self.refused.take().map(Cow::Owned),
        }));
    }

    fn delta<'a>(&mut self, delta: &mut Fields<'a>, out: &mut Vec<Piece<'a>>) {
        self.reasoning(delta, out);
        let mut said = Vec::new();
        match delta.take("content") {
            None => {}
            Some(raw) => match json::text(raw) {
                Some(text) => said.push(Piece::Text(text)),
                None => said.extend(content_parts(raw).map(Piece::Text)),
            },
        }
        if let Some(text) = delta.take_text("refusal") {
            self.refused.get_or_insert_default().push_str(&text);
            said.push(Piece::Refusal(text));
        }
        said.retain(Piece::semantic);
        let calls = delta.take("tool_calls").and_then(json::array).unwrap_or_default();
        if !said.is_empty() || !calls.is_empty() {
            self.seal(out);
        }
        out.append(&mut said);
        for raw in calls {
            if let Some(call) = Fields::lenient(raw) {
                self.call(call, out);
            }
        }
    }

    fn reasoning<'a>(&mut self, delta: &mut Fields<'a>, out: &mut Vec<Piece<'a>>) {
        let details = delta.take("reasoning_details").map(Details::read).unwrap_or_default();
        let plain = delta.take_text("reasoning_content").filter(|text| !text.is_empty());
        let other = delta.take_text("reasoning").filter(|text| !text.is_empty());
        let field = if plain.is_some() { "reasoning_content" } else { "reasoning" };
        let text = plain.or(other);
        if text.is_none() && details.0.is_empty() {
            return;
        }
        let kept =
            self.reasoning.get_or_insert_with(|| Reasoning { field, details: Details::default() });
        if text.is_some() {
            kept.field = field;
        }
        details.0.into_iter().for_each(|detail| kept.details.push(detail.into_owned()));
        // Even when only encrypted details came, a block must open to carry them.
        out.push(Piece::Thinking(text.unwrap_or_default()));
    }

    /// Closes the reasoning, signed so that it finds its way back.
    fn seal(&mut self, out: &mut Vec<Piece<'_>>) {
        if let Some(kept) = self.reasoning.take() {
            out.push(Piece::Signature(carrier::seal(kept.field, &kept.details).into()));
            out.push(Piece::ThinkingEnd);
        }
    }

    fn call<'a>(&mut self, mut fields: Fields<'a>, out: &mut Vec<Piece<'a>>) {
        let id = fields.take_text("id").filter(|id| !id.is_empty());
        let index = fields.take("index").and_then(json::whole);
        let mut function = fields.take("function").and_then(Fields::lenient);
        let name = function.as_mut().and_then(|function| function.take_text("name"));
        let (call, is_new) = self.number(index, id.as_deref());
        if is_new {
            let id = id.unwrap_or_else(|| format!("call_{call}").into());
            out.push(Piece::Tool { call, id, name: name.unwrap_or_default() });
        }
        let arguments = function.and_then(|mut function| function.take("arguments"));
        let text = arguments.map(|raw| json::text(raw).unwrap_or_else(|| raw.get().into()));
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            out.push(Piece::Arguments { call, text });
        }
    }

    /// Which call a delta belongs to. Some servers leave the index out and repeat or change the id.
    fn number(&mut self, index: Option<u64>, id: Option<&str>) -> (u64, bool) {
        if let Some(index) = index {
            if let Some(call) = self.calls.get(&index) {
                return (*call, false);
            }
            self.calls.insert(index, self.next_call);
        } else {
            let same = id.is_none() || id == self.last_id.as_deref();
            if let (true, Some(last)) = (same, self.next_call.checked_sub(1)) {
                return (last, false);
            }
            self.last_id = id.map(ToOwned::to_owned);
        }
        self.next_call += 1;
        (self.next_call - 1, true)
    }
}

fn content_parts(raw: Raw<'_>) -> impl Iterator<Item = Cow<'_, str>> {
    let parts = json::array(raw).unwrap_or_default().into_iter();
    parts.filter_map(|part| Fields::lenient(part)?.take_text("text"))
}
