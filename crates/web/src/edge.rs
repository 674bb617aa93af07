//! The edge of everything but the data plane: request ids, security headers, and errors in the caller's form.

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use domain::{Error, Kind, RequestId};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::{
    App, Surface, cookies,
    pages::public::{Message, SignIn},
    refusal::Failed,
    shell::Shell,
    site::{CODE_OVER, HALF_SIGN_IN_OVER, second_factor_path},
    view::{Chrome, Link, Problem},
};

/// Nothing but this server's own files; nothing inline; nowhere to be framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Two years; without `preload`, which cannot be taken back for the owner's other names.
const STRICT_TRANSPORT: &str = "max-age=63072000; includeSubDomains";

/// What the edge needs to know of a request when its answer comes back.
struct Seen {
    id: RequestId,
    /// Nothing was to be changed, so that the address can be opened again.
    safe: bool,
    surface: Surface,
    path: String,
    headers: HeaderMap,
}

pub(crate) async fn edge(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = RequestId::new(app.now());
    request.extensions_mut().insert(id);
    let path = request.uri().path().to_owned();
    let headers = error_headers(request.headers());
    let safe = request.method().is_safe();
    let seen = Seen { id, safe, surface: Surface::of(&path), path, headers };
    let mut answer = next.run(request).await;
    if let Some(Failed(error)) = answer.extensions_mut().remove::<Failed>() {
        log(&error, &seen);
        // A handler may have chosen a narrower status than the error's kind has.
        let status = answer.status();
        answer = refuse(&app, &error, status, &seen);
    }
    finish(&app, &seen, &mut answer);
    answer
}

/// The few headers that an error page looks at.
fn error_headers(all: &HeaderMap) -> HeaderMap {
    let wanted = [header::COOKIE, header::ACCEPT];
    all.iter()
        .filter(|(name, _)| wanted.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn log(error: &Error, seen: &Seen) {
    let (code, request) = (error.code(), seen.id);
    match error.kind() {
        Kind::Internal => {
            tracing::error!(%request, code, causes = %error.causes(), "request failed")
        }
        Kind::Unavailable | Kind::Upstream => {
            tracing::warn!(%request, code, causes = %error.causes(), "request failed");
        }
        _ => tracing::debug!(%request, code, "request refused"),
    }
}

fn refuse(app: &App, error: &Error, status: StatusCode, seen: &Seen) -> Response {
    match seen.surface {
        Surface::Page => page(app, error, status, seen),
        Surface::Api | Surface::Public | Surface::DataPlane => problem(error, status, seen.id),
    }
}

/// RFC 9457.
fn problem(error: &Error, status: StatusCode, id: RequestId) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": error.message(),
        "code": error.code(),
        "request": id,
    });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}

fn page(app: &App, error: &Error, status: StatusCode, seen: &Seen) -> Response {
    let chrome = Chrome {
        theme: cookies::theme(&seen.headers),
        here: seen.path.clone(),
        ..Chrome::default()
    };
    let known = cookies::session(&seen.headers, app.secure()).is_some()
        && error.kind() != Kind::Unauthenticated;
    let chrome = Chrome { known, ..chrome };
    let wrapped = if error.kind() == Kind::Unauthenticated {
        let codes = app.identity.offers_codes();
        let form = match error.code() {
            HALF_SIGN_IN_OVER | CODE_OVER => SignIn {
                problems: vec![Problem::whole(error.message())],
                next: "/".to_owned(),
                codes,
                ..SignIn::default()
            },
            _ => SignIn { next: seen.path.clone(), codes, ..SignIn::default() },
        };
        Shell::wrap(&chrome, "Sign in", true, &form)
    } else {
        Shell::wrap(&chrome, title(error), false, &message(error, seen, known))
    };
    match wrapped {
        Ok(text) => (status, Html(text)).into_response(),
        Err(_) => (status, error.message().to_owned()).into_response(),
    }
}

/// A link that works once, and not any more.
const DEAD_LINK: &str = "link_invalid";

/// Allowed, after one more step.
const SECOND_FACTOR: &str = "second_factor_required";

/// Allowed, after signing in anew.
const TOO_OLD: &str = "session_too_old";

fn title(error: &Error) -> &'static str {
    match error.kind() {
        Kind::Forbidden if error.code() == SECOND_FACTOR => "One more step",
        Kind::Forbidden if error.code() == TOO_OLD => "Sign in anew",
        Kind::NotFound if error.code() == DEAD_LINK => "This link does not work",
        Kind::NotFound => "There is no such page",
        Kind::Forbidden => "You may not do this",
        Kind::Invalid => "This could not be understood",
        Kind::Conflict => "This does not fit what is there",
        Kind::TooLarge => "This is too large",
        Kind::Limited => "Too many attempts",
        Kind::Unauthenticated => "Sign in",
        Kind::Unavailable | Kind::Upstream => "Not available right now",
        Kind::Internal => "Something went wrong on our side",
    }
}

fn todo(error: &Error) -> &'static str {
    match error.kind() {
        // Its message says whom to ask.
        Kind::NotFound if error.code() == DEAD_LINK => "",
        Kind::NotFound => {
            "The address leads nowhere, or to something that you may not see. The two look alike on purpose."
        }
        Kind::Forbidden if error.code() == SECOND_FACTOR => {
            "It is there so that a stolen password alone opens nothing. Setting one up takes a minute."
        }
        Kind::Forbidden if error.code() == TOO_OLD => {
            "Sign out here and in again: then this opens."
        }
        Kind::Forbidden => {
            "If you need this for your work, ask an owner or an admin of the organization."
        }
        Kind::Invalid | Kind::Conflict | Kind::TooLarge => {
            "Go back, change it, and try again. Nothing was changed."
        }
        Kind::Limited => "Wait a few minutes, then try again.",
        Kind::Unauthenticated => "",
        Kind::Unavailable | Kind::Upstream => "Nothing was changed. Try again in a moment.",
        Kind::Internal => {
            "Nothing was half done. If it happens again, give the request’s id to whoever runs this server."
        }
    }
}

fn message(error: &Error, seen: &Seen, signed_in: bool) -> Message {
    let link = if error.code() == SECOND_FACTOR {
        let next = if seen.safe { seen.path.as_str() } else { "/" };
        Link::new(second_factor_path(next), "Show it or set it up", false)
    } else if error.code() == TOO_OLD {
        Link::new("/account", "Your account, to sign out", false)
    } else if signed_in {
        Link::new("/", "Your organizations", false)
    } else {
        Link::new("/sign-in", "Sign in", false)
    };
    // The heading says so already.
    let plain = error.message() == Error::not_found("page").message();
    Message {
        heading: title(error).to_owned(),
        what: if plain { String::new() } else { error.message().to_owned() },
        todo: todo(error).to_owned(),
        links: vec![link],
        code: error.code().to_owned(),
        request: seen.id.to_string(),
    }
}

fn finish(app: &App, seen: &Seen, answer: &mut Response<Body>) {
    let status = answer.status().as_u16();
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        // A handler that decided otherwise, such as an image for other sites, had a reason.
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    if app.secure() {
        headers
            .insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT_TRANSPORT));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(&seen.id.to_string()) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    let surface = match seen.surface {
        Surface::Page => "page",
        Surface::Api => "api",
        Surface::Public => "public",
        Surface::DataPlane => "data_plane",
    };
    metrics::counter!("probity_http_requests_total", "surface" => surface, "status" => status.to_string())
        .increment(1);
}
