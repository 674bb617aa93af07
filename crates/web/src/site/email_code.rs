//! Signing in with a code that is sent by letter.

use axum::response::{IntoResponse, Redirect, Response};
use domain::{Error, tags::Public};
use http::{StatusCode, header};
use identity::SignInStep;

use super::{
    open::{enter, mendable, problems},
    second_factor::{marked, query, wait},
};
use crate::{
    Cx,
    cookies::Waiting,
    fields::Fields,
    page::own_path,
    pages::{
        email_code::{Elsewhere, Enter},
        public,
    },
    refusal::{self, Result},
    route::Routes,
    view::{Field, Problem},
};

const TITLE: &str = "Sign in";
/// No code waits in this browser.
pub(crate) const OVER: &str = "code_over";

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/sign-in/code", ask)
        .get("/sign-in/code", waiting)
        .post("/sign-in/code/enter", carry)
        .get("/sign-in/code/{code}", linked)
}

/// A code is sent, and this browser is where it can be typed.
async fn ask(cx: Cx<Public>, form: Fields) -> Result<Response> {
    let (next, stay) = (own_path(form.text("next")), form.filled("stay").is_some());
    match send(&cx, form.text("email"), (next, stay)).await {
        Ok(answer) => Ok(answer),
        Err(error) if mendable(&error) => {
            let field = form.field("email");
            let marked = error.code() == "invalid_email";
            let email = if marked { field.wrong(error.message()) } else { field };
            let page = public::SignIn {
                problems: problems(&[("email", &email)], &error),
                email,
                stay,
                next: next.to_owned(),
                codes: cx.app().identity.offers_codes(),
                ..Default::default()
            };
            Ok(cx.card(refusal::status(error.kind()), TITLE, &page)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Sends a code and goes to the page that waits for it.
pub(super) async fn send(
    cx: &Cx<Public>,
    email: &str,
    (next, stay): (&str, bool),
) -> domain::Result<Response> {
    let asked = cx.app().identity.code_ask(email, cx.address()).await?;
    let stay = if stay { "&stay=yes" } else { "" };
    let to = format!("/sign-in/code?{}{stay}", query(next));
    let mut answer = Redirect::to(&to).into_response();
    let secure = cx.app().secure();
    if let Some(cookie) = Waiting::Code.start(&asked.token, (cx.now(), asked.expires), secure) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

fn over() -> Error {
    Error::unauthenticated("No code waits to be typed in this browser. Ask for one first.")
        .with_code(OVER)
}

async fn waits(cx: &Cx<Public>) -> domain::Result<bool> {
    match &cx.asked().code {
        Some(token) => cx.app().identity.code_waits(token).await,
        None => Ok(false),
    }
}

fn page(next: &str, stay: bool) -> Enter {
    let (problems, code) = (Vec::new(), Field::default());
    Enter { problems, code, next: next.to_owned(), stay, linked: false }
}

async fn waiting(cx: Cx<Public>, (): ()) -> Result<Response> {
    if !waits(&cx).await? {
        return Err(over().into());
    }
    let page = page(own_path(cx.query().text("next")), cx.query().filled("stay").is_some());
    Ok(cx.card(StatusCode::OK, TITLE, &page)?)
}

/// The link of the letter. It only shows what the letter says: programs follow links too.
async fn linked(cx: Cx<Public>, (): ()) -> Result<Response> {
    let letters = cx.param("code").chars().filter(char::is_ascii_alphanumeric).take(8);
    let code = grouped(&letters.collect::<String>());
    if !waits(&cx).await? {
        return Ok(cx.card(StatusCode::OK, "Your code", &Elsewhere { code })?);
    }
    let code = Field { value: code, ..Field::default() };
    Ok(cx.card(StatusCode::OK, TITLE, &Enter { code, linked: true, ..page("/", false) })?)
}

/// In two halves, as the letter has it.
fn grouped(code: &str) -> String {
    match code.split_at_checked(code.len().div_ceil(2)) {
        Some((left, right)) if !right.is_empty() => format!("{left} {right}"),
        _ => code.to_owned(),
    }
}

async fn carry(cx: Cx<Public>, form: Fields) -> Result<Response> {
    let (next, stay) = (own_path(form.text("next")), form.filled("stay").is_some());
    let token = cx.asked().code.as_ref().ok_or_else(over)?;
    let given = (form.text("code"), stay);
    match cx.app().identity.code_enter(token, given, cx.address()).await {
        Ok(step) => {
            let mut answer = match step {
                SignInStep::Done(signed_in) => enter(&cx, &signed_in, next),
                SignInStep::SecondFactor(half) => wait(&cx, &half, (next, stay)),
            };
            if let Some(cookie) = Waiting::Code.end(cx.app().secure()) {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(answer)
        }
        Err(error) if mendable(&error) && error.code() != OVER => {
            let code = marked("wrong_code", &error);
            let problems: Vec<Problem> = problems(&[("code", &code)], &error);
            let page = Enter { problems, code, ..page(next, stay) };
            Ok(cx.card(refusal::status(error.kind()), TITLE, &page)?)
        }
        Err(error) => Err(error.into()),
    }
}
