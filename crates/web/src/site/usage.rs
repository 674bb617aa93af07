//! Usage: numbers, charts, where it goes, the requests, one request; never content.

mod csv;
mod names;
mod spread;

use axum::response::{IntoResponse, Response};
use domain::{
    KeyId, ProjectId, Provenance, ProviderId, RequestId, Result as DomainResult, Timestamp,
    tags::UsageRead,
};
use http::header;
use store::{Page, Read, UsageFilter, UsageRow as Row, UsageSummary};

use crate::{
    Cx,
    pages::{
        Fact, Number,
        usage::{Index, Receipt, UsageRow},
    },
    period::Period,
    refusal::Result,
    route::Routes,
    view::{Chart, Field, When, count, millis, money, plural},
};
use names::Names;
pub(crate) use names::of_region;
pub(crate) use spread::{Dimension, merged};

const ROWS: u32 = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/usage", index)
        .get("/o/{org}/usage.csv", csv::csv)
        .get("/o/{org}/usage/{request}", receipt)
        .get("/o/{org}/usage/{request}/proof", proof)
        .get("/o/{org}/p/{project}/usage", index)
        .get("/o/{org}/p/{project}/usage.csv", csv::csv)
}

/// The headline numbers of a selection.
pub(super) fn numbers(sum: &UsageSummary) -> Vec<Number> {
    let input = sum.input + sum.cache_read + sum.cache_write;
    let cached = (sum.cache_read * 100).checked_div(input).unwrap_or(0);
    let mut costs: Vec<_> =
        sum.cost_nano.iter().map(|(currency, nano)| money(*nano, currency)).collect();
    if costs.is_empty() {
        costs.push(if sum.requests == 0 { "0.00".to_owned() } else { "not known".to_owned() });
    }
    let note = |number: u64, one: &str, many: &str| {
        if number == 0 { String::new() } else { plural(number, one, many) }
    };
    vec![
        Number::new("Requests", count(sum.requests), note(sum.errors, "failed", "failed")),
        Number::new(
            "Input tokens",
            count(input),
            if cached == 0 { String::new() } else { format!("{cached} % from a cache") },
        ),
        Number::new(
            "Output tokens",
            count(sum.output),
            note(sum.absent, "request without counts", "requests without counts"),
        ),
        Number::new(
            "Cost",
            costs.join(" + "),
            note(sum.unpriced, "request without a price", "requests without a price"),
        ),
    ]
}

/// What the address selects.
struct Selection {
    period: Period,
    project: Option<ProjectId>,
    model: Option<String>,
    provider: Option<ProviderId>,
    region: Option<String>,
    key: Option<KeyId>,
    by: Dimension,
    after: Option<String>,
    filtered: bool,
}

impl Selection {
    fn of(cx: &Cx<UsageRead>) -> Self {
        let query = cx.query();
        let text = |name| query.filled(name).map(str::to_owned);
        let narrowing = ["period", "project", "model", "provider", "region", "key"];
        Self {
            period: Period::parse(query.text("period")),
            project: cx.in_project().map(|project| project.id),
            model: text("model"),
            provider: query.filled("provider").and_then(|id| id.parse().ok()),
            region: text("region"),
            key: query.filled("key").and_then(|id| id.parse().ok()),
            by: Dimension::parse(query.text("by")).unwrap_or_default(),
            filtered: narrowing.iter().any(|name| query.filled(name).is_some()),
            after: text("after"),
        }
    }

    async fn filter(&self, read: &mut Read, now: Timestamp) -> DomainResult<UsageFilter> {
        let among = match &self.region {
            Some(region) => Some(of_region(read, region).await?),
            None => None,
        };
        Ok(UsageFilter {
            project: self.project,
            key: self.key,
            provider: self.provider,
            model: self.model.clone(),
            among,
            from: self.period.start(now),
            ..UsageFilter::default()
        })
    }

    fn pairs(&self, across: bool) -> Vec<(&'static str, String)> {
        let text = |id: Option<String>| id.unwrap_or_default();
        let project = self.project.filter(|_| across).map(|id| id.to_string());
        vec![
            ("period", self.period.as_str().to_owned()),
            ("project", text(project)),
            ("model", text(self.model.clone())),
            ("provider", text(self.provider.map(|id| id.to_string()))),
            ("region", text(self.region.clone())),
            ("key", text(self.key.map(|id| id.to_string()))),
            ("by", self.by.as_str().to_owned()),
        ]
    }

