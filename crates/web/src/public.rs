//! Documents and states for everybody: the machine-readable side of the trust centre, health, metrics.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use domain::{Error, Kind, tags::Public};
use futures::{Stream, stream};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Cx, bundle::bundle, refusal::Result, register::public_list, route::Routes};

/// Comments that keep an idle stream of events alive through proxies.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A security.txt holds this long; it is made anew for everybody who asks.
const CONTACT_HOLDS: Duration = Duration::from_secs(180 * 86_400);

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/trust.json", trust_json)
        .get("/trust/events", trust_events)
        .get("/trust/badge.svg", trust_badge)
        .get("/trust/bundle", trust_bundle)
        .get("/.well-known/trust.json", trust_directory)
        .get("/.well-known/security.txt", security_txt)
        .get("/subprocessors.json", subprocessors)
        .get("/subprocessors/feed.json", feed)
        .get("/healthz", healthz)
        .get("/readyz", readyz)
        .get("/metrics", metrics)
}

/// Anybody may embed or read it from another site; what is a few seconds old still says until when it holds.
fn shared(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=5"));
    let resource = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(resource, HeaderValue::from_static("cross-origin"));
    answer
}

async fn trust_json(cx: Cx<Public>, (): ()) -> Result<Response> {
    let body = cx.app().trust.json(cx.now())?;
    Ok(shared(([(header::CONTENT_TYPE, "application/json")], body).into_response()))
}

async fn trust_badge(cx: Cx<Public>, (): ()) -> Result<Response> {
    let body = cx.app().trust.badge(cx.now())?;
    Ok(shared(([(header::CONTENT_TYPE, "image/svg+xml")], body).into_response()))
}

async fn trust_bundle(cx: Cx<Public>, (): ()) -> Result<Response> {
    let body = bundle(cx.app()).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"trust.tar\""),
    ];
    Ok(shared((headers, body).into_response()))
}

async fn trust_directory(cx: Cx<Public>, (): ()) -> Result<Response> {
    let url = &cx.app().public_url;
    let body = json!({
        "page": format!("{url}/trust"),
        "snapshot": format!("{url}/trust.json"),
        "events": format!("{url}/trust/events"),
        "badge": format!("{url}/trust/badge.svg"),
        "bundle": format!("{url}/trust/bundle"),
        "controls": format!("{url}/api/v1/controls"),
        "subprocessors": format!("{url}/subprocessors"),
        "subprocessors_json": format!("{url}/subprocessors.json"),
        "subprocessors_feed": format!("{url}/subprocessors/feed.json"),
        "security_txt": format!("{url}/.well-known/security.txt"),
        "api": format!("{url}/api/openapi.json"),
        "log_root": cx.app().store.log_fingerprint()?,
    });
    Ok(shared(axum::Json(body).into_response()))
}

/// The list of sub-processors.
async fn subprocessors(cx: Cx<Public>, (): ()) -> Result<Response> {
    let list = public_list(cx.app()).await?;
    let body = json!({
        "updated": list.updated.map(|at| at.rfc3339()),
        "notice_days": list.notice.map(|notice| notice.as_secs() / 86_400),
        "operated_by": cx.app().config.operated_by,
        // Where letters of this installation leave to.
        "mail": cx.app().store.has_mail(),
        "mail_hosts": list.mail_hosts,
        "data": list.rows,
    });
    Ok(shared(axum::Json(body).into_response()))
}

/// What changed on that list, as JSON Feed 1.1.
async fn feed(cx: Cx<Public>, (): ()) -> Result<Response> {
    let (list, url) = (public_list(cx.app()).await?, &cx.app().public_url);
    let item = |change: &domain::Announcement| {
        json!({
            "id": format!("{url}/subprocessors#{}-{}", change.provider, change.revision),
            "url": format!("{url}/subprocessors#{}", change.provider),
            "title": format!("{}: {}", change.sheet.name, change.cause.as_str()),
            "content_text": change.sentence(),
            "date_published": change.announced.rfc3339(),
            "_announcement": {
                "provider": change.provider,
                "revision": change.revision,
                "cause": change.cause.as_str(),
                "usable_from": change.usable_from.rfc3339(),
                "sheet": change.sheet,
            },
        })
    };
    let body = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Sub-processors",
        "home_page_url": format!("{url}/subprocessors"),
        "feed_url": format!("{url}/subprocessors/feed.json"),
        "items": list.changes.iter().map(item).collect::<Vec<_>>(),
    });
    let kind = [(header::CONTENT_TYPE, "application/feed+json")];
    Ok(shared((kind, axum::Json(body)).into_response()))
}

/// News for open pages, until the server stops.
async fn trust_events(cx: Cx<Public>, (): ()) -> Result<Response> {
    let events = news(cx.app().trust.events(), cx.app().closing.clone());
    let answer = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    let mut answer = shared(answer);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(answer)
}

type News = watch::Receiver<std::sync::Arc<trust::Update>>;

/// What is known at once, then every change.
fn news(events: News, closing: CancellationToken) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((events, closing, true), |(mut events, closing, first)| async move {
        if !first {
            let changed = closing.run_until_cancelled(events.changed()).await?;
            changed.ok()?;
        }
        let update = std::sync::Arc::clone(&events.borrow_and_update());
        let data = serde_json::to_string(&*update).ok()?;
        let name = if first { "current" } else { "changed" };
        let event = Event::default().event(name).id(update.version.to_string()).data(data);
        Some((Ok(event), (events, closing, false)))
    })
}

/// RFC 9116.
async fn security_txt(cx: Cx<Public>, (): ()) -> Result<Response> {
    let Some(contact) = &cx.app().config.security_contact else {
        return Err(Error::new(Kind::NotFound, "No contact is published here yet.").into());
    };
    let url = &cx.app().public_url;
    let expires = cx.now().plus(CONTACT_HOLDS).rfc3339();
    let text = format!(
        "Contact: {contact}\nExpires: {expires}\nCanonical: {url}/.well-known/security.txt\nPreferred-Languages: en\nPolicy: {url}/trust\n"
    );
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// The process answers.
async fn healthz(_: Cx<Public>, (): ()) -> &'static str {
    "ok\n"
}

/// The process can do its work.
async fn readyz(cx: Cx<Public>, (): ()) -> Response {
    let stopping = cx.app().closing.is_cancelled();
    match cx.app().store.check().await {
        Ok(()) if stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response(),
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(code = error.code(), causes = %error.causes(), "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.code())).into_response()
        }
    }
}

/// For a collector on this machine; to everybody else there is no such page.
async fn metrics(cx: Cx<Public>, (): ()) -> Result<Response> {
    let absent = || Error::not_found("page");
    if !cx.address().is_loopback() {
        return Err(absent().into());
    }
    let text = cx.app().metrics.as_ref().ok_or_else(absent)?.render();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
