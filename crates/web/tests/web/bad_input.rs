//! Bad input, form by form: the answer says which field is wrong and what to do, and keeps what was typed.

mod sign_on;
mod stranger;

use domain::CatalogueState;
use http::StatusCode;
use sandbox::MODELS;

use crate::house::{Answer, House, PASSWORD, PRICE, session};

/// One way to fill in a form wrongly.
struct Case {
    path: String,
    fields: Vec<(&'static str, &'static str)>,
    /// The field that the answer marks; empty when it is the form as a whole.
    wrong: &'static str,
    says: &'static str,
}

fn case(
    path: impl Into<String>,
    fields: &[(&'static str, &'static str)],
    wrong: &'static str,
    says: &'static str,
) -> Case {
    Case { path: path.into(), fields: fields.to_vec(), wrong, says }
}

/// What is never sent back.
const SECRET: [&str; 5] = ["password", "current", "secret", "code", "link_password"];

/// The value of a field as HTML writes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&#38;").replace('"', "&#34;").replace('<', "&#60;").replace('>', "&#62;")
}

impl Case {
    fn check(&self, answer: &Answer) {
        let (path, text) = (&self.path, &answer.text);
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(text.contains("role=\"alert\""), "{path}: no summary\n{text}");
        assert!(text.contains(self.says), "{path} does not say {}\n{text}", self.says);
        if !self.wrong.is_empty() {
            let link = format!("href=\"#{}\"", self.wrong);
            assert!(text.contains(&link), "{path}: the summary leads nowhere\n{text}");
            let marked = text.contains(&format!(" id=\"{}\"", self.wrong));
            assert!(marked, "{path}: there is no field {}\n{text}", self.wrong);
        }
        for (name, value) in &self.fields {
            let shown = escaped(value.trim());
            let kept = text.contains(&format!("value=\"{shown}\""))
                || text.contains(&format!(">{shown}<"));
            if SECRET.contains(name) {
                assert!(!kept || value.is_empty(), "{path} sends {name} back");
            } else {
                assert!(kept, "{path} forgot {name} = {value}\n{text}");
            }
        }
    }
}

