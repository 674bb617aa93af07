//! Usage beside a provider's own export of it: a file is compared and forgotten.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use domain::{
    CURRENCY, Error, Result as DomainResult,
    export::{Cached, Column, Counts, Measure, Reading},
    reconcile::{Line, Reconciliation, Verdict, same},
    tags::UsageRead,
};
use store::ProviderRecord;

use crate::{
    Cx,
    fields::Fields,
    pages::reconcile::{Cell, Compared, Reconcile, ReconciledRow, Tally},
    refusal::Result,
    route::Routes,
    upload::Upload,
    view::{Choice, Problem, count, money, plural},
};

const TITLE: &str = "Reconcile";
/// Lines of each kind on the page; the API lists more.
const ROWS: usize = 200;

pub(super) fn routes() -> Routes {
    Routes::new().get("/o/{org}/usage/reconcile", show).post("/o/{org}/usage/reconcile", compare)
}

/// Pairs such as `input=Tokens in`, one in each line of each field of this name.
fn pairs<'a>(sent: &'a Fields, name: &'static str) -> DomainResult<Vec<(&'a str, &'a str)>> {
    let lines = sent.pairs().filter(|(field, _)| *field == name).flat_map(|(_, text)| text.lines());
    lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_once('=') {
            Some((left, right)) if !left.trim().is_empty() && !right.trim().is_empty() => {
                Ok((left.trim(), right.trim()))
            }
            _ => Err(Error::invalid("Write each as two names with = between them.")
                .with_code("invalid_pair")),
        })
        .collect()
}

/// Whose export it is, and what was said about its columns.
pub(crate) fn reading(sent: &Fields) -> DomainResult<(String, Reading)> {
    let mut columns = BTreeMap::new();
    for (column, name) in pairs(sent, "column")? {
        let column = Column::parse(column).ok_or_else(|| {
            let known: Vec<_> = Column::ALL.iter().map(|column| column.as_str()).collect();
            Error::invalid(format!("A column is one of {}.", known.join(", ")))
                .with_code("invalid_column")
        })?;
        columns.insert(column, name.to_owned());
    }
    let models = pairs(sent, "model")?;
    let models =
        models.into_iter().map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned())).collect();
    let cached = match sent.text("cached") {
        "" => None,
        text => Some(Cached::parse(text).ok_or_else(|| {
            Error::invalid("cached is included or apart.").with_code("invalid_cached")
        })?),
    };
    let provider = sent
        .filled("provider")
        .ok_or_else(|| Error::invalid("Say whose export it is.").with_code("missing_provider"))?;
    Ok((provider.to_owned(), Reading { columns, models, cached, usual: Cached::Included }))
}

/// Entries of the catalogue of which several were added, then each by itself.
fn providers(records: &[ProviderRecord], chosen: &str) -> Vec<Choice> {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    records.iter().for_each(|one| *kinds.entry(&one.catalog).or_default() += 1);
    let several = kinds.into_iter().filter(|(_, number)| *number > 1);
    let all = several.map(|(kind, number)| Choice::new(kind, format!("All {number} of {kind}")));
    let each = records.iter().map(|one| {
        let removed = if one.removed { ", removed" } else { "" };
        Choice::new(one.id.to_string(), format!("{}{removed}", one.name))
    });
    all.chain(each)
        .map(|one| {
            let is = one.value == chosen;
            one.chosen(is)
        })
        .collect()
}

async fn page(cx: &Cx<UsageRead>, sent: &Fields) -> DomainResult<Reconcile> {
    let records = cx.read().await?.provider_records().await?;
    let cached =
        |value: &str, label| Choice::new(value, label).chosen(sent.text("cached") == value);
    Ok(Reconcile {
        usage: format!("{}/usage", cx.base()),
        action: format!("{}/usage/reconcile", cx.base()),
        problems: Vec::new(),
        providers: providers(&records, sent.text("provider")),
        cached: vec![
            cached("", "As its columns say"),
            cached("included", "Among the input tokens"),
            cached("apart", "Beside the input tokens"),
        ],
        text: sent.field("text"),
        columns: sent.field("column"),
        models: sent.field("model"),
        by_hand: sent.filled("column").is_some() || sent.filled("model").is_some(),
        result: None,
    })
}

async fn show(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let page = page(&cx, &Fields::default()).await?;
    Ok(cx.page(TITLE, page).await?)
}

