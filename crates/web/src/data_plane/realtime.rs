//! Sessions over WebSockets: the connection is taken over, the gateway does the rest.

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use domain::tags::Inference;
use gateway::{Call, Duplex, Format, Line};
use http::Version;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::refuse;
use crate::{Cx, route::Routes};

pub(crate) const PATH: &str = "/v1/realtime";

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get(PATH, realtime)
}

async fn realtime(cx: Cx<Inference>, request: Request) -> Response {
    let inbound = Format::OpenAiChat;
    let scope = match cx.scope() {
        Ok(scope) => scope.clone(),
        Err(error) => return refuse(cx.app(), inbound, &error, cx.request()),
    };
    let (mut parts, _) = request.into_parts();
    let line = parts.extensions.remove::<OnUpgrade>().filter(|_| parts.version == Version::HTTP_11);
    let query = parts.uri.query().unwrap_or_default();
    let mut said = url::form_urlencoded::parse(query.as_bytes());
    let model = said.find_map(|(name, value)| (name == "model").then_some(value));
    let (headers, body) = (&parts.headers, Bytes::new());
    let call = Call { scope, inbound, said: None, headers, body, request: cx.request() };
    cx.app().gateway.realtime(call, model.as_deref(), line.map(taken_over)).await.map(Body::new)
}

/// The connection, once the response that says so has left.
fn taken_over(line: OnUpgrade) -> Line {
    Box::pin(async {
        let io = line.await.ok()?;
        Some(Box::new(TokioIo::new(io)) as Box<dyn Duplex>)
    })
}
