//! GW-06, GW-07, GW-11 and SUB-16: requests of projects with rules, while twins in several places count what
//! reaches them. One place is down in every run, and one may not be asked.

pub(crate) mod places;

use domain::Result;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    Finding, Findings, Run,
    household::{Owner, text},
};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
};
use places::{ABROAD, FAR, LOST, NEAR, Received, SERVED};

pub(crate) use places::Places;

/// Requests that an allowed place answers. Each leaves a usage record: few are enough.
const ANSWERED: usize = 8;
/// Requests that only a place which is down and one that is not allowed could answer.
const EXHAUSTED: usize = 4;
/// Requests that name a place which is not allowed. They leave no record.
const NAMED: usize = 88;
/// Requests to a company in a country that is ruled out.
const COUNTRY: usize = 100;
/// At a time.
const ABREAST: usize = 8;

/// What came of one request.
pub(super) struct Told {
    status: u16,
    /// The id of its receipt.
    request: String,
    /// Whether it says that the rules allow nobody.
    ruled_out: bool,
    /// The place that answered.
    by: String,
}

impl Told {
    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn request(&self) -> &str {
        &self.request
    }

    pub(super) fn by(&self) -> &str {
        &self.by
    }

    pub(super) fn answered_by(&self, place: &str) -> bool {
        self.status == 200 && self.by == place
    }

    /// Refused because of the rules.
    pub(super) const fn refused(&self) -> bool {
        self.status == 403 && self.ruled_out
    }

    /// Answered by anybody but the place that may be asked.
    fn astray(&self) -> bool {
        self.status == 200 && self.by != NEAR
    }
}

/// A project with rules, and a key of it.
pub(super) struct Project(String);

impl Project {
    /// The project with that short name, made when it is not there, with rules as they should be and a fresh key.
    pub(super) async fn with(cx: Run<'_>, slug: &str, rules: Value) -> Result<Self> {
        Self::of(cx, &cx.houses.first, slug, rules).await
    }

    /// The same in either organization.
    pub(super) async fn of(
        cx: Run<'_>,
        house: &super::Household,
        slug: &str,
        rules: Value,
    ) -> Result<Self> {
        Self::ruled(&house.owner(&cx.site.client), cx, slug, Some(rules)).await
    }

    /// The same of whoever owns an organization, without rules of the project's own.
    pub(super) async fn made(owner: &Owner<'_>, cx: Run<'_>, slug: &str) -> Result<Self> {
        Self::ruled(owner, cx, slug, None).await
    }

    async fn ruled(
        owner: &Owner<'_>,
        cx: Run<'_>,
        slug: &str,
        rules: Option<Value>,
    ) -> Result<Self> {
        let id = owner.project(slug).await?;
        if let Some(rules) = rules {
            let path = format!("/api/v1/projects/{id}/routing-policy");
            owner.ask("PUT", &path, Payload::Json(rules)).await?;
        }
        let name = cx.seed.text(&format!("key|{slug}"), 14);
        // More than a run sends, whatever an operator's ordinary limit.
        let new = json!({
            "name": name, "project": id, "expires_in_days": 1, "requests_per_minute": 10_000,
        });
        let key = owner.ask("POST", "/api/v1/keys", Payload::Json(new)).await?;
        Ok(Self(text(&key, "secret")))
    }

    /// The text of its key.
    pub(super) fn key(&self) -> &str {
        &self.0
    }

    /// Sends `count` requests for a model, streamed or not, in either format.
    pub(super) async fn ask(&self, cx: Run<'_>, model: &str, count: usize) -> Result<Vec<Told>> {
        let one = |at: usize| async move {
            let path = if at % 4 < 2 { "/v1/chat/completions" } else { "/v1/messages" };
            let body = json!({
                "model": model, "stream": at % 2 == 1, "max_tokens": 50,
                "messages": [{"role": "user", "content": "Where are you?"}],
            });
            let (auth, payload) = (Auth::Key(&self.0), Payload::Json(body));
            let answer = cx.site.client.send("POST", path, auth, payload).await?;
            let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
            let (by, request) = (header("x-probity-provider"), header("x-probity-receipt"));
            let code = b"no_allowed_provider";
            let ruled_out = answer.body.windows(code.len()).any(|part| part == code);
            Ok(Told { status: answer.status, request, ruled_out, by })
        };
        let told: Vec<Result<Told>> =
            stream::iter(0..count).map(one).buffer_unordered(ABREAST).collect().await;
        told.into_iter().collect()
    }
}

/// Everything that one run saw.
struct Seen {
    /// Whether a request that may go anywhere was counted where it went.
    planted: bool,
    planted_country: bool,
    answered: Vec<Told>,
    exhausted: Vec<Told>,
    named: Vec<Told>,
    /// Naming an allowed place.
    chosen: Vec<Told>,
    country: Vec<Told>,
    /// What reached the places while one that is down was first in line, and one that is up behind it.
    failover: Received,
    /// What reached the places while only the European Union was allowed.
    during: Received,
    /// What reached them while a country was ruled out.
    during_country: Received,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let free = Project::with(cx, "places-any", json!({"allow_training": true})).await?;
    let union = Project::with(cx, "places-eu", json!({"regions": ["EU"]})).await?;
    let rules = json!({"allow_training": true, "deny_countries": ["CN"]});
    let without = Project::with(cx, "places-country", rules).await?;
    let (far, country) = (format!("{FAR}/{SERVED}"), format!("{ABROAD}/{SERVED}"));

