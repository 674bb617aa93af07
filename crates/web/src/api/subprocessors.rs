//! Sub-processors as an organization sees them, and its decisions.

use axum::response::Response;
use domain::{
    Decision, Error, Gate,
    tags::{ProvidersManage, ProvidersRead},
};
use identity::{Subprocessor, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{gone, whole};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let all = "/api/v1/subprocessors";
    Routes::new()
        .api(
            "GET",
            all,
            Operation::new("Sub-processors, and what the organization decided")
                .lists::<ListedSubprocessor>(),
            index,
        )
        .api(
            "PUT",
            all,
            Operation::new("Accept a sub-processor early, or object to it")
                .takes::<SubprocessorDecision>()
                .removes(),
            decide,
        )
        .api(
            "DELETE",
            all,
            Operation::new("Withdraw the decision about a sub-processor")
                .query("id", "Its id in the catalogue")
                .removes(),
            withdraw,
        )
}

#[derive(Debug, Serialize, ToSchema)]
struct ListedSubprocessor {
    /// Its id in the catalogue.
    id: String,
    name: String,
    legal_entity: Option<String>,
    /// ISO 3166-1 alpha-2.
    country: String,
    regions: Vec<String>,
    announced: String,
    /// From when all of it may be used by those who did not accept it earlier.
    usable_from: String,
    /// `open`, `notice_period` or `objected`.
    state: &'static str,
    /// `accepted` or `objected`.
    decision: Option<&'static str>,
    decided_at: Option<String>,
    /// Whether the organization has registered a credential for it.
    registered: bool,
}

impl From<Subprocessor> for ListedSubprocessor {
    fn from(one: Subprocessor) -> Self {
        let decision = one.decided.map(|decided| match decided.decision {
            Decision::Accepted { .. } => "accepted",
            Decision::Objected => "objected",
        });
        let sheet = &one.listing.sheet;
        Self {
            id: one.listing.provider.clone(),
            name: sheet.name.clone(),
            legal_entity: sheet.legal_entity.clone(),
            country: sheet.country.clone(),
            regions: sheet.regions.iter().cloned().collect(),
            announced: one.listing.announced.rfc3339(),
            usable_from: one.listing.usable_from().rfc3339(),
            state: match one.gate {
                Gate::Open => "open",
                Gate::Until(_) => "notice_period",
                Gate::NotAnnounced => "not_announced",
                Gate::Objected => "objected",
            },
            decision,
            decided_at: one.decided.map(|decided| decided.at.rfc3339()),
            registered: one.registered,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubprocessorDecision {
    /// Its id in the catalogue.
    id: String,
    /// `accepted` or `objected`.
    decision: String,
}

async fn index(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    Ok(whole::<_, ListedSubprocessor>(cx.app().identity.subprocessors_list(cx.scope()?).await?))
}

async fn decide(
    cx: Cx<ProvidersManage>,
    Json(new): Json<SubprocessorDecision>,
) -> Result<Response> {
    let verdict = match new.decision.as_str() {
        "accepted" => Verdict::Accept,
        "objected" => Verdict::Object,
        _ => {
            return Err(Error::invalid("decision is accepted or objected.")
                .with_code("invalid_decision")
                .into());
        }
    };
    cx.app().identity.subprocessor_decide(cx.scope()?, &new.id, verdict).await?;
    Ok(gone())
}

async fn withdraw(cx: Cx<ProvidersManage>, (): ()) -> Result<Response> {
    let id = cx.query().text("id");
    cx.app().identity.subprocessor_withdraw(cx.scope()?, id).await?;
    Ok(gone())
}
