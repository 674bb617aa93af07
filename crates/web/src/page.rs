//! Putting a page into its frame: who is signed in, where they are, and where they may go.

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::{Error, OrgRole, Permission, Result};
use http::StatusCode;
use store::Organization;

use crate::{
    Cx,
    refusal::status,
    shell::Shell,
    view::{Chrome, Link, OrganizationNav, Person, ProjectNav},
};

/// Sections of an organization: path below it, label, and what one must be able to do to see it.
const SECTIONS: &[(&str, &str, Permission)] = &[
    ("", "Overview", Permission::OrganizationRead),
    ("/projects", "Projects", Permission::ProjectsRead),
    ("/providers", "Providers", Permission::ProvidersRead),
    ("/rules", "Rules", Permission::ProvidersRead),
    ("/masking", "Personal data", Permission::ProvidersRead),
    ("/subprocessors", "Sub-processors", Permission::ProvidersRead),
    ("/budgets", "Budgets", Permission::BudgetsManage),
    ("/limits", "Rate limits", Permission::OrganizationManage),
    ("/webhooks", "Webhooks", Permission::OrganizationManage),
    ("/models", "Model names", Permission::ProvidersRead),
    ("/usage", "Usage", Permission::UsageRead),
    ("/members", "Members", Permission::MembersRead),
    ("/sign-on", "Single sign-on", Permission::OrganizationManage),
    ("/audit", "Audit", Permission::AuditRead),
    ("/settings", "Settings", Permission::OrganizationRead),
];

const PROJECT_SECTIONS: &[(&str, &str, Permission)] = &[
    ("", "Overview", Permission::ProjectRead),
    ("/try", "Try a model", Permission::KeysManage),
    ("/keys", "Keys", Permission::KeysRead),
    ("/usage", "Usage", Permission::UsageRead),
    ("/rules", "Rules", Permission::ProjectRead),
    ("/masking", "Personal data", Permission::ProjectRead),
    ("/batches", "Batches", Permission::ProjectRead),
    ("/budgets", "Budgets", Permission::UsageRead),
];

/// What a page says after a form was carried out; the address carries only the name.
const NOTICES: &[(&str, &str)] = &[
    ("project", "The project was created."),
    ("key-stored", "The key is in use from now on."),
    ("key-revoked", "The key was revoked."),
    ("provider", "The provider was added."),
    ("provider-removed", "The provider was removed and its credential wiped."),
    ("alias", "The alias was set."),
    ("alias-removed", "The alias was removed."),
    ("budget", "The budget holds from the next request on."),
    ("budget-removed", "The budget was removed."),
    ("invited", "The invitation is open."),
    ("invitation-revoked", "The invitation was withdrawn."),
    ("role", "The role was changed."),
    ("grants", "The rights in projects were changed."),
    ("member-removed", "The member was removed."),
    ("saved", "Saved."),
    ("storage-on", "The project may store files and batches from now on."),
    (
        "storage-off",
        "The project stores nothing any more. The keys of what it stored are destroyed.",
    ),
    ("file-deleted", "The key of the file was destroyed, and what it sealed was removed."),
    ("batch-cancelled", "The batch was cancelled, and the keys of its content are destroyed."),
    ("subprocessor", "The decision holds from now on."),
    ("webhook", "The webhook is told from now on."),
    ("webhook-test", "A test is on its way. How it went stands here in a moment."),
    ("notice-test", "A test notice is on its way. How it went stands below in a moment."),
    ("webhook-removed", "The webhook was removed. What was on its way there is dropped."),
    (
        "asked",
        "If the address is right, a letter is on its way. It holds the link that begins the letters.",
    ),
    ("subscribed", "From now on a letter comes when this list changes."),
    ("unsubscribed", "The address was forgotten. No more letters come."),
    ("password", "The password was changed. Every other session was signed out."),
    ("connection", "The connection was added. Register its redirect URI, then test it."),
    ("connection-removed", "The connection was removed. Nobody signs in with it any more."),
    ("identity-linked", "From now on you can sign in to this account with your organization."),
    ("identity-unlinked", "Your organization does not sign in to this account any more."),
    ("second-factor-removed", "The second factor was removed. Every other session was signed out."),
    ("session-ended", "That session was signed out."),
    ("joined", "You joined the organization."),
    ("signed-out", "You are signed out."),
];

impl<P> Cx<P> {
    /// Answers with a page.
    ///
    /// # Errors
    /// When the frame cannot be filled.
    pub(crate) async fn page(&self, title: &str, page: impl Template) -> Result<Response> {
        self.page_with(StatusCode::OK, title, page).await
    }

    /// Answers with a form that could not be carried out, values kept.
    ///
    /// # Errors
    /// When the frame cannot be filled.
    pub(crate) async fn again(
        &self,
        error: &Error,
        title: &str,
        page: impl Template,
    ) -> Result<Response> {
        self.page_with(status(error.kind()), title, page).await
    }

