//! The second factor: the second half of signing in, and setting an app up, showing it, renewing codes, removing it.

use axum::response::{IntoResponse, Redirect, Response};
use domain::{
    Error, Secret,
    tags::{Public, SignedIn as Account},
};
use http::{StatusCode, header};
use identity::{Half, NewAuthenticator};

use super::open::{enter, mendable, problems, with_session};
use crate::{
    Cx,
    cookies::Waiting,
    fields::Fields,
    page::{done, own_path},
    pages::second_factor::{Codes, Have, SetUp, Show, SignIn},
    refusal::{self, Result},
    route::Routes,
    view::{Field, Qr, When},
};

const PAGE: &str = "/account/second-factor";
/// A sign-in that took too long between password and code, or never began.
pub(crate) const OVER: &str = "half_sign_in_over";
const TITLE: &str = "Second factor";

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/sign-in/second-factor", ask)
        .post("/sign-in/second-factor", ask_carry)
        .get("/account/second-factor", index)
        .post("/account/second-factor", set_up)
        .post("/account/second-factor/show", show)
        .post("/account/second-factor/codes", codes)
        .post("/account/second-factor/remove", remove)
}

/// Where a second factor is set up or shown before going on to `next`.
pub(crate) fn path(next: &str) -> String {
    format!("{PAGE}?{}", query(next))
}

pub(super) fn query(next: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish()
}

