//! Writing the events of a Responses stream.
//!
//! Every item is told from its beginning to its end and once more as a whole in the last event, so what was
//! said is kept until then. Calls may be mixed; each keeps its own place.

use domain::Provenance;

use super::{
    event::{At, Events, part_done, summary_done},
    item::{Item, Phase, Said, write_summary},
    shell::{Shell, Status, response_id},
};
use crate::{
    carrier,
    conversation::Stopped,
    stream::{Piece, View},
};

#[derive(Default)]
pub(crate) struct EventWriter {
    id: String,
    model: String,
    events: Events,
    items: Vec<Told>,
    open: Open,
    /// The places of calls that are not whole, by call.
    calls: Vec<(u64, usize)>,
    status: Option<Status>,
    refused: bool,
}

/// An item as far as it has been told.
struct Told {
    id: String,
    item: Item<'static>,
    phase: Phase,
}

/// The message or the reasoning that is being told.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Message(usize),
    Reasoning {
        place: usize,
        /// Its summary has begun.
        told: bool,
    },
}

impl EventWriter {
    pub(crate) fn write(&mut self, piece: Piece<'_>, view: &View<'_>, out: &mut Vec<u8>) {
        match piece {
            Piece::Start { id, model } => {
                self.id = response_id(&id, view.options.created).into_owned();
                self.model = view.options.shown_model.as_deref().unwrap_or(&model).to_owned();
                for name in ["response.created", "response.in_progress"] {
                    self.whole(name, Status::InProgress, view, out);
                }
            }
            Piece::Text(text) => self.say(&text, false, out),
            Piece::Refusal(text) => self.say(&text, true, out),
            Piece::Thinking(text) => self.think(&text, out),
            Piece::Signature(text) => self.sign(carrier::encrypted(&text), out),
            Piece::RedactedThinking(data) => {
                self.close(Phase::Done, out);
                self.sign(carrier::encrypted_redacted(&data), out);
                self.close(Phase::Done, out);
            }
            Piece::ThinkingEnd => self.close(Phase::Done, out),
            Piece::Tool { call, id, name } => {
                self.close(Phase::Done, out);
                let place = self.begin(
                    Item::Call {
                        id: id.into_owned().into(),
                        name: name.into_owned().into(),
                        arguments: String::new().into(),
                    },
                    out,
                );
                self.calls.push((call, place));
            }
            Piece::Arguments { call, text } => self.argue(call, &text, out),
            Piece::ToolEnd { call } => self.end_call(call, Phase::Done, out),
            Piece::Stop(stop) => self.stop(&stop, out),
            // The format has no event for it.
            Piece::Ping => out.extend_from_slice(b": ping\n\n"),
            Piece::Done => {
                self.settle(Phase::Done, out);
                let status = self.status.unwrap_or(Status::Completed);
                let name = if status.cut() { "response.incomplete" } else { "response.completed" };
                self.whole(name, status, view, out);
            }
        }
    }

    /// Number of the event that comes next.
    pub(crate) const fn next(&self) -> u64 {
        self.events.next()
    }

    /// An event that holds the whole answer so far.
    fn whole(&mut self, name: &str, status: Status, view: &View<'_>, out: &mut Vec<u8>) {
        let counts = view.meter.usage(view.options.input_estimate);
        let known = status != Status::InProgress && counts.provenance != Provenance::Absent;
        let shell = Shell {
            id: &self.id,
            model: &self.model,
            created: view.options.created,
            status,
            usage: known.then_some(&counts),
        };
        let items = &self.items;
        self.events.event(name, out, |root| {
            root.object("response", |response| {
                shell.write(response, |list| {
                    for told in items {
                        list.object(|out| told.item.write(&told.id, told.phase, out));
                    }
                });
            });
        });
    }

    fn begin(&mut self, item: Item<'static>, out: &mut Vec<u8>) -> usize {
        let place = self.items.len();
        let told = Told { id: item.id(&self.id, place), item, phase: Phase::Begun };
        item_event(&mut self.events, "response.output_item.added", place, &told, out);
        self.items.push(told);
        place
    }

    fn end(&mut self, place: usize, phase: Phase, out: &mut Vec<u8>) {
        let Some(told) = self.items.get_mut(place) else { return };
        told.phase = phase;
        item_event(&mut self.events, "response.output_item.done", place, told, out);
    }

    fn say(&mut self, text: &str, refusal: bool, out: &mut Vec<u8>) {
        self.refused |= refusal;
        let place = match self.open {
            Open::Message(place) => place,
            _ => {
                self.close(Phase::Done, out);
                self.begin(Item::Message(Vec::new()), out)
            }
        };
        self.open = Open::Message(place);
        let Some(Told { id, item: Item::Message(parts), .. }) = self.items.get_mut(place) else {
            return;
        };
        let at = At { id, place };
        if parts.last().is_none_or(|said| said.refusal != refusal) {
            part_done(&mut self.events, at, parts, out);
            let said = Said { refusal, text: String::new().into() };
            self.events.part("response.content_part.added", (at, parts.len()), out, |root| {
                root.object("part", |part| said.write(part));
            });
            parts.push(said);
        }
        let part = parts.len().saturating_sub(1);
        if let Some(said) = parts.last_mut() {
            said.text.to_mut().push_str(text);
        }
        let name = if refusal { "response.refusal.delta" } else { "response.output_text.delta" };
        self.events.part(name, (at, part), out, |root| {
            root.text("delta", text);
            if !refusal {
                root.array("logprobs", |_| {});
            }
        });
    }

