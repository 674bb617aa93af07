//! Usage and receipts; never content.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use axum::response::{IntoResponse, Response};
use domain::{Error, RequestId, Result as DomainResult, Timestamp, tags::UsageRead};
use http::header;
use serde::Serialize;
use store::{Read, UsageFilter};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

use super::{
    list, one,
    types::{Usage, UsageSummary},
    whole,
};
use crate::{
    Cx,
    openapi::Operation,
    refusal::Result,
    route::Routes,
    site::usage::{Dimension, merged, of_region},
};

pub(super) fn routes() -> Routes {
    let filtered = |summary| {
        Operation::new(summary)
            .query("project", "Id or short name; needed unless one may see all")
            .query("key", "Id of a key")
            .query("provider", "Id of a provider")
            .query("region", "Where providers are stated to be now, such as EU")
            .query("model", "The model that answered")
            .query("from", "RFC 3339; started at or after")
            .query("until", "RFC 3339; started before")
    };
    Routes::new()
        .api("GET", "/api/v1/usage", filtered("Requests, newest first").lists::<Usage>(), index)
        .api(
            "GET",
            "/api/v1/usage/summary",
            filtered("Sums over requests").gives::<UsageSummary>(),
            summary,
        )
        .api(
            "GET",
            "/api/v1/usage/breakdown",
            filtered("Sums by model, provider, region, project or key, the most expensive first")
                .query("by", "`model` (default), `provider`, `region`, `project` or `key`")
                .lists::<UsageGroup>(),
            breakdown,
        )
        .api(
            "GET",
            "/api/v1/usage/series",
            filtered("Sums per hour or day in UTC, told apart by model, provider, region, project or key")
                .query("by", "`model` (default), `provider`, `region`, `project` or `key`")
                .query("step", "`day` (default) or `hour`")
                .lists::<UsageStep>(),
            series,
        )
        .api(
            "GET",
            "/api/v1/receipts/{request}",
            Operation::new("The routing decision of one request, as recorded")
                .file("application/json"),
            receipt,
        )
        .api(
            "GET",
            "/api/v1/receipts/{request}/proof",
            Operation::new("The same with its proofs, for `probity verify`; 409 `receipt_pending` for some seconds")
                .file("application/json"),
            proof,
        )
}

fn moment(text: &str) -> DomainResult<Timestamp> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        Error::invalid("from and until are times such as 2026-11-20T09:00:00Z.")
            .with_code("invalid_time")
    })?;
    let millis = i64::try_from(parsed.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
    Ok(Timestamp::from_millis(millis))
}

/// The filter that the query names, and the providers it is read with.
async fn filter(cx: &Cx<UsageRead>, read: &mut Read) -> DomainResult<UsageFilter> {
    let query = cx.query();
    let absent = |what| move |_| Error::not_found(what);
    let among = match query.filled("region") {
        Some(region) => Some(of_region(read, region).await?),
        None => None,
    };
    Ok(UsageFilter {
        project: cx.in_project().map(|project| project.id),
        key: query.filled("key").map(str::parse).transpose().map_err(absent("key"))?,
        provider: query
            .filled("provider")
            .map(str::parse)
            .transpose()
            .map_err(absent("provider"))?,
        model: query.filled("model").map(str::to_owned),
        among,
        from: query.filled("from").map(moment).transpose()?,
        until: query.filled("until").map(moment).transpose()?,
    })
}

async fn index(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let mut read = cx.read().await?;
    let filter = filter(&cx, &mut read).await?;
    Ok(list::<_, Usage>(read.usage_list(&filter, &cx.list()?).await?))
}

async fn summary(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let mut read = cx.read().await?;
    let filter = filter(&cx, &mut read).await?;
    Ok(one(UsageSummary::from(read.usage_summary(&filter).await?)))
}

fn dimension(cx: &Cx<UsageRead>) -> DomainResult<Dimension> {
    match cx.query().filled("by") {
        None => Ok(Dimension::default()),
        Some(text) => Dimension::parse(text).ok_or_else(|| {
            Error::invalid("by is model, provider, region, project or key.")
                .with_code("invalid_dimension")
        }),
    }
}

