//! Personal data in requests.

use std::collections::BTreeSet;

use axum::response::Response;
use domain::{
    Error, Masking, MaskingMode, ProjectId,
    tags::{ProjectRead, ProvidersManage, ProvidersRead},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::one;
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let (whole, of_project) = ("/api/v1/masking", "/api/v1/projects/{project}/masking");
    Routes::new()
        .api(
            "GET",
            whole,
            Operation::new("What becomes of personal data in requests").gives::<Masked>(),
            fetch,
        )
        .api(
            "PUT",
            whole,
            Operation::new("Say what becomes of personal data")
                .takes::<Setting>()
                .gives::<Masked>(),
            set,
        )
        .api(
            "GET",
            of_project,
            Operation::new("What a project does besides").gives::<Masked>(),
            fetch_of_project,
        )
        .api(
            "PUT",
            of_project,
            Operation::new("Be stricter in a project").takes::<Setting>().gives::<Masked>(),
            set_of_project,
        )
}

/// What becomes of personal data in requests. What is not given is the default.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Setting {
    /// `off`, `detect` (count only), `mask` (replace by codes, restore in the answer) or `block`.
    mode: String,
    /// Kinds that are left alone, such as `email`.
    except: BTreeSet<String>,
    /// Whether names of people are looked for. Default false.
    names: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Masking::default().into()
    }
}

impl From<Masking> for Setting {
    fn from(setting: Masking) -> Self {
        let mode = setting.mode.as_str().to_owned();
        Self { mode, except: setting.except, names: setting.names }
    }
}

impl TryFrom<Setting> for Masking {
    type Error = Error;

    fn try_from(setting: Setting) -> domain::Result<Self> {
        let mode = MaskingMode::parse(&setting.mode).ok_or_else(|| {
            Error::invalid("A mode is off, detect, mask or block.").with_code("invalid_mode")
        })?;
        Ok(Self { mode, except: setting.except, names: setting.names })
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Masked {
    #[serde(flatten)]
    setting: Setting,
    /// What holds: a project's setting together with its organization's.
    in_force: Setting,
}

async fn said<P>(cx: &Cx<P>, project: Option<ProjectId>) -> Result<Response> {
    let (scope, identity) = (cx.scope()?, &cx.app().identity);
    let setting = identity.masking(scope, project).await?.into();
    let in_force = identity.masking_in_force(scope, project).await?.into();
    Ok(one(Masked { setting, in_force }))
}

async fn fetch(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    said(&cx, None).await
}

async fn set(cx: Cx<ProvidersManage>, Json(setting): Json<Setting>) -> Result<Response> {
    cx.app().identity.masking_set(cx.scope()?, None, setting.try_into()?).await?;
    said(&cx, None).await
}

async fn fetch_of_project(cx: Cx<ProjectRead>, (): ()) -> Result<Response> {
    let id = cx.project()?.id;
    said(&cx, Some(id)).await
}

async fn set_of_project(cx: Cx<ProvidersManage>, Json(setting): Json<Setting>) -> Result<Response> {
    let id = cx.id("project")?;
    cx.app().identity.masking_set(cx.scope()?, Some(id), setting.try_into()?).await?;
    said(&cx, Some(id)).await
}
