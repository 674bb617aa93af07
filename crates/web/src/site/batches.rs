//! Files and batches of a project: what is stored, until when, and whether anything may be.

use axum::response::Response;
use domain::{
    BatchId, BatchState, FileId, FilePurpose, Permission,
    tags::{ContentManage, ProjectRead, ProvidersManage},
};
use store::{Batch, FileFilter, Page, Project, StoredFile};

use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::{
        Confirm,
        batches::{BatchRow, Batches, FileRow},
    },
    refusal::Result,
    route::Routes,
    view::{Field, Link, When, bytes, count, plural},
};

/// Rows of either list.
const ROWS: u32 = 100;
const OFF: &str = "Store nothing any more";

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/p/{project}/batches", show)
        .post("/o/{org}/p/{project}/batches/on", switch_on)
        .get("/o/{org}/p/{project}/batches/off", ask_off)
        .post("/o/{org}/p/{project}/batches/off", switch_off)
        .post("/o/{org}/p/{project}/batches/{batch}/cancel", cancel)
        .post("/o/{org}/p/{project}/files/{file}/delete", delete)
}

fn batch(batch: &Batch, base: Option<&str>) -> BatchRow {
    let tone = match batch.state {
        BatchState::Completed => "good",
        BatchState::Failed | BatchState::Expired => "bad",
        BatchState::Cancelled => "quiet",
        _ => "waiting",
    };
    let key = match (batch.destroyed, batch.key_until()) {
        (Some(at), _) => format!("destroyed {}", When(at).text()),
        (None, Some(at)) => format!("until {}", When(at).text()),
        (None, None) => {
            format!("{} after its end", plural(batch.keep.as_secs() / 3600, "hour", "hours"))
        }
    };
    BatchRow {
        id: batch.id.to_string(),
        endpoint: batch.endpoint.as_str().to_owned(),
        tone,
        state: batch.state.as_str().replace('_', " "),
        why: batch.problems.first().map(|one| one.message.clone()).unwrap_or_default(),
        counts: format!("{} of {}", count(batch.completed), count(batch.total)),
        failed: match batch.failed {
            0 => String::new(),
            failed => format!("{} failed", count(failed)),
        },
        created: When(batch.created),
        key,
        cancel: base
            .filter(|_| batch.state.is_open())
            .map(|base| format!("{base}/batches/{}/cancel", batch.id)),
    }
}

fn file(file: &StoredFile, base: Option<&str>) -> FileRow {
    let what = match (file.purpose, file.batch) {
        (FilePurpose::BatchOutput, Some(batch)) => format!("results of {batch}"),
        _ => "requests".to_owned(),
    };
    FileRow {
        id: file.id.to_string(),
        what,
        size: bytes(file.bytes),
        lines: count(file.lines),
        created: When(file.created),
        until: When(file.expires).text(),
        delete: base.map(|base| format!("{base}/files/{}/delete", file.id)),
    }
}

fn snippet(url: &str) -> String {
    format!(
        "from openai import OpenAI\n\nclient = OpenAI(base_url=\"{url}/v1\")\n\
         file = client.files.create(file=open(\"requests.jsonl\", \"rb\"), purpose=\"batch\")\n\
         batch = client.batches.create(\n    input_file_id=file.id, endpoint=\"/v1/chat/completions\", \
         completion_window=\"24h\"\n)"
    )
}

async fn show(cx: Cx<ProjectRead>, (): ()) -> Result<Response> {
    let project = cx.project()?;
    let on = cx.app().identity.content_storage(cx.scope()?, project.id).await?;
    let (base, rows) = (cx.project_base(), Page::first(ROWS));
    let may_manage = cx.may(Permission::ContentManage, Some(project.id));
    let within = may_manage.then_some(base.as_str());
    let mut read = cx.read().await?;
    let batches = read.batches_list(project.id, &rows).await?.data;
    let files = read.files_list(project.id, FileFilter::default(), &rows).await?.data;
    drop(read);
    let page = Batches {
        on,
        may_switch: cx.may(Permission::ProvidersManage, None) && project.archived.is_none(),
        may_manage,
        batches: batches.iter().map(|one| batch(one, within)).collect(),
        files: files.iter().map(|one| file(one, within)).collect(),
        snippet: snippet(&cx.app().public_url),
        base,
    };
    Ok(cx.page("Batches", page).await?)
}

async fn named<P>(cx: &Cx<P>) -> Result<(Project, String)> {
    let project = cx.app().identity.project_by_slug(cx.scope()?, cx.param("project")).await?;
    let place = format!("{}/p/{}/batches", cx.base(), project.slug);
    Ok((project, place))
}

async fn switch_on(cx: Cx<ProvidersManage>, _: Fields) -> Result<Response> {
    let (project, place) = named(&cx).await?;
    cx.app().identity.content_storage_set(cx.scope()?, project.id, true).await?;
    Ok(done(&place, "storage-on"))
}

fn question(project: &Project, place: &str) -> Confirm {
    Confirm {
        trail: vec![Link::new(place, "Batches", false)],
        heading: OFF.to_owned(),
        problems: Vec::new(),
        facts: Vec::new(),
        lost: "every file and batch of this project, at once: their keys are destroyed, and batches under way end."
            .to_owned(),
        action: format!("{place}/off"),
        expected: project.name.clone(),
        confirm: Field::default(),
        verb: OFF.to_owned(),
        cancel: place.to_owned(),
    }
}

async fn ask_off(cx: Cx<ProvidersManage>, (): ()) -> Result<Response> {
    let (project, place) = named(&cx).await?;
    Ok(cx.page(OFF, question(&project, &place)).await?)
}

async fn switch_off(cx: Cx<ProvidersManage>, form: Fields) -> Result<Response> {
    let (project, place) = named(&cx).await?;
    if let Some(again) = super::unconfirmed(&form, question(&project, &place)) {
        return Ok(cx.again(&super::not_confirmed(), OFF, again).await?);
    }
    cx.app().identity.content_storage_set(cx.scope()?, project.id, false).await?;
    Ok(done(&place, "storage-off"))
}

async fn cancel(cx: Cx<ContentManage>, _: Fields) -> Result<Response> {
    let (project, id) = (cx.project()?.id, cx.id::<BatchId>("batch")?);
    cx.app().gateway.batch_cancel(cx.scope()?, Some(project), id).await?;
    Ok(done(&format!("{}/batches", cx.project_base()), "batch-cancelled"))
}

async fn delete(cx: Cx<ContentManage>, _: Fields) -> Result<Response> {
    let (project, id) = (cx.project()?.id, cx.id::<FileId>("file")?);
    cx.app().gateway.file_delete(cx.scope()?, Some(project), id).await?;
    Ok(done(&format!("{}/batches", cx.project_base()), "file-deleted"))
}
