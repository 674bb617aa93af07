//! Nothing is kept: what a Responses request says about a provider's store, and the edits that turn storing off.
//!
//! The format stores every answer unless it is told not to. Here nothing may stay behind, so what asks for a
//! store is refused, and a request that says nothing is made to say no. What a later turn would have found in
//! the store must then travel with the conversation; for reasoning that is its encrypted form, which is asked
//! for in the same edit where the model has one.

use std::ops::Range;

use memchr::memmem;

use crate::{
    BadRequest,
    demand::boolean,
    edit::{Edits, span},
    head::Stored,
    json::{self, Fields, Raw, Shape},
};

/// Asks for reasoning that the client can carry.
pub(super) const ENCRYPTED: &str = "reasoning.encrypted_content";

const SEND_ITEMS: &str = "Nothing is stored here. Send the earlier items again in `input`, and ask for \
    `reasoning.encrypted_content` in `include` to carry reasoning.";

/// Where a request speaks of being stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keeping {
    store: Store,
    include: Include,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Store {
    /// The provider would store it.
    #[default]
    Absent,
    Null(Range<usize>),
    No,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Include {
    #[default]
    Absent,
    Null(Range<usize>),
    /// A list, by the place after its bracket.
    List {
        inside: usize,
        empty: bool,
    },
    /// There is nothing to add, or no list to add to, which the provider will say.
    Settled,
}

/// Refuses what asks for a store, and notes where the rest stands.
pub(crate) fn keeping(body: &[u8], stored: &Stored<'_>) -> Result<Keeping, BadRequest> {
    let said = |raw: Option<Raw<'_>>| raw.is_some_and(|raw| json::shape(raw) != Shape::Null);
    if said(stored.previous) {
        return Err(BadRequest::unsupported("previous_response_id", SEND_ITEMS));
    }
    if said(stored.conversation) {
        return Err(BadRequest::unsupported("conversation", SEND_ITEMS));
    }
    if boolean(stored.background, "background")?.unwrap_or(false) {
        let why =
            "Nothing is stored here, so no answer can be fetched later. Use `stream` instead.";
        return Err(BadRequest::unsupported("background", why));
    }
    if boolean(stored.store, "store")?.unwrap_or(false) {
        let why = "Nothing is stored here. Leave `store` out or send false, and send the earlier \
            items again in `input`.";
        return Err(BadRequest::unsupported("store", why));
    }
    if let Some(index) = reference_in(body) {
        return Err(reference(format!("input[{index}]")));
    }
    Ok(Keeping { store: store(body, stored.store), include: include(body, stored.include) })
}

/// Refuses an item of `input` that stands for a stored one.
pub(super) fn reference(path: impl ToString) -> BadRequest {
    BadRequest::unsupported(path, SEND_ITEMS)
}

/// The first item of `input` that refers to a stored one. Almost every request is done after one search.
fn reference_in(body: &[u8]) -> Option<usize> {
    memmem::find(body, b"item_reference")?;
    let items = json::array(Fields::lenient(json::document(body)?)?.take("input")?)?;
    items.into_iter().position(|item| {
        Fields::lenient(item)
            .and_then(|mut item| item.take_text("type"))
            .is_some_and(|kind| kind == "item_reference")
    })
}

fn store(body: &[u8], raw: Option<Raw<'_>>) -> Store {
    match raw.and_then(|raw| Some((json::shape(raw), span(body, raw)?))) {
        None => Store::Absent,
        Some((Shape::Null, range)) => Store::Null(range),
        Some(_) => Store::No,
    }
}

fn include(body: &[u8], raw: Option<Raw<'_>>) -> Include {
    let Some((raw, range)) = raw.and_then(|raw| Some((raw, span(body, raw)?))) else {
        return Include::Absent;
    };
    if json::shape(raw) == Shape::Null {
        return Include::Null(range);
    }
    let known = |item: &Raw<'_>| json::text(item).is_some_and(|text| text == ENCRYPTED);
    match json::array(raw) {
        Some(list) if !list.iter().any(known) => {
            Include::List { inside: range.start + 1, empty: list.is_empty() }
        }
        _ => Include::Settled,
    }
}

/// Adds the edits that turn storing off, and with it those that ask for encrypted reasoning. A client that
/// turned storing off itself knows what it does: its request stays as it is.
pub(crate) fn keep_nothing(keeping: &Keeping, end: usize, encrypted: bool, edits: &mut Edits) {
    match &keeping.store {
        Store::Absent => edits.replace(end..end, *b",\"store\":false"),
        Store::Null(range) => edits.replace(range.clone(), *b"false"),
        Store::No => return,
    }
    if !encrypted {
        return;
    }
    match &keeping.include {
        Include::Absent => edits.replace(end..end, format!(",\"include\":[\"{ENCRYPTED}\"]")),
        Include::Null(range) => edits.replace(range.clone(), format!("[\"{ENCRYPTED}\"]")),
        Include::List { inside, empty } => {
            let comma = if *empty { "" } else { "," };
            edits.replace(*inside..*inside, format!("\"{ENCRYPTED}\"{comma}"));
        }
        Include::Settled => {}
    }
}
