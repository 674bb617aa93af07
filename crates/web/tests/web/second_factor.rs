//! The second factor as people meet it: by forms alone.

use domain::{Clock, OrgRole, Secret};
use http::StatusCode;
use vault::Totp;

use crate::{
    forms::cookie,
    house::{Answer, House, PASSWORD, Person},
};

/// Somebody whose sign-in waits for the second factor.
pub(crate) fn half(answer: &Answer) -> Person {
    let lines = answer.headers.get_all("set-cookie").iter();
    let line = lines
        .filter_map(|line| line.to_str().ok())
        .find(|line| line.starts_with("probity-half="))
        .unwrap();
    assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax"), "{line}");
    let token = line.split(['=', ';']).nth(1).unwrap();
    Person { token: format!("none; probity-half={token}") }
}

/// What stands between the two.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split(start).nth(1).unwrap_or_else(|| panic!("no {start}")).split(end).next().unwrap()
}

struct Careful {
    person: Person,
    app: Totp,
    /// The recovery codes as the page showed them.
    codes: Vec<String>,
}

/// Sets a second factor up, as the page says.
async fn set_up(house: &House, person: &Person, next: &str) -> Careful {
    let path = format!("/account/second-factor?next={next}");
    let page = house.get(&path, Some(person)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("<svg class=\"qr\""), "something to scan");
    let seed = between(&page.text, "name=\"seed\" value=\"", "\"").to_owned();
    let app = Totp::parse(&Secret::new(seed.clone()), "Probity", "somebody").unwrap();
    let code = app.code(Clock::system().now()).expose().clone();
    let fields = [("seed", seed.as_str()), ("code", &code), ("password", PASSWORD), ("next", next)];
    let done = house.post("/account/second-factor", &fields, Some(person)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert!(done.text.contains(&format!("href=\"{next}\"")), "the way on");
    let codes = between(&done.text, "<code id=\"codes\">", "</code>");
    let codes = codes.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect();
    Careful { person: cookie(&done).unwrap(), app, codes }
}

#[tokio::test]
async fn an_admin_is_led_to_it_and_may_act_after_it() {
    let house = House::new().await;
    let weak = house.newcomer("ann@acme.example", OrgRole::Admin).await;
    let overview = house.get("/o/acme", Some(&weak)).await;
    assert_eq!(overview.status, StatusCode::OK);
    assert!(overview.text.contains("without a second factor"), "{}", overview.text);
    let refused = house.get("/o/acme/audit", Some(&weak)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("One more step"));
    let link = between(&refused.text, "<a class=\"button\" href=\"", "\"");
    assert_eq!(link, "/account/second-factor?next=%2Fo%2Facme%2Faudit");
    let path = "/api/v1/audit?organization=acme";
    let refused = house.get(path, Some(&weak)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["code"], "second_factor_required");
    let careful = set_up(&house, &weak, "/o/acme/audit").await;
    let seen = house.get("/o/acme/audit", Some(&careful.person)).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(!seen.text.contains("without a second factor"));
    let before = house.get("/o/acme", Some(&weak)).await;
    assert_eq!(before.status, StatusCode::UNAUTHORIZED, "the session goes on as another one");
}

#[tokio::test]
async fn signing_in_asks_for_it() {
    let house = House::new().await;
    let jo = house.newcomer("jo@acme.example", OrgRole::Member).await;
    let careful = set_up(&house, &jo, "/account").await;
    let fields = [
        ("email", "jo@acme.example"),
        ("password", PASSWORD),
        ("next", "/o/acme"),
        ("stay", "yes"),
    ];
    let first = house.post("/sign-in", &fields, None).await;
    assert_eq!(first.location(), "/sign-in/second-factor?next=%2Fo%2Facme&stay=yes");
    assert!(cookie(&first).is_none(), "no session before the second factor");
    let waiting = half(&first);
    assert_eq!(house.get("/o/acme", Some(&waiting)).await.status, StatusCode::UNAUTHORIZED);
    let page = house.get(first.location(), Some(&waiting)).await;
    assert!(page.text.contains("inputmode=\"numeric\"") && page.text.contains("one-time-code"));
    let other = between(&page.text, "</button><a href=\"", "\"").replace("&#38;", "&");
    assert!(house.get(&other, Some(&waiting)).await.text.contains("Recovery code"));
    // The code that set the app up does not count again; a recovery code is there for that.
    let used = careful.app.code(Clock::system().now()).expose().clone();
    let fields = [("code", used.as_str()), ("next", "/o/acme")];
    let again = house.post("/sign-in/second-factor", &fields, Some(&waiting)).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.text.contains("id=\"code-error\""));
    let recovery = house.get(&other, Some(&waiting)).await;
    assert!(recovery.text.contains("name=\"stay\" value=\"yes\""), "the choice is kept");
    let code = careful.codes[0].as_str();
    let fields = [("code", code), ("next", "/o/acme"), ("with", "recovery"), ("stay", "yes")];
    let right = house.post("/sign-in/second-factor", &fields, Some(&waiting)).await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/o/acme"));
    assert!(right.header("set-cookie").contains("Max-Age=259"), "30 days, less what it took");
    let person = cookie(&right).unwrap();
    assert_eq!(house.get("/o/acme", Some(&person)).await.status, StatusCode::OK);
    let over = house.get("/sign-in/second-factor", Some(&waiting)).await;
    assert_eq!(over.status, StatusCode::UNAUTHORIZED, "what waited is used up");
    assert!(over.text.contains("action=\"/sign-in\"") && over.text.contains("Begin anew"));
    let account = house.get("/account/second-factor", Some(&person)).await;
    assert!(account.text.contains("9 of 10"), "{}", account.text);
}

#[tokio::test]
async fn recovery_codes_are_renewed_and_the_factor_is_removed_by_a_code() {
    let house = House::new().await;
    let jo = house.newcomer("jo@acme.example", OrgRole::Member).await;
    let careful = set_up(&house, &jo, "/account").await;
    let me = Some(&careful.person);
    let fields = [("code", careful.codes[1].as_str())];
    let renewed = house.post("/account/second-factor/codes", &fields, me).await;
    assert_eq!(renewed.status, StatusCode::OK, "{}", renewed.text);
    let fresh = between(&renewed.text, "<code id=\"codes\">", "\n").to_owned();
    assert!(!careful.codes.contains(&fresh));
    let old = [("code", careful.codes[2].as_str())];
    let refused = house.post("/account/second-factor/remove", &old, me).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let fields = [("code", fresh.as_str())];
    let removed = house.post("/account/second-factor/remove", &fields, me).await;
    assert_eq!(removed.location(), "/account?done=second-factor-removed");
    let person = cookie(&removed).unwrap();
    assert!(house.get("/account", Some(&person)).await.text.contains("Set up a second factor"));
}

#[tokio::test]
async fn a_session_of_before_is_asked_for_it() {
    let house = House::new().await;
    let jo = house.newcomer("jo@acme.example", OrgRole::Member).await;
    let fields = [("email", "jo@acme.example"), ("password", PASSWORD)];
    let second = cookie(&house.post("/sign-in", &fields, None).await).unwrap();
    let careful = set_up(&house, &jo, "/account").await;
    let page = house.get("/account/second-factor?next=/o/acme", Some(&second)).await;
    assert!(page.text.contains("Show your second factor"), "{}", page.text);
    let fields = [("code", careful.codes[3].as_str()), ("next", "/o/acme")];
    let shown = house.post("/account/second-factor/show", &fields, Some(&second)).await;
    assert_eq!(shown.location(), "/o/acme");
    assert!(cookie(&shown).is_some());
}
