//! Organizations.

use axum::response::Response;
use domain::tags::{OrganizationManage, OrganizationRead, SignedIn};

use super::{
    created, gone, one,
    types::{NewNamed, Organization, Rename},
    whole,
};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let all = "/api/v1/organizations";
    let each = "/api/v1/organizations/{organization}";
    Routes::new()
        .api("GET", all, Operation::new("One’s organizations").lists::<Organization>(), index)
        .api(
            "POST",
            all,
            Operation::new("Found an organization").takes::<NewNamed>().creates::<Organization>(),
            create,
        )
        .api("GET", each, Operation::new("One organization").gives::<Organization>(), fetch)
        .api("PATCH", each, Operation::new("Rename it").takes::<Rename>().removes(), rename)
}

async fn index(cx: Cx<SignedIn>, (): ()) -> Result<Response> {
    let identity = &cx.app().identity;
    if let Some(scope) = cx.within() {
        return Ok(whole::<_, Organization>(vec![identity.organization(scope).await?]));
    }
    let own = identity.organizations_list(cx.session()?).await?;
    Ok(whole::<_, Organization>(own.into_iter().map(|(organization, _)| organization).collect()))
}

async fn create(cx: Cx<SignedIn>, Json(new): Json<NewNamed>) -> Result<Response> {
    let made = cx
        .app()
        .identity
        .organization_create(cx.session()?, &new.name, new.slug.as_deref())
        .await?;
    Ok(created(Organization::from(made)))
}

async fn fetch(cx: Cx<OrganizationRead>, (): ()) -> Result<Response> {
    Ok(one(Organization::from(cx.app().identity.organization(cx.scope()?).await?)))
}

async fn rename(cx: Cx<OrganizationManage>, Json(new): Json<Rename>) -> Result<Response> {
    cx.app().identity.organization_rename(cx.scope()?, &new.name).await?;
    Ok(gone())
}
