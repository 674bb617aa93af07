//! Batches of a project, in the shape of OpenAI's API.

use std::collections::BTreeMap;

use axum::{extract::Request, response::Response};
use domain::{BatchId, BatchState, Error, FileId, Result, Timestamp, tags::Inference};
use gateway::BatchOrder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Batch, BatchProblem};

use super::{
    admit,
    files::{answer, document, list, page, query, seconds},
};
use crate::{Cx, route::Routes};

/// As OpenAI has them.
const MOST: u32 = 100;
const USUAL: u32 = 20;
/// Pairs of metadata, and the characters of their names and values.
const PAIRS: usize = 16;
const NAME: usize = 64;
const VALUE: usize = 512;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v1/batches", create)
        .get("/v1/batches", index)
        .get("/v1/batches/{batch}", fetch)
        .post("/v1/batches/{batch}/cancel", cancel)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    input_file_id: String,
    endpoint: String,
    completion_window: String,
    metadata: Option<BTreeMap<String, String>>,
    output_expires_after: Option<Keep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keep {
    anchor: String,
    seconds: u64,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    object: &'static str,
    endpoint: &'static str,
    errors: Option<Value>,
    input_file_id: String,
    completion_window: &'static str,
    status: &'static str,
    output_file_id: Option<String>,
    error_file_id: Option<String>,
    created_at: i64,
    in_progress_at: Option<i64>,
    expires_at: i64,
    finalizing_at: Option<i64>,
    completed_at: Option<i64>,
    failed_at: Option<i64>,
    expired_at: Option<i64>,
    cancelling_at: Option<i64>,
    cancelled_at: Option<i64>,
    request_counts: Value,
    metadata: Option<Value>,
}

impl From<Batch> for Shown {
    fn from(batch: Batch) -> Self {
        let at = |time: Option<Timestamp>| time.map(seconds);
        let ended = |state: BatchState| at(batch.ended.filter(|_| batch.state == state));
        let problem = |one: &BatchProblem| json!({"code": one.code, "message": one.message, "param": one.param, "line": one.line});
        let problems: Vec<_> = batch.problems.iter().map(problem).collect();
        Self {
            id: batch.id.to_string(),
            object: "batch",
            endpoint: batch.endpoint.as_str(),
            errors: (!problems.is_empty()).then(|| json!({"object": "list", "data": problems})),
            input_file_id: batch.input.to_string(),
            completion_window: "24h",
            status: batch.state.as_str(),
            output_file_id: batch.output.map(|id| id.to_string()),
            error_file_id: batch.errors.map(|id| id.to_string()),
            created_at: seconds(batch.created),
            in_progress_at: at(batch.started),
            expires_at: seconds(batch.expires),
            finalizing_at: at(batch.finalizing),
            completed_at: ended(BatchState::Completed),
            failed_at: ended(BatchState::Failed),
            expired_at: ended(BatchState::Expired),
            cancelling_at: ended(BatchState::Cancelled),
            cancelled_at: ended(BatchState::Cancelled),
            request_counts: json!({
                "total": batch.total, "completed": batch.completed, "failed": batch.failed,
            }),
            metadata: batch.metadata.and_then(|text| serde_json::from_str(&text).ok()),
        }
    }
}

fn read(body: &[u8]) -> Result<BatchOrder> {
    let order: Order = serde_json::from_slice(body).map_err(|error| {
        // Serde's message may quote what was sent.
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::invalid(format!(
            "A batch has input_file_id, endpoint and completion_window, and may have metadata (texts) and \
             output_expires_after: something here is missing, unknown or of the wrong type ({place})."
        ))
        .with_code("invalid_json")
    })?;
    let keep = match order.output_expires_after {
        Some(keep) if keep.anchor != "created_at" => {
            return Err(
                Error::invalid("`anchor` is always `created_at`.").with_code("invalid_value")
            );
        }
        keep => keep.map(|keep| keep.seconds),
    };
    let input: FileId = order.input_file_id.parse().map_err(|_| Error::not_found("file"))?;
    Ok(BatchOrder {
        input,
        endpoint: order.endpoint,
        window: order.completion_window,
        metadata: order.metadata.map(|all| checked(&all)).transpose()?,
        keep_seconds: keep,
    })
}

fn checked(all: &BTreeMap<String, String>) -> Result<String> {
    let short = |text: &str, most: usize| text.chars().count() <= most;
    if all.len() > PAIRS
        || !all.iter().all(|(name, value)| short(name, NAME) && short(value, VALUE))
    {
        return Err(Error::invalid(
            "Metadata has at most 16 pairs; names have at most 64 characters, values 512.",
        )
        .with_code("invalid_value"));
    }
    serde_json::to_string(all).map_err(Error::internal)
}

async fn create(cx: Cx<Inference>, request: Request) -> Response {
    let made = async {
        let (scope, _, body) = admit(&cx, false, request).await?;
        let batch = cx.app().gateway.batch_create(&scope, read(&body)?).await?;
        Ok(document(&Shown::from(batch)))
    };
    let made = made.await;
    answer(&cx, made)
}

async fn index(cx: Cx<Inference>, request: Request) -> Response {
    let query = query(&request);
    drop(request);
    let made = async {
        let page = page(&query, MOST, USUAL)?;
        let batches = cx.app().gateway.batches_list(cx.scope()?, &page).await?;
        Ok(list(batches, |batch| batch.id.to_string(), |batch| json!(Shown::from(batch))))
    };
    let made = made.await;
    answer(&cx, made)
}

async fn fetch(cx: Cx<Inference>, (): ()) -> Response {
    let made = async {
        let batch = cx.app().gateway.batch_fetch(cx.scope()?, cx.id("batch")?).await?;
        Ok(document(&Shown::from(batch)))
    };
    let made = made.await;
    answer(&cx, made)
}

async fn cancel(cx: Cx<Inference>, (): ()) -> Response {
    let made = async {
        let id: BatchId = cx.id("batch")?;
        let batch = cx.app().gateway.batch_cancel(cx.scope()?, None, id).await?;
        Ok(document(&Shown::from(batch)))
    };
    let made = made.await;
    answer(&cx, made)
}
