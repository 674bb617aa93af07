//! Usage and receipts; never content.

use axum::response::{IntoResponse, Response};
use domain::{Error, RequestId, Result as DomainResult, Timestamp, tags::UsageRead};
use http::header;
use store::UsageFilter;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    list, one,
    types::{Usage, UsageSummary},
};
use crate::{Cx, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let filtered = |summary| {
        Operation::new(summary)
            .query("project", "Id or short name; needed unless one may see all")
            .query("key", "Id of a key")
            .query("provider", "Id of a provider")
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

fn filter(cx: &Cx<UsageRead>) -> DomainResult<UsageFilter> {
    let query = cx.query();
    let absent = |what| move |_| Error::not_found(what);
    Ok(UsageFilter {
        project: cx.in_project().map(|project| project.id),
        key: query.filled("key").map(str::parse).transpose().map_err(absent("key"))?,
        provider: query
            .filled("provider")
            .map(str::parse)
            .transpose()
            .map_err(absent("provider"))?,
        model: query.filled("model").map(str::to_owned),
        from: query.filled("from").map(moment).transpose()?,
        until: query.filled("until").map(moment).transpose()?,
    })
}

async fn index(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    Ok(list::<_, Usage>(cx.read().await?.usage_list(&filter(&cx)?, &cx.list()?).await?))
}

async fn summary(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    Ok(one(UsageSummary::from(cx.read().await?.usage_summary(&filter(&cx)?).await?)))
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
