//! Signing in with an organization's identity provider: choosing it, leaving for it, and coming back.

use axum::response::{IntoResponse, Redirect, Response};
use domain::{
    ConnectionId, Error, Secret,
    tags::{Public, SignedIn as Account},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use identity::{Aim, Arrived, Callback, Leaving, Onward, SignInStep};

use super::open::{enter, invitation_page, with_session};
use crate::{
    Cx,
    cookies::Waiting,
    fields::Fields,
    page::{done, own_path},
    pages::{
        public::{Invited, Message},
        sso::{Choose, Going, Offer},
    },
    refusal::{self, Result},
    route::Routes,
    view::{Field, Link, Problem},
};

const TITLE: &str = "Sign in with your organization";

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/sign-in/sso", choose)
        .get("/sign-in/sso/{way}", offer)
        .post("/sign-in/sso/{way}", leave)
        .get("/sign-in/sso/{way}/callback", arrive)
        .post("/invitations/{token}/sso/{way}", join)
        .post("/account/identities/{connection}/link", link)
        .post("/account/identities/unlink/{way}", unlink)
}

/// A connection as everybody may see it: a way in. Whose it is is no secret, so it is not named as what belongs to one
/// organization is, of which nobody else may learn that it exists.
fn way<P>(cx: &Cx<P>) -> domain::Result<ConnectionId> {
    cx.id("way").map_err(|_| Error::not_found("connection"))
}

fn row(connection: &store::Connection) -> Offer {
    Offer { action: format!("/sign-in/sso/{}", connection.id), name: connection.name.clone() }
}

/// Which organizations offer what is no secret; who is in them is never said.
async fn choose(cx: Cx<Public>, (): ()) -> Result<Response> {
    let slug = cx.query().text("organization").trim().to_ascii_lowercase();
    let mut page = Choose {
        problems: Vec::new(),
        organization: Field::new(slug.clone()),
        offers: Vec::new(),
        next: own_path(cx.query().text("next")).to_owned(),
    };
    if !slug.is_empty() {
        let all = cx.app().sign_on.connections_of(&slug).await?;
        page.offers = all.iter().map(row).collect();
        if all.is_empty() {
            page.organization = page
                .organization
                .wrong("There is no organization of this short name with a sign-in of its own.");
            page.problems = Problem::of(&[("organization", &page.organization)]);
        }
    }
    Ok(cx.card(StatusCode::OK, TITLE, &page)?)
}

/// One button: an address that an organization can hand out. Nothing begins before it is pressed.
async fn offer(cx: Cx<Public>, (): ()) -> Result<Response> {
    let (connection, organization) = cx.app().sign_on.connection(way(&cx)?).await?;
    let page = Choose {
        problems: Vec::new(),
        organization: Field::new(organization.slug),
        offers: vec![row(&connection)],
        next: own_path(cx.query().text("next")).to_owned(),
    };
    Ok(cx.card(StatusCode::OK, TITLE, &page)?)
}

async fn leave(cx: Cx<Public>, form: Fields) -> Result<Response> {
    let onward = Onward {
        next: own_path(form.text("next")).to_owned(),
        stay: form.filled("stay").is_some(),
    };
    let id = way(&cx)?;
    let left = cx.app().sign_on.leave(id, (Aim::SignIn, onward), cx.address()).await;
    go(&cx, left)
}

async fn join(cx: Cx<Public>, form: Fields) -> Result<Response> {
    let token = Secret::new(cx.param("token").to_owned());
    // Whoever has no link learns nothing about the connection either.
    let page = invitation_page(&cx).await?;
    let aim = Aim::Join { token, name: form.text("join_name").to_owned() };
    let id = way(&cx)?;
    match cx.app().sign_on.leave(id, (aim, Onward::default()), cx.address()).await {
        Err(error) if error.code() == "invalid_name" => {
            let join_name = form.field("join_name").wrong(error.message());
            let problems = Problem::of(&[("join_name", &join_name)]);
            let page = Invited { problems, join_name, ..page };
            Ok(cx.card(refusal::status(error.kind()), "Invitation", &page)?)
        }
        left => go(&cx, left),
    }
}

async fn link(cx: Cx<Account>, form: Fields) -> Result<Response> {
    let given = (cx.id("connection")?, form.secret("link_password"));
    match cx.app().sign_on.link_begin(cx.session()?, given, cx.address()).await {
        Err(error) if error.code() == "wrong_password" => super::account::again(&cx, &error).await,
        left => go(&cx, left),
    }
}

