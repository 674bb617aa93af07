//! Before anybody is signed in: first operator, sign-in, invitations; and the choice of theme.

use axum::response::{IntoResponse, Redirect, Response};
use domain::{Error, Kind, Secret, tags::Public, tags::SignedIn as Account};
use http::{HeaderName, HeaderValue, StatusCode, header};
use identity::{NewAccount, SignIn, SignInStep, SignedIn};

use super::{email_code, second_factor};
use crate::{
    Cx, cookies,
    fields::Fields,
    page::{done, own_path},
    pages::{public, sso::Offer},
    refusal::{self, Result},
    route::Routes,
    view::{Field, Problem, Theme, When},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/sign-in", sign_in)
        .post("/sign-in", sign_in_carry)
        .post("/sign-out", sign_out)
        .get("/setup/{token}", setup)
        .post("/setup/{token}", setup_carry)
        .get("/invitations/{token}", invitation)
        .post("/invitations/{token}", invitation_carry)
        .post("/theme", theme)
}

async fn sign_in(cx: Cx<Public>, (): ()) -> Result<Response> {
    let next = own_path(cx.query().text("next"));
    if cx.somebody().is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    let fresh = !cx.app().identity.operator_exists().await?;
    let codes = cx.app().identity.offers_codes();
    let page = public::SignIn { next: next.to_owned(), fresh, codes, ..Default::default() };
    Ok(cx.card(StatusCode::OK, "Sign in", &page)?)
}

