//! The organization's own names, which its requests are looked through for: given and counted, never listed.

use axum::response::Response;
use domain::tags::{ProvidersManage, ProvidersRead};
use identity::DirectoryChange;
use serde::{Deserialize, Serialize};
use store::DirectoryState;
use utoipa::ToSchema;

use super::{gone, one};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let path = "/api/v1/masking/directory";
    Routes::new()
        .api(
            "GET",
            path,
            Operation::new("How many names of its own the organization has looked for")
                .gives::<NameDirectory>(),
            fetch,
        )
        .api(
            "PUT",
            path,
            Operation::new("Put names in place of those that are there")
                .takes::<NewDirectory>()
                .gives::<NameDirectory>(),
            set,
        )
        .api(
            "POST",
            "/api/v1/masking/directory/names",
            Operation::new("Add names or remove some")
                .takes::<NameChange>()
                .gives::<NameDirectory>(),
            change,
        )
        .api("DELETE", path, Operation::new("Forget every name").removes(), forget)
}

/// The names themselves cannot be read back.
#[derive(Debug, Serialize, ToSchema)]
struct NameDirectory {
    /// How many were given.
    names: u64,
    /// Whether the names of the organization's members count as well.
    members: bool,
    /// Null when none were ever given.
    changed: Option<String>,
}

impl From<DirectoryState> for NameDirectory {
    fn from(state: DirectoryState) -> Self {
        let changed = state.changed.map(domain::Timestamp::rfc3339);
        Self { names: state.entries, members: state.members, changed }
    }
}

/// What is not given stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDirectory {
    /// Whole names, such as `Anna Jensen` or `Jensen, Anna`; at most 20,000.
    names: Option<Vec<String>>,
    members: Option<bool>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct NameChange {
    add: Vec<String>,
    remove: Vec<String>,
}

async fn fetch(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let state = cx.app().identity.masking_directory(cx.scope()?).await?;
    Ok(one(NameDirectory::from(state)))
}

async fn put<P>(cx: &Cx<P>, change: DirectoryChange, members: Option<bool>) -> Result<Response> {
    let identity = &cx.app().identity;
    let state = identity.masking_directory_change(cx.scope()?, change, members).await?;
    Ok(one(NameDirectory::from(state)))
}

async fn set(cx: Cx<ProvidersManage>, Json(new): Json<NewDirectory>) -> Result<Response> {
    let change = new.names.map_or(DirectoryChange::Keep, DirectoryChange::Replace);
    put(&cx, change, new.members).await
}

async fn change(cx: Cx<ProvidersManage>, Json(sent): Json<NameChange>) -> Result<Response> {
    put(&cx, DirectoryChange::Edit { add: sent.add, remove: sent.remove }, None).await
}

async fn forget(cx: Cx<ProvidersManage>, (): ()) -> Result<Response> {
    put(&cx, DirectoryChange::Replace(Vec::new()), Some(false)).await?;
    Ok(gone())
}