/// The password was right: on to the second factor.
pub(super) fn wait<P>(cx: &Cx<P>, half: &Half, (next, stay): (&str, bool)) -> Response {
    let stay = if stay { "&stay=yes" } else { "" };
    let to = format!("/sign-in/second-factor?{}{stay}", query(next));
    let mut answer = Redirect::to(&to).into_response();
    let secure = cx.app().secure();
    if let Some(cookie) = Waiting::Half.start(&half.token, (cx.now(), half.expires), secure) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

fn over() -> Error {
    Error::unauthenticated("No sign-in waits for a second factor here. Begin anew.").with_code(OVER)
}

fn sign_in_page(next: &str, asked: &Fields) -> SignIn {
    let (recovery, stay) = (asked.text("with") == "recovery", asked.filled("stay").is_some());
    let other = if recovery { "" } else { "&with=recovery" };
    let kept = if stay { "&stay=yes" } else { "" };
    SignIn {
        problems: Vec::new(),
        code: Field::default(),
        next: next.to_owned(),
        recovery,
        stay,
        other: format!("/sign-in/second-factor?{}{other}{kept}", query(next)),
    }
}

async fn ask(cx: Cx<Public>, (): ()) -> Result<Response> {
    let waits = match &cx.asked().half {
        Some(token) => cx.app().identity.half_sign_in_waits(token).await?,
        None => false,
    };
    if !waits {
        return Err(over().into());
    }
    let next = own_path(cx.query().text("next"));
    let page = sign_in_page(next, cx.query());
    Ok(cx.card(StatusCode::OK, "Sign in", &page)?)
}

async fn ask_carry(cx: Cx<Public>, form: Fields) -> Result<Response> {
    let next = own_path(form.text("next"));
    let identity = &cx.app().identity;
    let token = cx.asked().half.as_ref().ok_or_else(over)?;
    let given = (form.text("code"), form.filled("stay").is_some());
    match identity.sign_in_finish(token, given, cx.address()).await {
        Ok(signed_in) => {
            let mut answer = enter(&cx, &signed_in, next);
            if let Some(cookie) = Waiting::Half.end(cx.app().secure()) {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(answer)
        }
        Err(error) if mendable(&error) && error.code() != OVER => {
            let code = marked("wrong_code", &error);
            let problems = problems(&[("code", &code)], &error);
            let page = SignIn { problems, code, ..sign_in_page(next, &form) };
            Ok(cx.card(refusal::status(error.kind()), "Sign in", &page)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// An empty field, marked if the error is about it. Codes and passwords are never shown again.
pub(super) fn marked(code: &str, error: &Error) -> Field {
    let field = Field::default();
    if error.code() == code { field.wrong(error.message()) } else { field }
}

async fn index(cx: Cx<Account>, (): ()) -> Result<Response> {
    let session = cx.session()?;
    let identity = &cx.app().identity;
    let next = own_path(cx.query().text("next")).to_owned();
    let state = identity.second_factor(session).await?;
    match (state.since, session.second()) {
        (None, _) => {
            let offer = identity.authenticator_offer(session).await?;
            let page = set_up_page(&cx, offer, next).await?;
            Ok(cx.page(TITLE, page).await?)
        }
        (Some(_), None) => Ok(cx.page(TITLE, Show::new(next)).await?),
        (Some(_), Some(_)) => Ok(cx.page(TITLE, have(&cx).await?).await?),
    }
}

async fn set_up_page(
    cx: &Cx<Account>,
    offer: NewAuthenticator,
    next: String,
) -> domain::Result<SetUp> {
    Ok(SetUp {
        has_password: cx.app().identity.has_password(cx.session()?).await?,
        problems: Vec::new(),
        qr: Qr::of(offer.address.expose())?,
        shown: grouped(&offer.seed),
        seed: offer.seed.expose().clone(),
        needed: cx.app().identity.asks_for_second_factor(),
        code: Field::default(),
        password: Field::default(),
        next,
    })
}

/// In groups of four, as people copy it.
fn grouped(seed: &Secret<String>) -> String {
    let letters: Vec<char> = seed.expose().chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

async fn have(cx: &Cx<Account>) -> domain::Result<Have> {
    let session = cx.session()?;
    let state = cx.app().identity.second_factor(session).await?;
    Ok(Have {
        problems: Vec::new(),
        since: When(state.since.unwrap_or_else(|| cx.now())),
        left: state.recovery_codes_left,
        code: Field::default(),
        needed: cx.app().identity.asks_for_second_factor(),
    })
}

fn codes_page(codes: Vec<Secret<String>>, next: &str) -> Codes {
    let codes = codes.iter().map(|code| code.expose().clone()).collect();
    Codes { codes, next: next.to_owned() }
}

async fn set_up(cx: Cx<Account>, form: Fields) -> Result<Response> {
    let (session, identity) = (cx.session()?, &cx.app().identity);
    let next = own_path(form.text("next")).to_owned();
    let seed = form.secret("seed");
    let given = (&seed, form.text("code"));
    match identity.authenticator_set(session, given, form.secret("password"), cx.address()).await {
        Ok((signed_in, codes)) => {
            let page = cx.page("Recovery codes", codes_page(codes, &next)).await?;
            Ok(with_session(&cx, &signed_in, page))
        }
        Err(error) if error.code() == "second_factor_exists" => {
            Ok(Redirect::to(&path(&next)).into_response())
        }
        Err(error) if super::mendable(&error) && error.code() != "invalid_seed" => {
            let offer = identity.authenticator_offer_again(session, &seed).await?;
            let (code, password) = (marked("wrong_code", &error), marked("wrong_password", &error));
            let problems = problems(&[("code", &code), ("password", &password)], &error);
            let page = SetUp { problems, code, password, ..set_up_page(&cx, offer, next).await? };
            Ok(cx.again(&error, TITLE, page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn show(cx: Cx<Account>, form: Fields) -> Result<Response> {
    let next = own_path(form.text("next")).to_owned();
    let shown =
        cx.app().identity.second_factor_show(cx.session()?, form.text("code"), cx.address());
    match shown.await {
        Ok(signed_in) => Ok(with_session(&cx, &signed_in, Redirect::to(&next).into_response())),
        Err(error) if super::mendable(&error) => {
            let code = marked("wrong_code", &error);
            let problems = problems(&[("code", &code)], &error);
            Ok(cx.again(&error, TITLE, Show { problems, code, ..Show::new(next) }).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn codes(cx: Cx<Account>, form: Fields) -> Result<Response> {
    let made =
        cx.app().identity.recovery_codes_renew(cx.session()?, form.text("code"), cx.address());
    match made.await {
        Ok(codes) => Ok(cx.page("Recovery codes", codes_page(codes, PAGE)).await?),
        Err(error) => again(&cx, error).await,
    }
}

async fn remove(cx: Cx<Account>, form: Fields) -> Result<Response> {
    let removed =
        cx.app().identity.authenticator_remove(cx.session()?, form.text("code"), cx.address());
    match removed.await {
        Ok(signed_in) => {
            Ok(with_session(&cx, &signed_in, done("/account", "second-factor-removed")))
        }
        Err(error) => again(&cx, error).await,
    }
}

/// The page of somebody who has a second factor, with what was wrong with the code.
async fn again(cx: &Cx<Account>, error: Error) -> Result<Response> {
    if !super::mendable(&error) {
        return Err(error.into());
    }
    let code = marked("wrong_code", &error);
    let problems = problems(&[("code", &code)], &error);
    let page = Have { problems, code, ..have(cx).await? };
    Ok(cx.again(&error, TITLE, page).await?)
}
