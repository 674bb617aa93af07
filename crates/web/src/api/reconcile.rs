//! Usage beside a provider's own export of it.

use axum::{body::to_bytes, extract::Request, response::Response};
use domain::{
    Error, ProjectId,
    export::{Counts, EXPORT_BYTES},
    reconcile::{Line, Reconciliation, Verdict},
    tags::UsageRead,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::one;
use crate::{Cx, openapi::Operation, refusal::Result, route::Routes, site::reconcile::reading};

pub(super) fn routes() -> Routes {
    Routes::new().api(
        "POST",
        "/api/v1/usage/reconcile",
        Operation::new(
            "Compare usage with a provider's own export of it, which is the body: CSV or JSON of at most 32 MiB. \
             Nothing of it is kept",
        )
        .sends("text/csv")
        .query("provider", "Id of a provider, or the catalogue's name for all of its kind, such as openai")
        .query("project", "Id or short name; needed unless one may see all")
        .query("cached", "included or apart: how the file counts cached tokens, if its columns do not say")
        .query("column", "A column that is not recognised, such as `input=Tokens in`; may be repeated")
        .query("model", "A model and what it is called here, such as `gpt-4o-0806=gpt-4o`; may be repeated")
        .gives::<UsageReconciliation>(),
        reconcile,
    )
}

/// Sums of one side.
#[derive(Debug, Serialize, ToSchema)]
struct Side {
    requests: i64,
    /// All input tokens, or those beside the cache when `measures` says `fresh_input`.
    input: i64,
    cache_read: i64,
    cache_write: i64,
    output: i64,
    /// Nano-units of `currency`.
    cost_nano: i64,
}

impl From<Counts> for Side {
    fn from(counts: Counts) -> Self {
        Self {
            requests: counts.requests,
            input: counts.input,
            cache_read: counts.cache_read,
            cache_write: counts.cache_write,
            output: counts.output,
            cost_nano: counts.cost_nano,
        }
    }
}

/// One model on one day.
#[derive(Debug, Serialize, ToSchema)]
struct ReconciledLine {
    /// In UTC, such as `2026-11-20`.
    day: String,
    /// Without the dates of snapshots; empty when the export names no models.
    model: String,
    /// `differs`, `only_ours`, `only_theirs`, or `same` within half a percent.
    verdict: &'static str,
    ours: Option<Side>,
    theirs: Option<Side>,
    /// Ours less theirs.
    difference: Side,
    /// Our requests whose tokens nobody knows; they are in no sum.
    absent: u64,
    /// Our requests without a price.
    unpriced: u64,
}

pub(crate) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Differs => "differs",
        Verdict::OnlyOurs => "only_ours",
        Verdict::OnlyTheirs => "only_theirs",
        Verdict::Same => "same",
    }
}

fn less(ours: Option<Counts>, theirs: Option<Counts>) -> Counts {
    let (ours, theirs) = (ours.unwrap_or_default(), theirs.unwrap_or_default());
    Counts {
        requests: ours.requests.saturating_sub(theirs.requests),
        input: ours.input.saturating_sub(theirs.input),
        cache_read: ours.cache_read.saturating_sub(theirs.cache_read),
        cache_write: ours.cache_write.saturating_sub(theirs.cache_write),
        output: ours.output.saturating_sub(theirs.output),
        cost_nano: ours.cost_nano.saturating_sub(theirs.cost_nano),
    }
}

impl From<Line> for ReconciledLine {
    fn from(line: Line) -> Self {
        Self {
            day: line.day.iso(),
            model: line.model,
            verdict: verdict(line.verdict),
            difference: less(line.ours, line.theirs).into(),
            ours: line.ours.map(Side::from),
            theirs: line.theirs.map(Side::from),
            absent: line.absent,
            unpriced: line.unpriced,
        }
    }
}

/// How many lines there are of each kind.
#[derive(Debug, Serialize, ToSchema)]
struct Verdicts {
    differs: u64,
    only_ours: u64,
    only_theirs: u64,
    same: u64,
}

/// What is the same, what differs, what only one side has, by UTC day and model.
#[derive(Debug, Serialize, ToSchema)]
struct UsageReconciliation {
    /// First and last day of the export; nothing else is compared.
    from: String,
    until: String,
    /// Rows of the export that said something.
    rows: u64,
    /// What both sides have: `requests`, `input` or `fresh_input`, `cache_read`, `cache_write`, `output`, `cost`.
    measures: Vec<String>,
    /// Whether the export counts cached tokens among the input tokens (`included`) or beside them (`apart`).
    cached: &'static str,
    currency: &'static str,
    /// The export's currency when costs could not be compared.
    foreign_currency: Option<String>,
    /// Columns of the export that were not used.
    unused: Vec<String>,
    counted: Verdicts,
    ours: Side,
    theirs: Side,
    /// At most ten thousand, what differs first.
    lines: Vec<ReconciledLine>,
    /// Lines that are not listed.
    left_out: u64,
}

impl From<Reconciliation> for UsageReconciliation {
    fn from(result: Reconciliation) -> Self {
        let named = |measure| serde_json::to_value(measure).ok()?.as_str().map(str::to_owned);
        Self {
            from: result.from.iso(),
            until: result.until.iso(),
            rows: result.rows,
            measures: result.measures.iter().filter_map(named).collect(),
            cached: result.cached.as_str(),
            currency: domain::CURRENCY,
            counted: Verdicts {
                differs: result.count(Verdict::Differs),
                only_ours: result.count(Verdict::OnlyOurs),
                only_theirs: result.count(Verdict::OnlyTheirs),
                same: result.count(Verdict::Same),
            },
            left_out: result.left_out(),
            foreign_currency: result.foreign_currency,
            unused: result.unused,
            ours: result.ours.into(),
            theirs: result.theirs.into(),
            lines: result.lines.into_iter().map(ReconciledLine::from).collect(),
        }
    }
}

async fn reconcile(cx: Cx<UsageRead>, request: Request) -> Result<Response> {
    let (provider, reading) = reading(cx.query())?;
    let project: Option<ProjectId> = cx.in_project().map(|project| project.id);
    let file = to_bytes(request.into_body(), EXPORT_BYTES)
        .await
        .map_err(|_| Error::too_large("The export is larger than 32 MiB. Divide it by months."))?;
    let identity = &cx.app().identity;
    let result = identity.usage_reconcile(cx.scope()?, project, &provider, reading, file).await?;
    Ok(one(UsageReconciliation::from(result)))
}
