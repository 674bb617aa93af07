//! GW-09: attempts to use a provider without a paid contract, or at an address that is not the company's: through the
//! API, past it in the database, and with requests that name a host of their own.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use domain::{Error, ProviderEntry, Result, is_free_tier};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Finding, Findings, Run,
    household::text,
    routing::{
        Project, Told,
        places::{ABROAD, CHOSEN, PRICED, TERMED, UNCONTRACTED, UNLISTED},
    },
};
use crate::{
    client::{Answer, Auth, Payload},
    evidence::{Reason, Verdict},
};

const CONTROL: &str = "GW-09";
/// Requests to each provider that may not be used. They leave no record, being refused.
const ASKED: usize = 8;
/// Where nobody is (RFC 6761).
const NOBODYS: &str = "https://other.unlisted.example/v1";

/// Everything that one run saw.
struct Seen {
    /// Through the API, each with whether it was refused for the right reason.
    entered: Vec<Outcome>,
    /// Past the API.
    written: store::Contracting,
    /// Requests to what was put below the API.
    asked: Vec<Told>,
    /// What arrived while nothing may.
    arrived: u64,
    /// Requests that named a host of their own, and what reached it.
    named: u64,
    lured: u64,
    /// Whether a contracted provider was reached by the same key.
    open: bool,
    /// Whether a visitor of the host that nobody registered is counted there.
    counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Refused,
    /// For another reason than the one looked for: nothing was tried.
    Otherwise,
    LetIn,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let entered = entered(cx).await?;
    let written = cx.site.inspector.contracting().await?;
    let any = Project::with(cx, "places-any", json!({"allow_training": true})).await?;
    let before = places.received();
    let mut asked = any.ask(cx, &format!("{UNCONTRACTED}/{TERMED}"), ASKED).await?;
    asked.extend(any.ask(cx, &format!("{UNLISTED}/{TERMED}"), ASKED).await?);
    let arrived = places.received().far.saturating_sub(before.far);

    let before = places.received();
    let told = any.ask(cx, &format!("{PRICED}/{CHOSEN}"), 1).await?;
    let open =
        told.iter().all(|told| told.answered_by(PRICED)) && places.received().near > before.near;

    let decoy = Decoy::open().await?;
    let named = lure(cx, any.key(), &decoy.base_url()).await?;
    let lured = decoy.visits();
    // A visitor who does not come from the platform has to be counted.
    drop(tokio::net::TcpStream::connect(decoy.address).await);
    let counted = decoy.waited_for(lured + 1).await;
    let seen = Seen { entered, written, asked, arrived, named, lured, open, counted };
    Ok(vec![(CONTROL, seen.finding(cx))])
}

/// Tries to register free tiers of every company of the catalogue, and to move what is registered.
async fn entered(cx: Run<'_>) -> Result<Vec<Outcome>> {
    let catalogue = cx.site.client.send("GET", "/api/v1/catalog", Auth::Nobody, Payload::Empty);
    let catalogue = catalogue.await?.ok()?.json()?;
    let rows = catalogue.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let entries = rows.into_iter().filter_map(|row| serde_json::from_value(row).ok());
    let mut outcomes = Vec::new();
    for entry in entries.collect::<Vec<ProviderEntry>>() {
        for new in offers(cx, &entry) {
            outcomes.push(create(cx, new).await?);
        }
    }
    let listed = send(cx, "GET", "/api/v1/providers", Payload::Empty).await?.ok()?.json()?;
    let all = listed.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(company) = all.iter().find(|one| text(one, "name") == ABROAD) {
        let path = format!("/api/v1/providers/{}", text(company, "id"));
        let free = json!({"contract": "free-tier"});
        let answer = send(cx, "PATCH", &path, Payload::Json(free)).await?;
        outcomes.push(judged(&answer, "free_tier"));
        if answer.status == 200 {
            let paid = json!({"contract": "standard"});
            send(cx, "PATCH", &path, Payload::Json(paid)).await?.ok()?;
        }
        let away = json!({"base_url": NOBODYS, "secret": secret(cx), "allow_private": false});
        let answer = send(cx, "PATCH", &path, Payload::Json(away)).await?;
        outcomes.push(judged(&answer, "invalid_base_url"));
        if answer.status == 200 {
            let back = json!({"base_url": text(company, "base_url"), "allow_private": true});
            send(cx, "PATCH", &path, Payload::Json(back)).await?;
        }
    }
    Ok(outcomes)
}

fn secret(cx: Run<'_>) -> String {
    cx.seed.text("credential", 30)
}

/// What would use a company without paying it: its free tiers by name, one that it may have, a free variant of a model.
fn offers(cx: Run<'_>, entry: &ProviderEntry) -> Vec<Value> {
    let postures = entry.postures.iter();
    let named = postures.filter_map(|posture| posture.when.contract.clone());
    let mut free: Vec<String> = named.filter(|name| is_free_tier(name)).collect();
    free.push("free-plan".to_owned());
    let new = |contract: Value, models: Value| {
        json!({
            "catalog": entry.id, "secret": secret(cx), "contract": contract, "models": models,
        })
    };
    let mut all: Vec<_> = free.into_iter().map(|name| new(name.into(), json!([]))).collect();
    // Only where it can be called without more than a key does the model come to be looked at.
    if let Some(ending) = entry.free_models.first() {
        all.push(new(Value::Null, json!([format!("acme/some-model{ending}")])));
    }
    all
}

