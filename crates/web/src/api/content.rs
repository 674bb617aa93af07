//! Whether a project may store files and batches.

use axum::response::Response;
use domain::{
    ProjectId,
    tags::{ProjectRead, ProvidersManage},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::one;
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let path = "/api/v1/projects/{project}/content-storage";
    Routes::new()
        .api(
            "GET",
            path,
            Operation::new("Whether a project may store files and batches").gives::<Storage>(),
            fetch,
        )
        .api(
            "PUT",
            path,
            Operation::new(
                "Let a project store files and batches, or forbid it and destroy the keys of what it stored",
            )
            .takes::<Storage>()
            .gives::<Storage>(),
            set,
        )
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Storage {
    allowed: bool,
}

async fn fetch(cx: Cx<ProjectRead>, (): ()) -> Result<Response> {
    let allowed = cx.app().identity.content_storage(cx.scope()?, cx.project()?.id).await?;
    Ok(one(Storage { allowed }))
}

async fn set(cx: Cx<ProvidersManage>, Json(new): Json<Storage>) -> Result<Response> {
    let id: ProjectId = cx.id("project")?;
    cx.app().identity.content_storage_set(cx.scope()?, id, new.allowed).await?;
    Ok(one(new))
}