async fn compare(cx: Cx<UsageRead>, sent: Upload) -> Result<Response> {
    let project = cx.in_project().map(|project| project.id);
    let compared = async {
        let (provider, reading) = reading(&sent.fields)?;
        let file = match sent.file.as_slice() {
            [] => sent.fields.text("text").to_owned().into_bytes(),
            _ => sent.file,
        };
        cx.app().identity.usage_reconcile(cx.scope()?, project, &provider, reading, file).await
    };
    match compared.await {
        Ok(result) => {
            let page = Reconcile { result: Some(said(&result)), ..page(&cx, &sent.fields).await? };
            Ok(cx.page(TITLE, page).await?)
        }
        Err(error) if super::mendable(&error) => {
            let problems = vec![Problem::at(field(error.code()), error.message())];
            let page = Reconcile { problems, ..page(&cx, &sent.fields).await? };
            Ok(cx.again(&error, TITLE, page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The field that a code speaks of.
fn field(code: &str) -> &'static str {
    match code {
        "missing_provider" => "provider",
        "invalid_cached" => "cached",
        "invalid_column" => "column",
        "invalid_pair" => "model",
        _ => "file",
    }
}

fn amount(measure: Measure, number: i64) -> String {
    let (sign, size) = (if number < 0 { "−" } else { "" }, number.unsigned_abs());
    match measure {
        Measure::Cost => format!("{sign}{}", money(size, CURRENCY)),
        _ => format!("{sign}{}", count(size)),
    }
}

/// Both sides of one measure, and their difference where there is one.
fn cell(measure: Measure, ours: Option<Counts>, theirs: Option<Counts>) -> Cell {
    let of = |side: Option<Counts>| side.map(|counts| counts.of(measure));
    let (own, their) = (of(ours), of(theirs));
    let (left, right) = (own.unwrap_or(0), their.unwrap_or(0));
    let say = |side: Option<i64>| {
        side.map_or_else(|| "none".to_owned(), |number| amount(measure, number))
    };
    let more = left.saturating_sub(right);
    let difference = match more {
        _ if same(left, right) => String::new(),
        1.. => format!("+{}", amount(measure, more)),
        _ => amount(measure, more),
    };
    Cell { label: measure.says(), ours: say(own), theirs: say(their), difference }
}

fn row(line: &Line, measures: &BTreeSet<Measure>) -> ReconciledRow {
    let note = [
        (line.absent, "request without counts", "requests without counts"),
        (line.unpriced, "request without a price", "requests without a price"),
    ];
    let note = note.iter().filter(|(number, ..)| *number > 0);
    let note: Vec<_> = note.map(|(number, one, many)| plural(*number, one, many)).collect();
    ReconciledRow {
        day: line.day.start().day(),
        model: if line.model.is_empty() { "all models".to_owned() } else { line.model.clone() },
        note: note.join(", "),
        cells: measures.iter().map(|measure| cell(*measure, line.ours, line.theirs)).collect(),
    }
}

fn said(result: &Reconciliation) -> Compared {
    let tally = |verdict, tone, title: &str| {
        let of = result.lines.iter().filter(|line| line.verdict == verdict);
        let rows: Vec<_> = of.take(ROWS).map(|line| row(line, &result.measures)).collect();
        let number = result.count(verdict);
        let more = number.saturating_sub(rows.len() as u64);
        let more =
            if more == 0 { String::new() } else { format!("{} more in the API.", count(more)) };
        Tally {
            tone,
            title: title.to_owned(),
            count: count(number),
            open: verdict != Verdict::Same,
            rows,
            more,
        }
    };
    let mut notes = vec![
        match result.cached {
            Cached::Included => "Cached tokens were read as a part of the input tokens.",
            Cached::Apart => "Cached tokens were read as standing beside the input tokens.",
        }
        .to_owned(),
    ];
    if let Some(currency) = &result.foreign_currency {
        notes.push(format!(
            "Costs are in {currency} there and in {CURRENCY} here: they were not compared."
        ));
    }
    if !result.unused.is_empty() {
        notes.push(format!("Columns that were not used: {}.", result.unused.join(", ")));
    }
    Compared {
        title: format!("{} to {}", result.from.start().day(), result.until.start().day()),
        rows: plural(result.rows, "row", "rows"),
        measures: result.measures.iter().map(|measure| measure.says()).collect(),
        sums: result
            .measures
            .iter()
            .map(|measure| cell(*measure, Some(result.ours), Some(result.theirs)))
            .collect(),
        tallies: vec![
            tally(Verdict::Differs, "bad", "Differs"),
            tally(Verdict::OnlyOurs, "waiting", "Only in our records"),
            tally(Verdict::OnlyTheirs, "waiting", "Only in the export"),
            tally(Verdict::Same, "good", "The same within 0.5 %"),
        ],
        notes,
    }
}
