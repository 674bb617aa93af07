//! One request to a model from a page, with the plan, what was passed over, and the receipt.

use axum::response::Response;
use bytes::Bytes;
use domain::{Permission, RequestId, tags::KeysManage};
use gateway::{Call, Format};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::models::{classes, names};
use crate::{
    Cx,
    fields::Fields,
    pages::{
        Fact,
        playground::{Asked, PassedOver, Playground, Tried},
    },
    refusal::Result,
    route::Routes,
    view::{Field, Problem, millis, money, plural},
};

/// Tokens of output: enough to see that it works.
const OUTPUT: u32 = 1_000;
/// Longest message, in characters.
const LONGEST: usize = 20_000;

pub(super) fn routes() -> Routes {
    Routes::new().get("/o/{org}/p/{project}/try", show).post("/o/{org}/p/{project}/try", send)
}

/// A receipt, as far as the page shows it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    candidates: Vec<Candidate>,
    excluded: Vec<Excluded>,
    attempts: Vec<Attempt>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Candidate {
    name: String,
    model: String,
    region: String,
    cost_nano: Option<u64>,
    inputs: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Excluded {
    name: String,
    reason: String,
    fields: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attempt {
    candidate: usize,
    outcome: String,
    status: Option<u16>,
    ms: u64,
}

async fn page(cx: &Cx<KeysManage>, sent: &Fields) -> Result<Playground> {
    let project = cx.project()?;
    let providers = cx.app().identity.providers_list(cx.scope()?).await?;
    let aliases = cx.app().identity.aliases_list(cx.scope()?).await?;
    let mut models: Vec<String> = aliases.into_iter().map(|alias| alias.name).collect();
    models.extend(classes(cx.app(), &providers).into_iter().map(str::to_owned));
    models.extend(names(cx.app(), &providers));
    let may_add = cx.may(Permission::ProvidersManage, None);
    Ok(Playground {
        action: format!("{}/try", cx.project_base()),
        project: project.name.clone(),
        problems: Vec::new(),
        model: sent.field("model"),
        message: sent.field("message"),
        tried: None,
        providers: if may_add { format!("{}/providers/new", cx.base()) } else { String::new() },
        models,
    })
}

async fn show(cx: Cx<KeysManage>, (): ()) -> Result<Response> {
    let page = page(&cx, &Fields::default()).await?;
    Ok(cx.page("Try a model", page).await?)
}

async fn send(cx: Cx<KeysManage>, sent: Fields) -> Result<Response> {
    let mut page = page(&cx, &sent).await?;
    if let Some(error) = wrong(&mut page) {
        return Ok(cx.again(&error, "Try a model", page).await?);
    }
    page.tried = Some(tried(&cx, &page.model.value, &page.message.value).await?);
    Ok(cx.page("Try a model", page).await?)
}

/// Marks what is missing or too long.
fn wrong(page: &mut Playground) -> Option<domain::Error> {
    let long = page.message.value.chars().count() > LONGEST;
    let says = [
        (page.model.value.is_empty(), "model", "Say which model is to answer."),
        (page.message.value.is_empty(), "message", "Write a message."),
        (long, "message", "The message is too long; 20,000 characters fit."),
    ];
    let (_, name, says) = says.into_iter().find(|(wrong, ..)| *wrong)?;
    let field: &mut Field = if name == "model" { &mut page.model } else { &mut page.message };
    field.error = Some(says.to_owned());
    page.problems = vec![Problem::at(name, says)];
    Some(domain::Error::invalid(says))
}

async fn tried(cx: &Cx<KeysManage>, model: &str, message: &str) -> Result<Tried> {
    let (app, project) = (cx.app(), cx.project()?.id);
    let who = (cx.scope()?, cx.session()?.user());
    let scope = app.playground().scope(app, who, project).await?;
    let body = json!({
        "model": model, "max_completion_tokens": OUTPUT,
        "messages": [{"role": "user", "content": message}],
    });
    let (inbound, headers, request) = (Format::OpenAiChat, &HeaderMap::new(), cx.request());
    let body = Bytes::from(body.to_string());
    let response =
        app.gateway.call(Call { scope, inbound, said: None, headers, body, request }).await;
    let status = response.status();
    let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let said: Value =
        body.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    let text = |at: &str| said.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    let told = told(cx, request).await?;
    let mut tried = Tried { facts: facts(&said), ..shown(&told) };
    if status.is_success() {
        tried.answer = text("/choices/0/message/content");
    } else {
        tried.refusal = format!("{}: {}", status.as_u16(), text("/error/message"));
    }
    if !told.candidates.is_empty() {
        tried.receipt = format!("{}/usage/{request}", cx.base());
    }
    Ok(tried)
}

/// What is on record of the request; nothing when nobody was asked.
async fn told(cx: &Cx<KeysManage>, request: RequestId) -> Result<Told> {
    // What waits is written down, so that the record can be read at once.
    drop(cx.app().store.spending(cx.scope()?).await?);
    match cx.read().await?.receipt_fetch(request).await {
        Ok(receipt) => Ok(serde_json::from_str(&receipt.body).unwrap_or_default()),
        Err(error) if error.kind() == domain::Kind::NotFound => Ok(Told::default()),
        Err(error) => Err(error.into()),
    }
}

fn facts(said: &Value) -> Vec<Fact> {
    let count = |at: &str| said.pointer(at).and_then(Value::as_u64);
    let tokens =
        |label, at| count(at).map(|count| Fact::new(label, plural(count, "token", "tokens")));
    let model = said.get("model").and_then(Value::as_str);
    let mut facts: Vec<Fact> =
        model.map(|model| Fact::mono("Model", model.to_owned())).into_iter().collect();
    facts.extend(tokens("Input", "/usage/prompt_tokens"));
    facts.extend(tokens("Output", "/usage/completion_tokens"));
    facts
}

fn shown(told: &Told) -> Tried {
    let asked = told.candidates.iter().enumerate().map(|(at, candidate)| {
        let attempts: Vec<&Attempt> =
            told.attempts.iter().filter(|attempt| attempt.candidate == at).collect();
        let (tone, outcome) = match attempts.last() {
            None => ("quiet", "not needed".to_owned()),
            Some(last) if last.outcome == "ok" => {
                ("good", format!("answered in {}", millis(last.ms)))
            }
            Some(last) => ("bad", failed(last)),
        };
        Asked {
            name: candidate.name.clone(),
            model: candidate.model.clone(),
            region: candidate.region.clone(),
            because: because(candidate),
            tone,
            outcome,
        }
    });
    let passed_over =
        told.excluded.iter().map(|one| PassedOver { name: one.name.clone(), because: reason(one) });
    Tried { asked: asked.collect(), passed_over: passed_over.collect(), ..Tried::default() }
}

fn failed(attempt: &Attempt) -> String {
    let what = attempt.outcome.trim_start_matches("upstream_").replace('_', " ");
    match attempt.status {
        Some(status) => format!("{what}, status {status}"),
        None => what,
    }
}

/// What is known of a candidate, in words.
fn because(candidate: &Candidate) -> String {
    let number = |name: &str| candidate.inputs.get(name).and_then(Value::as_u64);
    let mut words = vec![match candidate.cost_nano {
        Some(nano) => format!("{} expected", money(nano, domain::CURRENCY)),
        None if candidate.inputs.is_null() => return "the only one".to_owned(),
        None => "no known price".to_owned(),
    }];
    words.extend(number("wait_ms").map(|wait| format!("{} lately", millis(wait))));
    match number("errors_permille") {
        Some(errors) if errors >= 10 => words.push(format!("{} % of attempts failed", errors / 10)),
        _ => {}
    }
    if candidate.inputs.get("healthy").and_then(Value::as_bool) == Some(false) {
        words.push("failing, so asked last".to_owned());
    }
    words.join(", ")
}

/// Why somebody was passed over, in words that continue "it".
fn reason(one: &Excluded) -> String {
    if let Some(known) = identity::refusal_words(&one.reason) {
        return known.to_owned();
    }
    let fields = one.fields.join(", ");
    match one.reason.as_str() {
        "notice_period" => "is new, and its notice is still running".to_owned(),
        "objected" => "was objected to".to_owned(),
        "free_tier" => "is a free tier".to_owned(),
        "no_contract" => "has no contract that the catalogue knows".to_owned(),
        "contract_ended" => "is under a contract that has ended".to_owned(),
        "unlisted_host" => "is at an address that is not the company’s".to_owned(),
        "not_announced" => "was never announced as a sub-processor".to_owned(),
        "not_served" => "does not serve this kind of request".to_owned(),
        "takes_no_images" => "takes no images".to_owned(),
        "too_long" => "has too little context for this".to_owned(),
        "exposure" => "has seen its share of this person’s conversations".to_owned(),
        "no_price" => "has no known price, and a budget applies".to_owned(),
        "counters" => "costs money, and what budgets are counted in cannot be reached".to_owned(),
        "budget" => "costs more than is left in a budget".to_owned(),
        "cannot_express" => format!("cannot be told about: {fields}"),
        "lossy" => format!("would lose: {fields}"),
        other => other.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_told_in_words() {
        let told: Told = serde_json::from_value(json!({
            "candidates": [
                {"name": "Near", "model": "m", "region": "SE", "cost_nano": 2_000_000,
                 "inputs": {"healthy": true, "wait_ms": 320, "errors_permille": 250}},
                {"name": "Far", "model": "m", "inputs": {"healthy": false}},
            ],
            "excluded": [
                {"name": "Abroad", "reason": "region"},
                {"name": "Old", "reason": "lossy", "fields": ["logit_bias"]},
            ],
            "attempts": [{"candidate": 0, "outcome": "upstream_overloaded", "status": 503, "ms": 4},
                         {"candidate": 1, "outcome": "ok", "ms": 40}],
        }))
        .unwrap();
        let tried = shown(&told);
        assert_eq!(
            (tried.asked[0].tone, tried.asked[0].outcome.as_str()),
            ("bad", "overloaded, status 503")
        );
        assert!(
            tried.asked[0].because.ends_with("320 ms lately, 25 % of attempts failed"),
            "{tried:?}"
        );
        assert_eq!(tried.asked[1].because, "no known price, failing, so asked last");
        assert_eq!(tried.asked[1].tone, "good");
        let because: Vec<_> = tried.passed_over.iter().map(|one| one.because.as_str()).collect();
        assert_eq!(because, ["is outside the allowed regions", "would lose: logit_bias"]);
    }
}
