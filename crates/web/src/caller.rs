//! Who asks: a person with a session, a key, or nobody.

use domain::{Error, RequestId, Result, Secret};
use http::{HeaderMap, header, request::Parts};
use identity::{Identity, KeyScope};
use store::{Scope, Session};

use crate::{App, cookies, data_plane::realtime};

/// The part of the house that a path belongs to; decides how credentials are read and how errors are said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// Pages for people: session cookie, HTML.
    #[default]
    Page,
    /// The control plane: session cookie or admin key, JSON.
    Api,
    /// Documents and states for everybody.
    Public,
    /// Model calls: API key, the client's own format.
    DataPlane,
}

impl Surface {
    pub(crate) fn of(path: &str) -> Self {
        const PUBLIC: &[&str] = &[
            "/.well-known/",
            "/trust.",
            "/trust/",
            "/subprocessors.",
            "/subprocessors/feed.json",
            "/healthz",
            "/readyz",
            "/metrics",
            "/assets/",
        ];
        if path.starts_with("/api/") {
            Self::Api
        } else if ["/v1/", "/v1beta/", "/v2/"].iter().any(|start| path.starts_with(start)) {
            Self::DataPlane
        } else if PUBLIC.iter().any(|start| path.starts_with(start)) {
            Self::Public
        } else {
            Self::Page
        }
    }
}

/// A caller whose credential was checked.
#[derive(Clone)]
pub(crate) enum Caller {
    Nobody,
    Person(Session),
    Key(Scope),
}

/// The key in the three places where SDKs put it.
pub(crate) fn presented(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    bearer(headers).or_else(|| text("x-api-key")).or_else(|| text("x-goog-api-key"))
}

/// The key where browsers can put one that opens a WebSocket: among the protocols that it names.
fn in_protocol(headers: &HeaderMap) -> Option<&str> {
    let named = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    named.split(',').find_map(|one| one.trim().strip_prefix("openai-insecure-api-key."))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The session cookie of a request, on the surfaces that know one.
fn token(surface: Surface, headers: &HeaderMap, app: &App) -> Option<Secret<String>> {
    matches!(surface, Surface::Page | Surface::Api)
        .then(|| cookies::session(headers, app.secure()))
        .flatten()
}

/// The scope of the key that came with a model call. One that only looks may have the narrower scope.
pub(crate) fn inference(parts: &Parts, app: &App) -> Result<Scope> {
    let session = parts.uri.path() == realtime::PATH;
    let key = presented(&parts.headers)
        .or_else(|| in_protocol(&parts.headers).filter(|_| session))
        .ok_or_else(|| {
            Error::unauthenticated(
                "Send an API key: Authorization: Bearer, x-api-key or x-goog-api-key.",
            )
            .with_code("missing_key")
        })?;
    let scope = app.identity.api_key(key)?;
    if scope.project().is_none() {
        return Err(Error::forbidden("Models are called with a project’s key.")
            .with_code("project_key_required"));
    }
    // What a session begins with looks like a request that only reads.
    let looks = parts.method.is_safe() && !session;
    let wanted = if looks { KeyScope::ModelsRead } else { KeyScope::Inference };
    Identity::key_scope(&scope, wanted)?;
    Ok(scope)
}

/// Whether a session cookie, which browsers add by themselves, is what will be believed.
pub(crate) fn by_cookie(surface: Surface, headers: &HeaderMap, app: &App) -> bool {
    let by_key = surface == Surface::Api && bearer(headers).is_some();
    !by_key && token(surface, headers, app).is_some()
}

/// Finds out who asks. A wrong key is an error; a session that ended makes its bearer nobody.
pub(crate) async fn identify(surface: Surface, parts: &Parts, app: &App) -> Result<Caller> {
    if surface == Surface::Api
        && let Some(key) = bearer(&parts.headers)
    {
        return app.identity.api_key(key).map(Caller::Key);
    }
    let Some(token) = token(surface, &parts.headers, app) else { return Ok(Caller::Nobody) };
    match app.identity.session(&token).await {
        Ok(session) => Ok(Caller::Person(session)),
        Err(error) if error.kind() == domain::Kind::Unauthenticated => Ok(Caller::Nobody),
        Err(error) => Err(error),
    }
}

/// The id that the edge gave to this request.
pub(crate) fn request_id(parts: &Parts, app: &App) -> RequestId {
    parts.extensions.get::<RequestId>().copied().unwrap_or_else(|| RequestId::new(app.now()))
}

pub(crate) fn nobody() -> Error {
    Error::unauthenticated("Sign in first.").with_code("signed_out")
}
