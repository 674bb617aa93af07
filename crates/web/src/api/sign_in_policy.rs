//! What an organization asks of the sessions with which its members enter it.

use axum::response::Response;
use domain::{
    SignInPolicy,
    tags::{OrganizationManage, OrganizationRead},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::one;
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let path = "/api/v1/sign-in-policy";
    Routes::new()
        .api(
            "GET",
            path,
            Operation::new("What members have to show to enter the organization").gives::<Asks>(),
            fetch,
        )
        .api(
            "PUT",
            path,
            Operation::new("Say what members have to show to enter; holds for open sessions too")
                .takes::<Asks>()
                .gives::<Asks>(),
            set,
        )
}

/// What is asked of people. Keys have nothing to do with it. What is not given is the default.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Asks {
    /// Whether every member shows a second factor. Default false: only those whose rights ask for one.
    second_factor: bool,
    /// After how many hours one signs in anew, from 1 to 720; `null` leaves it to the deployment.
    session_hours: Option<u32>,
}

impl From<SignInPolicy> for Asks {
    fn from(policy: SignInPolicy) -> Self {
        Self { second_factor: policy.second_factor, session_hours: policy.session_hours }
    }
}

async fn fetch(cx: Cx<OrganizationRead>, (): ()) -> Result<Response> {
    Ok(one(Asks::from(cx.app().identity.sign_in_policy(cx.scope()?).await?)))
}

async fn set(cx: Cx<OrganizationManage>, Json(asks): Json<Asks>) -> Result<Response> {
    let policy =
        SignInPolicy { second_factor: asks.second_factor, session_hours: asks.session_hours };
    cx.app().identity.sign_in_policy_set(cx.scope()?, cx.somebody(), policy).await?;
    Ok(one(Asks::from(policy)))
}
