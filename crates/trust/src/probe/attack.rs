//! TEN-04: one organization's credentials against another's ids, on every route that takes one.
//!
//! What belongs to somebody else must answer exactly like what does not exist.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    AliasId, InvitationId, KeyId, OrgId, ProjectId, ProviderId, RequestId, Result, SessionId,
    Timestamp, UserId,
};
use serde_json::json;

use super::{Finding, Findings, Household, Route, Run, shadow::Shadow};
use crate::{
    client::{Answer, Auth, Client, Payload},
    evidence::{Reason, Verdict},
    seed::Seed,
};

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
];

type Values = BTreeMap<&'static str, String>;

/// How a route answered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    /// Without the ids that were asked for and without the id of the request itself.
    body: String,
}

/// What became of one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Judgement {
    /// An id that does not exist was answered with 404 at least once, so the route looked it up.
    looked_up: bool,
    /// A foreign id was answered differently from one that does not exist.
    crossed: bool,
    /// Something else got in the way.
    disturbed: bool,
    requests: u64,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let (site, houses) = (cx.site, cx.houses);
    exist(&site.client, &houses.second).await?;
    let absent = absent(cx.seed, site.clock.now());
    let routes: Vec<&Route> = site.routes.iter().filter(|route| is_target(route)).collect();
    let mut covered = 0;
    let mut total = Judgement::default();
    let mut uncovered = Vec::new();
    for route in &routes {
        let target = Target { client: &site.client, house: &houses.first, route };
        let judged = target.judge(&houses.second, &absent).await?;
        total.crossed |= judged.crossed;
        total.disturbed |= judged.disturbed;
        total.requests += judged.requests;
        if judged.looked_up {
            covered += 1;
        } else {
            uncovered.push(format!("{} {}", route.method, route.path));
        }
    }
    let planted = careless_route_is_caught(cx, &absent).await?;
    let population = routes.len() as u64;
    let verdict = if total.crossed {
        Verdict::Fail(Reason::BorderCrossed)
    } else if total.disturbed {
        Verdict::Error(Reason::Unreachable)
    } else {
        Verdict::held(planted, covered, population, cx.floor("TEN-04"))
    };
    let finding = Finding::new(verdict, planted, (covered, population))
        .measure("requests sent", total.requests, "requests")
        .uncovered(uncovered);
    Ok(vec![("TEN-04", finding)])
}

/// A mis-scoped route, served by the prober itself, must look like a crossing to the same judge.
async fn careless_route_is_caught(cx: Run<'_>, absent: &Values) -> Result<bool> {
    let (first, second) = (&cx.houses.first, &cx.houses.second);
    let rows = [first, second].map(|house| {
        let name = json!({"id": house.project.to_string(), "name": house.project_name});
        (house.project.to_string(), name.to_string())
    });
    let shadow = Shadow::serve(rows.into()).await?;
    let client = Client::new(&shadow.base_url(), cx.site.clock.clone())?;
    let route = Route {
        method: "GET".to_owned(),
        path: "/api/v1/shadow/{project}".to_owned(),
        permission: String::new(),
    };
    let target = Target { client: &client, house: first, route: &route };
    let judged = target.judge(second, absent).await?;
    Ok(judged.looked_up && judged.crossed)
}

/// The foreign objects must exist, or not finding them would mean nothing.
async fn exist(client: &Client, house: &Household) -> Result<()> {
    for (path, name) in [
        ("/api/v1/projects/", "project"),
        ("/api/v1/keys/", "key"),
        ("/api/v1/providers/", "provider"),
        ("/api/v1/receipts/", "request"),
    ] {
        let id = house.objects.get(name).map(String::as_str).unwrap_or_default();
        let path = format!("{path}{id}?organization={}", house.slug);
        // A receipt is there once its request was settled, within a second or so.
        let mut patience = 40;
        loop {
            let auth = Auth::Session(&house.session);
            let answer = client.send("GET", &path, auth, Payload::Empty).await?;
            if answer.status != 404 || patience == 0 {
                answer.ok()?;
                break;
            }
            patience -= 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// Well-formed ids of nothing.
fn absent(seed: Seed, now: Timestamp) -> Values {
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
    ])
}

pub(super) fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split('}').next())
}

fn is_target(route: &Route) -> bool {
    parameters(&route.path).any(|name| OBJECTS.contains(&name))
}

