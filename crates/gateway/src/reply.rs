//! Responses: their headers, and errors in the client's own format.

use std::time::Duration;

use bytes::Bytes;
use domain::RequestId;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use llm::{Format, Refusal, Task};

use crate::{Body, receipt::Receipt, routes::Route};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const RECEIPT: HeaderName = HeaderName::from_static("x-probity-receipt");
const PROVIDER: HeaderName = HeaderName::from_static("x-probity-provider");
const REGION: HeaderName = HeaderName::from_static("x-probity-region");
const DROPPED: HeaderName = HeaderName::from_static("x-probity-dropped");

/// Starts a response with the request's id, where each format's SDKs look for it.
fn response(
    format: Format,
    status: StatusCode,
    id: &str,
    kind: HeaderValue,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(header::CONTENT_TYPE, kind);
    if let Ok(id) = HeaderValue::from_str(id) {
        if format == Format::AnthropicMessages {
            headers.insert(HeaderName::from_static("request-id"), id.clone());
        }
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

/// An ordinary document.
pub(crate) fn document(format: Format, request: RequestId, body: Bytes) -> Response<Body> {
    response(format, StatusCode::OK, &request.to_string(), JSON, Body::whole(body))
}

/// A streamed answer.
pub(crate) fn events(format: Format, request: RequestId, body: Body) -> Response<Body> {
    let id = request.to_string();
    let mut response = response(format, StatusCode::OK, &id, EVENTS, body);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies in front must not collect a stream before passing it on.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// An error in the client's format.
pub(crate) fn refusal(
    format: Format,
    request: RequestId,
    refusal: &Refusal,
    retry_after: Option<Duration>,
) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let id = request.to_string();
    let body = Body::whole(llm::error_body(format, refusal, &id));
    let mut response = response(format, status, &id, JSON, body);
    if let Some(wait) = retry_after {
        // Rounded up: who comes back a fraction early is refused again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.max(1).into());
    } else if refusal.code == crate::budget::EXCEEDED {
        // SDKs send what was answered with 429 again by themselves; no wait brings money.
        let never = HeaderValue::from_static("false");
        response.headers_mut().insert(HeaderName::from_static("x-should-retry"), never);
    }
    response
}

/// An error of something that is no conversation, in the shape of its endpoint.
pub(crate) fn task_refusal(
    task: Task,
    request: RequestId,
    refusal: &Refusal,
    retry_after: Option<Duration>,
) -> Response<Body> {
    let mut response = self::refusal(Format::OpenAiChat, request, refusal, retry_after);
    if task.is_cohere() {
        *response.body_mut() = Body::whole(llm::cohere_error(refusal, &request.to_string()));
    }
    response
}

/// Says where the request went, or was last tried.
pub(crate) fn routed(
    response: &mut Response<Body>,
    request: RequestId,
    route: Option<&Route>,
    receipt: &Receipt,
) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(request.to_string()) {
        headers.insert(RECEIPT, id);
    }
    if let Some(route) = route {
        headers.insert(PROVIDER, route.name_header.clone());
        if let Some(region) = &route.region_header {
            headers.insert(REGION, region.clone());
        }
    }
    if !receipt.dropped().is_empty()
        && let Ok(fields) = HeaderValue::try_from(receipt.dropped().join(","))
    {
        headers.insert(DROPPED, fields);
    }
}
