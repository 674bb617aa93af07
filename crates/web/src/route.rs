//! The route table. A handler's first parameter is `Cx<P>`, so its type says which permission it needs:
//! the table learns it from there and can be listed for tests, documents and attack probes.

use axum::{Router, handler::Handler, routing::MethodFilter};
use domain::{Permission, PermissionTag};
use serde::Serialize;

use crate::{App, Cx, Surface, openapi::Operation};

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct RouteInfo {
    pub method: &'static str,
    /// With parameters in braces, such as `/o/{org}/projects`.
    pub path: &'static str,
    #[serde(serialize_with = "name")]
    pub permission: Permission,
    pub surface: Surface,
    /// What the API description says about it.
    #[serde(skip)]
    pub operation: Option<Operation>,
}

fn name<S: serde::Serializer>(permission: &Permission, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(permission.as_str())
}

/// A router and the table of what is in it, built together.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<App>,
    table: Vec<RouteInfo>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn get<H, M, P, I>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<(M, Cx<P>, I), App>,
        M: 'static,
        I: 'static,
        P: PermissionTag,
    {
        self.add("GET", path, None, handler)
    }

    pub(crate) fn post<H, M, P, I>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<(M, Cx<P>, I), App>,
        M: 'static,
        I: 'static,
        P: PermissionTag,
    {
        self.add("POST", path, None, handler)
    }

    pub(crate) fn delete<H, M, P, I>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<(M, Cx<P>, I), App>,
        M: 'static,
        I: 'static,
        P: PermissionTag,
    {
        self.add("DELETE", path, None, handler)
    }

    /// An endpoint with a description for `/api/openapi.json`.
    pub(crate) fn api<H, M, P, I>(
        self,
        method: &'static str,
        path: &'static str,
        operation: Operation,
        handler: H,
    ) -> Self
    where
        H: Handler<(M, Cx<P>, I), App>,
        M: 'static,
        I: 'static,
        P: PermissionTag,
    {
        self.add(method, path, Some(operation), handler)
    }

    fn add<H, M, P, I>(
        mut self,
        method: &'static str,
        path: &'static str,
        operation: Option<Operation>,
        handler: H,
    ) -> Self
    where
        H: Handler<(M, Cx<P>, I), App>,
        M: 'static,
        I: 'static,
        P: PermissionTag,
    {
        let filter = match method {
            "POST" => MethodFilter::POST,
            "PUT" => MethodFilter::PUT,
            "PATCH" => MethodFilter::PATCH,
            "DELETE" => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        self.router = self.router.route(path, axum::routing::on(filter, handler));
        self.table.push(RouteInfo {
            method,
            path,
            permission: P::PERMISSION,
            surface: Surface::of(path),
            operation,
        });
        self
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    pub(crate) fn into_parts(self) -> (Router<App>, Vec<RouteInfo>) {
        (self.router, self.table)
    }
}
