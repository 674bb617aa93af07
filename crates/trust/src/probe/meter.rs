//! BIL-03: what a provider reports for exactly what it received, asked of the provider itself, against what is on record
//! of the same requests.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::Result;
use serde_json::{Value, json};

use super::{Finding, Findings, Run, household::text, minimum::request, routing::Project};
use crate::{
    client::{Auth, Client, Payload},
    evidence::{Reason, Verdict},
};

const CONTROL: &str = "BIL-03";
/// In three formats, streamed and not. Each leaves a usage record: few are enough.
const REQUESTS: usize = 12;

/// One request: its id, and what the provider reports for it, in tokens of input and output.
struct Metered {
    request: String,
    reported: Option<u64>,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let project = Project::with(cx, "metered", json!({"regions": ["EU"]})).await?;
    let near = Client::new(places.near_address().trim_end_matches("/v1"), cx.site.clock.clone())?;
    let mut all = Vec::with_capacity(REQUESTS);
    for at in 0..REQUESTS {
        let before = places.received();
        let (path, body) = request(at, &question(cx, at));
        let (auth, payload) = (Auth::Key(project.key()), Payload::Json(body));
        let answer = cx.site.client.send("POST", path, auth, payload).await?;
        let request = answer.header("x-probity-receipt").unwrap_or_default().to_owned();
        let mut reported = None;
        for arrived in places.arrived_near(before) {
            let again = Payload::Raw(arrived.body.clone());
            let answer = near.send("POST", &arrived.path, Auth::Nobody, again).await?;
            reported = total(&answer.body).map(|tokens| reported.unwrap_or(0) + tokens);
        }
        all.push(Metered { request, reported });
    }
    drop(places);
    let requests: Vec<&str> = all.iter().map(|one| one.request.as_str()).collect();
    let there = cx.houses.first.recorded(&cx.site.client, &requests).await;
    let rows = rows(cx).await?;
    Ok(vec![(CONTROL, judge(cx, &all, (&rows, there)))])
}

/// Of different lengths, so that a count that always says the same is noticed.
fn question(cx: Run<'_>, at: usize) -> String {
    let words: Vec<String> =
        (0..=at).map(|word| cx.seed.text(&format!("meter|{at}|{word}"), 6)).collect();
    words.join(" ")
}

/// What a provider of this format reports at the end of an answer, whole or streamed.
fn total(answer: &Bytes) -> Option<u64> {
    let text = String::from_utf8_lossy(answer);
    let whole = serde_json::from_str::<Value>(&text).ok();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let pieces = lines.filter_map(|line| serde_json::from_str::<Value>(line.trim()).ok());
    let usage = whole.into_iter().chain(pieces).filter_map(|one| one.get("usage").cloned());
    let last = usage.filter(Value::is_object).fold(None, |_, one| Some(one))?;
    let count = |name: &str| last.get(name).and_then(Value::as_u64);
    Some(count("prompt_tokens")? + count("completion_tokens")?)
}

/// The tokens on record, by request; how often each request is there.
async fn rows(cx: Run<'_>) -> Result<BTreeMap<String, (u64, u64)>> {
    let house = &cx.houses.first;
    let path = format!("/api/v1/usage?organization={}&project=metered&limit=200", house.slug);
    let auth = Auth::Session(&house.session);
    let listed = cx.site.client.send("GET", &path, auth, Payload::Empty).await?.ok()?.json()?;
    let mut all = BTreeMap::new();
    for row in listed.get("data").and_then(Value::as_array).into_iter().flatten() {
        let count = |name: &str| {
            row.pointer(&format!("/tokens/{name}")).and_then(Value::as_u64).unwrap_or(0)
        };
        let tokens =
            ["input", "cache_read", "cache_write", "output"].map(count).iter().sum::<u64>();
        let known = all.entry(text(row, "request")).or_insert((0, 0));
        *known = (known.0 + tokens, known.1 + 1);
    }
    Ok(all)
}

/// Whether a sum differs from what was reported by more than so many thousandths.
fn differs(recorded: u64, reported: u64, thousandths: u64) -> bool {
    recorded.abs_diff(reported).saturating_mul(1_000) > reported.saturating_mul(thousandths)
}

fn judge(
    cx: Run<'_>,
    all: &[Metered],
    (rows, there): (&BTreeMap<String, (u64, u64)>, bool),
) -> Finding {
    let allowed = allowed(cx);
    let known = |one: &&Metered| one.reported.is_some() && rows.contains_key(&one.request);
    let compared: Vec<_> = all.iter().filter(known).collect();
    let of_row = |one: &&Metered| rows.get(&one.request).copied().unwrap_or_default();
    let reported: u64 = compared.iter().filter_map(|one| one.reported).sum();
    let recorded: u64 = compared.iter().map(|one| of_row(one).0).sum();
    let doubled = compared.iter().filter(|one| of_row(one).1 != 1).count() as u64;
    // The planted violation: the same sum with one percent more, and with one percent less.
    let more = recorded + recorded.div_ceil(100);
    let less = recorded - recorded.div_ceil(100);
    let planted =
        recorded > 0 && differs(more, recorded, allowed) && differs(less, recorded, allowed);
    let (subjects, population) = (compared.len() as u64, all.len() as u64);
    let verdict = if differs(recorded, reported, allowed) || doubled > 0 {
        Verdict::Fail(Reason::CountDiffers)
    } else if !there {
        Verdict::Inconclusive(Reason::Unreachable)
    } else {
        Verdict::held(planted, subjects, population, cx.floor(CONTROL))
    };
    Finding::new(verdict, planted, (subjects, population))
        .measure("tokens that the provider reports", reported, "tokens")
        .measure("tokens on record", recorded, "tokens")
        .measure("requests on record more than once", doubled, "requests")
}

/// The difference that the control allows, in thousandths.
fn allowed(cx: Run<'_>) -> u64 {
    let id = CONTROL.parse().ok();
    let control = id.as_ref().and_then(|id| cx.site.registry.control(id));
    let percent = control.and_then(|control| control.params.get("difference_percent"));
    let text = percent.map(|param| param.value.to_string()).unwrap_or_default();
    let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
    let tenth = part.get(..1).and_then(|digit| digit.parse::<u64>().ok()).unwrap_or(0);
    whole.parse::<u64>().unwrap_or(0) * 10 + tenth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_whole_and_streamed() {
        let usage = "{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}";
        let whole = format!("{{\"id\":\"x\",\"usage\":{usage}}}");
        assert_eq!(total(&Bytes::from(whole)), Some(12));
        let streamed = format!(
            "data: {{\"choices\":[],\"usage\":null}}\n\ndata: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n"
        );
        assert_eq!(total(&Bytes::from(streamed)), Some(12));
        assert_eq!(total(&Bytes::from_static(b"data: [DONE]\n\n")), None);
    }

    #[test]
    fn half_a_percent_is_allowed_and_no_more() {
        assert!(!differs(1_000, 1_000, 5) && !differs(1_005, 1_000, 5) && !differs(995, 1_000, 5));
        assert!(differs(1_006, 1_000, 5) && differs(994, 1_000, 5));
        assert!(differs(1, 0, 5) && !differs(0, 0, 5));
    }
}
