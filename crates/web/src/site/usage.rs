//! Usage: numbers, a chart, the requests, one request; never content.

use std::collections::HashMap;

use axum::response::{IntoResponse, Response};
use domain::{
    ProjectId, Provenance, RequestId, Result as DomainResult, Timestamp, tags::UsageRead,
};
use http::header;
use store::{Page, Project, Provider, Read, UsageFilter, UsageRow as Row, UsageSummary};

use crate::{
    Cx,
    pages::{
        Fact, Number,
        usage::{Index, Receipt, UsageRow},
    },
    period::Period,
    refusal::Result,
    route::Routes,
    view::{Chart, Choice, Field, When, count, millis, money, plural},
};

const ROWS: u32 = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/usage", index)
        .get("/o/{org}/usage.csv", csv)
        .get("/o/{org}/usage/{request}", receipt)
        .get("/o/{org}/usage/{request}/proof", proof)
        .get("/o/{org}/p/{project}/usage", index)
        .get("/o/{org}/p/{project}/usage.csv", csv)
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
    after: Option<String>,
    filtered: bool,
}

impl Selection {
    fn of(cx: &Cx<UsageRead>) -> Self {
        let query = cx.query();
        let model = query.filled("model").map(str::to_owned);
        Self {
            period: Period::parse(query.text("period")),
            project: cx.in_project().map(|project| project.id),
            filtered: model.is_some()
                || query.filled("project").is_some()
                || query.filled("period").is_some(),
            model,
            after: query.filled("after").map(str::to_owned),
        }
    }

    fn filter(&self, now: Timestamp) -> UsageFilter {
        UsageFilter {
            project: self.project,
            model: self.model.clone(),
            from: self.period.start(now),
            ..UsageFilter::default()
        }
    }

    /// The same selection as a query, for links.
    fn query(&self, across: bool, after: Option<&str>) -> String {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.append_pair("period", self.period.as_str());
        if let (true, Some(project)) = (across, self.project) {
            pairs.append_pair("project", &project.to_string());
        }
        if let Some(model) = &self.model {
            pairs.append_pair("model", model);
        }
        if let Some(after) = after {
            pairs.append_pair("after", after);
        }
        format!("?{}", pairs.finish())
    }
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
    let filter = selection.filter(now);
    let mut read = cx.read().await?;
    let sum = read.usage_summary(&filter).await?;
    let points = read.usage_series(&filter, selection.period.step()).await?;
    let listed =
        read.usage_list(&filter, &Page { after: selection.after.clone(), limit: ROWS }).await?;
    let names = Names::read(&mut read, across).await?;
    drop(read);
    let (unit, buckets) = selection.period.buckets(now, &points);
    let path = format!("{}/usage", base(&cx));
    let page = Index {
        periods: selection.period.choices(),
        projects: if across { names.choices(selection.project) } else { Vec::new() },
        model: Field::new(selection.model.clone().unwrap_or_default()),
        models: super::models::names(cx.app(), &names.providers),
        filtered: selection.filtered,
        numbers: numbers(&sum),
        chart: Chart::new(format!("Requests per {}", unit.to_lowercase()), unit, &buckets),
        rows: listed.data.iter().map(|row| usage_row(row, &names, &cx.base())).collect(),
        csv: format!("{path}.csv{}", selection.query(across, None)),
        next: listed.next.map(|after| format!("{path}{}", selection.query(across, Some(&after)))),
        start: base(&cx),
        across,
        path,
    };
    Ok(cx.page("Usage", page).await?)
}

/// Names of what the rows mention by id.
struct Names {
    projects: Vec<Project>,
    providers: Vec<Provider>,
    by_provider: HashMap<domain::ProviderId, String>,
}

impl Names {
    async fn read(read: &mut Read, projects: bool) -> DomainResult<Self> {
        let providers = read.providers_list().await?;
        let by_provider = providers.iter().map(|one| (one.id, one.name.clone())).collect();
        let projects = if projects {
            read.projects_list(&Page::first(Page::MOST)).await?.data
        } else {
            Vec::new()
        };
        Ok(Self { projects, providers, by_provider })
    }

    fn choices(&self, chosen: Option<ProjectId>) -> Vec<Choice> {
        let mut all = vec![Choice::new("", "All projects").chosen(chosen.is_none())];
        all.extend(self.projects.iter().map(|project| {
            Choice::new(project.id.to_string(), project.name.clone())
                .chosen(chosen == Some(project.id))
        }));
        all
    }

    fn project(&self, id: ProjectId) -> String {
        self.projects
            .iter()
            .find(|one| one.id == id)
            .map(|one| one.name.clone())
            .unwrap_or_default()
    }

    /// Where the provider is registered to be now; empty when it was removed or does not say.
    fn region(&self, row: &Row) -> String {
        let provider = self.providers.iter().find(|one| Some(one.id) == row.provider);
        provider.and_then(|one| one.region.clone()).unwrap_or_default()
    }

    fn provider(&self, row: &Row) -> String {
        match row.provider {
            None => "no provider".to_owned(),
            Some(id) => self
                .by_provider
                .get(&id)
                .cloned()
                .unwrap_or_else(|| "a removed provider".to_owned()),
        }
    }
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

/// At most this many rows in one file; the API pages through more.
const CSV_ROWS: usize = 50_000;

async fn csv(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let (selection, now) = (Selection::of(&cx), cx.now());
    let filter = selection.filter(now);
    let mut read = cx.read().await?;
    let names = Names::read(&mut read, true).await?;
    let mut text = String::from(
        "request,started,project,key,model,requested_model,provider,region,status,error,input,cache_read,cache_write,output,reasoning,provenance,cost_nano,currency,first_token_ms,took_ms,attempts\r\n",
    );
    let mut page = Page::first(Page::MOST);
    let mut rows = 0;
    loop {
        let listed = read.usage_list(&filter, &page).await?;
        rows += listed.data.len();
        listed.data.iter().for_each(|row| csv_line(&mut text, row, &names));
        match listed.next {
            Some(next) if rows < CSV_ROWS => page.after = Some(next),
            _ => break,
        }
    }
    let name = format!("attachment; filename=\"usage-{}.csv\"", selection.period.as_str());
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, text).into_response())
}

fn csv_line(text: &mut String, row: &Row, names: &Names) {
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let usage = row.usage;
    let cells = [
        row.request.to_string(),
        row.started.rfc3339(),
        names.project(row.project),
        row.key.to_string(),
        row.model.clone(),
        row.requested_model.clone(),
        names.provider(row),
        names.region(row),
        row.status.to_string(),
        row.error_code.clone().unwrap_or_default(),
        number(usage.map(|usage| usage.input)),
        number(usage.map(|usage| usage.cache_read)),
        number(usage.map(|usage| usage.cache_write)),
        number(usage.map(|usage| usage.output)),
        number(usage.map(|usage| usage.reasoning)),
        usage.map_or("absent", |usage| usage.provenance.as_str()).to_owned(),
        number(row.cost_nano),
        row.currency.clone().unwrap_or_default(),
        number(row.first_token_ms),
        took(row).to_string(),
        row.attempts.to_string(),
    ];
    let cells: Vec<_> = cells.iter().map(|cell| cell_text(cell)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// Quoted where needed; a cell that a spreadsheet would take for a formula is made plain text.
fn cell_text(cell: &str) -> String {
    let guarded = if cell.starts_with(['=', '+', '-', '@', '\t']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        assert_eq!(cell_text("=1+1"), "'=1+1");
        assert_eq!(cell_text("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell_text("plain"), "plain");
    }
}
