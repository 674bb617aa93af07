//! GW-12: everything that reaches a provider is accounted for by the record of a request. Twins count what arrives:
//! while nobody asks, that is nothing; while this run asks, exactly the attempts that the receipts tell.

use std::time::Duration;

use domain::Result;
use serde_json::{Value, json};

use super::{
    Finding, Findings, Run,
    routing::{
        Project,
        places::{FAR, LOST, SERVED},
    },
};
use crate::{
    client::{Auth, Client, Payload},
    evidence::{Reason, Verdict},
};

const CONTROL: &str = "GW-12";
/// Requests that somebody answers, some after another one failed.
const ANSWERED: usize = 6;
/// Requests that fail at a provider which is down, and are tried again there.
const FAILING: usize = 2;
/// Requests that the rules refuse: they reach nobody.
const REFUSED: usize = 4;
/// How long this run itself is silent.
const SILENCE: Duration = Duration::from_secs(2);

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let mut places = cx.site.visit().await;
    let (stray, watched) = places.quiet();
    let before = places.arrivals();
    tokio::time::sleep(SILENCE).await;
    let unasked = places.arrivals() - before;

    let project = Project::with(cx, "accounts", json!({"regions": ["EU"]})).await?;
    let before = places.arrivals();
    let mut told = project.ask(cx, SERVED, ANSWERED).await?;
    told.extend(project.ask(cx, LOST, FAILING).await?);
    let refused = project.ask(cx, &format!("{FAR}/{SERVED}"), REFUSED).await?;
    let arrived = places.arrivals() - before;

    // Somebody who comes past the platform: nothing accounts for that, and it has to show.
    let before = places.arrivals();
    knock(cx, &places.near_address()).await?;
    let planted = places.arrivals() - before == 1;
    drop(places);

    let requests: Vec<&str> = told.iter().map(super::routing::Told::request).collect();
    let house = &cx.houses.first;
    if !house.recorded(&cx.site.client, &requests).await {
        let finding =
            Finding::new(Verdict::Inconclusive(Reason::Unreachable), planted, (0, arrived));
        return Ok(vec![(CONTROL, finding)]);
    }
    let mut attempts = 0;
    for request in &requests {
        attempts += attempts_of(cx, request).await?;
    }
    let none_refused = refused.iter().all(super::routing::Told::refused);
    let strangers = stray + unasked + arrived.saturating_sub(attempts);
    let verdict = if strangers > 0 {
        Verdict::Fail(Reason::SentUnasked)
    } else if !none_refused || attempts > arrived {
        // Something was recorded that did not arrive: the twins were not what was asked.
        Verdict::Inconclusive(Reason::Unreachable)
    } else {
        Verdict::held(planted, attempts, arrived, cx.floor(CONTROL))
    };
    let finding = Finding::new(verdict, planted, (attempts, arrived))
        .measure("arrivals that no record accounts for", strangers, "requests")
        .measure("attempts on record, all of which arrived", attempts, "requests")
        .measure("time watched in which nobody asked", (watched + SILENCE).as_secs(), "seconds");
    Ok(vec![(CONTROL, finding)])
}

/// A request that does not come from the platform.
async fn knock(cx: Run<'_>, base: &str) -> Result<()> {
    let origin = base.trim_end_matches("/v1");
    let client = Client::new(origin, cx.site.clock.clone())?;
    let body =
        json!({"model": SERVED, "messages": [{"role": "user", "content": "Anybody there?"}]});
    let path = "/v1/chat/completions";
    client.send("POST", path, Auth::Nobody, Payload::Json(body)).await.map(drop)
}

/// How many times the receipt says that somebody was asked.
async fn attempts_of(cx: Run<'_>, request: &str) -> Result<u64> {
    let path = format!("/api/v1/receipts/{request}");
    let owner = cx.houses.first.owner(&cx.site.client);
    let receipt = owner.ask("GET", &path, Payload::Empty).await?;
    let attempts = receipt.get("attempts").or_else(|| receipt.pointer("/receipt/attempts"));
    Ok(attempts.and_then(Value::as_array).map_or(0, |all| all.len() as u64))
}
