//! A batch, from its file to its end.

use std::time::Duration;

use domain::Result;
use serde_json::json;
use tokio::time::Instant;

use super::{
    super::{
        Run,
        household::text,
        routing::{Places, Project},
    },
    SLUG, Sent,
    apps::{Texts, plain_model},
};
use crate::client::{Auth, Payload};

/// How long a batch of two lines may take.
const DONE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(250);

/// Two lines of a batch, and the labels that are for whoever ordered it.
pub(super) async fn batch(
    cx: Run<'_>,
    places: &Places,
    project: &Project,
) -> Result<(Sent, Vec<String>)> {
    let owner = cx.houses.second.owner(&cx.site.client);
    let path = format!("/api/v1/projects/{}/content-storage", owner.project(SLUG).await?);
    owner.ask("PUT", &path, Payload::Json(json!({"allowed": true}))).await?;

    let mut said = Texts::new(cx.seed, "batch");
    let mut labels = Texts::new(cx.seed, "labels");
    let body = json!({
        "model": plain_model(), "messages": [
            {"role": "system", "content": said.text("instructions")},
            {"role": "user", "content": said.text("question")},
        ],
    });
    let line = json!({
        "custom_id": labels.text("line"), "method": "POST", "url": "/v1/chat/completions",
        "body": body,
    });
    let before = places.received();
    let ended = order(cx, project, line.to_string(), labels.text("batch")).await?;
    let sent = Sent {
        app: "Batches",
        said: said.all,
        body,
        answered: ended,
        arrived: places.arrived_near(before),
    };
    Ok((sent, labels.all))
}

/// Orders it, waits for its end, and forgets it; whether it was worked through.
async fn order(cx: Run<'_>, project: &Project, line: String, label: String) -> Result<bool> {
    let auth = Auth::Key(project.key());
    let client = &cx.site.client;
    let file = client.send("POST", "/v1/files", auth, Payload::File(line.into())).await?;
    let file = text(&file.ok()?.json()?, "id");
    let order = json!({
        "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "output_expires_after": {"anchor": "created_at", "seconds": 3600},
        "metadata": {"label": label},
    });
    let batch = client.send("POST", "/v1/batches", auth, Payload::Json(order)).await?;
    let path = format!("/v1/batches/{}", text(&batch.ok()?.json()?, "id"));
    let until = Instant::now() + DONE;
    let (state, output) = loop {
        let batch = client.send("GET", &path, auth, Payload::Empty).await?.ok()?.json()?;
        let state = text(&batch, "status");
        let over = ["completed", "failed", "expired", "cancelled"].contains(&state.as_str());
        if over || Instant::now() >= until {
            break (state, text(&batch, "output_file_id"));
        }
        tokio::time::sleep(LOOK).await;
    };
    for file in [file, output].iter().filter(|file| !file.is_empty()) {
        client.send("DELETE", &format!("/v1/files/{file}"), auth, Payload::Empty).await?;
    }
    Ok(state == "completed")
}
