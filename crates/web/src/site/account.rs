//! One's own account.

use axum::response::Response;
use domain::{SessionId, tags::SignedIn};

use super::open::{leave, problems, with_session};
use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::account::{IdentityRow, Index, SessionRow},
    refusal::Result,
    route::Routes,
    view::{Field, When, ago},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/account", index)
        .post("/account/password", password)
        .post("/account/sessions/{session}/end", end)
        .post("/account/sign-out-everywhere", everywhere)
}

async fn page(cx: &Cx<SignedIn>) -> domain::Result<Index> {
    let session = cx.session()?;
    let identity = &cx.app().identity;
    let user = identity.account(session).await?;
    let now = cx.now();
    let sessions = identity.sessions_list(session).await?.into_iter().map(|row| SessionRow {
        created: When(row.created),
        seen: ago(row.seen, now),
        expires: When(row.expires),
        this: row.id == session.id(),
        end: format!("/account/sessions/{}/end", row.id),
    });
    let identities = cx.app().sign_on.identities_list(session).await?;
    let identities = identities.into_iter().map(|one| {
        let id = one.connection.id;
        IdentityRow {
            name: one.connection.name,
            organization: one.organization,
            linked: one.linked.map(|(since, used)| (When(since), ago(used, now))),
            action: match one.linked {
                Some(_) => format!("/account/identities/unlink/{id}"),
                None => format!("/account/identities/{id}/link"),
            },
        }
    });
    let identities: Vec<_> = identities.collect();
    Ok(Index {
        problems: Vec::new(),
        may_link: identities.iter().any(|one| one.linked.is_none()),
        identities,
        link_password: Field::default(),
        name: user.name,
        email: user.email,
        id: user.id.to_string(),
        operator: user.operator,
        second_factor: identity.second_factor(session).await?.since.map(When),
        has_password: identity.has_password(session).await?,
        current: Field::default(),
        password: Field::default(),
        sessions: sessions.collect(),
    })
}

async fn index(cx: Cx<SignedIn>, (): ()) -> Result<Response> {
    let page = page(&cx).await?;
    Ok(cx.page("Account", page).await?)
}

/// The page with what was wrong about linking or unlinking.
pub(super) async fn again(cx: &Cx<SignedIn>, error: &domain::Error) -> Result<Response> {
    let field = Field::default();
    let link_password =
        if error.code() == "wrong_password" { field.wrong(error.message()) } else { field };
    let problems = problems(&[("link_password", &link_password)], error);
    let page = Index { problems, link_password, ..page(cx).await? };
    Ok(cx.again(error, "Account", page).await?)
}

async fn password(cx: Cx<SignedIn>, form: Fields) -> Result<Response> {
    let changed = cx
        .app()
        .identity
        .password_change(
            cx.session()?,
            form.secret("current"),
            form.secret("password"),
            cx.address(),
        )
        .await;
    match changed {
        Ok(signed_in) => Ok(with_session(&cx, &signed_in, done("/account", "password"))),
        Err(error) if super::mendable(&error) => {
            let mark = |code| {
                let field = Field::default();
                if error.code() == code { field.wrong(error.message()) } else { field }
            };
            let (current, password) = (mark("wrong_password"), mark("weak_password"));
            let problems = problems(&[("current", &current), ("password", &password)], &error);
            let page = Index { problems, current, password, ..page(&cx).await? };
            Ok(cx.again(&error, "Account", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn end(cx: Cx<SignedIn>, _: Fields) -> Result<Response> {
    let id: SessionId = cx.id("session")?;
    let session = cx.session()?;
    let own = session.id() == id;
    cx.app().identity.session_end(session, id).await?;
    Ok(if own { leave(&cx) } else { done("/account", "session-ended") })
}

async fn everywhere(cx: Cx<SignedIn>, _: Fields) -> Result<Response> {
    cx.app().identity.sign_out_everywhere(cx.session()?).await?;
    Ok(leave(&cx))
}
