//! Forms about single sign-on.

use super::{Case, case};

pub(super) fn of_connection(connection: &str) -> Vec<Case> {
    let (all, one) = ("/o/acme/sign-on", format!("/o/acme/sign-on/{connection}"));
    let entry = |issuer: &'static str| {
        [
            ("kind", "oidc"),
            ("name", "Door"),
            ("issuer", issuer),
            ("client_id", "us"),
            ("secret", "hush"),
        ]
    };
    let common = [
        ("kind", "entra"),
        ("name", "Door"),
        ("issuer", "https://login.microsoftonline.com/common/v2.0"),
        ("client_id", "us"),
        ("secret", "hush"),
    ];
    vec![
        case(all, &entry("id.example"), "issuer", "whole address"),
        case(all, &entry("http://127.0.0.1:9"), "issuer", "is yours to allow it"),
        case(all, &common, "issuer", "the one of your tenant"),
        case(all, &[("kind", "google"), ("name", "")], "name", "needs a name"),
        case(
            all,
            &[("kind", "google"), ("name", "Door"), ("client_id", "")],
            "client_id",
            "client id",
        ),
        case(all, &[("name", "Door")], "kind", "Choose"),
        case(&one, &[("name", "Door"), ("client_id", "two words")], "client_id", "client id"),
        case(
            format!("/account/identities/{connection}/link"),
            &[("link_password", "wrong wrong wrong")],
            "link_password",
            "is wrong",
        ),
    ]
}