/// What a group of the database is called: regions are those of its provider.
async fn named(read: &mut Read, by: Dimension) -> DomainResult<impl Fn(&str) -> String + use<>> {
    let regions: HashMap<_, _> = match by {
        Dimension::Region => {
            let all = read.provider_records().await?.into_iter();
            all.map(|one| (one.id.to_string(), one.region.unwrap_or_default())).collect()
        }
        _ => HashMap::new(),
    };
    Ok(move |of: &str| match by {
        Dimension::Region => regions.get(of).cloned().unwrap_or_default(),
        _ => of.to_owned(),
    })
}

async fn breakdown(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let by = dimension(&cx)?;
    let mut read = cx.read().await?;
    let filter = filter(&cx, &mut read).await?;
    let name = named(&mut read, by).await?;
    let groups = read.usage_by(&filter, by.by()).await?;
    Ok(whole::<_, UsageGroup>(merged(groups, name)))
}

async fn series(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let by = dimension(&cx)?;
    let step = match cx.query().text("step") {
        "" | "day" => Duration::from_secs(86_400),
        "hour" => Duration::from_secs(3_600),
        _ => return Err(Error::invalid("step is day or hour.").with_code("invalid_step").into()),
    };
    let mut read = cx.read().await?;
    let filter = filter(&cx, &mut read).await?;
    let name = named(&mut read, by).await?;
    let mut sums: BTreeMap<_, store::UsageStep> = BTreeMap::new();
    for step in read.usage_series_by(&filter, step, by.by()).await? {
        let of = name(&step.of);
        match sums.get_mut(&(step.at, of.clone())) {
            Some(sum) => {
                sum.requests += step.requests;
                sum.input += step.input;
                sum.output += step.output;
                sum.cost_nano += step.cost_nano;
            }
            None => {
                sums.insert((step.at, of.clone()), store::UsageStep { of, ..step });
            }
        }
    }
    Ok(whole::<_, UsageStep>(sums.into_values().collect()))
}

async fn receipt(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let id: RequestId = cx.id("request")?;
    let receipt = cx.read().await?.receipt_fetch(id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], receipt.body).into_response())
}

async fn proof(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let id: RequestId = cx.id("request")?;
    let proof = cx.read().await?.receipt_proof(id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], proof.to_text()).into_response())
}

/// Sums over the requests of one model, provider, region, project or key.
#[derive(Debug, Serialize, ToSchema)]
struct UsageGroup {
    /// The name of a model or a region, or an id; empty when none answered or none is stated.
    of: String,
    requests: u64,
    errors: u64,
    /// Requests whose counts nobody knows; they are in none of the sums.
    absent: u64,
    /// All input tokens, cached or not.
    input: u64,
    output: u64,
    /// Nano-units of `currency`.
    cost_nano: u64,
    currency: &'static str,
}

impl From<store::UsageGroup> for UsageGroup {
    fn from(group: store::UsageGroup) -> Self {
        Self {
            of: group.of,
            requests: group.requests,
            errors: group.errors,
            absent: group.absent,
            input: group.input,
            output: group.output,
            cost_nano: group.cost_nano,
            currency: domain::CURRENCY,
        }
    }
}

/// Sums over the requests of one group that started in one hour or day.
#[derive(Debug, Serialize, ToSchema)]
struct UsageStep {
    /// When it begins.
    at: String,
    /// The name of a model or a region, or an id.
    of: String,
    requests: u64,
    /// All input tokens, cached or not.
    input: u64,
    output: u64,
    /// Nano-units of `currency`.
    cost_nano: u64,
    currency: &'static str,
}

impl From<store::UsageStep> for UsageStep {
    fn from(step: store::UsageStep) -> Self {
        Self {
            at: step.at.rfc3339(),
            of: step.of,
            requests: step.requests,
            input: step.input,
            output: step.output,
            cost_nano: step.cost_nano,
            currency: domain::CURRENCY,
        }
    }
}
