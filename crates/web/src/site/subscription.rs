//! Being told of changes of sub-processors by e-mail: asked for on the public page, confirmed and ended by links in
//! letters. Programs that follow links only look; it takes a button, or a mail program's own one-click (RFC 8058).

use axum::response::Response;
use domain::tags::Public;
use http::StatusCode;

use crate::{
    Cx, fields::Fields, page::done, pages::public::Subscription, refusal::Result, route::Routes,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/subprocessors/subscribe", ask)
        .get("/subprocessors/confirm/{token}", confirm)
        .post("/subprocessors/confirm/{token}", confirm_carry)
        .get("/subprocessors/unsubscribe/{token}", end)
        .post("/subprocessors/unsubscribe/{token}", end_carry)
}

async fn ask(cx: Cx<Public>, form: Fields) -> Result<Response> {
    match cx.app().identity.subscription_ask(form.text("email"), cx.address()).await {
        Ok(()) => Ok(done("/subprocessors", "asked")),
        Err(error) if super::mendable(&error) => {
            let page = super::subprocessors::list(&cx, form.field("email").wrong(error.message()));
            Ok(cx.again(&error, "Sub-processors", page.await?).await?)
        }
        Err(error) => Err(error.into()),
    }
}

fn card(cx: &Cx<Public>, title: &str, says: &str, verb: &str) -> Result<Response> {
    let page = Subscription {
        heading: title.to_owned(),
        says: says.to_owned(),
        action: cx.asked().path.clone(),
        verb: verb.to_owned(),
    };
    Ok(cx.card(StatusCode::OK, title, &page)?)
}

async fn confirm(cx: Cx<Public>, (): ()) -> Result<Response> {
    cx.app().identity.subscription_link(cx.param("token"), true).await?;
    let says = "A letter comes to the address that this link was sent to whenever the list of sub-processors changes.";
    card(&cx, "Hear of changes of sub-processors", says, "Yes, tell me")
}

async fn confirm_carry(cx: Cx<Public>, _: Fields) -> Result<Response> {
    cx.app().identity.subscription_confirm(cx.param("token")).await?;
    Ok(done("/subprocessors", "subscribed"))
}

async fn end(cx: Cx<Public>, (): ()) -> Result<Response> {
    cx.app().identity.subscription_link(cx.param("token"), false).await?;
    let says = "The address that this link was sent to is forgotten, and no more letters come.";
    card(&cx, "No more letters about sub-processors", says, "Forget my address")
}

async fn end_carry(cx: Cx<Public>, _: Fields) -> Result<Response> {
    cx.app().identity.subscription_end(cx.param("token")).await?;
    Ok(done("/subprocessors", "unsubscribed"))
}