/// The path with each parameter filled; `None` when one is of an unknown kind.
fn fill(path: &str, values: &Values) -> Option<String> {
    let mut filled = path.to_owned();
    for name in parameters(path) {
        filled = filled.replace(&format!("{{{name}}}"), values.get(name)?);
    }
    Some(filled)
}

/// Bodies that routes of this installation take; one of them gets past the reading of the body.
fn payloads(route: &Route) -> Vec<Payload> {
    match (route.method.as_str(), route.path.starts_with("/api/")) {
        ("GET" | "DELETE", _) => vec![Payload::Empty],
        (_, true) => vec![
            Payload::Json(json!({"name": "something else"})),
            Payload::Json(json!({"role": "member"})),
            Payload::Json(json!({"role": "viewer"})),
            Payload::Json(json!({})),
        ],
        _ => vec![
            Payload::Form("name=something+else&confirm=yes"),
            Payload::Form("role=member"),
            Payload::Form(""),
        ],
    }
}

struct Target<'a> {
    client: &'a Client,
    /// Whose credentials are used.
    house: &'a Household,
    route: &'a Route,
}

impl Target<'_> {
    async fn judge(&self, foreign: &Household, absent: &Values) -> Result<Judgement> {
        let mut judged = Judgement::default();
        for values in self.cases(foreign, absent) {
            for payload in payloads(self.route) {
                let (theirs, nobodys) = &values;
                let mut answers = Vec::new();
                for ids in [theirs, nobodys] {
                    answers.push(self.ask(ids, payload.clone()).await?);
                    judged.requests += 1;
                }
                if let [Some(theirs), Some(nobodys)] = answers.as_slice() {
                    judged.looked_up |= nobodys.status == 404;
                    if theirs != nobodys {
                        judged.crossed = true;
                        let (method, path) = (&self.route.method, &self.route.path);
                        // Which route it was is for the operator; the answers themselves are nobody's to read here.
                        tracing::warn!(%method, %path, foreign = theirs.status, absent = nobodys.status, "a foreign id is told apart");
                    }
                } else {
                    judged.disturbed = true;
                }
            }
        }
        Ok(judged)
    }

    /// Pairs of values: with foreign ids, and with ids of nothing in the same places.
    fn cases(&self, foreign: &Household, absent: &Values) -> Vec<(Values, Values)> {
        let all = (foreign.objects.clone(), absent.clone());
        let names: Vec<_> = parameters(&self.route.path).collect();
        let inner = names.iter().any(|name| !matches!(*name, "org" | "organization"));
        if !inner || !names.iter().any(|name| matches!(*name, "org" | "organization")) {
            return vec![all];
        }
        // Inside the caller's own organization as well: the outer door is open there.
        let within = |mut values: Values| {
            for name in ["org", "organization"] {
                if let Some(own) = self.house.objects.get(name) {
                    values.insert(name, own.clone());
                }
            }
            values
        };
        let own = (within(all.0.clone()), within(all.1.clone()));
        vec![all, own]
    }

    /// `None` when the installation is too busy or broken to answer.
    async fn ask(&self, values: &Values, payload: Payload) -> Result<Option<Seen>> {
        let Some(mut path) = fill(&self.route.path, values) else { return Ok(None) };
        if path.starts_with("/api/") {
            path.push_str("?organization=");
            path.push_str(&self.house.slug);
        }
        let auth = Auth::Session(&self.house.session);
        let answer = self.client.send(&self.route.method, &path, auth, payload).await?;
        let readable = answer.status != 429 && answer.status < 500;
        Ok(readable.then(|| seen(&answer, values)))
    }
}

/// The answer without what differs between any two requests.
fn seen(answer: &Answer, values: &Values) -> Seen {
    let mut body = String::from_utf8_lossy(&answer.body).into_owned();
    for value in values.values().filter(|value| !value.is_empty()) {
        body = body.replace(value.as_str(), "…");
    }
    Seen { status: answer.status, body: without_ids(&body, "req_") }
}

/// `text` without the ids that begin with `prefix`.
fn without_ids(text: &str, prefix: &str) -> String {
    let mut parts = text.split(prefix);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(prefix);
        out.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()));
    }
    out
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

    #[test]
    fn answers_are_compared_without_what_always_differs() {
        let text = r#"{"request":"req_01abc","detail":"No such key."}"#;
        let other = r#"{"request":"req_77xyz","detail":"No such key."}"#;
        assert_eq!(without_ids(text, "req_"), without_ids(other, "req_"));
        assert_ne!(without_ids(text, "req_"), without_ids("{\"request\":\"req_1\"}", "req_"));
    }
}
