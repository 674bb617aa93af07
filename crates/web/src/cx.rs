//! What a handler gets: the app, the caller, and proof that its permission was checked.

use std::{
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    response::{IntoResponse, Response},
};
use domain::{Error, Kind, PermissionTag, ProjectId, RequestId, Result, Rule, Secret, Timestamp};
use http::request::Parts;
use store::{Project, Read, Scope, Session};

use crate::{
    App, Refusal, Surface,
    caller::{self, Caller},
    cookies::{self, Waiting},
    data_plane,
    fields::Fields,
    locate, origin,
    serve::Peer,
    view::Theme,
};

/// Exists only if permission `P` was checked for this request.
pub struct Cx<P> {
    app: App,
    authority: Authority,
    project: Option<Project>,
    asked: Asked,
    permission: PhantomData<fn() -> P>,
}

/// On whose behalf a handler runs.
enum Authority {
    Anybody(Option<Session>),
    Person(Session),
    Organization { scope: Scope, session: Option<Session> },
}

/// The request, as far as handlers look at it.
pub(crate) struct Asked {
    pub(crate) id: RequestId,
    pub(crate) surface: Surface,
    /// Path and query.
    pub(crate) here: String,
    pub(crate) path: String,
    pub(crate) query: Fields,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) theme: Theme,
    /// The token of a sign-in that waits for its second factor.
    pub(crate) half: Option<Secret<String>>,
    /// The token of a sign-in that is under way at an identity provider.
    pub(crate) flow: Option<Secret<String>>,
    /// What ties the code of a letter to this browser.
    pub(crate) code: Option<Secret<String>>,
    pub(crate) peer: Option<IpAddr>,
}

impl Asked {
    /// A model call: its path and query say nothing that a handler would look at.
    fn of_key(id: RequestId) -> Self {
        Self {
            id,
            surface: Surface::DataPlane,
            here: String::new(),
            path: String::new(),
            query: Fields::default(),
            params: Vec::new(),
            theme: Theme::default(),
            half: None,
            flow: None,
            code: None,
            peer: None,
        }
    }

    async fn read(parts: &mut Parts, app: &App) -> Result<Self> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| Error::not_found("page"))?;
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default();
        let here = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        let mut asked = Self {
            id: caller::request_id(parts, app),
            surface: Surface::of(&path),
            here,
            query: Fields::parse(query.as_bytes()),
            params: Vec::new(),
            theme: cookies::theme(&parts.headers),
            half: Waiting::Half.token(&parts.headers, app.secure()),
            flow: Waiting::Flow.token(&parts.headers, app.secure()),
            code: Waiting::Code.token(&parts.headers, app.secure()),
            peer: parts.extensions.get::<Peer>().map(|peer| peer.0),
            path,
        };
        asked.keep(&params);
        Ok(asked)
    }

    fn keep(&mut self, params: &RawPathParams) {
        self.params =
            params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl<P: PermissionTag> FromRequestParts<App> for Cx<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        if P::PERMISSION.rule() == Rule::Inference {
            return Self::of_key(parts, app).await;
        }
        Self::of_request(parts, app).await.map_err(|error| Refusal::from(error).into_response())
    }
}

impl<P: PermissionTag> Cx<P> {
    /// A call with an API key. Stays in memory, and refuses in the client's own format.
    async fn of_key(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let id = RequestId::new(app.now());
        let scope = caller::inference(parts, app).map_err(|error| {
            data_plane::refuse_at(app, (parts.uri.path(), &parts.headers), &error, id)
        })?;
        let mut asked = Asked::of_key(id);
        if let Ok(params) = RawPathParams::from_request_parts(parts, app).await {
            asked.keep(&params);
        }
        let authority = Authority::Organization { scope, session: None };
        Ok(Self { app: app.clone(), authority, project: None, asked, permission: PhantomData })
    }

    async fn of_request(parts: &mut Parts, app: &App) -> Result<Self> {
        let asked = Asked::read(parts, app).await?;
        let with_cookie = caller::by_cookie(asked.surface, &parts.headers, app);
        origin::check(&parts.method, &parts.uri, &parts.headers, with_cookie, &app.public_url)?;
        let caller = caller::identify(asked.surface, parts, app).await?;
        let (authority, project) = Self::check(app, &asked, caller, parts.method.is_safe()).await?;
        Ok(Self { app: app.clone(), authority, project, asked, permission: PhantomData })
    }

