//! The overview of an organization: the way to the first answer, the last day, projects, last acts.

use std::time::Duration;

use axum::response::Response;
use domain::{Permission, Result as DomainResult, tags::OrganizationRead};
use store::{AuditFilter, AuditRow, Page, Project, Scope, UsageFilter};

use super::usage::numbers;
use crate::{
    Cx,
    pages::{
        Number,
        organization::{EventRow, Overview, ProjectRow, Step},
    },
    refusal::Result,
    route::Routes,
    view::When,
};

const DAY: Duration = Duration::from_secs(86_400);
const LAST_ACTS: u32 = 5;

pub(super) fn routes() -> Routes {
    Routes::new().get("/o/{org}", overview)
}

async fn overview(cx: Cx<OrganizationRead>, (): ()) -> Result<Response> {
    let (scope, base) = (cx.scope()?, cx.base());
    let identity = &cx.app().identity;
    let organization = identity.organization(scope).await?;
    let projects = identity.projects_list(scope, &Page::first(100)).await?.data;
    let live: Vec<_> = projects.into_iter().filter(|project| project.archived.is_none()).collect();
    let page = Overview {
        name: organization.name,
        steps: steps(&cx, &base, &live).await?,
        warnings: warnings(&cx, &live).await?,
        numbers: last_day(&cx).await?,
        projects: live.iter().map(|project| project_row(scope, project)).collect(),
        events: last_acts(&cx).await?,
        base,
    };
    Ok(cx.page("Overview", page).await?)
}

pub(super) fn project_row(scope: &Scope, project: &Project) -> ProjectRow {
    let role = scope.project_role(project.id);
    ProjectRow {
        href: format!("/o/{}/p/{}", scope.org_slug(), project.slug),
        name: project.name.clone(),
        slug: project.slug.clone(),
        role: role.map_or_else(String::new, |role| role.as_str().to_owned()),
        created: When(project.created),
    }
}

/// What is still to be done until a first request is answered; empty when it was, or for those who cannot do it.
async fn steps(
    cx: &Cx<OrganizationRead>,
    base: &str,
    projects: &[Project],
) -> DomainResult<Vec<Step>> {
    if !cx.may(Permission::ProvidersManage, None) {
        return Ok(Vec::new());
    }
    let mut read = cx.read().await?;
    let provider = !read.providers_list().await?.is_empty();
    let used = !read.usage_list(&UsageFilter::default(), &Page::first(1)).await?.data.is_empty();
    let mut key = false;
    for project in projects.iter().take(20) {
        key |= !read.keys_list(Some(project.id), &Page::first(1)).await?.data.is_empty();
    }
    drop(read);
    if used && provider && key {
        return Ok(Vec::new());
    }
    let first = projects.first().map(|project| format!("{base}/p/{}", project.slug));
    let of_project =
        |below: &str| first.as_ref().map(|path| format!("{path}{below}")).unwrap_or_default();
    let all = [
        (
            provider,
            "Add a provider",
            "OpenAI, Anthropic, or a server of your own such as Ollama or vLLM.",
            format!("{base}/providers/new"),
            "Add a provider",
        ),
        (
            !projects.is_empty(),
            "Create a project",
            "It is what keys and usage belong to. One per application is a good rule.",
            format!("{base}/projects/new"),
            "New project",
        ),
        (
            key,
            "Create a key",
            "It is shown once. Store it where your program reads it.",
            of_project("/keys/new"),
            "New key",
        ),
        (
            used,
            "Send the first request",
            "Change two things in your program: the base address and the key.",
            of_project(""),
            "Show me how",
        ),
    ];
    let now = all.iter().position(|(done, ..)| !done);
    let step =
        |(at, (done, title, text, href, action)): (usize, (bool, &str, &str, String, &str))| Step {
            done,
            next: Some(at) == now,
            title: title.to_owned(),
            text: text.to_owned(),
            href,
            action: action.to_owned(),
        };
    Ok(all.into_iter().enumerate().map(step).collect())
}

async fn warnings(cx: &Cx<OrganizationRead>, live: &[Project]) -> DomainResult<Vec<String>> {
    if !cx.may(Permission::BudgetsManage, None) {
        return Ok(Vec::new());
    }
    super::budgets::warnings(cx, live).await
}

async fn last_day(cx: &Cx<OrganizationRead>) -> DomainResult<Vec<Number>> {
    if !cx.may(Permission::UsageRead, None) {
        return Ok(Vec::new());
    }
    let filter = UsageFilter { from: Some(cx.now().minus(DAY)), ..UsageFilter::default() };
    Ok(numbers(&cx.read().await?.usage_summary(&filter).await?))
}

async fn last_acts(cx: &Cx<OrganizationRead>) -> DomainResult<Vec<EventRow>> {
    if !cx.may(Permission::AuditRead, None) {
        return Ok(Vec::new());
    }
    let listed =
        cx.read().await?.audit_list(&AuditFilter::default(), &Page::first(LAST_ACTS)).await?;
    Ok(listed.data.into_iter().map(event_row).collect())
}

fn event_row(row: AuditRow) -> EventRow {
    EventRow { actor: super::audit::actor(&row).0, says: row.says, at: When(row.time) }
}