    fn think(&mut self, text: &str, out: &mut Vec<u8>) {
        let (place, told) = self.reasoning(out);
        let Some(Told { id, item: Item::Reasoning { summary, .. }, .. }) =
            self.items.get_mut(place).filter(|_| !text.is_empty())
        else {
            return;
        };
        let at = At { id, place };
        if !told {
            self.open = Open::Reasoning { place, told: true };
            self.events.summary("response.reasoning_summary_part.added", at, out, |root| {
                root.object("part", |part| write_summary("", part));
            });
        }
        summary.to_mut().push_str(text);
        self.events.summary("response.reasoning_summary_text.delta", at, out, |root| {
            root.text("delta", text);
        });
    }

    fn sign(&mut self, content: String, out: &mut Vec<u8>) {
        let (place, _) = self.reasoning(out);
        if let Some(Told { item: Item::Reasoning { encrypted, .. }, .. }) =
            self.items.get_mut(place)
        {
            *encrypted = Some(content.into());
        }
    }

    /// The reasoning that is open and not signed yet; begins one where there is none.
    fn reasoning(&mut self, out: &mut Vec<u8>) -> (usize, bool) {
        if let Open::Reasoning { place, told } = self.open {
            let item = self.items.get(place).map(|told| &told.item);
            if matches!(item, Some(Item::Reasoning { encrypted: None, .. })) {
                return (place, told);
            }
        }
        self.close(Phase::Done, out);
        let item = Item::Reasoning { summary: String::new().into(), encrypted: None };
        let place = self.begin(item, out);
        self.open = Open::Reasoning { place, told: false };
        (place, false)
    }

    fn argue(&mut self, call: u64, text: &str, out: &mut Vec<u8>) {
        let Some(&(_, place)) = self.calls.iter().find(|(open, _)| *open == call) else { return };
        let Some(Told { id, item: Item::Call { arguments, .. }, .. }) = self.items.get_mut(place)
        else {
            return;
        };
        arguments.to_mut().push_str(text);
        let name = "response.function_call_arguments.delta";
        self.events.item(name, At { id, place }, out, |root| root.text("delta", text));
    }

    fn end_call(&mut self, call: u64, phase: Phase, out: &mut Vec<u8>) {
        let Some(&(_, place)) = self.calls.iter().find(|(open, _)| *open == call) else { return };
        let told = self.items.get(place).map(|told| &told.item);
        if matches!(told, Some(Item::Call { arguments, .. }) if arguments.is_empty()) {
            // A call without arguments is a call with none: clients parse the text as JSON.
            self.argue(call, "{}", out);
        }
        self.calls.retain(|(open, _)| *open != call);
        if let Some(Told { id, item: Item::Call { name, arguments, .. }, .. }) =
            self.items.get(place)
        {
            let event = "response.function_call_arguments.done";
            self.events.item(event, At { id, place }, out, |root| {
                root.text("name", name);
                root.text("arguments", arguments);
            });
        }
        self.end(place, phase, out);
    }

    /// Ends the message or the reasoning that is open.
    fn close(&mut self, phase: Phase, out: &mut Vec<u8>) {
        let (Open::Message(place) | Open::Reasoning { place, .. }) = self.open else { return };
        let open = std::mem::take(&mut self.open);
        match self.items.get(place) {
            Some(Told { id, item: Item::Message(parts), .. }) => {
                part_done(&mut self.events, At { id, place }, parts, out);
            }
            Some(Told { id, item: Item::Reasoning { summary, .. }, .. })
                if open == (Open::Reasoning { place, told: true }) =>
            {
                summary_done(&mut self.events, At { id, place }, summary, out);
            }
            _ => {}
        }
        self.end(place, phase, out);
    }

    /// Ends whatever is open; what is last may have been cut off.
    fn settle(&mut self, last: Phase, out: &mut Vec<u8>) {
        let end = self.items.len().saturating_sub(1);
        let phase = |place: usize| if place == end { last } else { Phase::Done };
        if let Open::Message(place) | Open::Reasoning { place, .. } = self.open {
            self.close(phase(place), out);
        }
        for (call, place) in self.calls.clone() {
            self.end_call(call, phase(place), out);
        }
    }

    fn stop(&mut self, stop: &Stopped<'_>, out: &mut Vec<u8>) {
        if let Some(text) = stop.explanation.as_deref().filter(|_| !self.refused) {
            self.say(text, true, out);
        }
        let status = Status::of(Some(stop), self.refused);
        self.settle(if status.cut() { Phase::Cut } else { Phase::Done }, out);
        self.status = Some(status);
    }
}

fn item_event(events: &mut Events, name: &str, place: usize, told: &Told, out: &mut Vec<u8>) {
    events.event(name, out, |root| {
        root.number("output_index", place as u64);
        root.object("item", |item| told.item.write(&told.id, told.phase, item));
    });
}
