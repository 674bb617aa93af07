//! Restoring a stream in the client's format, event by event.
//!
//! Texts that come in pieces are channels: a piece may end in the middle of a code, so that its end waits for the next
//! one. Before a channel ends, what still waits is told in an event of its own. Texts that come whole are restored as
//! they are in whole answers.

mod anthropic;
mod cohere;
mod gemini;
mod openai;
mod responses;

use std::{collections::BTreeMap, ops::Range};

use super::{
    frame::{Frame, Framer, TooLarge},
    relay::rewrap,
};
use crate::{
    Format,
    edit::Edits,
    json::{self, Fields, Raw},
    restore::{Channel, Escape, Restore, Step},
    texts,
};

/// Which channel a piece belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The choice, block, item or candidate.
    group: u64,
    /// Thinking, text or tools: in one group, one follows the other.
    class: u8,
    /// What the member or the event is called.
    what: String,
    /// Which part, summary or call.
    part: u64,
}

/// A piece of a channel.
pub(super) struct Piece {
    key: Key,
    /// Of the string in the event's data, with its quotes.
    place: Range<usize>,
    escape: Escape,
}

/// What an event ends.
pub(super) enum End {
    All,
    Group(u64),
    One(Key),
}

/// What one event says about channels.
#[derive(Default)]
pub(super) struct Look {
    pieces: Vec<Piece>,
    ends: Vec<End>,
}

struct Open {
    channel: Channel,
    /// What its events say besides their text.
    shell: String,
}

pub(crate) struct Restoring {
    format: Format,
    restore: Restore,
    open: BTreeMap<Key, Open>,
    /// Members that all events of the stream share.
    base: Option<String>,
    /// Events told besides those that came.
    added: u64,
}

impl Restoring {
    pub(crate) const fn new(format: Format, restore: Restore) -> Self {
        Self { format, restore, open: BTreeMap::new(), base: None, added: 0 }
    }

    /// Takes whole events in the client's format.
    pub(crate) fn push(&mut self, events: &[u8], out: &mut Vec<u8>) {
        let mut framer = Framer::resumed();
        let mut each = |frame: Frame<'_>| -> Result<(), TooLarge> {
            self.event(&frame, out);
            Ok(())
        };
        // Nothing is too large without a limit.
        drop(framer.push(events, &mut each).and_then(|()| framer.finish(&mut each)));
    }

    /// Nothing more will come.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.end(&[End::All], &[], "", out);
    }

    fn event(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        let data = std::str::from_utf8(&frame.data).unwrap_or_default();
        let Some(document) = json::document(data.as_bytes()) else {
            if !data.trim().is_empty() {
                // Such as the end of a Chat stream.
                self.end(&[End::All], &[], data, out);
            }
            return out.extend_from_slice(frame.raw);
        };
        let look = self.look(document, data);
        self.keep_base(document);
        self.end_others(&look, data, out);
        self.end(&look.ends, &look.pieces, data, out);
        let said = self.say(&look, data);
        match texts::edits(data, &places(&look), &mut |found| {
            let at = look.pieces.iter().position(|piece| piece.place == found.place);
            match at {
                Some(at) => said.get(at).filter(|said| *said != found.text).cloned(),
                None => self.restore.whole(found),
            }
        }) {
            Ok(mut edits) => {
                self.number(document, data, &mut edits);
                write(frame, data, edits, out);
            }
            // Nested too deeply to be restored: codes give nothing away.
            Err(_) => out.extend_from_slice(frame.raw),
        }
    }

    fn look(&self, document: Raw<'_>, data: &str) -> Look {
        let text = self.restore.text_escape();
        let look = match self.format {
            // Nobody is written to in the others: they read as the first.
            Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => {
                openai::look(document, data, text)
            }
            Format::AnthropicMessages => anthropic::look(document, data, text),
            Format::OpenAiResponses => responses::look(document, data, text),
            Format::Gemini => gemini::look(document, data, text),
            Format::Cohere => cohere::look(document, data, text),
        };
        look.unwrap_or_default()
    }

    /// Chunks of one stream begin alike.
    fn keep_base(&mut self, document: Raw<'_>) {
        let told_apart =
            !matches!(self.format, Format::AnthropicMessages | Format::OpenAiResponses);
        if told_apart && self.base.is_none() {
            self.base = Some(members(
                document,
                &["choices", "usage", "candidates", "usageMetadata", "promptFeedback"],
            ));
        }
    }

    /// Text that follows thinking ends it, and so on.
    fn end_others(&mut self, look: &Look, data: &str, out: &mut Vec<u8>) {
        let over = |key: &&Key| {
            let mut same = look.pieces.iter().filter(|piece| piece.key.group == key.group);
            let others = same.clone().any(|piece| piece.key.class != key.class);
            others && same.all(|piece| piece.key != **key)
        };
        let over: Vec<End> = self.open.keys().filter(over).cloned().map(End::One).collect();
        self.end(&over, &look.pieces, data, out);
    }

    /// Tells what waits in the channels that end here and have no piece in this event.
    fn end(&mut self, ends: &[End], pieces: &[Piece], data: &str, out: &mut Vec<u8>) {
        let ending = |key: &&Key| {
            ends.iter().any(|end| end.meets(key)) && pieces.iter().all(|piece| piece.key != **key)
        };
        let keys: Vec<Key> = self.open.keys().filter(ending).cloned().collect();
        for key in keys {
            let Some(mut open) = self.open.remove(&key) else { continue };
            let mut rest = String::new();
            (open.channel)(Step::End, &mut rest);
            if !rest.is_empty() {
                self.tell(&key, &open.shell, &rest, data, out);
            }
        }
    }

    /// Tells `text` in an event of its own.
    fn tell(&mut self, key: &Key, shell: &str, text: &str, data: &str, out: &mut Vec<u8>) {
        let base = self.base.as_deref().unwrap_or_default();
        match self.format {
            Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => {
                openai::tell(key, base, text, out);
            }
            Format::AnthropicMessages => anthropic::tell(key, text, out),
            Format::OpenAiResponses => {
                let number = responses::number(data).unwrap_or_default() + self.added;
                responses::tell(key, (shell, number), text, out);
                self.added += 1;
            }
            Format::Gemini => gemini::tell(key, base, text, out),
            Format::Cohere => cohere::tell(key, text, out),
        }
    }

    /// What the client reads instead of each piece.
    fn say(&mut self, look: &Look, data: &str) -> Vec<String> {
        let mut said = Vec::with_capacity(look.pieces.len());
        for (at, piece) in look.pieces.iter().enumerate() {
            let text = data.get(piece.place.clone()).unwrap_or_default();
            let text = serde_json::from_str::<json::Text<'_>>(text);
            let text = text.map(|text| text.0).unwrap_or_default();
            let open = self.open.entry(piece.key.clone()).or_insert_with(|| Open {
                channel: self.restore.channel(),
                shell: responses::shell(self.format, data),
            });
            let mut out = String::with_capacity(text.len());
            (open.channel)(Step::Piece(&text, piece.escape), &mut out);
            let mut later = look.pieces.iter().skip(at + 1);
            if later.all(|other| other.key != piece.key)
                && look.ends.iter().any(|end| end.meets(&piece.key))
            {
                (open.channel)(Step::End, &mut out);
                self.open.remove(&piece.key);
            }
            said.push(out);
        }
        said
    }

    /// Events of Responses are numbered.
    fn number(&self, document: Raw<'_>, data: &str, edits: &mut Edits) {
        if self.format != Format::OpenAiResponses || self.added == 0 {
            return;
        }
        let raw = Fields::lenient(document).and_then(|mut fields| fields.take("sequence_number"));
        let place = raw.and_then(|raw| crate::edit::span(data.as_bytes(), raw));
        if let (Some(place), Some(number)) = (place, raw.and_then(json::whole)) {
            edits.replace(place, (number + self.added).to_string());
        }
    }
}