    /// The same selection as a query, for links.
    fn query(&self, across: bool, after: Option<&str>) -> String {
        let mut pairs = self.pairs(across);
        pairs.extend(after.map(|after| ("after", after.to_owned())));
        written(&pairs)
    }

    /// The selection narrowed to one group.
    fn narrowed(&self, across: bool, by: Dimension, of: &str) -> String {
        let mut pairs = self.pairs(across);
        for (name, value) in &mut pairs {
            if *name == by.as_str() {
                of.clone_into(value);
            }
        }
        written(&pairs)
    }
}

fn written(pairs: &[(&'static str, String)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    format!("?{}", query.finish())
}

/// Whether the page is the organization's own, and not one project's.
fn across(cx: &Cx<UsageRead>) -> bool {
    cx.asked().param("project").is_none()
}

fn base(cx: &Cx<UsageRead>) -> String {
    if across(cx) { cx.base() } else { cx.project_base() }
}

async fn index(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let (now, selection, across) = (cx.now(), Selection::of(&cx), across(&cx));
    let path = format!("{}/usage", base(&cx));
    let mut read = cx.read().await?;
    let filter = selection.filter(&mut read, now).await?;
    let sum = read.usage_summary(&filter).await?;
    let points = read.usage_series(&filter, selection.period.step()).await?;
    let listed =
        read.usage_list(&filter, &Page { after: selection.after.clone(), limit: ROWS }).await?;
    let names = Names::read(&mut read, across).await?;
    let of = (&filter, &sum, &names);
    let spread = spread::spread(&mut read, &selection, of, (&path, across, now)).await?;
    let providers = read.providers_list().await?;
    drop(read);
    let (unit, buckets) = selection.period.buckets(now, &points);
    let page = Index {
        periods: selection.period.choices(),
        projects: if across { names.projects(selection.project) } else { Vec::new() },
        providers: names.providers(selection.provider),
        regions: names.regions(selection.region.as_deref()),
        dimensions: selection.by.choices(across),
        key: selection.key.map(|key| key.to_string()).unwrap_or_default(),
        model: Field::new(selection.model.clone().unwrap_or_default()),
        models: super::models::names(cx.app(), &providers),
        filtered: selection.filtered,
        numbers: numbers(&sum),
        chart: Chart::new(format!("Requests per {}", unit.to_lowercase()), unit, &buckets),
        spread: Some(spread).filter(|_| sum.requests > 0),
        rows: listed.data.iter().map(|row| usage_row(row, &names, &cx.base())).collect(),
        csv: format!("{path}.csv{}", selection.query(across, None)),
        next: listed.next.map(|after| format!("{path}{}", selection.query(across, Some(&after)))),
        reconcile: across.then(|| format!("{path}/reconcile")),
        start: base(&cx),
        across,
        path,
    };
    Ok(cx.page("Usage", page).await?)
}

/// Tone and words for how a request ended.
fn outcome(row: &Row) -> (&'static str, String) {
    let code = row.error_code.as_deref().map(|code| code.replace('_', " "));
    match (row.status, code) {
        (0, _) => ("waiting", "interrupted".to_owned()),
        (499, code) => ("waiting", code.unwrap_or_else(|| "ended by the client".to_owned())),
        (200..=299, None) => ("good", "answered".to_owned()),
        (200..=299, Some(code)) => ("waiting", code),
        (status, Some(code)) => ("bad", format!("{status} {code}")),
        (status, None) => ("bad", status.to_string()),
    }
}

fn usage_row(row: &Row, names: &Names, org_base: &str) -> UsageRow {
    let (tone, outcome) = outcome(row);
    let usage = row.usage;
    let cached = usage.map_or(0, |usage| usage.cache_read);
    let note = match usage.map(|usage| usage.provenance) {
        Some(Provenance::Estimated) => "estimated",
        _ => "",
    };
    let unknown = || "not known".to_owned();
    UsageRow {
        href: format!("{org_base}/usage/{}", row.request),
        at: When(row.started),
        model: if row.model.is_empty() { row.requested_model.clone() } else { row.model.clone() },
        provider: names.provider(row),
        project: names.project(row.project),
        input: usage.map_or_else(unknown, |usage| count(usage.input_total())),
        cached: if cached == 0 { String::new() } else { format!("{} cached", count(cached)) },
        output: usage.map_or_else(unknown, |usage| count(usage.output)),
        note: note.to_owned(),
        first: row.first_token_ms.map(millis).unwrap_or_default(),
        total: millis(took(row)),
        cost: cost(row).unwrap_or_else(unknown),
        tone,
        outcome,
    }
}

fn took(row: &Row) -> u64 {
    u64::try_from(row.ended.since(row.started).as_millis()).unwrap_or(u64::MAX)
}

fn cost(row: &Row) -> Option<String> {
    Some(money(row.cost_nano?, row.currency.as_deref().unwrap_or_default()))
}

async fn receipt(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let id: RequestId = cx.id("request")?;
    let mut read = cx.read().await?;
    let receipt = read.receipt_fetch(id).await?;
    let filter = UsageFilter {
        project: Some(receipt.project),
        from: Some(receipt.started),
        until: Some(receipt.started.plus(std::time::Duration::from_millis(1))),
        ..UsageFilter::default()
    };
    let rows = read.usage_list(&filter, &Page::first(Page::MOST)).await?.data;
    let names = Names::read(&mut read, true).await?;
    let row = rows.into_iter().find(|row| row.request == id);
    let key = match &row {
        Some(row) => read.key_fetch(row.key).await.map(|key| key.name).unwrap_or_default(),
        None => String::new(),
    };
    drop(read);
    let mut facts = vec![Fact::mono("Request", id.to_string())];
    if let Some(row) = &row {
        facts.extend(request_facts(row, &usage_row(row, &names, &cx.base()), key));
    }
    let root = cx.app().store.log_fingerprint()?;
    let page = Receipt {
        base: cx.base(),
        proof: format!("{}/usage/{id}/proof", cx.base()),
        verify: format!("probity verify {} --root {root}", proof_file(id)),
        facts,
        receipt: pretty(&receipt.body),
    };
    Ok(cx.page("One request", page).await?)
}

fn proof_file(id: RequestId) -> String {
    format!("{id}.receipt.json")
}

/// The receipt as a file that proves itself.
async fn proof(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let id: RequestId = cx.id("request")?;
    let proof = cx.read().await?.receipt_proof(id).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", proof_file(id))),
    ];
    Ok((headers, proof.to_text()).into_response())
}

fn request_facts(row: &Row, shown: &UsageRow, key: String) -> Vec<Fact> {
    let mut facts = vec![
        Fact::new("Outcome", shown.outcome.clone()),
        Fact::new("Started", When(row.started).seconds()),
        Fact::new("Took", shown.total.clone()),
        Fact::new("Project", shown.project.clone()),
        Fact::new("Key", key),
        Fact::mono("Asked for", row.requested_model.clone()),
        Fact::mono("Model", row.model.clone()),
        Fact::new("Provider", shown.provider.clone()),
        Fact::new(
            "Format",
            if row.streaming {
                format!("{}, streamed", row.protocol)
            } else {
                row.protocol.clone()
            },
        ),
        Fact::new("Attempts", row.attempts.to_string()),
        Fact::new("Cost", shown.cost.clone()),
    ];
    if let Some(first) = row.first_token_ms {
        facts.insert(3, Fact::new("First token after", millis(first)));
    }
    match row.usage {
        Some(usage) => facts.extend([
            Fact::new("Input", plural(usage.input, "token", "tokens")),
            Fact::new("Read from a cache", plural(usage.cache_read, "token", "tokens")),
            Fact::new("Written to a cache", plural(usage.cache_write, "token", "tokens")),
            Fact::new("Output", plural(usage.output, "token", "tokens")),
            Fact::new("Of it thinking", plural(usage.reasoning, "token", "tokens")),
            Fact::new("Counts are", usage.provenance.as_str()),
        ]),
        None => facts.push(Fact::new("Counts are", "absent: nobody reported them")),
    }
    facts
}

fn pretty(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned())
}
