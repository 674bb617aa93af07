//! API keys of a project.

use axum::response::Response;
use domain::{
    KeyId, Permission, Timestamp,
    tags::{KeysManage, KeysRead},
};
use identity::{KeyScope, NewApiKey};
use store::{Key, Page};

use super::open::problems;
use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::{
        Confirm, Fact,
        keys::{Created, Index, KeyRow, New},
    },
    refusal::Result,
    route::Routes,
    view::{Choice, Field, Link, When, ago, count},
};

const ROWS: u32 = 100;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/p/{project}/keys", index)
        .get("/o/{org}/p/{project}/keys/new", new)
        .post("/o/{org}/p/{project}/keys", create)
        .get("/o/{org}/p/{project}/keys/{key}/revoke", confirm)
        .post("/o/{org}/p/{project}/keys/{key}/revoke", revoke)
}

/// All that is shown of a key after its creation.
pub(super) fn shown(key: &Key) -> String {
    format!("…{}", key.last_four)
}

pub(super) fn last_used(key: &Key, now: Timestamp) -> String {
    key.last_used.map_or_else(|| "never".to_owned(), |at| ago(at, now))
}

pub(super) fn row(key: &Key, now: Timestamp, base: &str, may_manage: bool) -> KeyRow {
    let expired = key.expires.is_some_and(|at| at <= now);
    let (tone, status) = match (key.revoked, expired) {
        (Some(_), _) => ("bad", "revoked"),
        (None, true) => ("quiet", "expired"),
        (None, false) => ("good", "active"),
    };
    let limit = key.requests_per_minute;
    KeyRow {
        name: key.name.clone(),
        shown: shown(key),
        limit: limit.map_or_else(
            || "none of its own".to_owned(),
            |most| format!("{} per minute", count(most.into())),
        ),
        created: When(key.created),
        expires: key.expires.map_or_else(|| "never".to_owned(), |at| When(at).day()),
        last_used: last_used(key, now),
        tone,
        status: status.to_owned(),
        revoke: (may_manage && key.revoked.is_none()).then(|| format!("{base}/{}/revoke", key.id)),
    }
}

async fn index(cx: Cx<KeysRead>, (): ()) -> Result<Response> {
    let project = cx.project()?;
    let base = cx.project_base();
    let after = cx.query().filled("after").map(str::to_owned);
    let listed =
        cx.app().identity.keys_list(cx.scope()?, project.id, &Page { after, limit: ROWS }).await?;
    let may_manage = cx.may(Permission::KeysManage, Some(project.id)) && project.archived.is_none();
    let (now, keys) = (cx.now(), format!("{base}/keys"));
    let page = Index {
        org_base: cx.base(),
        project: project.name.clone(),
        keys: listed.data.iter().map(|key| row(key, now, &keys, may_manage)).collect(),
        may_manage,
        next: listed.next.map(|after| format!("{keys}?after={after}")),
        base,
    };
    Ok(cx.page("API keys", page).await?)
}

pub(super) fn expiries(chosen: &str) -> Vec<Choice> {
    let chosen = if chosen.is_empty() { "90" } else { chosen };
    [("7", "in 7 days"), ("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year")]
        .into_iter()
        .map(|(value, label)| Choice::new(value, label).chosen(value == chosen))
        .collect()
}

/// The days chosen; what is no number is left to the default.
pub(super) fn days(form: &Fields) -> Option<u32> {
    form.filled("expires").and_then(|text| text.parse().ok())
}

fn form<P>(cx: &Cx<P>, form: &Fields) -> New {
    let keys = format!("{}/keys", cx.project_base());
    let project = cx.in_project().map_or("this project", |project| project.name.as_str());
    New {
        trail: vec![Link::new(keys.clone(), "API keys", false)],
        heading: "New key".to_owned(),
        purpose: format!("For one program that calls models in {project}."),
        problems: Vec::new(),
        name: form.field("name"),
        expires: expiries(form.text("expires")),
        limited: true,
        limit: form.field("limit"),
        action: keys.clone(),
        cancel: keys,
    }
}

