//! The control plane, `/api/v1`: the same use-cases as the pages, as JSON.

mod audit;
mod budgets;
mod catalogue;
mod connections;
mod content;
mod directory;
mod keys;
mod leak;
mod limits;
mod masking;
mod members;
mod notices;
mod organizations;
mod projects;
mod providers;
mod reconcile;
mod routing;
mod sign_in_policy;
mod subprocessors;
mod types;
mod usage;
mod webhooks;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use domain::tags::Public;
use http::StatusCode;
use serde::Serialize;
use store::Listed;

use crate::{Cx, openapi::Operation, refusal::Result, route::Routes};

pub(crate) fn routes() -> Routes {
    [
        organizations::routes(),
        projects::routes(),
        keys::routes(),
        leak::routes(),
        providers::routes(),
        routing::routes(),
        sign_in_policy::routes(),
        masking::routes(),
        directory::routes(),
        content::routes(),
        subprocessors::routes(),
        budgets::routes(),
        limits::routes(),
        webhooks::routes(),
        connections::routes(),
        notices::routes(),
        members::routes(),
        usage::routes(),
        reconcile::routes(),
        audit::routes(),
        catalogue::routes(),
    ]
    .into_iter()
    .fold(Routes::new(), Routes::merge)
    .api(
        "GET",
        "/api/openapi.json",
        Operation::new("This description").file("application/json"),
        openapi,
    )
}

async fn openapi(_: Cx<Public>, (): ()) -> Result<Response> {
    Ok(Json(crate::openapi::document(&crate::route_table())).into_response())
}

fn one<T: Serialize>(value: T) -> Response {
    Json(value).into_response()
}

fn created<T: Serialize>(value: T) -> Response {
    (StatusCode::CREATED, Json(value)).into_response()
}

fn gone() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn list<T, D: Serialize + From<T>>(listed: Listed<T>) -> Response {
    let data: Vec<D> = listed.data.into_iter().map(D::from).collect();
    Json(Listed { data, next: listed.next }).into_response()
}

/// A list that is never long.
fn whole<T, D: Serialize + From<T>>(rows: Vec<T>) -> Response {
    list::<T, D>(Listed { data: rows, next: None })
}
