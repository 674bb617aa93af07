//! APP-24: requests of a project that may hold health data, while twins stand for providers with an agreement, without
//! one, and with one that has ended. Only the first may be asked, also while one of them is down, and nothing is stored.

use domain::Result;
use serde_json::{Value, json};

use super::{
    Finding, Findings, Run,
    household::text,
    routing::{
        Places, Project, Told,
        places::{ALMSHOUSE, BAZAAR, CARED, INFIRMARY, RELIEF},
    },
};
use crate::{
    client::{Answer, Auth, Payload},
    evidence::{Reason, Verdict},
};

const CONTROL: &str = "APP-24";
const SLUG: &str = "health";
/// Requests that name a provider without an agreement in force, of each kind. They leave no record.
const NAMED: usize = 24;
/// Requests that a provider with an agreement answers.
const ANSWERED: usize = 6;
/// Requests that nobody with an agreement is up for.
const EXHAUSTED: usize = 4;

/// Everything that one run saw.
struct Seen {
    planted: bool,
    named: Vec<Told>,
    answered: Vec<Told>,
    exhausted: Vec<Told>,
    /// What reached those without an agreement.
    arrived: u64,
    /// Whether the provider that is down was first in line.
    failed: bool,
    /// Whether a refusal says what is missing.
    says_why: bool,
    /// Attempts to store something, and those that were refused.
    storing: u64,
    stored: u64,
    /// Whether the receipt says who was passed over because of it, and that personal data was counted.
    told: Option<bool>,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let any = Project::with(cx, "places-any", json!({"allow_training": true})).await?;
    let rules = json!({"health_data": true, "allow_training": true});
    let health = Project::with(cx, SLUG, rules).await?;
    let (bazaar, almshouse) = (format!("{BAZAAR}/{CARED}"), format!("{ALMSHOUSE}/{CARED}"));
    let planted = reached(cx, &places, &any, (&bazaar, BAZAAR)).await?
        && reached(cx, &places, &any, (&almshouse, ALMSHOUSE)).await?;

    let before = places.received();
    let mut named = health.ask(cx, &bazaar, NAMED).await?;
    named.extend(health.ask(cx, &almshouse, NAMED).await?);
    let answered = health.ask(cx, CARED, ANSWERED).await?;
    let exhausted = health.ask(cx, RELIEF, EXHAUSTED).await?;
    let says_why = refusal(cx, &health, &bazaar).await?.contains("business associate agreement");
    let after = places.received();
    drop(places);

    let (storing, stored) = store(cx, &health).await?;
    let told = told(cx, &answered).await?;
    let seen = Seen {
        planted,
        named,
        answered,
        exhausted,
        arrived: after.far.saturating_sub(before.far),
        failed: after.down > before.down,
        says_why,
        storing,
        stored,
        told,
    };
    Ok(vec![(CONTROL, seen.finding(cx))])
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

/// The words of a refusal.
async fn refusal(cx: Run<'_>, project: &Project, model: &str) -> Result<String> {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Am I well?"}]});
    let (auth, payload) = (Auth::Key(project.key()), Payload::Json(body));
    let answer = cx.site.client.send("POST", "/v1/chat/completions", auth, payload).await?;
    let said: Value = answer.json()?;
    let message = said.pointer("/error/message").and_then(Value::as_str);
    Ok(message.unwrap_or_default().to_owned())
}

/// Tries to switch storage on, and to store a file; the attempts, and how many got through.
async fn store(cx: Run<'_>, project: &Project) -> Result<(u64, u64)> {
    let house = &cx.houses.first;
    let id = house.owner(&cx.site.client).project(SLUG).await?;
    let path = format!("/api/v1/projects/{id}/content-storage?organization={}", house.slug);
    let switch = async |allowed: bool| -> Result<Answer> {
        let (auth, body) = (Auth::Session(&house.session), json!({"allowed": allowed}));
        cx.site.client.send("PUT", &path, auth, Payload::Json(body)).await
    };
    let on = switch(true).await?;
    let auth = Auth::Key(project.key());
    let file = Payload::File("not a request".into());
    let file = cx.site.client.send("POST", "/v1/files", auth, file).await?;
    let through = [&on, &file].into_iter().filter(|answer| answer.status < 300).count() as u64;
    if on.status < 300 {
        // Whatever got in goes with it.
        switch(false).await?.ok()?;
    }
    Ok((2, through))
}

/// What the receipt of an answered request says; `None` when it is not there in time.
async fn told(cx: Run<'_>, answered: &[Told]) -> Result<Option<bool>> {
    let house = &cx.houses.first;
    let Some(request) = answered.first().map(Told::request) else { return Ok(None) };
    if !house.recorded(&cx.site.client, &[request]).await {
        return Ok(None);
    }
    let owner = house.owner(&cx.site.client);
    let receipt = owner.ask("GET", &format!("/api/v1/receipts/{request}"), Payload::Empty).await?;
    let receipt = receipt.get("receipt").unwrap_or(&receipt);
    let excluded = receipt.get("excluded").and_then(Value::as_array).into_iter().flatten();
    let passed_over = |name: &str| {
        let mut all = excluded.clone();
        all.any(|one| text(one, "name") == name && text(one, "reason") == "no_baa")
    };
    let counted = receipt.get("masking").is_some_and(Value::is_object);
    Ok(Some(passed_over(BAZAAR) && passed_over(ALMSHOUSE) && counted))
}

impl Seen {
    fn finding(&self, cx: Run<'_>) -> Finding {
        let refused = self.named.iter().filter(|told| told.refused()).count() as u64;
        let by = |told: &&Told| told.answered_by(INFIRMARY);
        let answered = self.answered.iter().filter(by).count() as u64;
        let failed = self.exhausted.iter().filter(|told| told.status() >= 500).count() as u64;
        let stopped = self.storing.saturating_sub(self.stored);
        let subjects = refused + answered + failed + stopped;
        let asked = self.named.len() + self.answered.len() + self.exhausted.len();
        let population = asked as u64 + self.storing;
        let mut all = self.named.iter().chain(&self.answered).chain(&self.exhausted);
        let astray = |told: &Told| told.status() == 200 && told.by() != INFIRMARY;
        let verdict = if self.arrived > 0 || all.any(astray) {
            Verdict::Fail(Reason::SentElsewhere)
        } else if self.stored > 0 {
            Verdict::Fail(Reason::GateOpen)
        } else if answered < self.answered.len() as u64 {
            Verdict::Fail(Reason::NotAnswered)
        } else if self.told == Some(false) {
            Verdict::Fail(Reason::ReceiptWrong)
        } else if self.told.is_none() || !self.says_why || !self.failed {
            Verdict::Inconclusive(Reason::Unreachable)
        } else {
            Verdict::held(self.planted, subjects, population, cx.floor(CONTROL))
        };
        Finding::new(verdict, self.planted, (subjects, population))
            .measure(
                "requests to providers without an agreement in force, refused",
                refused,
                "requests",
            )
            .measure("of them that arrived", self.arrived, "requests")
            .measure("requests that a provider with an agreement answered", answered, "requests")
            .measure("requests while none with an agreement was up", failed, "requests")
            .measure("attempts to store something, refused", stopped, "attempts")
            .uncovered([
                "whether an agreement was really signed: its record is the organization's word"
                    .to_owned(),
                "health data in projects that nobody marked".to_owned(),
            ])
    }
}
