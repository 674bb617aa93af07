//! Model calls: the body is read, the gateway does the rest. Nothing here is wrapped in the layers of pages.

mod batches;
mod files;
pub(crate) mod realtime;
mod receipt;
mod tasks;

use std::time::Duration;

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use domain::{Error, RequestId, Result, tags::Inference};
use gateway::{Call, Format};
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use store::Scope;

use crate::{App, Cx, route::Routes};

/// How much of a body that is too large is still read, for how long in all, and how long without a piece.
const LINGER_BYTES: usize = 64 << 20;
const LINGER: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(3);

pub(crate) fn routes() -> Routes {
    let conversations = Routes::new()
        .post("/v1/chat/completions", chat)
        .post("/v1/responses", responses)
        .post("/v1/messages", messages)
        .post("/v2/chat", cohere)
        // Of clients that are given one address for all formats.
        .post("/v1/v2/chat", cohere)
        .post("/v1beta/models/{*model}", generate)
        .post("/v1/models/{*model}", generate)
        .post("/v1/messages/count_tokens", count_tokens)
        .get("/v1/receipts/{request}", receipt::fetch)
        .get("/v1/receipts/{request}/proof", receipt::proof)
        .get("/v1/models", models)
        .get("/v1/models/{*model}", model);
    realtime::routes(batches::routes(files::routes(tasks::routes(conversations))))
}

/// The format in which a path's errors are said.
fn format_of(path: &str, headers: &HeaderMap) -> Format {
    if path.strip_prefix("/v1").unwrap_or(path).starts_with("/v2/") {
        return Format::Cohere;
    }
    // Google's SDKs use either version, by theirs.
    if path.starts_with("/v1beta/")
        || (path.starts_with("/v1/models/") && path.ends_with("enerateContent"))
    {
        Format::Gemini
    } else if path.starts_with("/v1/messages") || headers.contains_key("anthropic-version") {
        Format::AnthropicMessages
    } else {
        Format::OpenAiChat
    }
}

/// A refusal before any handler was reached, in the form of what was asked for.
pub(crate) fn refuse_at(
    app: &App,
    (path, headers): (&str, &HeaderMap),
    error: &Error,
    id: RequestId,
) -> Response {
    match tasks::of(path) {
        Some(task) => tasks::refuse(app, task, error, id),
        None => refuse(app, format_of(path, headers), error, id),
    }
}

/// A refusal in the client's own format.
fn refuse(app: &App, format: Format, error: &Error, id: RequestId) -> Response {
    app.gateway.refuse(format, error, id).map(Body::new)
}

async fn chat(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Format::OpenAiChat, request).await
}

async fn responses(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Format::OpenAiResponses, request).await
}

async fn messages(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Format::AnthropicMessages, request).await
}

async fn cohere(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Format::Cohere, request).await
}

/// The path names the model and what is asked of it: `gemini-3-pro:streamGenerateContent`.
async fn generate(cx: Cx<Inference>, request: Request) -> Response {
    let format = Format::Gemini;
    let said = cx.param("model").to_owned();
    let said = match said.rsplit_once(':') {
        Some((model, "generateContent")) => (model, false),
        Some((model, "streamGenerateContent")) => (model, true),
        _ => return refuse(cx.app(), format, &Error::not_found("method"), cx.request()),
    };
    call_as(&cx, format, Some(said), request).await
}

async fn call(cx: &Cx<Inference>, inbound: Format, request: Request) -> Response {
    call_as(cx, inbound, None, request).await
}

async fn call_as(
    cx: &Cx<Inference>,
    inbound: Format,
    said: Option<(&str, bool)>,
    request: Request,
) -> Response {
    match admit(cx, false, request).await {
        Ok((scope, headers, body)) => {
            let (headers, request) = (&headers, cx.request());
            let call = Call { scope, inbound, said, headers, body, request };
            cx.app().gateway.call(call).await.map(Body::new)
        }
        Err(error) => refuse(cx.app(), inbound, &error, cx.request()),
    }
}

/// The scope, the headers and the whole body, which may be a form where `forms` says so.
async fn admit(
    cx: &Cx<Inference>,
    forms: bool,
    request: Request,
) -> Result<(Scope, HeaderMap, Bytes)> {
    let (parts, body) = request.into_parts();
    let body = read((&parts.headers, forms), body, cx.app().config.body_bytes).await?;
    Ok((cx.scope()?.clone(), parts.headers, body))
}

/// The whole body, if it is JSON by its type, or a form where that is accepted, and not too large.
async fn read((headers, forms): (&HeaderMap, bool), mut body: Body, most: usize) -> Result<Bytes> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let accepted = kind.is_none_or(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
            || kind.ends_with("+json")
            || (forms && kind.eq_ignore_ascii_case("multipart/form-data"))
    });
    if !accepted {
        return Err(
            Error::invalid("Send the request as application/json.").with_code("wrong_content_type")
        );
    }
    let announced: Option<usize> =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length| length > most) {
        Box::pin(linger(body)).await;
        return Err(too_large(most));
    }
    match Limited::new(&mut body, most).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Box::pin(linger(body)).await;
            Err(too_large(most))
        }
        Err(_) => {
            Err(Error::invalid("The body did not arrive whole.").with_code("body_incomplete"))
        }
    }
}

/// Lets the client finish sending, within limits: a connection that is closed while it still sends is reset,
/// and the answer that says what was wrong is lost with it.
async fn linger(mut body: Body) {
    let swallow = async {
        let mut left = LINGER_BYTES;
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(SILENCE, body.frame()).await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(length) else { return };
            left = rest;
        }
    };
    // Whoever is slower than this reads a reset.
    drop(tokio::time::timeout(LINGER, swallow).await);
}

fn too_large(most: usize) -> Error {
    let most = crate::view::bytes(u64::try_from(most).unwrap_or(u64::MAX));
    Error::too_large(format!("The request is larger than {most}."))
}

async fn count_tokens(cx: Cx<Inference>, request: Request) -> Response {
    let format = Format::AnthropicMessages;
    match admit(&cx, false, request).await {
        Ok((scope, headers, body)) => {
            let (headers, said, request) = (&headers, None, cx.request());
            let call = Call { scope, inbound: format, said, headers, body, request };
            cx.app().gateway.count_tokens(call).await.map(Body::new)
        }
        Err(error) => refuse(cx.app(), format, &error, cx.request()),
    }
}

async fn models(cx: Cx<Inference>, request: Request) -> Response {
    let format = format_of("", request.headers());
    match cx.scope() {
        Ok(scope) => cx.app().gateway.models(scope, format, cx.request()).await.map(Body::new),
        Err(error) => refuse(cx.app(), format, &error, cx.request()),
    }
}

async fn model(cx: Cx<Inference>, request: Request) -> Response {
    let format = format_of("", request.headers());
    match cx.scope() {
        Ok(scope) => cx
            .app()
            .gateway
            .model(scope, format, cx.param("model"), cx.request())
            .await
            .map(Body::new),
        Err(error) => refuse(cx.app(), format, &error, cx.request()),
    }
}
