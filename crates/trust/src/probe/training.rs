//! GW-10: nothing is sent to whoever trains or does not say, nothing after a contract has ended, and nothing without
//! the parameters on which a provider's terms depend. Twins keep what they receive.

use std::time::Duration;

use domain::{ProviderEntry, Result};
use sandbox::Recorded;
use serde_json::{Value, json};

use super::{
    Finding, Findings, Run,
    household::text,
    routing::{
        Places, Project, Told,
        places::{SILENT, TERM, TERMED, TRAINS},
    },
};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
    tenants::Opted,
};

const CONTROL: &str = "GW-10";
/// Requests of each kind. They leave no record, being refused.
const ASKED: usize = 8;

/// Everything that one run saw.
struct Seen {
    /// Whether the same requests arrived where nothing forbids them, and a missing parameter is noticed.
    planted: bool,
    /// To whoever trains or does not say, of an organization that forbids it, and under a contract that has ended.
    against: Vec<Told>,
    /// What arrived of them.
    arrived: u64,
    /// Requests that reached a provider whose terms depend on parameters, and those that held all of them.
    opted: u64,
    kept: u64,
    /// Terms of the catalogue that depend on parameters, and those that were tried.
    terms: u64,
    tried: u64,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let any = Project::with(cx, "places-any", json!({"allow_training": true})).await?;
    let strict = Project::with(cx, "no-training", json!({})).await?;
    let far = |before: u64| places.received().far.saturating_sub(before);
    let (trains, silent) = (format!("{TRAINS}/{TERMED}"), format!("{SILENT}/{TERMED}"));
    let term = format!("{TERM}/{TERMED}");

    // The organization itself forbids training unless it says otherwise; here its project does.
    allow(cx, true).await?;
    let before = places.received().far;
    let mut against = strict.ask(cx, &trains, ASKED).await?;
    against.extend(strict.ask(cx, &silent, ASKED).await?);
    let mut arrived = far(before);
    let mut planted = reached(cx, &places, &any, (&trains, TRAINS)).await?;
    planted &= reached(cx, &places, &any, (&silent, SILENT)).await?;
    allow(cx, false).await?;

    let yesterday = cx.site.clock.now().minus(Duration::from_secs(86_400));
    until(cx, &domain::last_day(yesterday)).await?;
    let before = places.received().far;
    against.extend(any.ask(cx, &term, ASKED).await?);
    arrived += far(before);
    until(cx, "").await?;
    planted &= reached(cx, &places, &any, (&term, TERM)).await?;

    let (opted, tried, noticed) = opted(cx, &places, &any).await?;
    let terms = opted.len() as u64;
    let all =
        || opted.iter().flat_map(|(one, arrived)| arrived.iter().map(move |body| (one, body)));
    let seen = Seen {
        planted: planted && noticed,
        against,
        arrived,
        opted: all().count() as u64,
        kept: all().filter(|(one, body)| holds(&body.json(), &one.set)).count() as u64,
        terms,
        tried,
    };
    Ok(vec![(CONTROL, seen.finding(cx))])
}

/// Says it for the whole organization, as its owner would.
async fn allow(cx: Run<'_>, training: bool) -> Result<()> {
    let owner = cx.houses.first.owner(&cx.site.client);
    let rules = Payload::Json(json!({"allow_training": training}));
    owner.ask("PUT", "/api/v1/routing-policy", rules).await.map(drop)
}

/// Says how long the contract holds whose end is tried; nothing for no end.
async fn until(cx: Run<'_>, day: &str) -> Result<()> {
    let owner = cx.houses.first.owner(&cx.site.client);
    let listed = owner.ask("GET", "/api/v1/providers", Payload::Empty).await?;
    let all = listed.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(one) = all.iter().find(|one| text(one, "name") == TERM) else { return Ok(()) };
    let path = format!("/api/v1/providers/{}", text(one, "id"));
    let change = Payload::Json(json!({"contract_until": day}));
    owner.ask("PATCH", &path, change).await.map(drop)
}

/// Whether a request arrives where nothing forbids it.
async fn reached(
    cx: Run<'_>,
    places: &Places,
    project: &Project,
    (model, name): (&str, &str),
) -> Result<bool> {
    let before = places.received().far;
    let told = project.ask(cx, model, 1).await?;
    Ok(told.iter().all(|told| told.answered_by(name)) && places.received().far > before)
}

