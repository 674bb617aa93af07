//! One's organizations.

use axum::response::{IntoResponse, Redirect, Response};
use domain::{Error, tags::Public, tags::SignedIn};

use super::open::problems;
use crate::{
    Cx,
    fields::Fields,
    pages::home,
    refusal::Result,
    route::Routes,
    view::{Field, When},
};

pub(super) fn routes() -> Routes {
    Routes::new().get("/", start).get("/organizations/new", new).post("/organizations", create)
}

/// Where everybody arrives: the sign-in page, or one's organizations.
async fn start(cx: Cx<Public>, (): ()) -> Result<Response> {
    let Some(session) = cx.somebody() else { return Ok(Redirect::to("/sign-in").into_response()) };
    let identity = &cx.app().identity;
    let organizations =
        identity.organizations_list(session).await?.into_iter().map(|(one, role)| home::Row {
            href: format!("/o/{}", one.slug),
            name: one.name,
            role: role.as_str().to_owned(),
            created: When(one.created),
        });
    let page = home::Index {
        organizations: organizations.collect(),
        may_create: identity.may_create_organizations(session),
    };
    Ok(cx.page("Organizations", page).await?)
}

async fn new(cx: Cx<SignedIn>, (): ()) -> Result<Response> {
    if !cx.app().identity.may_create_organizations(cx.session()?) {
        return Err(Error::forbidden(
            "Only an operator of this installation may found organizations.",
        )
        .into());
    }
    cx.app().identity.organization_creation(cx.session()?)?;
    Ok(cx.page("New organization", home::New::default()).await?)
}

async fn create(cx: Cx<SignedIn>, form: Fields) -> Result<Response> {
    let made = cx
        .app()
        .identity
        .organization_create(cx.session()?, form.text("name"), form.filled("slug"))
        .await;
    match made {
        Ok(organization) => Ok(Redirect::to(&format!("/o/{}", organization.slug)).into_response()),
        Err(error) if super::mendable(&error) => {
            let [name, slug] = named_fields(&form, &error);
            let problems = problems(&[("name", &name), ("slug", &slug)], &error);
            Ok(cx.again(&error, "New organization", home::New { problems, name, slug }).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Name and short name, the one that is wrong marked.
pub(super) fn named_fields(form: &Fields, error: &Error) -> [Field; 2] {
    let mark = |field: Field, codes: &[&str]| {
        if codes.contains(&error.code()) { field.wrong(error.message()) } else { field }
    };
    [
        mark(form.field("name"), &["invalid_name"]),
        mark(form.field("slug"), &["invalid_slug", "slug_taken"]),
    ]
}
