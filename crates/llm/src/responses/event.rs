//! The frame of a Responses event: its name, its number, and what it is about.

use super::item::{Said, write_summary};
use crate::write::{self, Object};

#[derive(Default)]
pub(super) struct Events {
    /// Number of the next event.
    next: u64,
}

/// An item by its id and its place in `output`.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) id: &'a str,
    pub(super) place: usize,
}

impl Events {
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn event(
        &mut self,
        name: &str,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        write_event(name, self.next, out, fill);
        self.next += 1;
    }

    /// An event about an item.
    pub(super) fn item(
        &mut self,
        name: &str,
        at: At<'_>,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        self.event(name, out, |root| {
            root.text("item_id", at.id);
            root.number("output_index", at.place as u64);
            fill(root);
        });
    }

    /// An event about a part of a message.
    pub(super) fn part(
        &mut self,
        name: &str,
        (at, part): (At<'_>, usize),
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        self.item(name, at, out, |root| {
            root.number("content_index", part as u64);
            fill(root);
        });
    }

    /// An event about the one part of a summary.
    pub(super) fn summary(
        &mut self,
        name: &str,
        at: At<'_>,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        self.item(name, at, out, |root| {
            root.number("summary_index", 0);
            fill(root);
        });
    }
}

/// Appends one event.
pub(crate) fn write_event(
    name: &str,
    number: u64,
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Object<'_>),
) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    write::object(out, |root| {
        root.text("type", name);
        root.number("sequence_number", number);
        fill(root);
    });
    out.extend_from_slice(b"\n\n");
}

/// Ends the last part of a message, if it has one.
pub(super) fn part_done(events: &mut Events, at: At<'_>, parts: &[Said<'_>], out: &mut Vec<u8>) {
    let Some((said, before)) = parts.split_last() else { return };
    let name = if said.refusal { "response.refusal.done" } else { "response.output_text.done" };
    events.part(name, (at, before.len()), out, |root| {
        if said.refusal {
            root.text("refusal", &said.text);
        } else {
            root.text("text", &said.text);
            root.array("logprobs", |_| {});
        }
    });
    events.part("response.content_part.done", (at, before.len()), out, |root| {
        root.object("part", |part| said.write(part));
    });
}

pub(super) fn summary_done(events: &mut Events, at: At<'_>, summary: &str, out: &mut Vec<u8>) {
    events.summary("response.reasoning_summary_text.done", at, out, |root| {
        root.text("text", summary);
    });
    events.summary("response.reasoning_summary_part.done", at, out, |root| {
        root.object("part", |part| write_summary(summary, part));
    });
}
