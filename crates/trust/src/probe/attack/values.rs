//! Ids of somebody else and of nothing, and how they are put into a route.

use std::collections::BTreeMap;

use domain::{
    AliasId, BatchId, BudgetId, ConnectionId, FileId, InvitationId, KeyId, OrgId, ProjectId,
    ProviderId, RequestId, SessionId, Timestamp, UserId, WebhookId,
};
use serde_json::json;

use crate::{client::Payload, probe::Route, seed::Seed};

/// Parameters that name something of an organization or of one of its people.
const OBJECTS: &[&str] = &[
    "org",
    "organization",
    "project",
    "key",
    "admin_key",
    "alias",
    "invitation",
    "provider",
    "member",
    "user",
    "request",
    "session",
    "budget",
    "file",
    "batch",
    "webhook",
    "connection",
];

pub(in crate::probe) type Values = BTreeMap<&'static str, String>;

/// Well-formed ids of nothing.
pub(in crate::probe) fn absent(seed: Seed, now: Timestamp) -> Values {
    BTreeMap::from([
        ("org", seed.text("absent", 14).to_lowercase()),
        ("organization", OrgId::new(now).to_string()),
        ("project", ProjectId::new(now).to_string()),
        ("key", KeyId::new(now).to_string()),
        ("admin_key", KeyId::new(now).to_string()),
        ("alias", AliasId::new(now).to_string()),
        ("invitation", InvitationId::new(now).to_string()),
        ("provider", ProviderId::new(now).to_string()),
        ("member", UserId::new(now).to_string()),
        ("user", UserId::new(now).to_string()),
        ("request", RequestId::new(now).to_string()),
        ("session", SessionId::new(now).to_string()),
        ("budget", BudgetId::new(now).to_string()),
        ("file", FileId::new(now).to_string()),
        ("batch", BatchId::new(now).to_string()),
        ("webhook", WebhookId::new(now).to_string()),
        ("connection", ConnectionId::new(now).to_string()),
    ])
}

pub(in crate::probe) fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split('}').next())
}

pub(in crate::probe) fn is_target(route: &Route) -> bool {
    parameters(&route.path).any(|name| OBJECTS.contains(&name))
}

/// The path with each parameter filled; `None` when one is of an unknown kind.
pub(super) fn fill(path: &str, values: &Values) -> Option<String> {
    let mut filled = path.to_owned();
    for name in parameters(path) {
        filled = filled.replace(&format!("{{{name}}}"), values.get(name)?);
    }
    Some(filled)
}

/// Bodies that routes of this installation take; one of them gets past the reading of the body.
pub(in crate::probe) fn payloads(route: &Route) -> Vec<Payload> {
    match (route.method.as_str(), route.path.starts_with("/api/")) {
        ("GET" | "DELETE", _) => vec![Payload::Empty],
        (_, true) => vec![
            Payload::Json(json!({"name": "something else"})),
            Payload::Json(json!({"role": "member"})),
            Payload::Json(json!({"role": "viewer"})),
            Payload::Json(json!({"allowed": true})),
            Payload::Json(json!({})),
        ],
        _ => vec![
            Payload::Form("name=something+else&confirm=yes".into()),
            Payload::Form("role=member".into()),
            Payload::Form("".into()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str) -> Route {
        let (method, path) = (method.to_owned(), path.to_owned());
        Route { method, path, permission: String::new() }
    }

    #[test]
    fn only_routes_with_ids_of_organizations_are_targets() {
        assert!(is_target(&route("GET", "/o/{org}/p/{project}")));
        assert!(is_target(&route("DELETE", "/api/v1/keys/{key}")));
        assert!(!is_target(&route("GET", "/api/v1/controls/{control}")));
        assert!(!is_target(&route("GET", "/v1/models/{*model}")));
        assert!(!is_target(&route("GET", "/trust")));
    }

    #[test]
    fn paths_are_filled_or_given_up() {
        let values = absent(Seed::new(crate::Digest::of(b"s")), Timestamp::from_millis(0));
        let filled = fill("/o/{org}/p/{project}", &values).unwrap();
        assert_eq!(filled, format!("/o/{}/p/{}", values["org"], values["project"]));
        assert_eq!(fill("/o/{unknown}", &values), None);
        assert!(OBJECTS.iter().all(|name| values.contains_key(name)));
    }
}
