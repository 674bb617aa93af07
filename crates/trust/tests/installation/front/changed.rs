//! Requests as a careless front passes them on.

use super::{Asked, Care};

/// The same request, but with rules that allow everything.
pub(super) fn forgetful(asked: Asked) -> Asked {
    if !asked.path.ends_with("/routing-policy") || !asked.text.starts_with("PUT") {
        return asked;
    }
    let (head, _) = asked.text.split_once("\r\n\r\n").unwrap();
    with_body(&asked, head, "{\"allow_training\":true}")
}

/// The same chat, with a word about the customer before it.
pub(super) fn introduced(asked: Asked, organization: &str) -> Asked {
    let messages = "\"messages\":[";
    if asked.path != "/v1/chat/completions" || !asked.text.contains(messages) {
        return asked;
    }
    let (head, body) = asked.text.split_once("\r\n\r\n").unwrap();
    let word =
        format!("{messages}{{\"role\":\"system\",\"content\":\"You work for {organization}.\"}},");
    with_body(&asked, head, &body.replacen(messages, &word, 1))
}

/// The same chat, with a piece of the one before it.
pub(super) fn remembered(asked: Asked, before: Option<&str>) -> Asked {
    let start = "\"content\":\"";
    let Some(before) = before.filter(|_| asked.path == "/v1/chat/completions") else {
        return asked;
    };
    let (head, body) = asked.text.split_once("\r\n\r\n").unwrap();
    with_body(&asked, head, &body.replacen(start, &format!("{start}{before} "), 1))
}

/// The same change of a provider, with its contract named otherwise.
pub(super) fn contracted(asked: Asked, care: &Care) -> Asked {
    if !asked.path.starts_with("/api/v1/providers") || asked.text.starts_with("GET") {
        return asked;
    }
    let (head, body) = asked.text.split_once("\r\n\r\n").unwrap();
    let Ok(mut body) = serde_json::from_str::<serde_json::Value>(body) else { return asked };
    let all = body.as_object_mut().unwrap();
    let free = |all: &serde_json::Map<String, serde_json::Value>| {
        all.get("contract").and_then(|name| name.as_str()).is_some_and(|name| name.contains("free"))
    };
    match care {
        Care::Signs if free(all) => drop(all.insert("contract".to_owned(), "standard".into())),
        Care::Prolongs => drop(all.remove("contract_until")),
        _ => return asked,
    }
    with_body(&asked, head, &body.to_string())
}

/// The same request with somebody else's key.
pub(super) fn lent(asked: Asked, key: Option<String>) -> Asked {
    let Some(key) = key.filter(|_| asked.path == "/v1/chat/completions") else { return asked };
    let (head, body) = asked.text.split_once("\r\n\r\n").unwrap();
    let own = |line: &&str| !line.to_lowercase().starts_with("authorization");
    let lines: Vec<_> = head.lines().filter(own).collect();
    let head = format!("{}\r\nauthorization: {key}", lines.join("\r\n"));
    with_body(&asked, &head, body)
}

fn with_body(asked: &Asked, head: &str, body: &str) -> Asked {
    let lines = head.lines().filter(|line| !line.to_lowercase().starts_with("content-length"));
    let head: Vec<_> = lines.collect();
    let text = format!("{}\r\ncontent-length: {}\r\n\r\n{body}", head.join("\r\n"), body.len());
    Asked { bytes: text.clone().into_bytes(), text, path: asked.path.clone() }
}

/// The same request, as if a page of this server had asked for it.
pub(super) fn welcomed(asked: Asked) -> Asked {
    let (head, body) = asked.text.split_once("\r\n\r\n").unwrap();
    let says = ["sec-fetch-site", "origin"];
    let other = |line: &&str| !says.iter().any(|name| line.to_lowercase().starts_with(name));
    let lines: Vec<_> = head.lines().filter(other).collect();
    let head = format!("{}\r\nsec-fetch-site: same-origin", lines.join("\r\n"));
    with_body(&asked, &head, body)
}
