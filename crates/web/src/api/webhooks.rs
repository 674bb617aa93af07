//! Webhooks: where the organization's events are sent.

use axum::response::Response;
use domain::{Timestamp, WebhookId, tags::OrganizationManage};
use identity::{CreatedWebhook, WebhookEntry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{created, gone, one, whole};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let (all, each) = ("/api/v1/webhooks", "/api/v1/webhooks/{webhook}");
    Routes::new()
        .api("GET", all, Operation::new("Webhooks").lists::<Webhook>(), index)
        .api(
            "POST",
            all,
            Operation::new("Add a webhook; its secret is shown this once")
                .takes::<NewWebhook>()
                .creates::<FreshWebhook>(),
            create,
        )
        .api("GET", each, Operation::new("One webhook").gives::<Webhook>(), fetch)
        .api(
            "POST",
            "/api/v1/webhooks/{webhook}/test",
            Operation::new("Send a test; how it went stands in the list a moment later").removes(),
            test,
        )
        .api("DELETE", each, Operation::new("Remove a webhook").removes(), remove)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    name: String,
    /// With https, unless the receiver is in the own network.
    url: String,
    /// The receiver is in the own network; only operators may say so.
    #[serde(default)]
    allow_private: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct LastDelivery {
    at: String,
    /// The type of the event, such as `budget.reached`.
    event: String,
    /// Of the receiver's answer; null when there was none.
    status: Option<u16>,
    /// What went wrong; null when it arrived.
    problem: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Webhook {
    id: String,
    name: String,
    url: String,
    allow_private: bool,
    created: String,
    /// `on`, `failing` or `off`.
    state: &'static str,
    last: Option<LastDelivery>,
    /// Since when nothing has arrived.
    failing_since: Option<String>,
    /// When it was switched off; a test that arrives switches it on again.
    disabled: Option<String>,
}

impl From<store::Webhook> for Webhook {
    fn from(row: store::Webhook) -> Self {
        let time = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
        let last = row.last.map(|last| LastDelivery {
            at: last.at.rfc3339(),
            event: last.topic,
            status: last.status,
            problem: last.problem,
        });
        Self {
            id: row.id.to_string(),
            name: row.name,
            url: row.url.expose().clone(),
            allow_private: row.allow_private,
            created: row.created.rfc3339(),
            state: match (row.disabled, row.failing_since) {
                (Some(_), _) => "off",
                (None, Some(_)) => "failing",
                (None, None) => "on",
            },
            last,
            failing_since: time(row.failing_since),
            disabled: time(row.disabled),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct FreshWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// With which signatures are checked: `whsec_` and Base64.
    secret: String,
}

impl From<CreatedWebhook> for FreshWebhook {
    fn from(made: CreatedWebhook) -> Self {
        Self { webhook: made.webhook.into(), secret: made.secret.expose().clone() }
    }
}

async fn index(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    Ok(whole::<_, Webhook>(cx.app().identity.webhooks_list(cx.scope()?).await?))
}

async fn create(cx: Cx<OrganizationManage>, Json(new): Json<NewWebhook>) -> Result<Response> {
    let entry = WebhookEntry { name: new.name, url: new.url, allow_private: new.allow_private };
    let made = cx.app().identity.webhook_create(cx.scope()?, entry).await?;
    Ok(created(FreshWebhook::from(made)))
}

async fn fetch(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let id: WebhookId = cx.id("webhook")?;
    Ok(one(Webhook::from(cx.app().identity.webhook_fetch(cx.scope()?, id).await?)))
}

async fn test(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let id: WebhookId = cx.id("webhook")?;
    cx.app().identity.webhook_test(cx.scope()?, id).await?;
    Ok(gone())
}

async fn remove(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let id: WebhookId = cx.id("webhook")?;
    cx.app().identity.webhook_remove(cx.scope()?, id).await?;
    Ok(gone())
}