    /// The only place that makes an `Authority`.
    async fn check(
        app: &App,
        asked: &Asked,
        caller: Caller,
        safe: bool,
    ) -> Result<(Authority, Option<Project>)> {
        match P::PERMISSION.rule() {
            Rule::Public => Ok((
                match caller {
                    Caller::Person(session) => Authority::Anybody(Some(session)),
                    _ => Authority::Anybody(None),
                },
                None,
            )),
            Rule::SignedIn | Rule::Operator => Self::person(caller, safe).map(|who| (who, None)),
            Rule::Org(_) | Rule::Project(_) | Rule::Inference => {
                let (scope, session) = locate::organization(app, asked, caller).await?;
                let project = match P::PERMISSION.rule() {
                    Rule::Project(_) => locate::project(app, asked, &scope).await?,
                    _ => None,
                };
                let id = project.as_ref().map(|project| project.id);
                identity::decide(&scope, P::PERMISSION, id).map_err(|error| {
                    match error.kind() {
                        Kind::NotFound if id.is_some() => Error::not_found(locate::named(asked)),
                        _ => error,
                    }
                })?;
                Ok((Authority::Organization { scope, session }, project))
            }
        }
    }

    /// A person; or an admin key that only looks, which stands for its one organization.
    fn person(caller: Caller, safe: bool) -> Result<Authority> {
        match caller {
            Caller::Nobody => Err(caller::nobody()),
            Caller::Person(session) => {
                identity::decide(&session, P::PERMISSION, None)?;
                Ok(Authority::Person(session))
            }
            Caller::Key(scope) if safe && matches!(P::PERMISSION.rule(), Rule::SignedIn) => {
                identity::decide(&scope, domain::Permission::OrganizationRead, None)?;
                Ok(Authority::Organization { scope, session: None })
            }
            Caller::Key(scope) => {
                identity::decide(&scope, P::PERMISSION, None)?;
                Ok(Authority::Organization { scope, session: None })
            }
        }
    }
}

impl<P> Cx<P> {
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.app.now()
    }

    pub(crate) const fn asked(&self) -> &Asked {
        &self.asked
    }

    #[must_use]
    pub const fn request(&self) -> RequestId {
        self.asked.id
    }

    /// The person, when there is one.
    #[must_use]
    pub const fn somebody(&self) -> Option<&Session> {
        match &self.authority {
            Authority::Anybody(session) | Authority::Organization { session, .. } => {
                session.as_ref()
            }
            Authority::Person(session) => Some(session),
        }
    }

    /// The person.
    ///
    /// # Errors
    /// `Unauthenticated` when a key asks.
    pub fn session(&self) -> Result<&Session> {
        self.somebody().ok_or_else(caller::nobody)
    }

    /// The organization, when the request is about one.
    #[must_use]
    pub const fn within(&self) -> Option<&Scope> {
        match &self.authority {
            Authority::Organization { scope, .. } => Some(scope),
            _ => None,
        }
    }

    /// The organization.
    ///
    /// # Errors
    /// `NotFound` when the request is about none.
    pub fn scope(&self) -> Result<&Scope> {
        self.within().ok_or_else(|| Error::not_found("organization"))
    }

    /// The project that the permission was checked for, if it was for one.
    #[must_use]
    pub const fn in_project(&self) -> Option<&Project> {
        self.project.as_ref()
    }

    /// The project that the permission was checked for.
    ///
    /// # Errors
    /// `NotFound` when it was for none.
    pub fn project(&self) -> Result<&Project> {
        self.project.as_ref().ok_or_else(|| Error::not_found("project"))
    }

    /// A look at the organization's rows.
    ///
    /// # Errors
    /// `Unavailable` when the database is.
    pub async fn read(&self) -> Result<Read> {
        self.app.store.read(self.scope()?).await
    }

    /// Whether the caller could use `permission` as well, for showing or hiding what needs it.
    #[must_use]
    pub fn may(&self, permission: domain::Permission, project: Option<ProjectId>) -> bool {
        self.within().is_some_and(|scope| identity::decide(scope, permission, project).is_ok())
    }

    /// An id in the path. One that is malformed names nothing.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn id<T: FromStr>(&self, name: &'static str) -> Result<T> {
        let text = self.asked.param(name).unwrap_or_default();
        text.parse().map_err(|_| Error::not_found(name))
    }

    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        self.asked.param(name).unwrap_or_default()
    }

    #[must_use]
    pub const fn query(&self) -> &Fields {
        &self.asked.query
    }

    /// Who is at the other end, for counting attempts; the unspecified address when there is none.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.asked.peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}