async fn create(cx: Run<'_>, new: Value) -> Result<Outcome> {
    let answer = send(cx, "POST", "/api/v1/providers", Payload::Json(new)).await?;
    let outcome = judged(&answer, "free_tier");
    if outcome == Outcome::LetIn {
        let path = format!("/api/v1/providers/{}", text(&answer.json()?, "id"));
        send(cx, "DELETE", &path, Payload::Empty).await?;
    }
    Ok(outcome)
}

fn judged(answer: &Answer, code: &str) -> Outcome {
    let said = answer.json().unwrap_or_default();
    match answer.status {
        200..=299 => Outcome::LetIn,
        400..=499 if text(&said, "code") == code => Outcome::Refused,
        _ => Outcome::Otherwise,
    }
}

/// As the organization's owner.
async fn send(cx: Run<'_>, method: &str, path: &str, payload: Payload) -> Result<Answer> {
    let house = &cx.houses.first;
    let path = format!("{path}?organization={}", house.slug);
    cx.site.client.send(method, &path, Auth::Session(&house.session), payload).await
}

/// Requests that name a host in every place where other gateways have looked for one; how many.
async fn lure(cx: Run<'_>, key: &str, decoy: &str) -> Result<u64> {
    let model = format!("{PRICED}/{CHOSEN}");
    let messages = json!([{"role": "user", "content": "Where are you?"}]);
    let with = |name: &str| json!({"model": model, "messages": messages, (name): decoy});
    let named = |model: String| json!({"model": model, "messages": messages});
    let mut bodies: Vec<Value> =
        ["api_base", "base_url", "api_url", "endpoint", "custom_llm_provider"].map(with).into();
    bodies.push(json!({"model": model, "messages": messages, "provider": {"only": [decoy]}}));
    bodies
        .push(json!({"model": model, "messages": messages, "litellm_params": {"api_base": decoy}}));
    bodies.push(named(format!("{decoy}/{CHOSEN}")));
    bodies.push(named(decoy.to_owned()));
    bodies.push(named(format!("{PRICED}@{}/{CHOSEN}", decoy.trim_start_matches("http://"))));
    let mut asked = 0;
    for body in bodies {
        let (auth, payload) = (Auth::Key(key), Payload::Json(body));
        cx.site.client.send("POST", "/v1/chat/completions", auth, payload).await?;
        asked += 1;
    }
    Ok(asked)
}

/// A host that nobody registered; it counts who comes.
struct Decoy {
    address: std::net::SocketAddr,
    visits: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl Decoy {
    async fn open() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let (visits, stop) = (Arc::new(AtomicU64::default()), CancellationToken::new());
        let (counted, stopped) = (Arc::clone(&visits), stop.clone());
        TaskTracker::new().spawn(async move {
            let accept = async {
                while let Ok((mut visitor, _)) = listener.accept().await {
                    counted.fetch_add(1, Ordering::SeqCst);
                    // Who came has been seen; there is nothing to say.
                    drop(visitor.shutdown().await);
                }
            };
            stopped.run_until_cancelled(accept).await;
        });
        Ok(Self { address, visits, stop })
    }

    fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    fn visits(&self) -> u64 {
        self.visits.load(Ordering::SeqCst)
    }

    async fn waited_for(&self, count: u64) -> bool {
        let look = async {
            while self.visits() < count {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), look).await.is_ok()
    }
}

impl Drop for Decoy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Seen {
    fn finding(&self, cx: Run<'_>) -> Finding {
        let refused = |all: &[Outcome]| all.iter().filter(|one| **one == Outcome::Refused).count();
        let attempts = &self.written.attempts;
        let stopped = attempts.iter().filter(|one| one.refused).count();
        let asked = self.asked.iter().filter(|told| told.refused()).count();
        let subjects = (refused(&self.entered) + stopped + asked) as u64 + self.named;
        let population =
            (self.entered.len() + attempts.len() + self.asked.len()) as u64 + self.named;
        // Where nothing forbids it, all of it works, or being refused would mean nothing.
        let allowed = &self.written.allowed;
        let free = allowed.len() > 1 && allowed.iter().all(|one| !one.refused);
        let planted = free && self.open && self.counted;
        let verdict = if self.entered.contains(&Outcome::LetIn)
            || stopped < attempts.len()
            || self.arrived > 0
            || self.lured > 0
            || self.asked.iter().any(|told| !told.refused())
        {
            Verdict::Fail(Reason::GateOpen)
        } else {
            Verdict::held(planted, subjects, population, cx.floor(CONTROL))
        };
        Finding::new(verdict, planted, (subjects, population))
            .measure("registrations refused", refused(&self.entered) as u64, "attempts")
            .measure("changes that the database refused", stopped as u64, "attempts")
            .measure("requests refused", asked as u64, "requests")
            .measure("requests that named a host of their own", self.named, "requests")
            .uncovered(
                ["whether a paid account is really paid: see the provider's bill".to_owned()],
            )
    }
}
