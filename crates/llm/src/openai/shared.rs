//! Members that OpenAI's two formats share and nobody else has.

use crate::{
    conversation::{Losses, Request},
    json::{Fields, Raw},
    write::Object,
};

/// Their names, with the values that change nothing.
const SHARED: &[(&str, &[&str])] = &[
    ("metadata", &["{}"]),
    ("prompt_cache_key", &[]),
    ("prompt_cache_retention", &[]),
    ("service_tier", &["\"auto\"", "\"default\""]),
];

pub(crate) fn take<'a>(fields: &mut Fields<'a>) -> Vec<(&'static str, Raw<'a>)> {
    SHARED.iter().filter_map(|(name, _)| Some((*name, fields.take(name)?))).collect()
}

pub(crate) fn write(
    request: &Request<'_>,
    out: &mut Object<'_>,
    mut keep: impl FnMut(&str) -> bool,
) {
    for (name, raw) in request.shared.iter().filter(|(name, _)| keep(name)) {
        out.raw(name, raw.get());
    }
}

/// Lists what is not kept and would have changed something.
pub(crate) fn lose(request: &Request<'_>, losses: &mut Losses, mut keep: impl FnMut(&str) -> bool) {
    for (name, raw) in request.shared.iter().filter(|(name, _)| !keep(name)) {
        let neutral =
            SHARED.iter().any(|(known, values)| known == name && values.contains(&raw.get()));
        if !neutral {
            losses.add_name(*name);
        }
    }
}

/// Lists a wish for another length of answer than the usual one.
pub(crate) fn lose_verbosity(request: &Request<'_>, losses: &mut Losses) {
    if request.verbosity.is_some_and(|raw| raw.get() != "\"medium\"") {
        losses.add_name(losses.names().verbosity);
    }
}
