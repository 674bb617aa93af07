//! Which organization and which project a request is about.

use domain::{Error, KeyId, OrgId, ProjectId, RequestId, Result};
use store::{Project, Scope, Session};

use crate::{
    App, Surface,
    caller::{self, Caller},
    cx::Asked,
};

/// The scope of the organization that the path, the query or the key names.
///
/// # Errors
/// `NotFound` when it is another's or nobody's; `Invalid` with code `organization_required` when a person with
/// several organizations names none.
pub(crate) async fn organization(
    app: &App,
    asked: &Asked,
    caller: Caller,
) -> Result<(Scope, Option<Session>)> {
    let named = asked.param("org").or_else(|| asked.param("organization")).or_else(|| {
        (asked.surface == Surface::Api).then(|| asked.query.filled("organization")).flatten()
    });
    match caller {
        Caller::Nobody => Err(caller::nobody()),
        Caller::Key(scope) => match named {
            Some(name) if name != scope.org_slug() && name != scope.org().to_string() => {
                Err(Error::not_found("organization"))
            }
            _ => Ok((scope, None)),
        },
        Caller::Person(session) => {
            let slug = match named {
                Some(name) if name.parse::<OrgId>().is_err() => name.to_owned(),
                named => choose(app, &session, named).await?,
            };
            let scope = app.identity.enter(&session, &slug).await?;
            Ok((scope, Some(session)))
        }
    }
}

/// The slug of a person's organization, by id, or of the only one there is.
async fn choose(app: &App, session: &Session, id: Option<&str>) -> Result<String> {
    let own = app.identity.organizations_list(session).await?;
    let mut slugs = own
        .into_iter()
        .filter(|(organization, _)| id.is_none_or(|id| organization.id.to_string() == id))
        .map(|(organization, _)| organization.slug);
    match (slugs.next(), slugs.next()) {
        (Some(slug), None) => Ok(slug),
        (None, _) => Err(Error::not_found("organization")),
        (Some(_), Some(_)) => Err(Error::invalid(
            "You are in several organizations. Say which one: add organization=<short name or id> to the query.",
        )
        .with_code("organization_required")),
    }
}

/// What the path names. One that is out of sight must answer as one that is absent, in the same words.
pub(crate) fn named(asked: &Asked) -> &'static str {
    let in_path = |name| asked.param(name).is_some();
    match () {
        () if in_path("project") => "project",
        () if in_path("key") => "key",
        () if in_path("request") => "receipt",
        () => "project",
    }
}

/// The project that the path or the query names, directly or by one of its keys or requests.
///
/// # Errors
/// `NotFound` when there is none such in the organization.
pub(crate) async fn project(app: &App, asked: &Asked, scope: &Scope) -> Result<Option<Project>> {
    let missing = |what| move |_| Error::not_found(what);
    let mut read = app.store.read(scope).await?;
    if let Some(name) = asked.param("project").or_else(|| asked.query.filled("project")) {
        return match name.parse::<ProjectId>() {
            Ok(id) => read.project_fetch(id).await.map(Some),
            Err(_) => read.project_by_slug(name).await.map(Some),
        };
    }
    if let Some(key) = asked.param("key") {
        let key: KeyId = key.parse().map_err(missing("key"))?;
        let found = read.key_fetch(key).await?;
        let project = found.project.ok_or_else(|| Error::not_found("key"))?;
        return read.project_fetch(project).await.map(Some);
    }
    if let Some(request) = asked.param("request") {
        let request: RequestId = request.parse().map_err(missing("receipt"))?;
        let project = read.request_project(request).await?;
        return read.project_fetch(project).await.map(Some);
    }
    Ok(None)
}
