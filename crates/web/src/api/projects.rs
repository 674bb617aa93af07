//! Projects and who may work in them.

use axum::response::Response;
use domain::{
    UserId,
    tags::{GrantsManage, ProjectRead, ProjectsManage, ProjectsRead},
};

use super::{
    created, gone, list, one,
    types::{Grant, NewNamed, Project, Rename, RoleChange},
    whole,
};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let all = "/api/v1/projects";
    let each = "/api/v1/projects/{project}";
    let grant = "/api/v1/projects/{project}/grants/{user}";
    Routes::new()
        .api("GET", all, Operation::new("Projects that one may see").lists::<Project>(), index)
        .api(
            "POST",
            all,
            Operation::new("Create a project").takes::<NewNamed>().creates::<Project>(),
            create,
        )
        .api("GET", each, Operation::new("One project").gives::<Project>(), fetch)
        .api("PATCH", each, Operation::new("Rename it").takes::<Rename>().removes(), rename)
        .api(
            "DELETE",
            each,
            Operation::new("Archive it and revoke its keys; its usage stays").removes(),
            archive,
        )
        .api(
            "GET",
            "/api/v1/projects/{project}/grants",
            Operation::new("Who has a role in it").lists::<Grant>(),
            grants,
        )
        .api(
            "PUT",
            grant,
            Operation::new("Give a member a role: owner, editor or viewer")
                .takes::<RoleChange>()
                .gives::<Grant>(),
            grant_set,
        )
        .api("DELETE", grant, Operation::new("Take a member’s role away").removes(), grant_remove)
}

async fn index(cx: Cx<ProjectsRead>, (): ()) -> Result<Response> {
    Ok(list::<_, Project>(cx.app().identity.projects_list(cx.scope()?, &cx.list()?).await?))
}

async fn create(cx: Cx<ProjectsManage>, Json(new): Json<NewNamed>) -> Result<Response> {
    let made =
        cx.app().identity.project_create(cx.scope()?, &new.name, new.slug.as_deref()).await?;
    Ok(created(Project::from(made)))
}

async fn fetch(cx: Cx<ProjectRead>, (): ()) -> Result<Response> {
    Ok(one(Project::from(cx.project()?.clone())))
}

/// A right over all projects is checked without one: the path's is looked up here.
async fn named(cx: &Cx<ProjectsManage>) -> domain::Result<store::Project> {
    let (scope, name) = (cx.scope()?, cx.param("project"));
    match name.parse() {
        Ok(id) => cx.app().identity.project_fetch(scope, id).await,
        Err(_) => cx.app().identity.project_by_slug(scope, name).await,
    }
}

async fn rename(cx: Cx<ProjectsManage>, Json(new): Json<Rename>) -> Result<Response> {
    let project = named(&cx).await?;
    cx.app().identity.project_rename(cx.scope()?, project.id, &new.name).await?;
    Ok(gone())
}

async fn archive(cx: Cx<ProjectsManage>, (): ()) -> Result<Response> {
    let project = named(&cx).await?;
    cx.app().identity.project_archive(cx.scope()?, project.id).await?;
    Ok(gone())
}

async fn grants(cx: Cx<ProjectRead>, (): ()) -> Result<Response> {
    Ok(whole::<_, Grant>(cx.app().identity.grants_list(cx.scope()?, cx.project()?.id).await?))
}

async fn grant_set(cx: Cx<GrantsManage>, Json(new): Json<RoleChange>) -> Result<Response> {
    let (person, role): (UserId, _) = (cx.id("user")?, new.role.parse()?);
    let made = cx.app().identity.grant_set(cx.scope()?, person, cx.project()?.id, role).await?;
    Ok(one(Grant::from(made)))
}

async fn grant_remove(cx: Cx<GrantsManage>, (): ()) -> Result<Response> {
    let person: UserId = cx.id("user")?;
    cx.app().identity.grant_remove(cx.scope()?, person, cx.project()?.id).await?;
    Ok(gone())
}
