//! Single sign-on of an organization: its connections to identity providers.

use axum::response::Response;
use domain::{ConnectionId, Error, Kind, Result as DomainResult, tags::OrganizationManage};
use identity::{ConnectionEdit, ConnectionEntry};
use store::{Connection, ConnectionKind};

use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::{
        Confirm, Fact,
        sso::{ConnectionRow, Index, Show, Tested},
    },
    refusal::Result,
    route::Routes,
    view::{Choice, Field, Link, Problem, When},
};

const TITLE: &str = "Single sign-on";

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/sign-on", index)
        .post("/o/{org}/sign-on", create)
        .get("/o/{org}/sign-on/{connection}", show)
        .post("/o/{org}/sign-on/{connection}", change)
        .post("/o/{org}/sign-on/{connection}/test", test)
        .get("/o/{org}/sign-on/{connection}/remove", confirm)
        .post("/o/{org}/sign-on/{connection}/remove", remove)
}

const fn kind_says(kind: ConnectionKind) -> &'static str {
    match kind {
        ConnectionKind::Entra => "Microsoft Entra ID",
        ConnectionKind::Google => "Google",
        ConnectionKind::Oidc => "Another provider",
    }
}

fn all(cx: &Cx<OrganizationManage>) -> String {
    format!("{}/sign-on", cx.base())
}

fn start(cx: &Cx<OrganizationManage>) -> DomainResult<String> {
    let slug = cx.scope()?.org_slug();
    Ok(format!("{}/sign-in/sso?organization={slug}", cx.app().public_url))
}

async fn page(cx: &Cx<OrganizationManage>, sent: &Fields) -> DomainResult<Index> {
    let rows = cx.app().identity.connections_list(cx.scope()?).await?;
    let row = |one: &Connection| ConnectionRow {
        href: format!("{}/{}", all(cx), one.id),
        name: one.name.clone(),
        issuer: one.issuer.clone(),
        tone: if one.disabled.is_none() { "good" } else { "bad" },
        status: if one.disabled.is_none() { "on" } else { "switched off" }.to_owned(),
    };
    let chosen = sent.filled("kind").unwrap_or("entra");
    let help = |kind| match kind {
        ConnectionKind::Entra => "The issuer is https://login.microsoftonline.com/TENANT-ID/v2.0.",
        ConnectionKind::Google => "Accounts of Google and of Google Workspace.",
        ConnectionKind::Oidc => {
            "Keycloak, Okta, Authentik and any other that speaks OpenID Connect."
        }
    };
    let kinds = ConnectionKind::ALL.map(|kind| {
        let choice = Choice::new(kind.as_str(), kind_says(kind)).help(help(kind));
        choice.chosen(kind.as_str() == chosen)
    });
    Ok(Index {
        action: all(cx),
        problems: Vec::new(),
        rows: rows.iter().map(row).collect(),
        start: start(cx)?,
        kinds: kinds.into(),
        name: sent.field("name"),
        issuer: sent.field("issuer"),
        client_id: sent.field("client_id"),
        secret: Field::default(),
        context: sent.field("context"),
        trusts_second_factor: sent.text("trusts_second_factor") == "yes",
        allow_private: sent.text("allow_private") == "yes",
    })
}

async fn index(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let page = page(&cx, &Fields::default()).await?;
    Ok(cx.page(TITLE, page).await?)
}

