//! The floor: what a reverse proxy costs that does nothing but look a key up, read `model` and `stream` out of the
//! body without copying, and pass everything through on pooled connections.

use std::{borrow::Cow, collections::HashMap, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;

use crate::{Outcome, serve};

/// The key that the floor lets in.
pub(crate) const KEY: &str = "bench-floor-key";

type Body = Either<Incoming, Empty<Bytes>>;

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(default)]
    stream: bool,
}

struct Floor {
    client: Client<HttpConnector, Full<Bytes>>,
    keys: HashMap<String, u64>,
    upstream: SocketAddr,
}

pub(crate) async fn serve(listen: SocketAddr, upstream: SocketAddr) -> Outcome {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    // A table of some size, so that the look-up is one.
    let mut keys: HashMap<String, u64> = (0..1000).map(|at| (format!("other-{at}"), at)).collect();
    keys.insert(KEY.to_owned(), 0);
    let floor = Arc::new(Floor { client, keys, upstream });
    serve::serve(listen, move |request| {
        let floor = Arc::clone(&floor);
        async move { floor.pass(request).await }
    })
    .await
}

impl Floor {
    async fn pass(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let known = bearer(&head.headers).is_some_and(|key| self.keys.contains_key(key));
        if !known {
            return refuse(StatusCode::UNAUTHORIZED);
        }
        let Ok(body) = body.collect().await else {
            return refuse(StatusCode::BAD_REQUEST);
        };
        let body = body.to_bytes();
        let Ok(read) = serde_json::from_slice::<Head<'_>>(&body) else {
            return refuse(StatusCode::BAD_REQUEST);
        };
        if read.model.is_empty() && read.stream {
            return refuse(StatusCode::BAD_REQUEST);
        }
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.upstream.to_string())
            .path_and_query(head.uri.path())
            .build();
        let Ok(uri) = uri else { return refuse(StatusCode::BAD_REQUEST) };
        let mut onward = Request::post(uri);
        if let Some(kind) = head.headers.get(header::CONTENT_TYPE) {
            onward = onward.header(header::CONTENT_TYPE, kind);
        }
        let Ok(onward) = onward.body(Full::new(body)) else {
            return refuse(StatusCode::BAD_REQUEST);
        };
        match self.client.request(onward).await {
            Ok(response) => response.map(Either::Left),
            Err(_) => refuse(StatusCode::BAD_GATEWAY),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn refuse(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Either::Right(Empty::new()));
    *response.status_mut() = status;
    response
}