async fn sign_in_carry(cx: Cx<Public>, form: Fields) -> Result<Response> {
    let next = own_path(form.text("next")).to_owned();
    let attempt = SignIn {
        email: form.text("email").to_owned(),
        password: form.secret("password"),
        address: cx.address(),
        stay: form.filled("stay").is_some(),
    };
    let stay = attempt.stay;
    match cx.app().identity.sign_in(attempt).await {
        Ok(SignInStep::Done(signed_in)) => Ok(enter(&cx, &signed_in, &next)),
        Ok(SignInStep::SecondFactor(half)) => Ok(second_factor::wait(&cx, &half, (&next, stay))),
        Err(error) if mendable(&error) => {
            let page = public::SignIn {
                problems: vec![Problem::whole(error.message())],
                email: form.field("email"),
                stay,
                next,
                codes: cx.app().identity.offers_codes(),
                ..Default::default()
            };
            Ok(cx.card(refusal::status(error.kind()), "Sign in", &page)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The person can do something about it in the form.
pub(super) fn mendable(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Invalid | Kind::Unauthenticated | Kind::Limited | Kind::Conflict | Kind::Unavailable
    )
}

/// A new session goes into the cookie, and on to a page.
pub(super) fn enter<P>(cx: &Cx<P>, signed_in: &SignedIn, next: &str) -> Response {
    with_session(cx, signed_in, Redirect::to(next).into_response())
}

/// An answer after which the browser goes on with this session.
pub(super) fn with_session<P>(cx: &Cx<P>, signed_in: &SignedIn, mut answer: Response) -> Response {
    if let Some(cookie) = cookies::start(signed_in, cx.now(), cx.app().secure()) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

/// Makes the browser forget everything it kept of the session.
pub(super) fn leave<P>(cx: &Cx<P>) -> Response {
    let mut answer = done("/sign-in", "signed-out");
    let headers = answer.headers_mut();
    if let Some(cookie) = cookies::end(cx.app().secure()) {
        headers.append(header::SET_COOKIE, cookie);
    }
    // Pages are never cached, so there is no cache to clear, which some browsers do slowly.
    let kept = HeaderValue::from_static("\"storage\"");
    headers.insert(HeaderName::from_static("clear-site-data"), kept);
    answer
}

async fn sign_out(cx: Cx<Account>, _: Fields) -> Result<Response> {
    cx.app().identity.sign_out(cx.session()?).await?;
    Ok(leave(&cx))
}

fn token<P>(cx: &Cx<P>) -> Secret<String> {
    Secret::new(cx.param("token").to_owned())
}

/// Whom to ask for another link.
const NEW_OPERATOR_LINK: &str =
    "Whoever runs the server can print a new one: probity admin operator-link.";
const NEW_INVITATION: &str = "Ask whoever sent it for a new one.";

fn dead_link(advice: &str) -> Error {
    let message = format!("It was used, has expired, or never existed. {advice}");
    Error::new(Kind::NotFound, message).with_code("link_invalid")
}

/// The error, with advice when it is about the link.
fn with_advice(error: Error, advice: &str) -> Error {
    if error.code() == "link_invalid" { dead_link(advice) } else { error }
}

async fn setup(cx: Cx<Public>, (): ()) -> Result<Response> {
    if !cx.app().identity.operator_link_is_live(&token(&cx)).await? {
        return Err(dead_link(NEW_OPERATOR_LINK).into());
    }
    let page = public::Setup { action: cx.asked().path.clone(), ..Default::default() };
    Ok(cx.card(StatusCode::OK, "Set up", &page)?)
}

async fn setup_carry(cx: Cx<Public>, form: Fields) -> Result<Response> {
    let new = NewAccount {
        email: form.text("email").to_owned(),
        name: form.text("name").to_owned(),
        password: Some(form.secret("password")),
    };
    match cx.app().identity.operator_link_redeem(&token(&cx), new).await {
        Ok(signed_in) => {
            let next = "/organizations/new";
            if cx.app().identity.asks_for_second_factor() {
                return Ok(enter(&cx, &signed_in, &second_factor::path(next)));
            }
            Ok(enter(&cx, &signed_in, next))
        }
        Err(error) if mendable(&error) => {
            let [name, email, password] = account_fields(&form, &error);
            let problems =
                problems(&[("name", &name), ("email", &email), ("password", &password)], &error);
            let action = cx.asked().path.clone();
            let page = public::Setup { problems, action, name, email, password };
            Ok(cx.card(refusal::status(error.kind()), "Set up", &page)?)
        }
        Err(error) => Err(with_advice(error, NEW_OPERATOR_LINK).into()),
    }
}

/// Name, e-mail and password of a new account, the one that is wrong marked.
fn account_fields(form: &Fields, error: &Error) -> [Field; 3] {
    let mark = |field: Field, codes: &[&str]| {
        if codes.contains(&error.code()) { field.wrong(error.message()) } else { field }
    };
    [
        mark(form.field("name"), &["invalid_name"]),
        mark(form.field("email"), &["invalid_email", "email_taken"]),
        mark(Field::default(), &["weak_password"]),
    ]
}

/// The summary: the marked field, or the error as a whole.
pub(super) fn problems(fields: &[(&'static str, &Field)], error: &Error) -> Vec<Problem> {
    let marked = Problem::of(fields);
    if marked.is_empty() { vec![Problem::whole(error.message())] } else { marked }
}

/// The page behind an invitation; an account is asked for unless somebody is signed in.
pub(super) async fn invitation_page<P>(cx: &Cx<P>) -> Result<public::Invited> {
    let shown = cx.app().identity.invitation_show(&token(cx)).await;
    let (invitation, organization) = shown.map_err(|error| with_advice(error, NEW_INVITATION))?;
    let new = cx.somebody().is_none();
    let all =
        if new { cx.app().sign_on.connections_of(&organization.slug).await? } else { Vec::new() };
    let offers = all.into_iter().map(|one| Offer {
        action: format!("/invitations/{}/sso/{}", cx.param("token"), one.id),
        name: one.name,
    });
    Ok(public::Invited {
        offers: offers.collect(),
        join_name: Field::default(),
        problems: Vec::new(),
        action: format!("/invitations/{}", cx.param("token")),
        organization: organization.name,
        role: invitation.role.as_str().to_owned(),
        email: invitation.email,
        expires: When(invitation.expires),
        needs_account: new,
        codes: cx.app().identity.offers_codes(),
        name: Field::default(),
        password: Field::default(),
    })
}

async fn invitation(cx: Cx<Public>, (): ()) -> Result<Response> {
    let page = invitation_page(&cx).await?;
    Ok(cx.card(StatusCode::OK, "Invitation", &page)?)
}

async fn invitation_carry(cx: Cx<Public>, form: Fields) -> Result<Response> {
    let identity = &cx.app().identity;
    let joined = match cx.somebody() {
        Some(session) => {
            identity.invitation_accept(session, &token(&cx)).await.map(|joined| (None, joined))
        }
        None if identity.offers_codes() && form.filled("password").is_none() => {
            return join_without_password(&cx, &form).await;
        }
        None => identity
            .invitation_accept_as_new(&token(&cx), form.text("name"), form.secret("password"))
            .await
            .map(|(signed_in, joined)| (Some(signed_in), joined)),
    };
    match joined {
        Ok((signed_in, joined)) => {
            let next = format!("/o/{}", joined.organization.slug);
            Ok(match signed_in {
                Some(signed_in) => enter(&cx, &signed_in, &next),
                None => done(&next, "joined"),
            })
        }
        Err(error) => invitation_again(&cx, &form, error).await,
    }
}

async fn invitation_again(cx: &Cx<Public>, form: &Fields, error: Error) -> Result<Response> {
    if !mendable(&error) {
        return Err(with_advice(error, NEW_INVITATION).into());
    }
    let [name, _, password] = account_fields(form, &error);
    let problems = problems(&[("name", &name), ("password", &password)], &error);
    let page = public::Invited { problems, name, password, ..invitation_page(cx).await? };
    Ok(cx.card(refusal::status(error.kind()), "Invitation", &page)?)
}

/// The account is there; the code that lets its person in is sent at once.
async fn join_without_password(cx: &Cx<Public>, form: &Fields) -> Result<Response> {
    let identity = &cx.app().identity;
    match identity.invitation_accept_without_password(&token(cx), form.text("name")).await {
        Ok((email, joined)) => {
            let next = format!("/o/{}", joined.organization.slug);
            Ok(email_code::send(cx, &email, (&next, false)).await?)
        }
        Err(error) => invitation_again(cx, form, error).await,
    }
}

async fn theme(cx: Cx<Public>, form: Fields) -> Result<Response> {
    let mut answer = Redirect::to(own_path(form.text("return"))).into_response();
    if let Some(cookie) = cookies::keep_theme(Theme::parse(form.text("theme")), cx.app().secure()) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}
