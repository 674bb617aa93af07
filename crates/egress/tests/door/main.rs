//! The door against real servers on loopback.

#![expect(clippy::unwrap_used, reason = "tests")]

mod cancel;
mod guard;
mod pool;
mod twin;

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use domain::{Clock, Timestamp};
use egress::{Config, Deadlines, Destination, Egress, Error, Kind, Resolver};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};

pub(crate) const NAME: &str = "model.example";

pub(crate) fn request(path: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::post(path).body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

pub(crate) fn destination(base: &str) -> Destination {
    Destination {
        id: "twin".to_owned(),
        kind: Kind::Provider,
        base: base.parse().unwrap(),
        allow_private: true,
    }
}

/// A door on which every name is at `address`, with the destination `twin` registered.
pub(crate) fn door(base: &str, address: SocketAddr, config: &Config) -> Egress {
    let resolver: Resolver = Arc::new(move |_, _| Box::pin(async move { Ok(vec![address]) }));
    let clock = Clock::frozen(Timestamp::from_millis(1_000));
    let egress = Egress::with_resolver(config, clock, resolver).unwrap();
    egress.register(destination(base)).unwrap();
    egress
}

pub(crate) async fn send(
    egress: &Egress,
    path: &str,
    body: &'static str,
) -> Result<Response<egress::Body>, Error> {
    egress.send("twin", request(path, body), Deadlines::default()).await
}

pub(crate) async fn text(response: Response<egress::Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}
