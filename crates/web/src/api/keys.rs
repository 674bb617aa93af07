//! API keys of projects and admin keys of the organization.

use axum::response::Response;
use domain::{
    Error, KeyId, ProjectId, Result as DomainResult,
    tags::{AdminKeysManage, KeysManage, KeysRead},
};
use identity::{KeyScope, NewApiKey};

use super::{
    created, gone, list, one,
    types::{CreatedKey, Key, NewAdminKey, NewKey},
};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let (all, each) = ("/api/v1/keys", "/api/v1/keys/{key}");
    let below = "/api/v1/projects/{project}/keys";
    let admin = "/api/v1/admin-keys";
    let make = || {
        Operation::new("Create a key; its text is in this answer only")
            .takes::<NewKey>()
            .creates::<CreatedKey>()
    };
    Routes::new()
        .api(
            "GET",
            all,
            Operation::new("Keys of a project")
                .query("project", "Id or short name; needed")
                .lists::<Key>(),
            index,
        )
        .api("POST", all, make(), create)
        .api("GET", below, Operation::new("Keys of the project").lists::<Key>(), index)
        .api("POST", below, make(), create)
        .api("GET", each, Operation::new("One key").gives::<Key>(), fetch)
        .api(
            "DELETE",
            each,
            Operation::new("Revoke a key; programs that use it are refused within a second")
                .removes(),
            revoke,
        )
        .api("GET", admin, Operation::new("Admin keys").lists::<Key>(), admin_index)
        .api(
            "POST",
            admin,
            Operation::new("Create an admin key; its text is in this answer only")
                .takes::<NewAdminKey>()
                .creates::<CreatedKey>(),
            admin_create,
        )
        .api(
            "DELETE",
            "/api/v1/admin-keys/{admin_key}",
            Operation::new("Revoke an admin key").removes(),
            admin_revoke,
        )
}

fn project_needed() -> Error {
    Error::invalid("Say which project: its id or short name in project.")
        .with_code("project_required")
}

async fn index(cx: Cx<KeysRead>, (): ()) -> Result<Response> {
    let project = cx.in_project().ok_or_else(project_needed)?;
    Ok(list::<_, Key>(cx.app().identity.keys_list(cx.scope()?, project.id, &cx.list()?).await?))
}

/// The project of the path or the query, else of the body; `identity` checks the right in it once more.
async fn project(cx: &Cx<KeysManage>, named: Option<&str>) -> DomainResult<ProjectId> {
    if let Some(project) = cx.in_project() {
        return Ok(project.id);
    }
    let name = named.ok_or_else(project_needed)?;
    match name.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(cx.app().identity.project_by_slug(cx.scope()?, name).await?.id),
    }
}

async fn create(cx: Cx<KeysManage>, Json(new): Json<NewKey>) -> Result<Response> {
    let project = project(&cx, new.project.as_deref()).await?;
    let scopes = match new.scopes {
        Some(scopes) => {
            scopes.iter().map(|text| KeyScope::parse(text)).collect::<DomainResult<_>>()?
        }
        None => KeyScope::ALL.to_vec(),
    };
    let new = NewApiKey {
        name: new.name,
        scopes,
        expires_in: new.expires_in_days,
        requests_per_minute: new.requests_per_minute,
    };
    Ok(created(CreatedKey::from(cx.app().identity.key_create(cx.scope()?, project, new).await?)))
}

async fn fetch(cx: Cx<KeysRead>, (): ()) -> Result<Response> {
    let id: KeyId = cx.id("key")?;
    Ok(one(Key::from(cx.app().identity.key_fetch(cx.scope()?, id).await?)))
}

async fn revoke(cx: Cx<KeysManage>, (): ()) -> Result<Response> {
    let id: KeyId = cx.id("key")?;
    cx.app().identity.key_revoke(cx.scope()?, id).await?;
    Ok(gone())
}

async fn admin_index(cx: Cx<AdminKeysManage>, (): ()) -> Result<Response> {
    Ok(list::<_, Key>(cx.app().identity.admin_keys_list(cx.scope()?, &cx.list()?).await?))
}

async fn admin_create(cx: Cx<AdminKeysManage>, Json(new): Json<NewAdminKey>) -> Result<Response> {
    let new = identity::NewAdminKey { name: new.name, expires_in: new.expires_in_days };
    Ok(created(CreatedKey::from(cx.app().identity.admin_key_create(cx.scope()?, new).await?)))
}

async fn admin_revoke(cx: Cx<AdminKeysManage>, (): ()) -> Result<Response> {
    let id: KeyId = cx.id("admin_key")?;
    let identity = &cx.app().identity;
    if identity.key_fetch(cx.scope()?, id).await?.project.is_some() {
        return Err(Error::not_found("key").into());
    }
    identity.key_revoke(cx.scope()?, id).await?;
    Ok(gone())
}
