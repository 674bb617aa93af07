//! The organization's name and its admin keys.

use axum::response::Response;
use domain::{
    KeyId, Permission, SignInPolicy,
    tags::{AdminKeysManage, OrganizationManage, OrganizationRead},
};
use identity::NewAdminKey;
use store::Page;

use super::{keys, open::problems};
use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::{
        Confirm, Fact,
        keys::{Created, New},
        organization::Settings,
    },
    refusal::Result,
    route::Routes,
    view::{Field, Link, When},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/settings", show)
        .post("/o/{org}/settings", rename)
        .post("/o/{org}/settings/sign-in", sign_in_policy)
        .get("/o/{org}/settings/admin-keys/new", new)
        .post("/o/{org}/settings/admin-keys", create)
        .get("/o/{org}/settings/admin-keys/{admin_key}/revoke", confirm)
        .post("/o/{org}/settings/admin-keys/{admin_key}/revoke", revoke)
}

async fn page<P>(cx: &Cx<P>) -> domain::Result<Settings> {
    let (scope, base) = (cx.scope()?, cx.base());
    let identity = &cx.app().identity;
    let organization = identity.organization(scope).await?;
    let may_admin_keys = cx.may(Permission::AdminKeysManage, None);
    let keys = if may_admin_keys {
        identity.admin_keys_list(scope, &Page::first(200)).await?.data
    } else {
        Vec::new()
    };
    let may_manage = cx.may(Permission::OrganizationManage, None);
    let without = if may_manage {
        let (without, all) = identity.members_without_second_factor(scope).await?;
        match (without, all) {
            (0, _) => "Every member has one.".to_owned(),
            (without, all) => format!("{without} of {all} members have none yet."),
        }
    } else {
        String::new()
    };
    let now = cx.now();
    let row = |key: &store::Key| keys::row(key, now, &format!("{base}/settings/admin-keys"), true);
    Ok(Settings {
        problems: Vec::new(),
        name: Field::new(organization.name),
        slug: organization.slug,
        id: organization.id.to_string(),
        created: When(organization.created),
        may_manage,
        second_factor: organization.policy.second_factor,
        without,
        hours: Field::new(
            organization.policy.session_hours.map(|hours| hours.to_string()).unwrap_or_default(),
        ),
        may_admin_keys,
        keys: keys.iter().map(row).collect(),
        base,
    })
}

async fn show(cx: Cx<OrganizationRead>, (): ()) -> Result<Response> {
    let page = page(&cx).await?;
    Ok(cx.page("Settings", page).await?)
}

