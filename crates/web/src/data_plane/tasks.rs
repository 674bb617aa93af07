//! What can be asked for besides conversations: embeddings, ranking, moderation, images, sound.

use axum::{body::Body, extract::Request, response::Response};
use domain::{Error, RequestId, tags::Inference};
use gateway::{Call, Format, Task};

use super::admit;
use crate::{App, Cx, route::Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v1/embeddings", embeddings)
        .post("/v2/embed", embed)
        .post("/v1/v2/embed", embed)
        .post("/v1/rerank", rerank)
        .post("/v2/rerank", rerank_v2)
        .post("/v1/v2/rerank", rerank_v2)
        .post("/v1/moderations", moderations)
        .post("/v1/images/generations", images)
        .post("/v1/images/edits", image_edits)
        .post("/v1/audio/transcriptions", transcriptions)
        .post("/v1/audio/translations", translations)
        .post("/v1/audio/speech", speech)
}

/// The task of a path, for what is refused before its handler is reached.
pub(super) fn of(path: &str) -> Option<Task> {
    match path.strip_prefix("/v1").unwrap_or(path) {
        "/v2/embed" => Some(Task::Embed),
        "/v2/rerank" => Some(Task::RerankV2),
        _ => None,
    }
}

/// A refusal in the endpoint's own shape.
pub(super) fn refuse(app: &App, task: Task, error: &Error, id: RequestId) -> Response {
    app.gateway.refuse_task(task, error, id).map(Body::new)
}

async fn embeddings(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::Embeddings, request).await
}

async fn embed(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::Embed, request).await
}

async fn rerank(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::Rerank, request).await
}

async fn rerank_v2(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::RerankV2, request).await
}

async fn moderations(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::Moderations, request).await
}

async fn images(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::Images, request).await
}

async fn image_edits(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::ImageEdits, request).await
}

async fn transcriptions(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::Transcriptions, request).await
}

async fn translations(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::Translations, request).await
}

async fn speech(cx: Cx<Inference>, request: Request) -> Response {
    call(&cx, Task::Speech, request).await
}

async fn call(cx: &Cx<Inference>, task: Task, request: Request) -> Response {
    match admit(cx, task.takes_forms(), request).await {
        Ok((scope, headers, body)) => {
            let (headers, said, request) = (&headers, None, cx.request());
            let call = Call { scope, inbound: Format::OpenAiChat, said, headers, body, request };
            cx.app().gateway.task(task, call).await.map(Body::new)
        }
        Err(error) => refuse(cx.app(), task, &error, cx.request()),
    }
}
