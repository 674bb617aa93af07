//! The receipts of a key's own project, for the program that made the requests: their ids came in `x-probity-receipt`.

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use domain::{Error, RequestId, Result, tags::Inference};
use http::header;
use identity::{Identity, KeyScope};
use store::Read;

use super::{format_of, refuse};
use crate::Cx;

pub(super) async fn fetch(cx: Cx<Inference>, request: Request) -> Response {
    let found = receipt(&cx).await;
    answer(&cx, &request, found)
}

pub(super) async fn proof(cx: Cx<Inference>, request: Request) -> Response {
    let found = proven(&cx).await;
    answer(&cx, &request, found)
}

fn answer(cx: &Cx<Inference>, request: &Request, found: Result<String>) -> Response {
    match found {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => refuse(cx.app(), format_of("", request.headers()), &error, cx.request()),
    }
}

async fn receipt(cx: &Cx<Inference>) -> Result<String> {
    let (mut read, id) = own(cx).await?;
    Ok(read.receipt_fetch(id).await?.body)
}

async fn proven(cx: &Cx<Inference>) -> Result<String> {
    let (mut read, id) = own(cx).await?;
    Ok(read.receipt_proof(id).await?.to_text())
}

/// The request that the path names, if it was made with a key of the same project: any other does not exist.
async fn own(cx: &Cx<Inference>) -> Result<(Read, RequestId)> {
    let absent = || Error::not_found("receipt");
    let scope = cx.scope()?;
    Identity::key_scope(scope, KeyScope::Inference)?;
    let id: RequestId = cx.param("request").parse().map_err(|_| absent())?;
    let mut read = cx.read().await?;
    let project = read.request_project(id).await?;
    if scope.project() == Some(project) { Ok((read, id)) } else { Err(absent()) }
}
