//! Single sign-on: connections to identity providers.

use axum::response::Response;
use domain::{ConnectionId, Secret, Timestamp, tags::OrganizationManage};
use identity::{ConnectionEdit, ConnectionEntry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{created, gone, one, whole};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let (all, each) = ("/api/v1/connections", "/api/v1/connections/{connection}");
    Routes::new()
        .api(
            "GET",
            all,
            Operation::new("Connections for single sign-on").lists::<Connection>(),
            index,
        )
        .api(
            "POST",
            all,
            Operation::new("Add a connection").takes::<NewConnection>().creates::<Connection>(),
            create,
        )
        .api("GET", each, Operation::new("One connection").gives::<Connection>(), fetch)
        .api(
            "PATCH",
            each,
            Operation::new("Change it; switched off, the sessions that it opened end")
                .takes::<ConnectionPatch>()
                .gives::<Connection>(),
            change,
        )
        .api(
            "POST",
            "/api/v1/connections/{connection}/test",
            Operation::new("Try it without anybody signing in").gives::<Test>(),
            test,
        )
        .api("DELETE", each, Operation::new("Remove it, and whom it knows").removes(), remove)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewConnection {
    /// `entra`, `google` or `oidc`.
    kind: String,
    name: String,
    /// To the letter; empty for Google.
    #[serde(default)]
    issuer: String,
    client_id: String,
    client_secret: String,
    /// The provider is in the own network; only operators may say so.
    #[serde(default)]
    allow_private: bool,
    /// A second factor that was shown there counts here.
    #[serde(default)]
    trusts_second_factor: bool,
    /// The value of `acr` or `acrs` that stands for a second factor there.
    #[serde(default)]
    context: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConnectionPatch {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default)]
    trusts_second_factor: Option<bool>,
    /// Empty for none.
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Connection {
    id: String,
    kind: &'static str,
    name: String,
    issuer: String,
    client_id: String,
    allow_private: bool,
    trusts_second_factor: bool,
    context: Option<String>,
    /// Where the provider may send people back to.
    redirect_uri: String,
    created: String,
    /// When it was switched off; null when it is on.
    disabled: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Test {
    passed: bool,
    /// What is wrong; null when nothing is.
    code: Option<&'static str>,
    /// The same in a sentence.
    says: Option<&'static str>,
}

fn shown(cx: &Cx<OrganizationManage>, row: store::Connection) -> Connection {
    Connection {
        id: row.id.to_string(),
        kind: row.kind.as_str(),
        redirect_uri: cx.app().sign_on.redirect_uri(row.id),
        name: row.name,
        issuer: row.issuer,
        client_id: row.client_id,
        allow_private: row.allow_private,
        trusts_second_factor: row.trusts_second_factor,
        context: row.context,
        created: row.created.rfc3339(),
        disabled: row.disabled.map(Timestamp::rfc3339),
    }
}

async fn index(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let all = cx.app().identity.connections_list(cx.scope()?).await?;
    let all: Vec<_> = all.into_iter().map(|row| shown(&cx, row)).collect();
    Ok(whole::<_, Connection>(all))
}

async fn create(cx: Cx<OrganizationManage>, Json(new): Json<NewConnection>) -> Result<Response> {
    let entry = ConnectionEntry {
        kind: new.kind,
        name: new.name,
        issuer: new.issuer,
        client_id: new.client_id,
        secret: Secret::new(new.client_secret),
        allow_private: new.allow_private,
        trusts_second_factor: new.trusts_second_factor,
        context: new.context,
    };
    let made = cx.app().identity.connection_create(cx.scope()?, entry).await?;
    Ok(created(shown(&cx, made)))
}

async fn fetch(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let id: ConnectionId = cx.id("connection")?;
    Ok(one(shown(&cx, cx.app().identity.connection_fetch(cx.scope()?, id).await?)))
}

async fn change(
    cx: Cx<OrganizationManage>,
    Json(patch): Json<ConnectionPatch>,
) -> Result<Response> {
    let id: ConnectionId = cx.id("connection")?;
    let edit = ConnectionEdit {
        name: patch.name,
        client_id: patch.client_id,
        secret: patch.client_secret.map(Secret::new),
        trusts_second_factor: patch.trusts_second_factor,
        context: patch.context,
        enabled: patch.enabled,
    };
    cx.app().identity.connection_change(cx.scope()?, id, edit).await?;
    Ok(one(shown(&cx, cx.app().identity.connection_fetch(cx.scope()?, id).await?)))
}

async fn test(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let id: ConnectionId = cx.id("connection")?;
    let problem = cx.app().sign_on.test(cx.scope()?, id).await?.err();
    let (code, says) = (problem.map(|one| one.code), problem.map(|one| one.says));
    Ok(one(Test { passed: problem.is_none(), code, says }))
}

async fn remove(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let id: ConnectionId = cx.id("connection")?;
    cx.app().identity.connection_remove(cx.scope()?, id).await?;
    Ok(gone())
}
