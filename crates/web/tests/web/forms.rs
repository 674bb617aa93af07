//! What people do, by forms alone: no script runs here.

use domain::Secret;
use http::StatusCode;

use crate::house::{House, PASSWORD, Person, session};

pub(crate) fn cookie(answer: &crate::house::Answer) -> Option<Person> {
    let lines = answer.headers.get_all("set-cookie").iter();
    let line = lines
        .filter_map(|line| line.to_str().ok())
        .find(|line| line.starts_with("probity-session="))?;
    assert!(
        line.contains("HttpOnly") && line.contains("SameSite=Lax") && line.contains("Path=/"),
        "{line}"
    );
    let token = line.split(['=', ';']).nth(1)?;
    Some(Person { token: token.to_owned() })
}

#[tokio::test]
async fn signing_in_and_out() {
    let house = House::new().await;
    house.member("jo@acme.example", domain::OrgRole::Member, None).await;
    let wrong = house
        .post(
            "/sign-in",
            &[("email", "jo@acme.example"), ("password", "wrong"), ("next", "/o/acme")],
            None,
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(
        wrong.text.contains("role=\"alert\"") && wrong.text.contains("value=\"jo@acme.example\"")
    );
    assert!(
        wrong.text.contains("name=\"next\" value=\"/o/acme\""),
        "where one wanted to go is kept"
    );
    let fields = [("email", "jo@acme.example"), ("password", PASSWORD), ("next", "/o/acme")];
    let right = house.post("/sign-in", &fields, None).await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/o/acme"));
    assert!(!right.header("set-cookie").contains("Max-Age"), "it ends with the browser");
    let person = cookie(&right).unwrap();
    assert_eq!(house.get("/o/acme", Some(&person)).await.status, StatusCode::OK);
    let away = house
        .post(
            "/sign-in",
            &[("email", "jo@acme.example"), ("password", PASSWORD), ("next", "//evil.example")],
            None,
        )
        .await;
    assert_eq!(away.location(), "/", "nobody is sent elsewhere");
    let out = house.post("/sign-out", &[], Some(&person)).await;
    assert_eq!(out.header("clear-site-data"), "\"storage\"");
    assert_eq!(house.get("/o/acme", Some(&person)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_first_operator_comes_by_a_link_that_works_once() {
    let house = House::new().await;
    let link = house.identity.operator_link_create().await.unwrap();
    let path = web::setup_path(&link.token);
    assert_eq!(house.get(&path, None).await.status, StatusCode::OK);
    let weak = house
        .post(
            &path,
            &[("name", "Nora"), ("email", "nora@acme.example"), ("password", "short")],
            None,
        )
        .await;
    assert_eq!(weak.status, StatusCode::BAD_REQUEST);
    assert!(weak.text.contains("id=\"password-error\""), "the error stands beside the field");
    assert!(weak.text.contains("value=\"Nora\""), "values are kept");
    assert!(!weak.text.contains("value=\"short\""), "the password is not");
    let made = house
        .post(
            &path,
            &[("name", "Nora"), ("email", "nora@acme.example"), ("password", PASSWORD)],
            None,
        )
        .await;
    assert_eq!(made.location(), "/account/second-factor?next=%2Forganizations%2Fnew");
    assert_eq!(house.get(&path, None).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn from_an_organization_to_a_key() {
    let house = House::new().await;
    let me = Some(&house.owner);
    let made = house.post("/organizations", &[("name", "Walk & Sons"), ("slug", "walk")], me).await;
    assert_eq!(made.location(), "/o/walk");
    let overview = house.get("/o/walk", me).await;
    assert!(
        overview.text.contains("Walk &#38; Sons")
            && overview.text.contains("Get to the first answer")
    );
    let taken = house.post("/organizations", &[("name", "Walk"), ("slug", "walk")], me).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    assert!(taken.text.contains("id=\"slug-error\""));
    let project = house.post("/o/walk/projects", &[("name", "Web site")], me).await;
    assert_eq!(project.location(), "/o/walk/p/web-site?done=project");
    assert!(house.get(project.location(), me).await.text.contains("The project was created."));
    let private = [
        ("catalog", "custom"),
        ("name", "Twin"),
        ("base_url", "http://127.0.0.1:9/v1"),
        ("protocol", "openai"),
        ("models", "sandbox-echo\n sandbox-slow"),
    ];
    let refused = house.post("/o/walk/providers", &private, me).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.text.contains("id=\"base_url-error\"") && refused.text.contains("sandbox-slow")
    );
    let mut allowed = private.to_vec();
    allowed.push(("allow_private", "yes"));
    let provider = house.post("/o/walk/providers", &allowed, me).await;
    assert!(provider.location().starts_with("/o/walk/providers/pvd_"), "{}", provider.text);
    let bad = house
        .post("/o/walk/p/web-site/keys", &[("name", ""), ("expires", "90"), ("limit", "many")], me)
        .await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    let key = house
        .post(
            "/o/walk/p/web-site/keys",
            &[("name", "backend"), ("expires", "30"), ("limit", "600")],
            me,
        )
        .await;
    assert_eq!(key.status, StatusCode::OK);
    assert_eq!(key.header("cache-control"), "no-store");
    let text = key.text.split("id=\"key\">").nth(1).unwrap().split('<').next().unwrap();
    assert!(text.starts_with("pbk_"));
    let keys = house.get("/o/walk/p/web-site/keys", me).await;
    assert!(!keys.text.contains(text) && keys.text.contains(&text[text.len() - 4..]));
    assert!(keys.text.contains("600 per minute"));
    let revoke = keys.text.split("/revoke\"").next().unwrap().rsplit('"').next().unwrap();
    let path = format!("{revoke}/revoke");
    let unnamed = house.post(&path, &[("confirm", "something else")], me).await;
    assert_eq!(unnamed.status, StatusCode::BAD_REQUEST, "the name must be typed");
    assert_eq!(house.api("GET", "/v1/models", text, None).await.status, StatusCode::OK);
    let done = house.post(&path, &[("confirm", "backend")], me).await;
    assert_eq!(done.location(), "/o/walk/p/web-site/keys?done=key-revoked");
    assert_eq!(house.api("GET", "/v1/models", text, None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_invitation_leads_into_the_organization() {
    let house = House::new().await;
    let me = Some(&house.owner);
    let invited = house
        .post("/o/acme/members/invite", &[("email", "jo@acme.example"), ("role", "member")], me)
        .await;
    assert_eq!(invited.status, StatusCode::OK);
    let link = invited.text.split("id=\"link\">").nth(1).unwrap().split('<').next().unwrap();
    let path = link.strip_prefix("http://127.0.0.1:8080").unwrap();
    assert!(!house.get("/o/acme/members", me).await.text.contains(path), "the link is shown once");
    let page = house.get(path, None).await;
    assert!(page.text.contains("jo@acme.example") && page.text.contains("Choose a password"));
    let joined = house.post(path, &[("name", "Jo"), ("password", PASSWORD)], None).await;
    assert_eq!(joined.location(), "/o/acme");
    let jo = cookie(&joined).unwrap();
    let overview = house.get("/o/acme", Some(&jo)).await;
    assert_eq!(overview.status, StatusCode::OK);
    assert!(!overview.text.contains("/o/acme/audit"), "what one may not see is not offered");
    let member = session(&house.identity, &jo).await.user();
    let base = format!("/o/acme/members/{member}");
    let project = house.acme.project.id.to_string();
    let granted = house.post(&format!("{base}/projects"), &[(&project, "viewer")], me).await;
    assert_eq!(granted.status, StatusCode::SEE_OTHER, "{}", granted.text);
    assert_eq!(house.get("/o/acme/p/website", Some(&jo)).await.status, StatusCode::OK);
    let owner = session(&house.identity, &house.owner).await.user();
    let last = house.post(&format!("/o/acme/members/{owner}"), &[("role", "member")], me).await;
    assert_eq!(last.status, StatusCode::CONFLICT, "an organization keeps an owner");
    assert!(last.text.contains("role=\"alert\""));
    let removed = house.post(&format!("{base}/remove"), &[("confirm", "Jo")], me).await;
    assert_eq!(removed.location(), "/o/acme/members?done=member-removed");
    assert_eq!(house.get("/o/acme", Some(&jo)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_password_change_ends_every_other_session() {
    let house = House::new().await;
    let jo = house.member("jo@acme.example", domain::OrgRole::Member, None).await;
    let elsewhere =
        house.post("/sign-in", &[("email", "jo@acme.example"), ("password", PASSWORD)], None).await;
    let elsewhere = cookie(&elsewhere).unwrap();
    let account = house.get("/account", Some(&jo)).await;
    assert_eq!(
        account.text.matches("/account/sessions/").count(),
        1,
        "the other session can be ended"
    );
    let new = "eleven wide rivers bend";
    let wrong =
        house.post("/account/password", &[("current", "no"), ("password", new)], Some(&jo)).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text.contains("id=\"current-error\""));
    let changed = house
        .post("/account/password", &[("current", PASSWORD), ("password", new)], Some(&jo))
        .await;
    let now = cookie(&changed).unwrap();
    assert_eq!(house.get("/account", Some(&now)).await.status, StatusCode::OK);
    assert_eq!(house.get("/account", Some(&elsewhere)).await.status, StatusCode::UNAUTHORIZED);
    let out = house.post("/account/sign-out-everywhere", &[], Some(&now)).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(house.identity.session(&Secret::new(now.token)).await.is_err());
}

#[tokio::test]
async fn the_theme_is_kept_in_a_cookie() {
    let house = House::new().await;
    let set = house.post("/theme", &[("theme", "dark"), ("return", "/trust")], None).await;
    assert_eq!(set.location(), "/trust");
    assert!(set.header("set-cookie").starts_with("probity-theme=dark"));
    let request = http::Request::get("/sign-in").header("cookie", "probity-theme=dark");
    let page = house.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert!(page.text.contains("<html lang=\"en\" data-theme=\"dark\">"));
}

#[tokio::test]
async fn rules_say_where_requests_may_go() {
    let house = House::new().await;
    let me = Some(&house.owner);
    let page = house.get("/o/acme/rules", me).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("may go there"), "{}", page.text);
    let rules = [("training", "no"), ("regions", "de, EU"), ("retention", "thirty")];
    let wrong = house.post("/o/acme/rules", &rules, me).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text.contains("id=\"retention-error\""), "{}", wrong.text);
    assert!(wrong.text.contains("value=\"de, EU\""), "what was typed is kept");
    let unknown = house.post("/o/acme/rules", &[("deny_providers", "opnai")], me).await;
    assert!(unknown.text.contains("id=\"deny_providers-error\""), "{}", unknown.text);
    let rules = [("training", "no"), ("regions", "CH; AT"), ("retention", "30")];
    let saved = house.post("/o/acme/rules", &rules, me).await;
    assert_eq!(
        (saved.status, saved.location()),
        (StatusCode::SEE_OTHER, "/o/acme/rules?done=saved")
    );
    let page = house.get("/o/acme/rules", me).await;
    assert!(page.text.contains("value=\"AT, CH\"") && page.text.contains("refused"));
    assert!(page.text.contains("does not say where it processes prompts"), "{}", page.text);
    let providers = house.get("/o/acme/providers", me).await;
    assert!(providers.text.contains("does not say where"), "{}", providers.text);
    // A project narrows; here it has nothing left to narrow.
    let own = house.post("/o/acme/p/website/rules", &[("training", "any")], me).await;
    assert_eq!(own.location(), "/o/acme/p/website/rules?done=saved");
    let page = house.get("/o/acme/p/website/rules", me).await;
    assert!(page.text.contains("Rules of the organization") && page.text.contains("refused"));
}

#[tokio::test]
async fn masking_is_switched_on_where_the_rules_are() {
    let house = House::new().await;
    let me = Some(&house.owner);
    let path = "/o/acme/p/website/masking";
    let page = house.get(path, me).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Texts are not looked at."), "{}", page.text);
    let rules = house.get("/o/acme/p/website/rules", me).await;
    assert!(rules.text.contains(&format!("href=\"{path}\"")), "linked beside the rules");
    let unsaid = house.post(path, &[("names", "yes")], me).await;
    assert_eq!(unsaid.status, StatusCode::BAD_REQUEST);
    assert!(unsaid.text.contains("href=\"#mode\""), "{}", unsaid.text);
    let wrong = house.post(path, &[("mode", "mask"), ("except", "emial")], me).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text.contains("href=\"#except\""), "{}", wrong.text);
    let setting = [("mode", "mask"), ("names", "yes"), ("except", "email"), ("except", "iban")];
    let saved = house.post(path, &setting, me).await;
    assert_eq!(
        (saved.status, saved.location()),
        (StatusCode::SEE_OTHER, "/o/acme/p/website/masking?done=saved")
    );
    let page = house.get(path, me).await;
    assert!(page.text.contains("value=\"mask\" required checked"), "{}", page.text);
    assert!(
        page.text.contains("value=\"iban\" checked")
            && !page.text.contains("value=\"card\" checked")
    );
    assert!(
        page.text.contains("Left alone: E-mail address, Bank account (IBAN)."),
        "{}",
        page.text
    );
    let strict = house.post("/o/acme/masking", &[("mode", "block")], me).await;
    assert_eq!(strict.location(), "/o/acme/masking?done=saved");
    let page = house.get(path, me).await;
    assert!(page.text.contains("A request in which personal data is found is refused."));
}

#[tokio::test]
async fn budgets_say_what_may_be_spent() {
    let house = House::new().await;
    let me = Some(&house.owner);
    let page = house.get("/o/acme/budgets", me).await;
    assert!(page.text.contains("No budgets yet"), "{}", page.text);
    let project = house.acme.project.id.to_string();
    for (whose, period, amount) in [
        ("organization", "month", "25"),
        (project.as_str(), "day", "12.50"),
        (house.acme.key_id.as_str(), "total", "0"),
    ] {
        let fields = [("whose", whose), ("period", period), ("amount", amount)];
        let saved = house.post("/o/acme/budgets", &fields, me).await;
        assert_eq!(
            (saved.status, saved.location()),
            (StatusCode::SEE_OTHER, "/o/acme/budgets?done=budget")
        );
    }
    let page = house.get("/o/acme/budgets", me).await;
    for text in ["25.00 USD", "12.50 USD", "Project Website", "Key backend", "never", "0 % spent"] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    let fields = [("whose", "organization"), ("period", "month"), ("amount", "40")];
    house.post("/o/acme/budgets", &fields, me).await;
    let page = house.get("/o/acme/budgets", me).await;
    assert!(page.text.contains("40.00 USD") && !page.text.contains("25.00 USD"));
    let nobody = [("whose", "prj_00000000000000000000000000"), ("period", "day"), ("amount", "1")];
    assert_eq!(house.post("/o/acme/budgets", &nobody, me).await.status, StatusCode::NOT_FOUND);

    let viewer = house
        .member("viewer@acme.example", domain::OrgRole::Member, Some(domain::ProjectRole::Viewer))
        .await;
    let own = house.get("/o/acme/p/website/budgets", Some(&viewer)).await;
    assert!(own.text.contains("12.50 USD") && own.text.contains("Key backend"), "{}", own.text);
    assert!(!own.text.contains("40.00 USD") && !own.text.contains("/remove"), "{}", own.text);
    let overview = house.get("/o/acme", me).await;
    assert!(overview.text.contains("Key backend: 100 % of 0.00 USD in total is spent."));
    assert!(!house.get("/o/acme", Some(&viewer)).await.text.contains("is spent."));

    let remove = |page: &str| {
        let from = page.find("/o/acme/budgets/bgt_").unwrap();
        page[from..].split('"').next().unwrap().to_owned()
    };
    for _ in 0..3 {
        let page = house.get("/o/acme/budgets", me).await;
        let removed = house.post(&remove(&page.text), &[], me).await;
        assert_eq!(removed.location(), "/o/acme/budgets?done=budget-removed");
    }
    assert!(house.get("/o/acme/budgets", me).await.text.contains("No budgets yet"));
}

#[tokio::test]
async fn members_see_what_they_may_spend() {
    let house = House::new().await;
    let me = Some(&house.owner);
    let viewer = house
        .member("viewer@acme.example", domain::OrgRole::Member, Some(domain::ProjectRole::Viewer))
        .await;
    let members = house.get("/o/acme/members", me).await;
    let member = format!("usr_{}", members.text.rsplit("/members/usr_").next().unwrap());
    let member = member.split('"').next().unwrap();
    let page = house.get("/o/acme/budgets", me).await;
    assert!(
        page.text.contains("Member Mem Ber, all keys made by viewer@acme.example"),
        "{}",
        page.text
    );
    let place = format!("/o/acme/members/{member}");
    let shown = house.get(&place, me).await;
    assert!(shown.text.contains("There is no such budget."), "{}", shown.text);
    let link = format!("/o/acme/budgets?whose={member}");
    assert!(shown.text.contains(&format!("href=\"{link}#set\"")), "{}", shown.text);
    let chosen = house.get(&link, me).await;
    assert!(chosen.text.contains(&format!("value=\"{member}\" selected")), "{}", chosen.text);

    let fields = [("whose", member), ("period", "month"), ("amount", "20")];
    let saved = house.post("/o/acme/budgets", &fields, me).await;
    assert_eq!(saved.location(), "/o/acme/budgets?done=budget", "{}", saved.text);
    let listed = house.get("/o/acme/budgets", me).await;
    assert!(listed.text.contains("<th scope=\"row\">Member Mem Ber<span"), "{}", listed.text);
    let shown = house.get(&place, me).await;
    assert!(shown.text.contains("20.00 USD") && !shown.text.contains("no such budget"));
    assert!(!shown.text.contains("/budgets/bgt_"), "{}", shown.text);
    let own = house.get("/o/acme/p/website/budgets", Some(&viewer)).await;
    assert!(own.text.contains("<th scope=\"row\">You<span"), "{}", own.text);
    assert!(own.text.contains("20.00 USD"), "{}", own.text);
    let others = house.get("/o/acme/p/website/budgets", me).await;
    assert!(!others.text.contains("20.00 USD"), "{}", others.text);
    let nobody = [("whose", "usr_00000000000000000000000000"), ("period", "day"), ("amount", "1")];
    assert_eq!(house.post("/o/acme/budgets", &nobody, me).await.status, StatusCode::NOT_FOUND);
    let raised = house.post("/o/acme/budgets", &fields, Some(&viewer)).await;
    assert_eq!(raised.status, StatusCode::FORBIDDEN, "{}", raised.text);

    let fields = [("confirm", "Mem Ber")];
    let gone = house.post(&format!("{place}/remove"), &fields, me).await;
    assert_eq!(gone.location(), "/o/acme/members?done=member-removed", "{}", gone.text);
    let listed = house.get("/o/acme/budgets", me).await;
    assert!(listed.text.contains("Former member") && listed.text.contains(member));
    assert!(!listed.text.contains("Mem Ber"), "{}", listed.text);
}

#[tokio::test]
async fn limits_say_how_fast_programs_may_ask() {
    let house = House::new().await;
    let me = Some(&house.owner);
    assert!(house.get("/o/acme/limits", me).await.text.contains("No limits yet"));
    let key = house.acme.key_id.as_str();
    for (whose, requests) in [("organization", "600"), ("each_key", "1,200"), (key, "60")] {
        let fields =
            [("whose", whose), ("requests", requests), ("tokens", ""), ("concurrent", "4")];
        let saved = house.post("/o/acme/limits", &fields, me).await;
        assert_eq!(saved.location(), "/o/acme/limits?done=saved", "{}", saved.text);
    }
    let page = house.get("/o/acme/limits", me).await;
    for text in ["all keys together", "1,200", "Key backend", "no limit"] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    for whose in ["organization", "each_key", key] {
        house.post("/o/acme/limits", &[("whose", whose)], me).await;
    }
    assert!(house.get("/o/acme/limits", me).await.text.contains("No limits yet"));
}