async fn create(cx: Cx<OrganizationManage>, sent: Fields) -> Result<Response> {
    let entry = ConnectionEntry {
        kind: sent.text("kind").to_owned(),
        name: sent.text("name").to_owned(),
        issuer: sent.text("issuer").to_owned(),
        client_id: sent.text("client_id").to_owned(),
        secret: sent.secret("secret"),
        allow_private: sent.text("allow_private") == "yes",
        trusts_second_factor: sent.text("trusts_second_factor") == "yes",
        context: sent.text("context").to_owned(),
    };
    match cx.app().identity.connection_create(cx.scope()?, entry).await {
        Ok(made) => Ok(done(&format!("{}/{}", all(&cx), made.id), "connection")),
        Err(error) if super::mendable(&error) => {
            let mut page = page(&cx, &sent).await?;
            let [name, issuer, client_id, secret, context] = [
                &mut page.name,
                &mut page.issuer,
                &mut page.client_id,
                &mut page.secret,
                &mut page.context,
            ];
            page.problems = marked(
                &error,
                [
                    ("name", name),
                    ("issuer", issuer),
                    ("client_id", client_id),
                    ("secret", secret),
                    ("context", context),
                ],
            );
            Ok(cx.again(&error, TITLE, page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Marks the field that is wrong, and says so in the summary.
fn marked<const N: usize>(error: &Error, fields: [(&'static str, &mut Field); N]) -> Vec<Problem> {
    let wanted = match error.code() {
        "invalid_name" => "name",
        "private_address" if error.kind() == Kind::Forbidden => {
            return vec![Problem::at("allow_private", error.message())];
        }
        "invalid_issuer" | "private_address" => "issuer",
        "invalid_client_id" => "client_id",
        "invalid_client_secret" => "secret",
        "invalid_context" => "context",
        "invalid_kind" => return vec![Problem::at("kind", error.message())],
        _ => return vec![Problem::whole(error.message())],
    };
    for (name, field) in fields {
        if name == wanted {
            *field = field.clone().wrong(error.message());
        }
    }
    vec![Problem::at(wanted, error.message())]
}

async fn fetched(cx: &Cx<OrganizationManage>) -> DomainResult<Connection> {
    cx.app().identity.connection_fetch(cx.scope()?, cx.id("connection")?).await
}

fn one(cx: &Cx<OrganizationManage>, found: &Connection) -> DomainResult<Show> {
    Ok(Show {
        all: all(cx),
        here: format!("{}/{}", all(cx), found.id),
        problems: Vec::new(),
        tested: None,
        heading: found.name.clone(),
        kind: kind_says(found.kind).to_owned(),
        issuer: found.issuer.clone(),
        redirect_uri: cx.app().sign_on.redirect_uri(found.id),
        start: start(cx)?,
        created: When(found.created),
        enabled: found.disabled.is_none(),
        name: Field::new(found.name.clone()),
        client_id: Field::new(found.client_id.clone()),
        secret: Field::default(),
        context: Field::new(found.context.clone().unwrap_or_default()),
        trusts_second_factor: found.trusts_second_factor,
    })
}

async fn show(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let page = one(&cx, &fetched(&cx).await?)?;
    Ok(cx.page(TITLE, page).await?)
}

async fn change(cx: Cx<OrganizationManage>, sent: Fields) -> Result<Response> {
    let found = fetched(&cx).await?;
    let edit = ConnectionEdit {
        name: Some(sent.text("name").to_owned()),
        client_id: Some(sent.text("client_id").to_owned()),
        secret: sent.filled("secret").map(|_| sent.secret("secret")),
        trusts_second_factor: Some(sent.text("trusts_second_factor") == "yes"),
        context: Some(sent.text("context").to_owned()),
        enabled: Some(sent.text("enabled") == "yes"),
    };
    match cx.app().identity.connection_change(cx.scope()?, found.id, edit).await {
        Ok(()) => Ok(done(&format!("{}/{}", all(&cx), found.id), "saved")),
        Err(error) if super::mendable(&error) => {
            let mut page = Show {
                name: sent.field("name"),
                client_id: sent.field("client_id"),
                context: sent.field("context"),
                ..one(&cx, &found)?
            };
            let (name, client_id) = (&mut page.name, &mut page.client_id);
            let fields = [
                ("name", name),
                ("client_id", client_id),
                ("secret", &mut page.secret),
                ("context", &mut page.context),
            ];
            page.problems = marked(&error, fields);
            Ok(cx.again(&error, TITLE, page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn test(cx: Cx<OrganizationManage>, _: Fields) -> Result<Response> {
    let found = fetched(&cx).await?;
    let tested = match cx.app().sign_on.test(cx.scope()?, found.id).await? {
        Ok(()) => Tested {
            good: true,
            says: "The provider answers, is who it should be, and takes the client. Whether the redirect URI is registered shows when somebody signs in.".to_owned(),
            code: String::new(),
        },
        Err(problem) => {
            Tested { good: false, says: problem.says.to_owned(), code: problem.code.to_owned() }
        }
    };
    let page = Show { tested: Some(tested), ..one(&cx, &found)? };
    Ok(cx.page(TITLE, page).await?)
}

fn question(cx: &Cx<OrganizationManage>, found: &Connection) -> Confirm {
    let here = format!("{}/{}", all(cx), found.id);
    Confirm {
        trail: vec![Link::new(all(cx), TITLE, false)],
        heading: format!("Remove “{}”?", found.name),
        problems: Vec::new(),
        facts: vec![
            Fact::new("Issuer", found.issuer.clone()),
            Fact::new("Added", When(found.created).text()),
        ],
        lost: "nobody signs in with it any more, and the sessions that it opened end. Whoever has no password here cannot come back until they are invited again."
            .to_owned(),
        action: cx.asked().path.clone(),
        expected: found.name.clone(),
        confirm: Field::default(),
        verb: "Remove connection".to_owned(),
        cancel: here,
    }
}

async fn confirm(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let page = question(&cx, &fetched(&cx).await?);
    Ok(cx.page("Remove a connection", page).await?)
}

async fn remove(cx: Cx<OrganizationManage>, form: Fields) -> Result<Response> {
    let found = fetched(&cx).await?;
    if let Some(again) = super::unconfirmed(&form, question(&cx, &found)) {
        return Ok(cx.again(&super::not_confirmed(), "Remove a connection", again).await?);
    }
    let id: ConnectionId = found.id;
    cx.app().identity.connection_remove(cx.scope()?, id).await?;
    Ok(done(&all(&cx), "connection-removed"))
}
