//! Projects: list, creation, overview.

use std::time::Duration;

use axum::response::{IntoResponse, Redirect, Response};
use domain::{
    Permission,
    tags::{ProjectRead, ProjectsManage, ProjectsRead},
};
use store::{Alias, Page, Provider, UsageFilter};

use super::{
    home::named_fields, open::problems, organization::project_row, snippets, usage::numbers,
};
use crate::{
    App, Cx,
    fields::Fields,
    pages::project::{Index, New, Overview},
    refusal::Result,
    route::Routes,
    view::When,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/projects", index)
        .get("/o/{org}/projects/new", new)
        .post("/o/{org}/projects", create)
        .get("/o/{org}/p/{project}", overview)
}

async fn index(cx: Cx<ProjectsRead>, (): ()) -> Result<Response> {
    let scope = cx.scope()?;
    let listed = cx.app().identity.projects_list(scope, &Page::first(Page::MOST)).await?.data;
    let live = listed.iter().filter(|project| project.archived.is_none());
    let page = Index {
        base: cx.base(),
        projects: live.map(|project| project_row(scope, project)).collect(),
        may_create: cx.may(Permission::ProjectsManage, None),
    };
    Ok(cx.page("Projects", page).await?)
}

async fn new(cx: Cx<ProjectsManage>, (): ()) -> Result<Response> {
    let page = New { base: cx.base(), ..New::default() };
    Ok(cx.page("New project", page).await?)
}

async fn create(cx: Cx<ProjectsManage>, form: Fields) -> Result<Response> {
    let scope = cx.scope()?;
    let made =
        cx.app().identity.project_create(scope, form.text("name"), form.filled("slug")).await;
    match made {
        Ok(project) => {
            Ok(Redirect::to(&format!("{}/p/{}?done=project", cx.base(), project.slug))
                .into_response())
        }
        Err(error) if super::mendable(&error) => {
            let [name, slug] = named_fields(&form, &error);
            let problems = problems(&[("name", &name), ("slug", &slug)], &error);
            let page = New { base: cx.base(), problems, name, slug };
            Ok(cx.again(&error, "New project", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// A model name for the snippets: an alias if there is one, else the first with a price.
fn example(app: &App, providers: &[Provider], aliases: &[Alias]) -> String {
    let names = super::models::names(app, providers);
    let catalogue = app.catalogue.current();
    let priced =
        |name: &&String| providers.iter().any(|one| catalogue.prices(&one.catalog, name).is_some());
    let alias = aliases.first().map(|alias| &alias.name);
    let name = alias.or_else(|| names.iter().find(priced)).or(names.first());
    name.map_or_else(|| "your-model".to_owned(), Clone::clone)
}

async fn overview(cx: Cx<ProjectRead>, (): ()) -> Result<Response> {
    let project = cx.project()?;
    let filter = UsageFilter {
        project: Some(project.id),
        from: Some(cx.now().minus(Duration::from_secs(30 * 86_400))),
        ..UsageFilter::default()
    };
    let mut read = cx.read().await?;
    let summary = read.usage_summary(&filter).await?;
    let aliases = read.aliases_list().await?;
    let providers = read.providers_list().await?;
    drop(read);
    let model = example(cx.app(), &providers, &aliases);
    let url = &cx.app().public_url;
    let page = Overview {
        org_base: cx.base(),
        base: cx.project_base(),
        name: project.name.clone(),
        slug: project.slug.clone(),
        id: project.id.to_string(),
        created: When(project.created),
        may_keys: cx.may(Permission::KeysManage, Some(project.id)) && project.archived.is_none(),
        models_href: if aliases.is_empty() {
            String::new()
        } else {
            format!("{}/models", cx.base())
        },
        numbers: numbers(&summary),
        openai_base: format!("{url}/v1"),
        anthropic_base: url.clone(),
        snippets: snippets::groups(url, &model),
    };
    Ok(cx.page(&project.name, page).await?)
}