    async fn page_with(
        &self,
        status: StatusCode,
        title: &str,
        page: impl Template,
    ) -> Result<Response> {
        let chrome = self.chrome().await?;
        let text = Shell::wrap(&chrome, title, false, &page)?;
        Ok((status, Html(text)).into_response())
    }

    /// A small form in the middle of the window.
    ///
    /// # Errors
    /// When a template fails.
    pub(crate) fn card(
        &self,
        status: StatusCode,
        title: &str,
        page: &impl Template,
    ) -> Result<Response> {
        let text = Shell::wrap(&self.bare(), title, true, page)?;
        Ok((status, Html(text)).into_response())
    }

    fn bare(&self) -> Chrome {
        let asked = self.asked();
        let done = asked.query.text("done");
        let notice =
            NOTICES.iter().find(|(name, _)| *name == done).map(|(_, text)| (*text).to_owned());
        // Coming back after a change of theme must not say again what was said once.
        let here = if done.is_empty() { asked.here.clone() } else { asked.path.clone() };
        Chrome { theme: asked.theme, here, notice, ..Chrome::default() }
    }

    async fn chrome(&self) -> Result<Chrome> {
        let mut chrome = self.bare();
        let Some(session) = self.somebody() else { return Ok(chrome) };
        let identity = &self.app().identity;
        let user = identity.account(session).await?;
        let own = identity.organizations_list(session).await?;
        chrome.person = Some(Person { name: user.name, email: user.email });
        chrome.organization = self.organization_nav(own);
        let admin = self.within().is_some_and(|scope| scope.org_role() >= Some(OrgRole::Admin));
        if (admin || session.operator()) && !session.strong() {
            chrome.weak = second_factor_link(self);
        }
        Ok(chrome)
    }

    fn organization_nav(&self, own: Vec<(Organization, OrgRole)>) -> Option<OrganizationNav> {
        let scope = self.within()?;
        let path = &self.asked().path;
        let base = format!("/o/{}", scope.org_slug());
        let (here, others): (Vec<_>, Vec<_>) =
            own.into_iter().map(|(one, _)| one).partition(|one| one.id == scope.org());
        let name = here.into_iter().next()?.name;
        let project = self.in_project().map(|project| {
            let base = format!("{base}/p/{}", project.slug);
            let links = sections(PROJECT_SECTIONS, &base, path, |permission| {
                self.may(permission, Some(project.id))
            });
            ProjectNav { name: project.name.clone(), links }
        });
        Some(OrganizationNav {
            name,
            slug: scope.org_slug().to_owned(),
            links: sections(SECTIONS, &base, path, |permission| self.may(permission, None)),
            others: others
                .into_iter()
                .map(|one| Link::new(format!("/o/{}", one.slug), one.name, false))
                .collect(),
            project,
        })
    }

    /// The path of the organization that the request is about.
    pub(crate) fn base(&self) -> String {
        self.within().map(|scope| format!("/o/{}", scope.org_slug())).unwrap_or_default()
    }

    /// The path of the project that the request is about.
    pub(crate) fn project_base(&self) -> String {
        let slug = self.in_project().map_or("", |project| project.slug.as_str());
        format!("{}/p/{slug}", self.base())
    }
}

/// None on the pages of the second factor itself.
fn second_factor_link<P>(cx: &Cx<P>) -> Option<String> {
    let asked = cx.asked();
    (!asked.path.starts_with("/account/second-factor"))
        .then(|| crate::site::second_factor_path(&asked.path))
}

fn sections(
    all: &[(&str, &str, Permission)],
    base: &str,
    path: &str,
    may: impl Fn(Permission) -> bool,
) -> Vec<Link> {
    all.iter()
        .filter(|(_, _, permission)| may(*permission))
        .map(|(below, label, _)| {
            let href = format!("{base}{below}");
            let inside = !below.is_empty() && path.starts_with(&format!("{href}/"));
            let current = path == href || inside;
            Link::new(href, *label, current)
        })
        .collect()
}

/// After a form was carried out: back to a page, which says so.
pub(crate) fn done(path: &str, what: &str) -> Response {
    Redirect::to(&format!("{path}?done={what}")).into_response()
}

/// A path on this server, or the start page: never an address elsewhere.
pub(crate) fn own_path(text: &str) -> &str {
    let plain = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(['\\', '\r', '\n'])
        && !text.contains("/../");
    if plain { text } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(own_path("/o/acme?x=1"), "/o/acme?x=1");
        for bad in ["//evil.example", "https://evil.example", "", "/\\evil.example", "/a\r\nb"] {
            assert_eq!(own_path(bad), "/");
        }
    }
}
