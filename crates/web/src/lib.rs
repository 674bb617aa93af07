//! The HTTP edge: route table, handlers, pages, public APIs.
//!
//! Invariants:
//! * a handler runs only with a [`Cx`], which exists only if the handler's permission was checked;
//! * every route stands in [`route_table`], with the permission that its handler's type names;
//! * an id of another organization answers as one that does not exist;
//! * pages need no script, and carry nothing inline;
//! * model calls pass through none of the layers of pages.

mod api;
mod app;
pub mod assets;
mod bundle;
mod caller;
mod config;
mod cookies;
mod country;
mod cx;
mod data_plane;
mod edge;
mod fields;
mod json;
mod locate;
mod openapi;
mod origin;
mod page;
pub mod pages;
mod period;
mod playground;
mod proxies;
mod public;
mod redirect;
mod refusal;
mod register;
mod route;
mod serve;
mod shell;
mod site;
mod tls;
mod upload;
pub mod view;

use axum::{
    Router,
    extract::{Request, State},
    middleware,
    response::{IntoResponse, Response},
};
use domain::{Error, Kind, RequestId};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

pub use app::{App, Parts};
pub use caller::Surface;
pub use config::Config;
pub use cx::Cx;
pub use proxies::Proxies;
pub use redirect::redirect;
pub use refusal::{Refusal, Result};
pub use route::RouteInfo;
pub use serve::{Door, Peer, serve};
pub use shell::Shell;
pub use tls::{Tls, TlsConfig, TlsMode};

use route::Routes;

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything but model calls.
fn outer() -> Routes {
    site::routes().merge(api::routes()).merge(public::routes())
}

/// Every route with its permission, for tests, documents and attack probes.
#[must_use]
pub fn route_table() -> Vec<RouteInfo> {
    outer().merge(data_plane::routes()).into_parts().1
}

/// The path of the page behind a one-time operator link.
#[must_use]
pub fn setup_path(token: &domain::Secret<String>) -> String {
    format!("/setup/{}", token.expose())
}

/// The whole service.
pub fn router(app: App) -> Router {
    let edge = middleware::from_fn_with_state(app.clone(), edge::edge);
    let (outer, _) = outer().into_parts();
    let outer = outer
        .merge(assets::routes())
        .method_not_allowed_fallback(wrong_method)
        .fallback(nothing)
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(edge);
    let (data_plane, _) = data_plane::routes().into_parts();
    outer.merge(data_plane).with_state(app)
}

/// No such address, said in the form of the part of the house that was asked.
async fn nothing(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path();
    let error = Error::not_found("page");
    if Surface::of(path) == Surface::DataPlane {
        let error = Error::new(Kind::NotFound, "There is no such endpoint here.")
            .with_code("unknown_endpoint");
        let id = request.extensions().get::<RequestId>().copied();
        let id = id.unwrap_or_else(|| RequestId::new(app.now()));
        return data_plane::refuse_at(&app, (path, request.headers()), &error, id);
    }
    Refusal::from(error).into_response()
}

async fn wrong_method() -> Response {
    refusal::wrong_method()
}

/// A defect: the reader gets a page that says so, the log gets the place.
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Refusal::from(Error::internal(format!("a handler panicked: {text}"))).into_response()
}
