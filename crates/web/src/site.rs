//! The handlers of pages: read, decide by way of `identity`, and show.

mod account;
mod audit;
mod batches;
pub(crate) mod budgets;
mod connections;
mod directory;
mod email_code;
mod home;
mod keys;
mod limits;
mod masking;
mod members;
mod models;
mod open;
mod organization;
mod playground;
mod project;
mod providers;
pub(crate) mod reconcile;
mod rules;
mod second_factor;
mod settings;
mod snippets;
mod sso;
mod subprocessors;
mod subscription;
mod trust;
pub(crate) mod usage;
mod webhooks;

use domain::{Error, Kind};

pub(crate) use email_code::OVER as CODE_OVER;
pub(crate) use providers::listed;
pub(crate) use second_factor::{OVER as HALF_SIGN_IN_OVER, path as second_factor_path};

use crate::{fields::Fields, pages::Confirm, route::Routes, view::Problem};

pub(crate) fn routes() -> Routes {
    [
        open::routes(),
        email_code::routes(),
        home::routes(),
        organization::routes(),
        settings::routes(),
        project::routes(),
        keys::routes(),
        playground::routes(),
        providers::routes(),
        rules::routes(),
        masking::routes(),
        batches::routes(),
        subprocessors::routes(),
        subscription::routes(),
        budgets::routes(),
        limits::routes(),
        webhooks::routes(),
        connections::routes(),
        sso::routes(),
        models::routes(),
        members::routes(),
        usage::routes(),
        reconcile::routes(),
        audit::routes(),
        account::routes(),
        second_factor::routes(),
        trust::routes(),
    ]
    .into_iter()
    .fold(Routes::new(), Routes::merge)
}

/// A number of days that may be left out.
fn days(form: &Fields, name: &str) -> domain::Result<Option<u32>> {
    let wrong =
        |_| Error::invalid("Give a number of days, such as 30.").with_code("invalid_retention");
    form.filled(name).map(|text| text.parse().map_err(wrong)).transpose()
}

/// The form is shown again with the error; anything else is an error page.
fn mendable(error: &Error) -> bool {
    matches!(error.kind(), Kind::Invalid | Kind::Conflict | Kind::Limited)
        || error.code() == "private_address"
}

/// The question again, unless the name of what will be lost was typed.
fn unconfirmed(form: &Fields, question: Confirm) -> Option<Confirm> {
    if form.text("confirm") == question.expected {
        return None;
    }
    let confirm =
        form.field("confirm").wrong("This is not the name. Type it as it is written above.");
    Some(Confirm { problems: Problem::of(&[("confirm", &confirm)]), confirm, ..question })
}

fn not_confirmed() -> Error {
    Error::invalid("The name was not typed as it is.").with_code("not_confirmed")
}
