//! GW-05: conversations of one person go to two providers that share them. Twins count what reaches each; with only one
//! of them left, what is over its share has to be refused. And of everybody on record, nobody's share may be exceeded.

use domain::{Exposure, Result};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    Finding, Findings, Run,
    routing::{
        Project,
        places::{CHOSEN, EAST},
    },
};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
};

const CONTROL: &str = "GW-05";
const LIMIT: Exposure = Exposure { percent: 60, days: 1 };
/// Conversations that both may share.
const SHARED: usize = 30;
/// Conversations that only one of them is asked for; it may see twelve of one person.
const SKEWED: usize = 14;
/// At a time.
const ABREAST: usize = 4;

/// How the conversations of one kind ended.
#[derive(Default)]
struct Told {
    answered: u64,
    refused: u64,
    other: u64,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let house = &cx.houses.second;
    let owner = house.owner(&cx.site.client);
    let rules = json!({"exposure": {"percent": LIMIT.percent, "days": LIMIT.days}});
    owner.ask("PUT", "/api/v1/routing-policy", Payload::Json(rules)).await?;
    let project = Project::of(cx, house, "shares", json!({"allow_training": true})).await?;
    let person = |name: &str| cx.seed.text(&format!("person|{name}"), 14);
    let one = format!("{EAST}/{CHOSEN}");

    // As many people as conversations: nobody is held to a share, and every one of them arrives.
    let before = places.received();
    let many = |at: usize| person(&at.to_string());
    let told = ask(cx, &project, &one, SKEWED, many).await?;
    let arrived = places.received().near.saturating_sub(before.near);
    let planted = told.answered == SKEWED as u64 && arrived > LIMIT.most(arrived);

    let before = places.received();
    let skewed = ask(cx, &project, &one, SKEWED, |_| person("skewed")).await?;
    let seen_alone = places.received().near.saturating_sub(before.near);

    let before = places.received();
    let shared = ask(cx, &project, CHOSEN, SHARED, |_| person("shared")).await?;
    let after = places.received();
    let (east, west) = (after.near - before.near, after.far - before.far);
    drop(places);

    let people = cx.site.inspector.exposures(cx.site.clock.now()).await?;
    let most = LIMIT.most(SHARED as u64);
    let subjects = shared.answered + skewed.answered + skewed.refused;
    let population = (SHARED + SKEWED) as u64;
    let exceeded = east > most
        || west > most
        || seen_alone > LIMIT.most(0)
        || skewed.answered > LIMIT.most(0)
        || people.exceeded > 0;
    let verdict = if exceeded {
        Verdict::Fail(Reason::ShareExceeded)
    } else if shared.answered < SHARED as u64 {
        Verdict::Fail(Reason::NotAnswered)
    } else if skewed.other > 0 || skewed.refused == 0 {
        Verdict::Inconclusive(Reason::Unreachable)
    } else {
        Verdict::held(planted, subjects, population, cx.floor(CONTROL))
    };
    let largest = (east.max(west) * 100).div_ceil((east + west).max(1));
    let finding = Finding::new(verdict, planted, (subjects, population))
        .measure("largest share one provider saw of the person", largest, "percent")
        .measure(
            "conversations refused because the share was reached",
            skewed.refused,
            "conversations",
        )
        .measure("organizations that limit it", people.organizations, "organizations")
        .measure("people on record with twenty conversations or more", people.people, "people")
        .measure("largest share on record", people.largest_percent, "percent");
    Ok(vec![(CONTROL, finding)])
}

/// So many conversations, each about something else, of the people that `person` names.
async fn ask(
    cx: Run<'_>,
    project: &Project,
    model: &str,
    count: usize,
    person: impl Fn(usize) -> String,
) -> Result<Told> {
    let one = |at: usize| {
        let body = json!({
            "model": model, "max_tokens": 20, "user": person(at),
            "messages": [{"role": "user", "content": format!("Question {at}: where are you?")}],
        });
        async move {
            let (auth, payload) = (Auth::Key(project.key()), Payload::Json(body));
            let path = "/v1/chat/completions";
            let answer = cx.site.client.send("POST", path, auth, payload).await?;
            let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let code = said.pointer("/error/code").and_then(Value::as_str);
            Ok((answer.status, code == Some("exposure_limit")))
        }
    };
    let all: Vec<Result<(u16, bool)>> =
        stream::iter((0..count).map(one).collect::<Vec<_>>()).buffered(ABREAST).collect().await;
    let mut told = Told::default();
    for one in all {
        match one? {
            (200, _) => told.answered += 1,
            (403, true) => told.refused += 1,
            _ => told.other += 1,
        }
    }
    Ok(told)
}