impl End {
    fn meets(&self, key: &Key) -> bool {
        match self {
            Self::All => true,
            Self::Group(group) => key.group == *group,
            Self::One(one) => one == key,
        }
    }
}

impl Look {
    /// A piece, where the member is a text that says anything.
    fn piece(&mut self, data: &str, raw: Option<Raw<'_>>, key: Key, escape: Escape) {
        let told = raw.filter(|raw| json::shape(raw) == json::Shape::Text && raw.get().len() > 2);
        if let Some(place) = told.and_then(|raw| crate::edit::span(data.as_bytes(), raw)) {
            self.pieces.push(Piece { key, place, escape });
        }
    }
}

fn places(look: &Look) -> Vec<Range<usize>> {
    look.pieces.iter().map(|piece| piece.place.clone()).collect()
}

/// The members of an object but for some, as they are written inside of it.
fn members(document: Raw<'_>, but: &[&str]) -> String {
    let mut out = String::new();
    let fields = Fields::lenient(document);
    for (name, raw) in fields.iter().flat_map(Fields::entries) {
        if !but.contains(&name) {
            out.push_str(&serde_json::Value::from(name).to_string());
            out.push(':');
            out.push_str(raw.get());
            out.push(',');
        }
    }
    out
}

/// Writes the event with its changed data.
fn write(frame: &Frame<'_>, data: &str, edits: Edits, out: &mut Vec<u8>) {
    if edits.is_empty() {
        return out.extend_from_slice(frame.raw);
    }
    let mut new = Vec::with_capacity(data.len() + 64);
    edits.write(data.as_bytes(), &mut new);
    let start = (data.as_ptr() as usize).checked_sub(frame.raw.as_ptr() as usize);
    let around = start.and_then(|start| {
        let (before, rest) = frame.raw.split_at_checked(start)?;
        Some((before, rest.get(data.len()..)?))
    });
    match around {
        Some((before, after)) => {
            out.extend_from_slice(before);
            out.extend_from_slice(&new);
            out.extend_from_slice(after);
        }
        // Data of several lines was joined elsewhere.
        None => rewrap(frame.raw, &new, out),
    }
}
