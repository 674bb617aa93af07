//! Files of a project, in the shape of OpenAI's API.

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::{Error, Exit, FileId, FilePurpose, Result, Timestamp, tags::Inference};
use futures::stream;
use gateway::{Format, Gateway};
use http::header;
use serde::Serialize;
use serde_json::json;
use store::{FileFilter, Listed, Page, Scope, StoredFile};

use super::{admit, refuse};
use crate::{Cx, fields::Fields, route::Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v1/files", create)
        .get("/v1/files", index)
        .get("/v1/files/{file}", fetch)
        .delete("/v1/files/{file}", delete)
        .get("/v1/files/{file}/content", content)
}

#[derive(Serialize)]
struct File {
    id: String,
    object: &'static str,
    bytes: u64,
    created_at: i64,
    expires_at: i64,
    filename: String,
    purpose: &'static str,
    /// Deprecated by OpenAI, and still read by its SDKs.
    status: &'static str,
}

impl From<StoredFile> for File {
    fn from(file: StoredFile) -> Self {
        Self {
            id: file.id.to_string(),
            object: "file",
            bytes: file.bytes,
            created_at: seconds(file.created),
            expires_at: seconds(file.expires),
            filename: file.name,
            purpose: file.purpose.as_str(),
            status: "processed",
        }
    }
}

/// Seconds since 1970, as OpenAI writes times.
pub(super) const fn seconds(at: Timestamp) -> i64 {
    at.as_millis() / 1000
}

/// A list in OpenAI's shape.
pub(super) fn list<T>(
    listed: Listed<T>,
    id: impl Fn(&T) -> String,
    show: impl Fn(T) -> serde_json::Value,
) -> Response {
    let (first, last) = (listed.data.first().map(&id), listed.data.last().map(&id));
    let data: Vec<_> = listed.data.into_iter().map(show).collect();
    let has_more = listed.next.is_some();
    document(&json!({
        "object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more,
    }))
}

pub(super) fn document(value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(_) => http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The answer, or the refusal in OpenAI's shape.
pub(super) fn answer(cx: &Cx<Inference>, made: Result<Response>) -> Response {
    made.unwrap_or_else(|error| refuse(cx.app(), Format::OpenAiChat, &error, cx.request()))
}

/// Which part of a list is asked for.
pub(super) fn page(query: &Fields, most: u32, usual: u32) -> Result<Page> {
    let limit = match query.filled("limit").map(str::parse) {
        None => usual,
        Some(Ok(limit)) if limit > 0 => limit,
        Some(_) => {
            return Err(
                Error::invalid("`limit` is a whole number from 1 on.").with_code("invalid_value")
            );
        }
    };
    Ok(Page { after: query.filled("after").map(str::to_owned), limit: limit.min(most) })
}

pub(super) fn query(request: &Request) -> Fields {
    Fields::parse(request.uri().query().unwrap_or_default().as_bytes())
}

async fn create(cx: Cx<Inference>, request: Request) -> Response {
    let made = async {
        let (scope, headers, body) = admit(&cx, true, request).await?;
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let file = cx.app().gateway.file_create(&scope, kind, &body).await?;
        Ok(document(&File::from(file)))
    };
    let made = made.await;
    answer(&cx, made)
}

async fn index(cx: Cx<Inference>, request: Request) -> Response {
    let query = query(&request);
    drop(request);
    let made = async {
        let purpose = query.filled("purpose").map(|text| {
            FilePurpose::parse(text).ok_or_else(|| {
                Error::invalid("Files here are for batches: `batch` or `batch_output`.")
                    .with_code("unsupported_purpose")
            })
        });
        let filter =
            FileFilter { purpose: purpose.transpose()?, ascending: query.text("order") == "asc" };
        let page = page(&query, Page::MOST, Page::MOST)?;
        let files = cx.app().gateway.files_list(cx.scope()?, filter, &page).await?;
        Ok(list(files, |file| file.id.to_string(), |file| json!(File::from(file))))
    };
    let made = made.await;
    answer(&cx, made)
}

async fn fetch(cx: Cx<Inference>, (): ()) -> Response {
    let made = async {
        let file = cx.app().gateway.file_fetch(cx.scope()?, cx.id("file")?).await?;
        Ok(document(&File::from(file)))
    };
    let made = made.await;
    answer(&cx, made)
}

async fn delete(cx: Cx<Inference>, (): ()) -> Response {
    let made = async {
        let id: FileId = cx.id("file")?;
        cx.app().gateway.file_delete(cx.scope()?, None, id).await?;
        Ok(document(&json!({"id": id, "object": "file", "deleted": true})))
    };
    let made = made.await;
    answer(&cx, made)
}

async fn content(cx: Cx<Inference>, (): ()) -> Response {
    let made = async {
        let (gateway, scope) = (cx.app().gateway.clone(), cx.scope()?.clone());
        let file = gateway.file_fetch(&scope, cx.id("file")?).await?;
        let kind = (header::CONTENT_TYPE, "application/jsonl".to_owned());
        let length = (header::CONTENT_LENGTH, file.bytes.to_string());
        Ok(([kind, length], Body::from_stream(pieces(gateway, scope, file.id))).into_response())
    };
    let made = made.await;
    answer(&cx, made)
}

/// A file piece by piece. One that is deleted meanwhile breaks the connection off.
fn pieces(
    gateway: Gateway,
    scope: Scope,
    file: FileId,
) -> impl futures::Stream<Item = Result<Bytes>> + Send {
    stream::try_unfold(None, move |after| {
        let (gateway, scope) = (gateway.clone(), scope.clone());
        async move {
            let piece = gateway.file_piece(&scope, file, after).await?;
            Ok(piece
                .map(|(number, content)| (content.expose_to(Exit::Caller).clone(), Some(number))))
        }
    })
}
