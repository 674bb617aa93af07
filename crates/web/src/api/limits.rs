//! Rate limits.

use std::collections::BTreeMap;

use axum::response::Response;
use domain::{Error, LimitOf, Result as DomainResult, tags::OrganizationManage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::one;
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let path = "/api/v1/limits";
    Routes::new().api("GET", path, Operation::new("Rate limits").gives::<AllLimits>(), fetch).api(
        "PUT",
        path,
        Operation::new("Limit the organization, each key, or one key")
            .takes::<NewLimits>()
            .gives::<AllLimits>(),
        set,
    )
}

/// What is null does not limit.
#[derive(Debug, Serialize, ToSchema)]
struct Limits {
    requests_per_minute: Option<u32>,
    /// Of input and output together.
    tokens_per_minute: Option<u64>,
    /// Requests under way at once, streams included.
    concurrent: Option<u32>,
}

impl From<domain::Limits> for Limits {
    fn from(limits: domain::Limits) -> Self {
        Self {
            requests_per_minute: limits.requests_per_minute,
            tokens_per_minute: limits.tokens_per_minute,
            concurrent: limits.concurrent,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct AllLimits {
    /// Of all keys together; each key that calls has its share of them.
    organization: Limits,
    /// Of each key that has none of its own.
    each_key: Limits,
    /// Of single keys, by id.
    keys: BTreeMap<String, Limits>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLimits {
    /// `organization`, `each_key`, or the id of an API key.
    of: String,
    /// What is not given does not limit.
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u64>,
    concurrent: Option<u32>,
}

async fn all(cx: &Cx<OrganizationManage>) -> Result<Response> {
    let limits = cx.app().identity.limits(cx.scope()?).await?;
    let keys = limits.keys.into_iter().map(|(key, limits)| (key.to_string(), limits.into()));
    Ok(one(AllLimits {
        organization: limits.whole.into(),
        each_key: limits.each_key.into(),
        keys: keys.collect(),
    }))
}

async fn fetch(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    all(&cx).await
}

fn of(text: &str) -> DomainResult<LimitOf> {
    match text {
        "organization" => Ok(LimitOf::Organization),
        "each_key" => Ok(LimitOf::EachKey),
        key => key.parse().map(LimitOf::Key).map_err(|_| Error::not_found("key")),
    }
}

async fn set(cx: Cx<OrganizationManage>, Json(new): Json<NewLimits>) -> Result<Response> {
    let limits = domain::Limits {
        requests_per_minute: new.requests_per_minute,
        tokens_per_minute: new.tokens_per_minute,
        concurrent: new.concurrent,
    };
    cx.app().identity.limits_set(cx.scope()?, of(&new.of)?, limits).await?;
    all(&cx).await
}
