//! Serves every page with made-up data on a loopback port, for looking at them: `cargo run -p web --example gallery`.

#![allow(clippy::too_many_lines, clippy::unwrap_used, reason = "made-up data, and no product")]

mod samples;

use axum::{
    Router,
    extract::{Path, Query},
    response::Html,
    routing::get,
};
use web::view::Theme;

async fn list() -> Html<String> {
    let items: String = samples::samples()
        .iter()
        .map(|one| format!("<li><a href=\"/page/{0}\">{0}</a>", one.name))
        .collect();
    Html(format!("<!doctype html><title>Gallery</title><ul>{items}</ul>"))
}

async fn show(
    Path(name): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Html<String> {
    let theme = query
        .iter()
        .find(|(key, _)| key == "theme")
        .map_or(Theme::Auto, |(_, value)| Theme::parse(value));
    let all = samples::samples();
    let found = all.iter().find(|one| one.name == name);
    Html(found.map_or_else(|| "no such page".to_owned(), |one| one.document(theme)))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 8099)).await?;
    let routes = Router::new()
        .route("/", get(list))
        .route("/page/{name}", get(show))
        .merge(web::assets::routes());
    axum::serve(listener, routes).await
}
