//! Notices: what the organization's people and webhooks were sent.

use axum::response::Response;
use domain::{Timestamp, tags::OrganizationManage};
use serde::Serialize;
use store::MessageRecord;
use utoipa::ToSchema;

use super::{gone, whole};
use crate::{Cx, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .api(
            "GET",
            "/api/v1/notices",
            Operation::new("What was sent to people and webhooks within thirty days, newest first")
                .lists::<Notice>(),
            index,
        )
        .api(
            "POST",
            "/api/v1/notices/test",
            Operation::new("Send a test to everybody who is told of changes of sub-processors")
                .removes(),
            test,
        )
}

#[derive(Debug, Serialize, ToSchema)]
struct Notice {
    /// Also the `webhook-id` of an event.
    id: String,
    /// Such as `budget.reached` or `subprocessors.changed`.
    about: &'static str,
    /// `mail` or `webhook`.
    channel: &'static str,
    webhook: Option<String>,
    created: String,
    attempts: u32,
    /// `waiting`, `delivered` or `given_up`.
    state: &'static str,
    /// When it was delivered or given up.
    done: Option<String>,
    /// Of the mail server or the receiver, when it answered.
    status: Option<u16>,
    /// What went wrong last; null when nothing did.
    problem: Option<String>,
}

impl From<MessageRecord> for Notice {
    fn from(row: MessageRecord) -> Self {
        Self {
            id: row.id.to_string(),
            about: row.topic.as_str(),
            channel: row.channel.as_str(),
            webhook: row.webhook.map(|id| id.to_string()),
            created: row.created.rfc3339(),
            attempts: row.attempts,
            state: match (row.done, row.is_delivered()) {
                (None, _) => "waiting",
                (Some(_), true) => "delivered",
                (Some(_), false) => "given_up",
            },
            done: row.done.map(Timestamp::rfc3339),
            status: row.answer,
            problem: row.problem,
        }
    }
}

async fn index(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    Ok(whole::<_, Notice>(cx.app().identity.messages_list(cx.scope()?).await?))
}

async fn test(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    cx.app().identity.notice_test(cx.scope()?).await?;
    Ok(gone())
}
