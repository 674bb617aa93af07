//! Webhooks: where the organization's events are sent.

use axum::response::Response;
use domain::{Channel, Error, Kind, Result as DomainResult, WebhookId, tags::OrganizationManage};
use identity::WebhookEntry;
use store::{MessageRecord, Webhook};

use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::{
        Confirm, Fact,
        webhooks::{Created, Index, SentRow, WebhookRow},
    },
    refusal::Result,
    route::Routes,
    view::{Field, Link, Problem, When, ago, plural},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/webhooks", index)
        .post("/o/{org}/webhooks", create)
        .post("/o/{org}/notices/test", test_all)
        .post("/o/{org}/webhooks/{webhook}/test", test)
        .get("/o/{org}/webhooks/{webhook}/remove", confirm)
        .post("/o/{org}/webhooks/{webhook}/remove", remove)
}

/// The code of what went wrong, for people.
fn problem_says(code: &str, status: Option<u16>) -> String {
    let says = match code {
        "connect_failed" | "connect_timeout" => "The address could not be reached.",
        "tls_failed" => "No secure connection could be made.",
        "address_refused" => "The name leads to an address that is not allowed.",
        "plaintext_refused" => "The address is on the internet and not spoken to over TLS.",
        "headers_timeout" => "No answer came within twenty seconds.",
        "redirect_refused" => "The answer leads elsewhere, which is not followed.",
        "receiver_gone" => "The receiver said that it is gone for good.",
        "receiver_refused" => "The receiver refused the event.",
        "removed" => "The webhook was removed before it was sent.",
        "switched_off" => "The webhook was switched off before it was sent.",
        _ => "The connection broke.",
    };
    match status {
        Some(status) => format!("{says} It answered with {status}."),
        None => says.to_owned(),
    }
}

fn row(cx: &Cx<OrganizationManage>, hook: &Webhook) -> WebhookRow {
    let (tone, status) = match (hook.disabled, hook.failing_since) {
        (Some(at), _) => ("bad", format!("switched off on {}", When(at).day())),
        (None, Some(since)) => ("waiting", format!("failing since {}", When(since).text())),
        (None, None) => ("good", "on".to_owned()),
    };
    let last = hook.last.as_ref();
    let said = last.map(|last| format!("{}, {}", last.topic, ago(last.at, cx.now())));
    let problem =
        last.and_then(|last| last.problem.as_deref().map(|code| problem_says(code, last.status)));
    let base = format!("{}/webhooks/{}", cx.base(), hook.id);
    WebhookRow {
        name: hook.name.clone(),
        shown: hook.host.clone(),
        tone,
        status,
        last: said.unwrap_or_else(|| "nothing sent yet".to_owned()),
        problem: problem.unwrap_or_default(),
        test: format!("{base}/test"),
        remove: format!("{base}/remove"),
    }
}

/// Messages that the page shows; the API has more.
const SHOWN: usize = 20;

fn sent_row(one: &MessageRecord, hooks: &[Webhook]) -> SentRow {
    let (tone, status) = match (one.done, one.is_delivered()) {
        (Some(_), true) => ("good", "delivered".to_owned()),
        (Some(_), false) => ("bad", "given up".to_owned()),
        (None, _) if one.attempts == 0 => ("waiting", "on its way".to_owned()),
        (None, _) => ("waiting", format!("tried {}", plural(one.attempts.into(), "time", "times"))),
    };
    let hook = hooks.iter().find(|hook| Some(hook.id) == one.webhook);
    let problem = one.problem.as_deref().map(|code| match one.channel {
        Channel::Webhook => problem_says(code, one.answer),
        Channel::Mail => mail_says(code),
    });
    SentRow {
        at: When(one.created),
        about: one.topic.as_str().to_owned(),
        way: match (one.channel, hook) {
            (Channel::Mail, _) => "e-mail".to_owned(),
            (Channel::Webhook, Some(hook)) => format!("webhook {}", hook.name),
            (Channel::Webhook, None) => "a webhook that was removed".to_owned(),
        },
        tone,
        status,
        problem: problem.unwrap_or_default(),
    }
}

/// The code of what went wrong with a letter, for people who do not run the mail server.
fn mail_says(code: &str) -> String {
    match code {
        "recipient_refused" => "The mail server does not know the address.",
        "message_refused" => "The mail server does not take the letter.",
        _ => "The mail server could not take the letter.",
    }
    .to_owned()
}

