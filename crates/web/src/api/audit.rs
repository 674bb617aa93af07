//! The audit log and its export.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use domain::{Action, Error, Timestamp, tags::AuditRead};
use http::header;
use serde::Serialize;
use store::{AuditFilter, AuditRow, Listed};
use utoipa::ToSchema;

use crate::{Cx, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .api(
            "GET",
            "/api/v1/audit",
            Operation::new("The log, newest first")
                .query("action", "Such as key.create")
                .query("user", "Id of the person who acted")
                .query("subject", "Id of the person acted upon")
                .query("target", "Id of the thing acted upon")
                .lists::<Entry>(),
            index,
        )
        .api(
            "GET",
            "/api/v1/audit/export",
            Operation::new("The whole log with its proofs, for `probity verify`")
                .file("application/x-tar"),
            export,
        )
}

#[derive(Debug, Serialize, ToSchema)]
struct Person {
    /// Null once they were forgotten.
    id: Option<String>,
    name: Option<String>,
    email: Option<String>,
    /// Their name in the log itself.
    pseudonym: String,
}

impl From<store::AuditPerson> for Person {
    fn from(person: store::AuditPerson) -> Self {
        Self {
            id: person.id.map(|id| id.to_string()),
            name: person.name,
            email: person.email,
            pseudonym: person.pseudonym,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Target {
    r#type: String,
    id: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct Entry {
    /// Its place in the log, from 0.
    seq: u64,
    id: String,
    time: String,
    action: String,
    says: String,
    /// `success` or `failure`.
    outcome: String,
    actor_kind: String,
    actor: Option<Person>,
    actor_key: Option<String>,
    subject: Option<Person>,
    targets: Vec<Target>,
    /// Facts without personal data.
    #[schema(value_type = Object)]
    facts: serde_json::Map<String, serde_json::Value>,
    /// Personal values that were not erased.
    #[schema(value_type = Object)]
    personal: serde_json::Map<String, serde_json::Value>,
    erased: usize,
    request: Option<String>,
    leaf_hash: String,
}

impl From<AuditRow> for Entry {
    fn from(row: AuditRow) -> Self {
        let outcome = match row.outcome {
            domain::Outcome::Success => "success",
            domain::Outcome::Failure => "failure",
        };
        let targets =
            row.targets.into_iter().map(|target| Target { r#type: target.kind, id: target.id });
        Self {
            seq: row.seq,
            id: row.id.to_string(),
            time: Timestamp::rfc3339(row.time),
            action: row.action,
            says: row.says,
            outcome: outcome.to_owned(),
            actor_kind: row.actor_kind.as_str().to_owned(),
            actor: row.actor.map(Person::from),
            actor_key: row.actor_key.map(|(id, _)| id.to_string()),
            subject: row.subject.map(Person::from),
            targets: targets.collect(),
            facts: row.facts,
            personal: row.personal,
            erased: row.erased,
            request: row.request,
            leaf_hash: row.leaf_hash,
        }
    }
}

async fn index(cx: Cx<AuditRead>, (): ()) -> Result<Response> {
    let query = cx.query();
    let absent = |_| Error::not_found("member");
    let unknown = || Error::invalid("There is no such act.").with_code("unknown_action");
    let filter = AuditFilter {
        action: query
            .filled("action")
            .map(|text| Action::parse(text).ok_or_else(unknown))
            .transpose()?,
        user: query.filled("user").map(str::parse).transpose().map_err(absent)?,
        subject: query.filled("subject").map(str::parse).transpose().map_err(absent)?,
        target: query.filled("target").map(str::to_owned),
        ..AuditFilter::default()
    };
    let listed = cx.read().await?.audit_list(&filter, &cx.list()?).await?;
    let data: Vec<_> = listed.data.into_iter().map(Entry::from).collect();
    Ok(Json(Listed { data, next: listed.next }).into_response())
}

async fn export(cx: Cx<AuditRead>, (): ()) -> Result<Response> {
    let bytes = cx.app().store.audit_export(cx.scope()?).await?;
    let name = format!("attachment; filename=\"{}-audit.tar\"", cx.scope()?.org_slug());
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, bytes).into_response())
}
