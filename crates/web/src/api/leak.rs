//! Keys that were found where they do not belong.

use axum::response::Response;
use domain::{Secret, tags::Public};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::one;
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let what = "Report a key that was found where it does not belong; it is revoked at once";
    let operation = Operation::new(what).takes::<FoundKey>().gives::<ReportedKey>();
    Routes::new().api("POST", "/api/v1/keys/report-leak", operation, report)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FoundKey {
    /// The whole key, as it was found.
    key: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct ReportedKey {
    /// `revoked`, or `harmless` when it had ended before.
    status: &'static str,
}

impl From<identity::Leak> for ReportedKey {
    fn from(leak: identity::Leak) -> Self {
        let status = match leak {
            identity::Leak::Revoked => "revoked",
            identity::Leak::Harmless => "harmless",
        };
        Self { status }
    }
}

/// Whoever can show a key needs no other right to end it.
async fn report(cx: Cx<Public>, Json(found): Json<FoundKey>) -> Result<Response> {
    let leak = cx.app().identity.key_report_leak(&Secret::new(found.key), cx.address()).await?;
    Ok(one(ReportedKey::from(leak)))
}