async fn new(cx: Cx<KeysManage>, (): ()) -> Result<Response> {
    let page = form(&cx, &Fields::default());
    Ok(cx.page("New key", page).await?)
}

/// `None` for no limit; a text that is no number fails as a limit of 0 does.
fn limit(form: &Fields) -> Option<u32> {
    form.filled("limit").map(|text| text.replace([',', ' ', '.'], "").parse().unwrap_or(0))
}

async fn create(cx: Cx<KeysManage>, sent: Fields) -> Result<Response> {
    let new = NewApiKey {
        name: sent.text("name").to_owned(),
        scopes: vec![KeyScope::Inference, KeyScope::ModelsRead],
        expires_in: days(&sent),
        requests_per_minute: limit(&sent),
    };
    match cx.app().identity.key_create(cx.scope()?, cx.project()?.id, new).await {
        Ok(created) => {
            let url = &cx.app().public_url;
            let page = Created {
                name: created.key.name,
                secret: created.text.expose().clone(),
                snippet: format!(
                    "export PROBITY_KEY=…\ncurl {url}/v1/models -H \"authorization: Bearer $PROBITY_KEY\""
                ),
                done: format!("{}/keys?done=key-stored", cx.project_base()),
            };
            Ok(cx.page("Key created", page).await?)
        }
        Err(error) if super::mendable(&error) => {
            let page = form(&cx, &sent);
            let mark = |field: &Field, code: &str| {
                if error.code() == code {
                    field.clone().wrong(error.message())
                } else {
                    field.clone()
                }
            };
            let (name, limit) =
                (mark(&page.name, "invalid_name"), mark(&page.limit, "invalid_limit"));
            let problems = problems(&[("name", &name), ("limit", &limit)], &error);
            Ok(cx.again(&error, "New key", New { problems, name, limit, ..page }).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn own_key<P>(cx: &Cx<P>) -> domain::Result<Key> {
    let id: KeyId = cx.id("key")?;
    let key = cx.app().identity.key_fetch(cx.scope()?, id).await?;
    let here = cx.in_project().map(|project| project.id);
    if key.project == here { Ok(key) } else { Err(domain::Error::not_found("key")) }
}

fn question<P>(cx: &Cx<P>, key: &Key) -> Confirm {
    let keys = format!("{}/keys", cx.project_base());
    Confirm {
        trail: vec![Link::new(keys.clone(), "API keys", false)],
        heading: format!("Revoke “{}”?", key.name),
        problems: Vec::new(),
        facts: vec![
            Fact::mono("Key", shown(key)),
            Fact::new("Created", When(key.created).text()),
            Fact::new("Last used", last_used(key, cx.now())),
        ],
        lost: "every program that uses this key is refused within a second. A revoked key cannot be brought back. \
               Its past usage and its entries in the log stay."
            .to_owned(),
        action: cx.asked().path.clone(),
        expected: key.name.clone(),
        confirm: Field::default(),
        verb: "Revoke key".to_owned(),
        cancel: keys,
    }
}

async fn confirm(cx: Cx<KeysManage>, (): ()) -> Result<Response> {
    let page = question(&cx, &own_key(&cx).await?);
    Ok(cx.page("Revoke a key", page).await?)
}

async fn revoke(cx: Cx<KeysManage>, form: Fields) -> Result<Response> {
    let key = own_key(&cx).await?;
    if let Some(again) = super::unconfirmed(&form, question(&cx, &key)) {
        return Ok(cx.again(&super::not_confirmed(), "Revoke a key", again).await?);
    }
    cx.app().identity.key_revoke(cx.scope()?, key.id).await?;
    Ok(done(&format!("{}/keys", cx.project_base()), "key-revoked"))
}