/// What arrived, under each of the terms that depend on parameters; how many arrived at least once; and whether
/// a request without the parameters would have been noticed.
async fn opted(
    cx: Run<'_>,
    places: &Places,
    project: &Project,
) -> Result<(Vec<(Opted, Vec<Recorded>)>, u64, bool)> {
    let catalogue = cx.site.client.send("GET", "/api/v1/catalog", Auth::Nobody, Payload::Empty);
    let catalogue = catalogue.await?.ok()?.json()?;
    let rows = catalogue.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let entries = rows.into_iter().filter_map(|row| serde_json::from_value(row).ok());
    let entries: Vec<ProviderEntry> = entries.collect();
    let mut terms = Vec::new();
    for entry in &entries {
        terms.extend(entry.postures.iter().filter_map(|posture| Opted::of(entry, posture)));
    }
    let (mut all, mut noticed) = (Vec::new(), true);
    for one in terms {
        let mut arrived = Vec::new();
        for contrary in [false, true] {
            let before = places.received();
            let (path, body) = request(&one, contrary);
            // As it would arrive if nobody looked after it.
            noticed &= !holds(&body, &one.set);
            let (auth, payload) = (Auth::Key(project.key()), Payload::Json(body));
            cx.site.client.send("POST", path, auth, payload).await?;
            arrived.extend(places.arrived_near(before));
        }
        all.push((one, arrived));
    }
    let tried = all.iter().filter(|(_, arrived)| !arrived.is_empty()).count() as u64;
    Ok((all, tried, noticed))
}

/// A request that says nothing of the parameters, or the contrary.
fn request(one: &Opted, contrary: bool) -> (&'static str, Value) {
    let model = format!("{}/{TERMED}", one.name());
    let said = if one.protocol == domain::Protocol::OpenAiResponses { "input" } else { "messages" };
    let (path, content) = match said {
        "input" => ("/v1/responses", json!("Will you remember this?")),
        _ => (
            "/v1/chat/completions",
            json!([{"role": "user", "content": "Will you remember this?"}]),
        ),
    };
    let mut body = json!({"model": model, (said): content});
    if contrary && let (Some(body), Some(set)) = (body.as_object_mut(), one.set.as_object()) {
        body.extend(set.iter().map(|(name, value)| (name.clone(), opposite(value))));
    }
    (path, body)
}

/// The contrary of what is set, as far as there is one.
fn opposite(value: &Value) -> Value {
    match value {
        Value::Bool(said) => json!(!said),
        Value::String(said) if said == "deny" => json!("allow"),
        Value::Object(all) => {
            all.iter().map(|(name, value)| (name.clone(), opposite(value))).collect()
        }
        other => other.clone(),
    }
}

/// Whether everything in `wanted` stands in `body` as it is there.
fn holds(body: &Value, wanted: &Value) -> bool {
    match (body, wanted) {
        (Value::Object(body), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| body.get(name).is_some_and(|said| holds(said, value)))
        }
        (body, wanted) => body == wanted,
    }
}

impl Seen {
    fn finding(&self, cx: Run<'_>) -> Finding {
        let refused = self.against.iter().filter(|told| told.refused()).count() as u64;
        let (subjects, population) = (refused + self.tried, self.against.len() as u64 + self.terms);
        let answered = self.against.iter().any(|told| told.status() == 200);
        let verdict = if self.arrived > 0 || answered {
            Verdict::Fail(Reason::SentElsewhere)
        } else if self.kept < self.opted {
            Verdict::Fail(Reason::TermsIgnored)
        } else {
            Verdict::held(self.planted, subjects, population, cx.floor(CONTROL))
        };
        Finding::new(verdict, self.planted, (subjects, population))
            .measure(
                "requests refused because of training or an ended contract",
                refused,
                "requests",
            )
            .measure("requests that carried what the terms depend on", self.kept, "requests")
            .measure("terms of the catalogue that depend on parameters", self.terms, "terms")
            .uncovered(["what a provider does with what it receives: see its contract".to_owned()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_missing_or_otherwise_is_noticed() {
        let wanted = json!({"store": false, "provider": {"zdr": true, "data_collection": "deny"}});
        assert!(holds(
            &json!({"model": "m", "store": false, "provider":
            {"only": ["a"], "zdr": true, "data_collection": "deny"}}),
            &wanted
        ));
        assert!(!holds(&json!({"store": false}), &wanted));
        assert!(!holds(&json!({"store": false, "provider": {"zdr": true}}), &wanted));
        assert_eq!(
            opposite(&wanted),
            json!({"store": true, "provider": {"zdr": false, "data_collection": "allow"}})
        );
        assert!(!holds(&opposite(&wanted), &wanted));
    }
}
