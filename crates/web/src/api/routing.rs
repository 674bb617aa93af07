//! Rules about where requests may go.

use std::collections::BTreeSet;

use axum::response::Response;
use domain::{
    ProjectId, RoutingPolicy,
    tags::{ProjectRead, ProvidersManage, ProvidersRead},
};
use gateway::ExposureState;
use identity::Effect;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::one;
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let (whole, of_project) =
        ("/api/v1/routing-policy", "/api/v1/projects/{project}/routing-policy");
    Routes::new()
        .api(
            "GET",
            "/api/v1/exposure",
            Operation::new("How much a single provider sees of one person, where that is limited")
                .gives::<Seen>(),
            exposure,
        )
        .api(
            "GET",
            whole,
            Operation::new("Where requests may go, and what that means for each provider")
                .gives::<Ruled>(),
            fetch,
        )
        .api(
            "PUT",
            whole,
            Operation::new("Say where requests may go").takes::<Rules>().gives::<Ruled>(),
            set,
        )
        .api(
            "GET",
            of_project,
            Operation::new("What a project narrows further").gives::<Ruled>(),
            fetch_of_project,
        )
        .api(
            "PUT",
            of_project,
            Operation::new("Narrow it for a project").takes::<Rules>().gives::<Ruled>(),
            set_of_project,
        )
}

/// Where requests may go. What is not given is the default.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Rules {
    /// Whether providers are asked that train on prompts, or do not say that they do not. Default false.
    allow_training: bool,
    /// The most days that a provider may keep prompts; who does not say keeps them for ever. `null` for any.
    max_retention_days: Option<u32>,
    /// `EU`, countries' codes, or regions as providers name them. `null` for anywhere.
    regions: Option<BTreeSet<String>>,
    /// ISO 3166-1 alpha-2 codes of countries whose companies are not asked.
    deny_countries: BTreeSet<String>,
    /// The catalogue's ids of the only providers that are asked. `null` for every one.
    only_providers: Option<BTreeSet<String>>,
    /// The catalogue's ids of providers that are not asked.
    deny_providers: BTreeSet<String>,
    /// The largest share of one person's conversations that a single provider may see; of an organization only. `null` for
    /// all of them.
    exposure: Option<Exposure>,
    /// Whether requests may hold health data: then only providers with a business associate agreement in force are asked,
    /// none that trains, nothing is stored, and personal data is counted at least. Default false.
    health_data: bool,
}

/// A share of a person's conversations.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Exposure {
    /// 10 to 95 of a hundred.
    percent: u32,
    /// Conversations that began in so many days are counted together, 1 to 30.
    days: u32,
}

impl From<domain::Exposure> for Exposure {
    fn from(domain::Exposure { percent, days }: domain::Exposure) -> Self {
        Self { percent, days }
    }
}

impl From<Exposure> for domain::Exposure {
    fn from(Exposure { percent, days }: Exposure) -> Self {
        Self { percent, days }
    }
}

impl From<RoutingPolicy> for Rules {
    fn from(rules: RoutingPolicy) -> Self {
        Self {
            allow_training: rules.allow_training,
            max_retention_days: rules.max_retention_days,
            regions: rules.regions,
            deny_countries: rules.deny_countries,
            only_providers: rules.only_providers,
            deny_providers: rules.deny_providers,
            exposure: rules.exposure.map(Into::into),
            health_data: rules.health_data,
        }
    }
}

impl From<Rules> for RoutingPolicy {
    fn from(rules: Rules) -> Self {
        Self {
            allow_training: rules.allow_training,
            max_retention_days: rules.max_retention_days,
            regions: rules.regions,
            deny_countries: rules.deny_countries,
            only_providers: rules.only_providers,
            deny_providers: rules.deny_providers,
            exposure: rules.exposure.map(Into::into),
            health_data: rules.health_data,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Ruled {
    #[serde(flatten)]
    rules: Rules,
    providers: Vec<Verdict>,
}

/// What the rules mean for some models of a provider.
#[derive(Debug, Serialize, ToSchema)]
struct Verdict {
    provider: String,
    name: String,
    /// The format it is called in: `openai`, `anthropic` or `responses`.
    format: &'static str,
    /// The start of the models' names; empty for every other model.
    models: String,
    allowed: bool,
    /// Such as `training_unknown` or `region`.
    reasons: Vec<&'static str>,
}

impl From<Effect> for Verdict {
    fn from(effect: Effect) -> Self {
        Self {
            provider: effect.provider.id.to_string(),
            name: effect.provider.name,
            format: effect.format.as_str(),
            models: effect.models,
            allowed: effect.refusals.is_empty(),
            reasons: effect.refusals.iter().map(|refusal| refusal.reason).collect(),
        }
    }
}

/// How much providers see of the people of the organization.
#[derive(Debug, Serialize, ToSchema)]
struct Seen {
    /// `null` where it is not limited; then nothing is counted.
    limit: Option<Exposure>,
    /// People with 20 conversations or more in that time: the share holds for them.
    people: usize,
    /// The largest share of each of them that one provider saw, in percent, rounded up: of the middle one of them,
    median: u64,
    /// of the one that 95 of a hundred do not exceed,
    p95: u64,
    /// and of the last.
    max: u64,
}

async fn exposure(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let state = cx.app().gateway.exposure(cx.scope()?).await?;
    let number = |part: fn(&ExposureState) -> u64| state.as_ref().map(part).unwrap_or_default();
    Ok(one(Seen {
        limit: state.map(|state| state.limit.into()),
        people: state.map(|state| state.people).unwrap_or_default(),
        median: number(|state| state.median),
        p95: number(|state| state.p95),
        max: number(|state| state.most),
    }))
}

async fn ruled<P>(cx: &Cx<P>, project: Option<ProjectId>) -> Result<Response> {
    let (scope, identity) = (cx.scope()?, &cx.app().identity);
    let rules = identity.routing_policy(scope, project).await?.into();
    let effects = identity.routing_effects(scope, project).await?;
    Ok(one(Ruled { rules, providers: effects.into_iter().map(Verdict::from).collect() }))
}

async fn fetch(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    ruled(&cx, None).await
}

async fn set(cx: Cx<ProvidersManage>, Json(rules): Json<Rules>) -> Result<Response> {
    cx.app().identity.routing_policy_set(cx.scope()?, None, rules.into()).await?;
    ruled(&cx, None).await
}

async fn fetch_of_project(cx: Cx<ProjectRead>, (): ()) -> Result<Response> {
    let id = cx.project()?.id;
    ruled(&cx, Some(id)).await
}

async fn set_of_project(cx: Cx<ProvidersManage>, Json(rules): Json<Rules>) -> Result<Response> {
    let id = cx.id("project")?;
    cx.app().identity.routing_policy_set(cx.scope()?, Some(id), rules.into()).await?;
    ruled(&cx, Some(id)).await
}