/// Forms of an organization, as its owner sees them.
fn of_organization(house: &House, member: &str) -> Vec<Case> {
    let (base, project) = ("/o/acme", "/o/acme/p/website");
    let custom = |fields: &[(&'static str, &'static str)], wrong, says| {
        let mut all = vec![("catalog", "custom")];
        all.extend(fields);
        case(format!("{base}/providers"), &all, wrong, says)
    };
    let named = ("name", "Own");
    let key = format!("{project}/keys/{}/revoke", house.acme.key_id);
    let admin = format!("{base}/settings/admin-keys/{}/revoke", house.acme.admin_key_id);
    let provider = format!("{base}/providers/{}/remove", house.acme.provider);
    let person = format!("{base}/members/{member}");
    vec![
        case(
            format!("{project}/try"),
            &[("model", "sandbox-echo"), ("message", "")],
            "message",
            "Write a message",
        ),
        case(format!("{base}/settings"), &[("name", "two\nlines")], "name", "on one line"),
        case(
            format!("{base}/settings/sign-in"),
            &[("session_hours", "999")],
            "session_hours",
            "from 1 to 720",
        ),
        case(
            format!("{base}/usage/reconcile"),
            &[("provider", ""), ("text", "date,model")],
            "provider",
            "Say whose export it is",
        ),
        case(
            format!("{base}/usage/reconcile"),
            &[("column", "rows = N")],
            "column",
            "A column is one of",
        ),
        case(
            format!("{base}/masking/directory"),
            &[("names-list", "X"), ("how", "add")],
            "names-list",
            "a word of two letters",
        ),
        case(
            format!("{base}/settings/admin-keys"),
            &[("name", " "), ("expires", "30")],
            "name",
            "needs a name",
        ),
        case(admin, &[("confirm", "not this")], "confirm", "This is not the name"),
        case(
            format!("{base}/projects"),
            &[("name", "A \"B\" & <C>"), ("slug", "Not A Slug")],
            "slug",
            "A short name has",
        ),
        case(
            format!("{base}/projects"),
            &[("name", "Website"), ("slug", "website")],
            "slug",
            "Choose another",
        ),
        case(
            format!("{project}/keys"),
            &[("name", ""), ("expires", "365"), ("limit", "10")],
            "name",
            "needs a name",
        ),
        case(
            format!("{project}/keys"),
            &[("name", "k"), ("expires", "7"), ("limit", "many")],
            "limit",
            "whole number",
        ),
        case(
            format!("{base}/rules"),
            &[("training", "no"), ("regions", "nowhere!"), ("retention", "30")],
            "regions",
            "A region is EU",
        ),
        case(
            format!("{project}/rules"),
            &[("training", "any"), ("deny_countries", "UK")],
            "deny_countries",
            "such as CN or GB",
        ),
        case(
            format!("{base}/budgets"),
            &[("whose", "organization"), ("period", "month"), ("amount", "12,50")],
            "amount",
            "such as 25 or 12.50",
        ),
        case(
            format!("{base}/budgets"),
            &[("whose", "organization"), ("period", "day"), ("amount", "99999999")],
            "amount",
            "at most 1,000,000",
        ),
        case(
            format!("{base}/limits"),
            &[("whose", "each_key"), ("requests", "60"), ("tokens", "many")],
            "tokens",
            "whole number from 1",
        ),
        case(
            format!("{base}/webhooks"),
            &[("name", ""), ("url", "https://hooks.example/")],
            "name",
            "needs a name",
        ),
        case(
            format!("{base}/webhooks"),
            &[("name", "chat"), ("url", "http://127.0.0.1:9/?token=1")],
            "url",
            "is yours to allow it",
        ),
        case(
            format!("{project}/batches/off"),
            &[("confirm", "not this")],
            "confirm",
            "This is not the name",
        ),
        case(key, &[("confirm", "not this")], "confirm", "This is not the name"),
        custom(
            &[
                named,
                ("base_url", "https://x.example"),
                ("protocol", "openai"),
                ("secret", "sk-1234567890"),
                ("contract_until", "soon"),
            ],
            "contract_until",
            "such as 2027-11-03",
        ),
        custom(
            &[
                named,
                ("base_url", "https://x.example"),
                ("protocol", "openai"),
                ("secret", "sk-1234567890"),
                ("baa_until", "2027-11-03"),
            ],
            "baa_signed",
            "when the agreement was signed",
        ),
        custom(
            &[
                named,
                ("base_url", "https://x.example"),
                ("protocol", "openai"),
                ("secret", "sk-1234567890"),
                ("baa_signed", "2026-11-03"),
                ("baa_until", "never"),
            ],
            "baa_until",
            "such as 2027-11-03",
        ),
        custom(&[named, ("base_url", ""), ("protocol", "openai")], "base_url", "needs its address"),
        custom(&[named, ("base_url", "ftp://x.example")], "base_url", "https://, or with http://"),
        custom(&[named, ("base_url", "http://10.0.0.5/v1")], "base_url", "is yours to allow it"),
        custom(&[named, ("base_url", "https://x.example")], "protocol", "needs its protocol"),
        custom(
            &[named, ("base_url", "https://x.example"), ("protocol", "anthropic")],
            "secret",
            "needs its API key",
        ),
        custom(
            &[
                named,
                ("base_url", "https://x.example"),
                ("protocol", "openai"),
                ("secret", "a b"),
                ("models", "one"),
            ],
            "secret",
            "without spaces",
        ),
        custom(
            &[
                named,
                ("base_url", "https://x.example"),
                ("protocol", "openai"),
                ("secret", "sk-x"),
                ("models", "one\ntwo words"),
            ],
            "models",
            "visible characters",
        ),
        custom(
            &[
                named,
                ("base_url", "https://x.example"),
                ("protocol", "openai"),
                ("secret", "sk-x"),
                ("region", "own rack"),
            ],
            "region",
            "short name",
        ),
        case(provider, &[("confirm", "not this")], "confirm", "This is not the name"),
        case(format!("{base}/models"), &[("name", "two words"), ("target", "m")], "name", "spaces"),
        case(format!("{base}/models"), &[("name", "fast"), ("target", "")], "target", "visible"),
        case(format!("{base}/models"), &[("name", "m"), ("target", "m")], "target", "for itself"),
        case(
            format!("{base}/members/invite"),
            &[("email", "nobody"), ("role", "admin")],
            "email",
            "name@example.org",
        ),
        case(
            format!("{base}/members/invite"),
            &[("email", "jo@acme.example")],
            "role",
            "Choose a role",
        ),
        case(person.clone(), &[("role", "")], "", "Choose a role"),
        case(person.clone(), &[("role", "member")], "", "owner"),
        case(format!("{person}/remove"), &[("confirm", "?")], "confirm", "This is not the name"),
    ]
}