async fn rename(cx: Cx<OrganizationManage>, form: Fields) -> Result<Response> {
    match cx.app().identity.organization_rename(cx.scope()?, form.text("name")).await {
        Ok(()) => Ok(done(&format!("{}/settings", cx.base()), "saved")),
        Err(error) if super::mendable(&error) => {
            let name = form.field("name").wrong(error.message());
            let problems = problems(&[("name", &name)], &error);
            let page = Settings { problems, name, ..page(&cx).await? };
            Ok(cx.again(&error, "Settings", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn sign_in_policy(cx: Cx<OrganizationManage>, form: Fields) -> Result<Response> {
    let second_factor = form.filled("second_factor").is_some();
    let hours = form.filled("session_hours").map(str::parse::<u32>).transpose();
    // What is no number is as wrong as a number that is too large.
    let session_hours = hours.unwrap_or(Some(0));
    let policy = SignInPolicy { second_factor, session_hours };
    match cx.app().identity.sign_in_policy_set(cx.scope()?, cx.somebody(), policy).await {
        Ok(()) => Ok(done(&format!("{}/settings", cx.base()), "saved")),
        Err(error) if super::mendable(&error) => {
            let field = form.field("session_hours");
            let about = error.code() == "invalid_session_hours";
            let hours = if about { field.wrong(error.message()) } else { field };
            let problems = problems(&[("session_hours", &hours)], &error);
            let page = Settings { problems, hours, second_factor, ..page(&cx).await? };
            Ok(cx.again(&error, "Settings", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

fn form<P>(cx: &Cx<P>, form: &Fields) -> New {
    let settings = format!("{}/settings", cx.base());
    New {
        trail: vec![Link::new(settings.clone(), "Settings", false)],
        heading: "New admin key".to_owned(),
        purpose: "It acts as an admin of this organization, for programs. It cannot call models."
            .to_owned(),
        problems: Vec::new(),
        action: format!("{settings}/admin-keys"),
        name: form.field("name"),
        expires: keys::expiries(form.text("expires")),
        limited: false,
        limit: Field::default(),
        cancel: settings,
    }
}

async fn new(cx: Cx<AdminKeysManage>, (): ()) -> Result<Response> {
    let page = form(&cx, &Fields::default());
    Ok(cx.page("New admin key", page).await?)
}

async fn create(cx: Cx<AdminKeysManage>, sent: Fields) -> Result<Response> {
    let new = NewAdminKey { name: sent.text("name").to_owned(), expires_in: keys::days(&sent) };
    match cx.app().identity.admin_key_create(cx.scope()?, new).await {
        Ok(created) => {
            let page = Created {
                name: created.key.name,
                secret: created.text.expose().clone(),
                snippet: format!(
                    "export PROBITY_ADMIN_KEY=…\ncurl {}/api/v1/projects -H \"authorization: Bearer $PROBITY_ADMIN_KEY\"",
                    cx.app().public_url
                ),
                done: format!("{}/settings?done=key-stored", cx.base()),
            };
            Ok(cx.page("Key created", page).await?)
        }
        Err(error) if super::mendable(&error) => {
            let page = form(&cx, &sent);
            let name = page.name.clone().wrong(error.message());
            let problems = problems(&[("name", &name)], &error);
            Ok(cx.again(&error, "New admin key", New { problems, name, ..page }).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn admin_key<P>(cx: &Cx<P>) -> domain::Result<store::Key> {
    let id: KeyId = cx.id("admin_key")?;
    let key = cx.app().identity.key_fetch(cx.scope()?, id).await?;
    if key.project.is_some() { Err(domain::Error::not_found("key")) } else { Ok(key) }
}

fn question<P>(cx: &Cx<P>, key: &store::Key) -> Confirm {
    let settings = format!("{}/settings", cx.base());
    Confirm {
        trail: vec![Link::new(settings.clone(), "Settings", false)],
        heading: format!("Revoke “{}”?", key.name),
        problems: Vec::new(),
        facts: vec![
            Fact::mono("Key", keys::shown(key)),
            Fact::new("Created", When(key.created).text()),
            Fact::new("Last used", keys::last_used(key, cx.now())),
        ],
        lost: "every program that manages this organization with this key is refused within a second. \
               A revoked key cannot be brought back. What it did stays in the log."
            .to_owned(),
        action: cx.asked().path.clone(),
        expected: key.name.clone(),
        confirm: Field::default(),
        verb: "Revoke key".to_owned(),
        cancel: settings,
    }
}

async fn confirm(cx: Cx<AdminKeysManage>, (): ()) -> Result<Response> {
    let page = question(&cx, &admin_key(&cx).await?);
    Ok(cx.page("Revoke a key", page).await?)
}

async fn revoke(cx: Cx<AdminKeysManage>, form: Fields) -> Result<Response> {
    let key = admin_key(&cx).await?;
    if let Some(again) = super::unconfirmed(&form, question(&cx, &key)) {
        return Ok(cx.again(&super::not_confirmed(), "Revoke a key", again).await?);
    }
    cx.app().identity.key_revoke(cx.scope()?, key.id).await?;
    Ok(done(&format!("{}/settings", cx.base()), "key-revoked"))
}