    let before = places.received();
    let told = free.ask(cx, &far, 1).await?;
    let planted =
        told.iter().all(|told| told.answered_by(FAR)) && places.received().far > before.far;
    let before = places.received();
    let told = free.ask(cx, &country, 1).await?;
    let planted_country =
        told.iter().all(|told| told.answered_by(ABROAD)) && places.received().far > before.far;

    let before = places.received();
    let answered = union.ask(cx, SERVED, ANSWERED).await?;
    let failover = since(before, places.received());
    let exhausted = union.ask(cx, LOST, EXHAUSTED).await?;
    let named = union.ask(cx, &far, NAMED).await?;
    let chosen = union.ask(cx, &format!("{NEAR}/{SERVED}"), 1).await?;
    let during = since(before, places.received());

    let before = places.received();
    let told = without.ask(cx, &country, COUNTRY).await?;
    let during_country = since(before, places.received());
    let seen = Seen {
        planted,
        planted_country,
        answered,
        exhausted,
        named,
        chosen,
        country: told,
        failover,
        during,
        during_country,
    };
    Ok(vec![
        ("GW-06", seen.choice(cx)),
        ("GW-07", seen.failover(cx)),
        ("GW-11", seen.union(cx)),
        ("SUB-16", seen.countries(cx)),
    ])
}

const fn since(before: Received, after: Received) -> Received {
    Received {
        far: after.far.saturating_sub(before.far),
        down: after.down.saturating_sub(before.down),
        near: after.near.saturating_sub(before.near),
    }
}

const fn count(all: &[Told]) -> u64 {
    all.len() as u64
}

impl Seen {
    /// Whoever names a provider gets it where the rules allow it, and only there.
    fn choice(&self, cx: Run<'_>) -> Finding {
        let subjects = count(&self.named) + count(&self.chosen);
        let verdict = if self.during.far > 0 || self.named.iter().any(Told::astray) {
            Verdict::Fail(Reason::SentElsewhere)
        } else if !self.named.iter().all(Told::refused) {
            Verdict::Inconclusive(Reason::Unreachable)
        } else if !self.chosen.iter().all(|told| told.answered_by(NEAR)) {
            Verdict::Fail(Reason::NotAnswered)
        } else {
            Verdict::held(self.planted, subjects, subjects, cx.floor("GW-06"))
        };
        Finding::new(verdict, self.planted, (subjects, subjects)).measure(
            "requests that named a provider outside the rules",
            count(&self.named),
            "requests",
        )
    }

    /// With one provider down another answers, and never one outside the rules.
    fn failover(&self, cx: Run<'_>) -> Finding {
        let subjects = count(&self.answered);
        let verdict = if self.during.far > 0 {
            Verdict::Fail(Reason::SentElsewhere)
        } else if !self.answered.iter().all(|told| told.answered_by(NEAR)) {
            Verdict::Fail(Reason::NotAnswered)
        } else if self.during.down == 0 || !self.exhausted.iter().all(|told| told.status >= 500) {
            // The first in line was not seen failing: then nobody took over from it.
            Verdict::Inconclusive(Reason::TooFewSubjects)
        } else {
            Verdict::held(self.planted, subjects, subjects, cx.floor("GW-07"))
        };
        Finding::new(verdict, self.planted, (subjects, subjects))
            .measure("requests to the provider that is down", self.during.down, "requests")
            .measure("requests that another one answered", self.failover.near, "requests")
    }

    /// Where only the European Union is allowed, nothing leaves it, also when nobody is left to answer.
    fn union(&self, cx: Run<'_>) -> Finding {
        let subjects = count(&self.answered) + count(&self.exhausted) + count(&self.named);
        let all = || self.answered.iter().chain(&self.exhausted).chain(&self.named);
        let verdict = if self.during.far > 0 || all().any(Told::astray) {
            Verdict::Fail(Reason::SentElsewhere)
        } else if !self.named.iter().all(Told::refused) {
            Verdict::Inconclusive(Reason::Unreachable)
        } else {
            Verdict::held(self.planted, subjects, subjects, cx.floor("GW-11"))
        };
        Finding::new(verdict, self.planted, (subjects, subjects))
            .measure("requests that left the region", self.during.far, "requests")
            .measure(
                "requests with every allowed provider down",
                count(&self.exhausted),
                "requests",
            )
    }

    fn countries(&self, cx: Run<'_>) -> Finding {
        let subjects = count(&self.country);
        let answered = self.country.iter().any(|told| told.status == 200);
        let verdict = if self.during_country.far > 0 || answered {
            Verdict::Fail(Reason::SentElsewhere)
        } else if !self.country.iter().all(Told::refused) {
            Verdict::Inconclusive(Reason::Unreachable)
        } else {
            Verdict::held(self.planted_country, subjects, subjects, cx.floor("SUB-16"))
        };
        Finding::new(verdict, self.planted_country, (subjects, subjects)).measure(
            "requests that reached the country",
            self.during_country.far,
            "requests",
        )
    }
}