/// Forms of a person's own.
fn of_person() -> Vec<Case> {
    vec![
        case("/organizations", &[("name", ""), ("slug", "walk")], "name", "needs a name"),
        case("/organizations", &[("name", "A"), ("slug", "trust")], "slug", "reserved"),
        case(
            "/account/password",
            &[("current", "nonsense"), ("password", "eleven wide rivers bend")],
            "current",
            "wrong",
        ),
        case(
            "/account/password",
            &[("current", PASSWORD), ("password", "short")],
            "password",
            "at least 15 characters",
        ),
    ]
}

/// Forms of somebody with a second factor.
fn of_careful() -> Vec<Case> {
    let wrong = |path| case(path, &[("code", "000000")], "code", "wrong");
    vec![
        wrong("/account/second-factor/show"),
        wrong("/account/second-factor/codes"),
        wrong("/account/second-factor/remove"),
    ]
}

/// Forms of somebody without one.
fn of_careless() -> Vec<Case> {
    let seed = ("seed", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    let path = "/account/second-factor";
    vec![
        case(path, &[seed, ("code", "000000"), ("password", PASSWORD)], "code", "wrong"),
        case(path, &[seed, ("code", "1"), ("password", "not mine")], "password", "wrong"),
    ]
}

/// The second half of signing in.
fn of_half() -> Vec<Case> {
    let path = "/sign-in/second-factor";
    vec![
        case(path, &[("code", "000000"), ("next", "/o/acme")], "code", "wrong"),
        case(path, &[("code", "aaaa-bbbb-cccc"), ("with", "recovery")], "code", "wrong"),
    ]
}

/// The code of a letter.
fn of_asked() -> Vec<Case> {
    vec![case(
        "/sign-in/code/enter",
        &[("code", "000 000"), ("next", "/o/acme"), ("stay", "yes")],
        "code",
        "wrong",
    )]
}

#[tokio::test]
async fn every_form_says_what_is_wrong_and_keeps_what_was_typed() {
    let house = House::new().await;
    house.store.set_mail(Some("notices@example.org".to_owned()));
    let owner = session(&house.identity, &house.owner).await.user().to_string();
    let setup = web::setup_path(&house.identity.operator_link_create().await.unwrap().token);
    let role = domain::OrgRole::Member;
    let invited = house.identity.invitation_create(&house.acme.scope, "jo@x.example", role).await;
    let invitation = format!("/invitations/{}", invited.unwrap().token.expose());
    let me = Some(&house.owner);
    let new = serde_json::json!({
        "kind": "google", "name": "Acme account", "client_id": "probity", "client_secret": "hush",
    });
    let made = house.api("POST", "/api/v1/connections", &house.acme.admin_key, Some(new)).await;
    let connection = made.json()["id"].as_str().unwrap().to_owned();
    let careless = house.member("bo@acme.example", domain::OrgRole::Member, None).await;
    let fields = [("email", "stranger@other.example"), ("password", PASSWORD)];
    let half = crate::second_factor::half(&house.post("/sign-in", &fields, None).await);
    house.member("code@acme.example", domain::OrgRole::Member, None).await;
    let sent = house.post("/sign-in/code", &[("email", "code@acme.example")], None).await;
    let asked = crate::email_code::asked(&sent);
    let mut tried = Vec::new();
    for (who, cases) in [
        (me, of_organization(&house, &owner)),
        (me, of_person()),
        (me, of_careful()),
        (Some(&careless), of_careless()),
        (Some(&half), of_half()),
        (Some(&asked), of_asked()),
        (None, stranger::of_stranger(&setup, &invitation, &connection)),
        (me, sign_on::of_connection(&connection)),
    ] {
        for case in cases {
            case.check(&house.post(&case.path, &case.fields, who).await);
            tried.push(case.path);
        }
    }
    let untried: Vec<_> =
        forms().into_iter().filter(|route| !tried.iter().any(|path| fits(path, route))).collect();
    assert_eq!(untried, Vec::<String>::new(), "forms that nobody filled in wrongly");
}

/// Forms into which something is typed or chosen.
fn forms() -> Vec<String> {
    /// A button alone, or choices that only a script could make wrong.
    const BUTTONS: [&str; 24] = [
        "/sign-out",
        "/theme",
        "/o/{org}/models/{alias}/remove",
        "/o/{org}/invitations/{invitation}/revoke",
        "/o/{org}/members/{member}/projects",
        "/o/{org}/audit/export",
        "/o/{org}/masking",
        "/o/{org}/subprocessors",
        "/o/{org}/budgets/{budget}/remove",
        "/o/{org}/p/{project}/masking",
        "/o/{org}/p/{project}/batches/on",
        "/o/{org}/p/{project}/batches/{batch}/cancel",
        "/o/{org}/p/{project}/files/{file}/delete",
        "/o/{org}/notices/test",
        "/o/{org}/webhooks/{webhook}/test",
        "/o/{org}/webhooks/{webhook}/remove",
        "/o/{org}/sign-on/{connection}/test",
        "/o/{org}/sign-on/{connection}/remove",
        "/sign-in/sso/{way}",
        "/account/identities/unlink/{way}",
        "/subprocessors/confirm/{token}",
        "/subprocessors/unsubscribe/{token}",
        "/account/sessions/{session}/end",
        "/account/sign-out-everywhere",
    ];
    web::route_table()
        .into_iter()
        .filter(|route| route.method == "POST")
        .map(|route| route.path.to_owned())
        .filter(|path| !BUTTONS.contains(&path.as_str()))
        .filter(|path| {
            !["/api/", "/v1/", "/v1beta/", "/v2/"].iter().any(|start| path.starts_with(start))
        })
        .collect()
}

fn fits(path: &str, route: &str) -> bool {
    let (mut there, mut here) = (route.split('/'), path.split('/'));
    loop {
        match (there.next(), here.next()) {
            (None, None) => return true,
            (Some(part), Some(text)) if part.starts_with('{') || part == text => {}
            _ => return false,
        }
    }
}

#[tokio::test]
async fn the_sandbox_is_offered_only_where_it_runs() {
    let house = House::new().await;
    let me = Some(&house.owner);
    let offered = house.get("/o/acme/providers/new", me).await;
    assert_eq!(offered.status, StatusCode::OK);
    assert!(offered.text.contains("catalog=custom") && !offered.text.contains("catalog=sandbox"));
    let chosen = house.get("/o/acme/providers/new?catalog=sandbox", me).await;
    assert!(chosen.text.contains("catalog=custom"), "it leads back to the choice");
    let companies = house.get("/subprocessors", None).await;
    assert!(!companies.text.contains("Sandbox"), "nobody can use it here");
}

#[tokio::test]
async fn forms_say_the_length_that_is_asked_for() {
    let house = House::new().await;
    let least = identity::PASSWORD_LEAST;
    let link = house.identity.operator_link_create().await.unwrap();
    let setup = house.get(&web::setup_path(&link.token), None).await;
    let account = house.get("/account", Some(&house.owner)).await;
    for page in [setup, account] {
        assert!(page.text.contains(&format!("At least {least} characters")));
        assert!(page.text.contains(&format!("minlength=\"{least}\"")));
    }
}

#[tokio::test]
async fn what_goes_with_a_credential_is_asked_for_and_checked() {
    let house = House::new().await;
    let catalogue = testkit::families_catalogue(&[("sandbox", PRICE)], MODELS, "http://127.0.0.1");
    testkit::announce(&house.store, &catalogue).await;
    house.catalogue.replace(catalogue, CatalogueState::default());
    let me = Some(&house.owner);
    for (catalog, asked) in
        [("watsonx", "id=\"project\""), ("azure", "id=\"tenant\""), ("vertex", "JSON file")]
    {
        let form = house.get(&format!("/o/acme/providers/new?catalog={catalog}"), me).await;
        assert!(form.text.contains(asked), "{catalog}: {}", form.text);
    }
    let path = "/o/acme/providers";
    for (fields, wrong, says) in [
        (vec![("catalog", "watsonx"), ("secret", "k")], "project", "names a project"),
        (
            vec![("catalog", "watsonx"), ("secret", "k"), ("project", "a/b")],
            "project",
            "is missing",
        ),
        (
            vec![("catalog", "azure"), ("secret", "k"), ("tenant", "t"), ("client", "a b")],
            "client",
            "client id is missing",
        ),
        (
            vec![("catalog", "azure"), ("secret", "k"), ("client", "c")],
            "tenant",
            "tenant is missing",
        ),
        (vec![("catalog", "vertex"), ("secret", "k")], "secret", "JSON file"),
    ] {
        case(path, &fields[1..], wrong, says).check(&house.post(path, &fields, me).await);
    }
}