async fn unlink(cx: Cx<Account>, _: Fields) -> Result<Response> {
    match cx.app().sign_on.unlink(cx.session()?, way(&cx)?).await {
        Ok(()) => Ok(done("/account", "identity-unlinked")),
        Err(error) if super::mendable(&error) => super::account::again(&cx, &error).await,
        Err(error) => Err(error.into()),
    }
}

/// Sends the browser away. The page that does is not the answer to a redirect: browsers hold the addresses that a form
/// leads to against the page's policy, and other hosts are not on it.
fn go<P>(cx: &Cx<P>, left: domain::Result<Leaving>) -> Result<Response> {
    let leaving = match left {
        Ok(leaving) => leaving,
        Err(error) if is_told(&error) => return failed(cx, &error),
        Err(error) => return Err(error.into()),
    };
    let page = Going { url: leaving.url.clone(), host: leaving.host };
    let mut answer = cx.card(StatusCode::OK, "On to your organization", &page)?;
    let headers = answer.headers_mut();
    let refresh =
        HeaderValue::from_str(&format!("0; url={}", leaving.url)).map_err(Error::internal)?;
    headers.insert(HeaderName::from_static("refresh"), refresh);
    let secure = cx.app().secure();
    if let Some(cookie) = Waiting::Flow.start(&leaving.token, (cx.now(), leaving.expires), secure) {
        headers.append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

async fn arrive(cx: Cx<Public>, (): ()) -> Result<Response> {
    let id: ConnectionId = way(&cx)?;
    let asked = cx.query();
    let one = |name: &str| asked.filled(name).map(str::to_owned);
    let back = Callback {
        state: one("state"),
        code: one("code"),
        issuer: one("iss"),
        refused: asked.filled("error").is_some(),
    };
    let who = (cx.somebody(), cx.address());
    let arrived = cx.app().sign_on.arrive(id, cx.asked().flow.as_ref(), back, who).await;
    let mut answer = match arrived {
        Ok(arrived) => onward(&cx, arrived),
        Err(error) if is_told(&error) => failed(&cx, &error)?,
        Err(error) => return Err(error.into()),
    };
    if let Some(cookie) = Waiting::Flow.end(cx.app().secure()) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

fn onward<P>(cx: &Cx<P>, arrived: Arrived) -> Response {
    match arrived {
        Arrived::In { step: SignInStep::Done(signed_in), next, .. } => {
            enter(cx, &signed_in, own_path(&next))
        }
        Arrived::In { step: SignInStep::SecondFactor(half), next, stay } => {
            super::second_factor::wait(cx, &half, (own_path(&next), stay))
        }
        Arrived::Linked { next } => Redirect::to(own_path(&next)).into_response(),
        Arrived::Joined { signed_in, slug } => {
            with_session(cx, &signed_in, done(&format!("/o/{slug}"), "joined"))
        }
    }
}

/// What the person is told on a page of its own.
fn is_told(error: &Error) -> bool {
    let code = error.code();
    code.starts_with("sso_")
        || [
            "identity_taken",
            "email_taken",
            "too_many_attempts",
            "link_invalid",
            "sign_in_again",
            "sign_in_otherwise",
        ]
        .contains(&code)
}

fn failed<P>(cx: &Cx<P>, error: &Error) -> Result<Response> {
    let todo = match error.code() {
        "sso_unknown" => {
            "If you have an account, sign in to it, open Account and link it there. If you have none, ask an admin of your organization for an invitation, and accept it with this sign-in."
        }
        "sso_not_member" => "Ask an admin of your organization for an invitation.",
        "email_taken" => {
            "Sign in to that account, open the invitation again, and link the sign-in of your organization under Account."
        }
        "link_invalid" => "Ask whoever sent the invitation for a new one.",
        "identity_taken" => "Sign in with the other account and remove the link there first.",
        "sign_in_again" => "Sign out, sign in, and try again.",
        "too_many_attempts" | "sso_disabled" => "",
        _ => {
            "Begin anew. If it happens again, tell an admin of your organization the code below: the page of the connection has a test."
        }
    };
    let home =
        if cx.somebody().is_some() { ("/account", "Account") } else { ("/sign-in", "Sign in") };
    let page = Message {
        heading: "You are not signed in".to_owned(),
        what: error.message().to_owned(),
        todo: todo.to_owned(),
        links: vec![Link::new(home.0, home.1, false)],
        code: error.code().to_owned(),
        request: cx.request().to_string(),
    };
    Ok(cx.card(refusal::status(error.kind()), TITLE, &page)?)
}