async fn test_all(cx: Cx<OrganizationManage>, _: Fields) -> Result<Response> {
    cx.app().identity.notice_test(cx.scope()?).await?;
    Ok(done(&format!("{}/webhooks", cx.base()), "notice-test"))
}

async fn page(cx: &Cx<OrganizationManage>, sent: &Fields) -> DomainResult<Index> {
    let (identity, scope) = (&cx.app().identity, cx.scope()?);
    let hooks = identity.webhooks_list(scope).await?;
    let records = identity.messages_list(scope).await?;
    Ok(Index {
        action: format!("{}/webhooks", cx.base()),
        problems: Vec::new(),
        rows: hooks.iter().map(|hook| row(cx, hook)).collect(),
        sent: records.iter().take(SHOWN).map(|one| sent_row(one, &hooks)).collect(),
        test: format!("{}/notices/test", cx.base()),
        mail: cx.app().store.has_mail(),
        name: sent.field("name"),
        url: sent.field("url"),
        allow_private: sent.text("allow_private") == "yes",
    })
}

async fn index(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let page = page(&cx, &Fields::default()).await?;
    Ok(cx.page("Webhooks", page).await?)
}

async fn create(cx: Cx<OrganizationManage>, sent: Fields) -> Result<Response> {
    let entry = WebhookEntry {
        name: sent.text("name").to_owned(),
        url: sent.text("url").to_owned(),
        allow_private: sent.text("allow_private") == "yes",
    };
    match cx.app().identity.webhook_create(cx.scope()?, entry).await {
        Ok(made) => {
            let page = Created {
                name: made.webhook.name,
                secret: made.secret.expose().clone(),
                done: format!("{}/webhooks?done=webhook", cx.base()),
            };
            Ok(cx.page("Webhook added", page).await?)
        }
        Err(error) if super::mendable(&error) => {
            let mut page = page(&cx, &sent).await?;
            page.problems = marked(&mut page, &error);
            Ok(cx.again(&error, "Webhooks", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Marks the field that is wrong.
fn marked(page: &mut Index, error: &Error) -> Vec<Problem> {
    let wrong = |field: &mut Field| *field = field.clone().wrong(error.message());
    match error.code() {
        "invalid_name" => wrong(&mut page.name),
        "private_address" if error.kind() == Kind::Forbidden => {
            return vec![Problem::at("allow_private", error.message())];
        }
        "invalid_base_url" | "private_address" => wrong(&mut page.url),
        _ => return vec![Problem::whole(error.message())],
    }
    Problem::of(&[("name", &page.name), ("url", &page.url)])
}

async fn test(cx: Cx<OrganizationManage>, _: Fields) -> Result<Response> {
    let id: WebhookId = cx.id("webhook")?;
    cx.app().identity.webhook_test(cx.scope()?, id).await?;
    Ok(done(&format!("{}/webhooks", cx.base()), "webhook-test"))
}

fn question(cx: &Cx<OrganizationManage>, hook: &Webhook) -> Confirm {
    let all = format!("{}/webhooks", cx.base());
    Confirm {
        trail: vec![Link::new(all.clone(), "Webhooks", false)],
        heading: format!("Remove “{}”?", hook.name),
        problems: Vec::new(),
        facts: vec![
            Fact::new("Host", hook.host.clone()),
            Fact::new("Added", When(hook.created).text()),
        ],
        lost: "nothing is sent there any more, events that wait for it included. Its address and secret are wiped."
            .to_owned(),
        action: cx.asked().path.clone(),
        expected: hook.name.clone(),
        confirm: Field::default(),
        verb: "Remove webhook".to_owned(),
        cancel: all,
    }
}

async fn confirm(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let hook = cx.app().identity.webhook_fetch(cx.scope()?, cx.id("webhook")?).await?;
    let page = question(&cx, &hook);
    Ok(cx.page("Remove a webhook", page).await?)
}

async fn remove(cx: Cx<OrganizationManage>, form: Fields) -> Result<Response> {
    let hook = cx.app().identity.webhook_fetch(cx.scope()?, cx.id("webhook")?).await?;
    if let Some(again) = super::unconfirmed(&form, question(&cx, &hook)) {
        return Ok(cx.again(&super::not_confirmed(), "Remove a webhook", again).await?);
    }
    cx.app().identity.webhook_remove(cx.scope()?, hook.id).await?;
    Ok(done(&format!("{}/webhooks", cx.base()), "webhook-removed"))
}
