//! What everybody may read: the controls with their status, the providers of the catalogue, who may do what.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use domain::tags::Public;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{Cx, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .api(
            "GET",
            "/api/v1/controls",
            Operation::new("Controls with their status").lists::<Control>(),
            controls,
        )
        .api(
            "GET",
            "/api/v1/controls/{control}",
            Operation::new("One control").gives::<Control>(),
            control,
        )
        .api(
            "GET",
            "/api/v1/catalog",
            Operation::new("Providers of the catalogue").file("application/json"),
            catalog,
        )
        .api(
            "GET",
            "/api/v1/permissions",
            Operation::new("Who may do what, and which route needs what").file("application/json"),
            permissions,
        )
}

#[derive(Debug, Serialize, ToSchema)]
struct Control {
    id: String,
    rev: u32,
    area: String,
    statement: String,
    why: String,
    /// What it does not prove.
    limits: String,
    how: Option<String>,
    /// Such as `verified`, `failing`, `stale`, `coming_soon`.
    status: String,
    /// The status in a sentence.
    says: String,
    last_shown: Option<String>,
    fresh_until: Option<String>,
    evidence: Option<String>,
}

fn all(cx: &Cx<Public>) -> domain::Result<Vec<Control>> {
    let page = cx.app().trust.page(cx.now())?;
    let of_area = |area: trust::page::AreaView| {
        let title = area.id;
        area.controls.into_iter().map(move |control| Control {
            id: control.id,
            rev: control.rev,
            area: title.clone(),
            statement: control.statement,
            why: control.why,
            limits: control.limits,
            how: control.how,
            status: control.status.name.to_owned(),
            says: control.status.sentence,
            last_shown: control.status.last_shown.map(|at| at.rfc3339()),
            fresh_until: control.status.fresh_until.map(|at| at.rfc3339()),
            evidence: control.evidence.map(|evidence| evidence.id),
        })
    };
    Ok(page.areas.into_iter().flat_map(of_area).collect())
}

async fn controls(cx: Cx<Public>, (): ()) -> Result<Response> {
    let status = cx.query().text("status");
    let mut data = all(&cx)?;
    data.retain(|control| status.is_empty() || control.status == status);
    Ok(Json(json!({ "data": data, "next": null })).into_response())
}

async fn control(cx: Cx<Public>, (): ()) -> Result<Response> {
    let wanted = cx.param("control");
    let found = all(&cx)?.into_iter().find(|control| control.id == wanted);
    Ok(Json(found.ok_or_else(|| domain::Error::not_found("control"))?).into_response())
}

async fn catalog(cx: Cx<Public>, (): ()) -> Result<Response> {
    let catalogue = cx.app().catalogue.current();
    let data: Vec<_> = catalogue.providers().collect();
    Ok(Json(json!({ "data": data, "next": null })).into_response())
}

async fn permissions(_: Cx<Public>, (): ()) -> Result<Response> {
    let routes = crate::route_table();
    Ok(Json(json!({ "roles": identity::ROLES, "matrix": identity::matrix(), "routes": routes }))
        .into_response())
}
