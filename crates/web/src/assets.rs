//! Static files, embedded in the binary and served under names that carry a hash of their content,
//! so that a browser may keep them for ever.

use std::{collections::HashMap, sync::LazyLock};

use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;

/// The style sheet is written in parts and served as one.
const STYLE: &str = concat!(
    include_str!("../assets/css/tokens.css"),
    include_str!("../assets/css/base.css"),
    include_str!("../assets/css/layout.css"),
    include_str!("../assets/css/components.css"),
    include_str!("../assets/css/pages.css"),
    include_str!("../assets/css/print.css"),
);

const SCRIPT: &str = include_str!("../assets/js/app.js");

const FILES: &[(&str, &[u8])] = &[
    ("fonts/plex-sans-latin.woff2", include_bytes!("../assets/fonts/plex-sans-latin.woff2")),
    (
        "fonts/plex-sans-latin-ext.woff2",
        include_bytes!("../assets/fonts/plex-sans-latin-ext.woff2"),
    ),
    ("fonts/plex-mono-latin.woff2", include_bytes!("../assets/fonts/plex-mono-latin.woff2")),
    (
        "fonts/plex-mono-latin-ext.woff2",
        include_bytes!("../assets/fonts/plex-mono-latin-ext.woff2"),
    ),
    ("sign.svg", include_bytes!("../assets/sign.svg")),
];

struct Asset {
    kind: &'static str,
    body: Bytes,
}

#[derive(Default)]
struct Assets {
    /// Plain name to served path.
    paths: HashMap<&'static str, String>,
    /// Served name to content.
    served: HashMap<String, Asset>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut assets = Assets::default();
    for (name, body) in FILES {
        assets.add(name, Bytes::from_static(body));
    }
    let mut style = STYLE.to_owned();
    for (name, path) in &assets.paths {
        style = style.replace(&format!("asset:{name}"), path);
    }
    assets.add("app.css", Bytes::from(style));
    assets.add("app.js", Bytes::from_static(SCRIPT.as_bytes()));
    assets
});

impl Assets {
    fn add(&mut self, name: &'static str, body: Bytes) {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let stem = stem.rsplit('/').next().unwrap_or(stem);
        let served = format!("{stem}.{:016x}.{extension}", fnv(&body));
        self.paths.insert(name, format!("/assets/{served}"));
        self.served.insert(served, Asset { kind: kind(extension), body });
    }
}

/// FNV-1a: names a version of a file; nothing depends on its being hard to collide.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn kind(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Where a file is served, for templates. An unknown name gives an address that answers 404.
#[must_use]
pub fn path(name: &str) -> &'static str {
    ASSETS.paths.get(name).map_or("/assets/unknown", String::as_str)
}

/// The route that serves them.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{name}", get(serve))
}

async fn serve(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS.served.get(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut answer = Response::new(Body::from(asset.body.clone()));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, forever);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_in_the_style_sheet_is_served() {
        let style = ASSETS.paths.get("app.css").and_then(|path| path.strip_prefix("/assets/"));
        let body = &ASSETS.served[style.unwrap()].body;
        let text = std::str::from_utf8(body).unwrap();
        assert!(!text.contains("asset:"), "a name in the style sheet was not replaced");
        assert_eq!(text.matches("url(\"/assets/").count(), 4);
    }
}
