//! What a file of the catalogue must be beyond its grammar: a wrong row here is a wrong promise there.

use std::collections::BTreeSet;

use super::{Posture, ProviderEntry, is_contract_name};

/// # Errors
/// What is wrong, for whoever wrote the file.
pub(super) fn entry(stem: &str, entry: &ProviderEntry) -> Result<(), String> {
    if entry.id != stem {
        return Err("the id must equal the file's name".to_owned());
    }
    country(&entry.country)?;
    if let Some(noticed) = &entry.noticed {
        day("noticed", noticed)?;
    }
    endpoints(entry)?;
    token(entry)?;
    if entry.places.iter().any(|place| place.models.is_empty()) {
        return Err("a place needs the start of the models' names".to_owned());
    }
    contracts(entry)?;
    postures(entry)?;
    for one in &entry.subprocessors {
        country(&one.country)?;
    }
    models(entry)
}

fn country(code: &str) -> Result<(), String> {
    let right = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if right { Ok(()) } else { Err(format!("{code:?} is no country of two capital letters")) }
}

fn day(what: &str, text: &str) -> Result<(), String> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    time::Date::parse(text, format)
        .map(drop)
        .map_err(|_| format!("{what}: {text:?} is no day like 2026-11-20"))
}

/// The same name twice.
fn twice<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

fn endpoints(entry: &ProviderEntry) -> Result<(), String> {
    if entry.endpoints.is_empty() {
        return Err("a provider needs an endpoint".to_owned());
    }
    if let Some(id) = twice(entry.endpoints.iter().map(|endpoint| endpoint.id.as_str())) {
        return Err(format!("endpoint {id} is there twice"));
    }
    for endpoint in &entry.endpoints {
        let url = &endpoint.base_url;
        // Plain HTTP stays on this machine.
        if !url.starts_with("https://") && !url.starts_with("http://127.0.0.1") {
            return Err(format!("{url}: base_url must start with https://"));
        }
        if url.ends_with('/') {
            return Err(format!("{url}: base_url must not end with a slash"));
        }
        if endpoint.serves.is_empty() {
            return Err(format!("endpoint {} serves nothing", endpoint.id));
        }
    }
    Ok(())
}

/// A credential goes there: it must not be readable on the way.
fn token(entry: &ProviderEntry) -> Result<(), String> {
    let Some(token) = &entry.token else { return Ok(()) };
    let url = &token.url;
    if !url.starts_with("https://") && !url.starts_with("http://127.0.0.1") {
        return Err(format!("{url}: a token's url must start with https://"));
    }
    let host = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    if host.contains('{') || host.contains('@') || url.contains('?') {
        return Err(format!(
            "{url}: a token's url names its host, and nothing but a host and a path"
        ));
    }
    Ok(())
}

/// A name whose words cannot be told apart could hide a free tier.
fn contracts(entry: &ProviderEntry) -> Result<(), String> {
    let rows = || entry.contracts.iter().map(|contract| contract.id.as_str());
    if let Some(id) = twice(rows()) {
        return Err(format!("contract {id} is there twice"));
    }
    let named = entry.postures.iter().filter_map(|posture| posture.when.contract.as_deref());
    if let Some(name) = rows().chain(named).find(|name| !is_contract_name(name)) {
        return Err(format!(
            "{name:?} names no contract: lower-case letters, digits and dashes only"
        ));
    }
    if entry.free_models.iter().any(String::is_empty) {
        return Err("an empty ending would make every model a free one".to_owned());
    }
    let mut ends = entry.contracts.iter().filter_map(|contract| contract.expires.as_deref());
    ends.try_for_each(|end| day("expires", end))
}

fn postures(entry: &ProviderEntry) -> Result<(), String> {
    let Some((last, special)) = entry.postures.split_last() else {
        return Err("a provider needs a posture, if only an empty one".to_owned());
    };
    if !last.when.is_always() {
        return Err("the last posture must hold always".to_owned());
    }
    if special.iter().any(|posture| posture.when.is_always()) {
        return Err("no posture after one that holds always is ever looked at".to_owned());
    }
    let endpoint = |posture: &Posture| posture.when.endpoint.clone();
    for name in entry.postures.iter().filter_map(endpoint) {
        if entry.endpoints.iter().all(|endpoint| endpoint.id != name) {
            return Err(format!("a posture is about an endpoint that is not there: {name}"));
        }
    }
    entry.postures.iter().try_for_each(posture)
}

fn posture(posture: &Posture) -> Result<(), String> {
    let says = posture.trains.is_some() || posture.retention_days.is_some();
    if says && (posture.source.is_none() || posture.read.is_none()) {
        return Err("a posture that says something needs `source` and `read`".to_owned());
    }
    posture.read.as_deref().map_or(Ok(()), |read| day("read", read))
}

fn models(entry: &ProviderEntry) -> Result<(), String> {
    if let Some(id) = twice(entry.models.iter().map(|model| model.id.as_str())) {
        return Err(format!("model {id} is there twice"));
    }
    for model in &entry.models {
        let wrong = |what: &str| Err(format!("model {}: {what}", model.id));
        if let Some(retires) = &model.retires {
            day("retires", retires)?;
        }
        if model.price.is_none() && !model.prices.is_empty() {
            return wrong("rules change a price that is not there");
        }
        let rules = model.prices.iter().map(|rule| &rule.price);
        let mut prices = model.price.iter().chain(rules).flat_map(super::Price::known);
        if prices.any(|(_, price)| price == 0) {
            return wrong("a price of zero is an unknown price: leave it out");
        }
        if model.price.is_some_and(|price| price.known().next().is_none()) {
            return wrong("an empty price");
        }
        let offered = |of| entry.endpoints.iter().any(|endpoint| endpoint.serves.contains(of));
        if let Some(of) = model.serves.iter().find(|of| !offered(of)) {
            return wrong(&format!("no endpoint serves {}", of.as_str()));
        }
    }
    Ok(())
}
