//! Forms for somebody who is not signed in.

use super::{Case, case};
use crate::house::PASSWORD;

pub(super) fn of_stranger(setup: &str, invitation: &str, connection: &str) -> Vec<Case> {
    let nora = ("name", "Nora");
    vec![
        case("/subprocessors/subscribe", &[("email", "nobody")], "email", "e-mail address"),
        case("/sign-in/code", &[("email", "ada"), ("next", "/o/acme")], "email", "e-mail address"),
        case("/sign-in", &[("email", "a@b.example"), ("password", "x")], "", "is wrong"),
        case("/sign-in", &[("email", ""), ("password", "")], "", "is wrong"),
        case(
            setup,
            &[("name", ""), ("email", "nora@acme.example"), ("password", PASSWORD)],
            "name",
            "needs a name",
        ),
        case(
            setup,
            &[nora, ("email", "nora"), ("password", PASSWORD)],
            "email",
            "name@example.org",
        ),
        case(
            setup,
            &[nora, ("email", "nora@acme.example"), ("password", "passwordpassword")],
            "password",
            "easy to guess",
        ),
        case(invitation, &[nora, ("password", "short")], "password", "at least 15 characters"),
        case(invitation, &[("name", ""), ("password", PASSWORD)], "name", "needs a name"),
        case(
            format!("{invitation}/sso/{connection}"),
            &[("join_name", "")],
            "join_name",
            "needs a name",
        ),
    ]
}
