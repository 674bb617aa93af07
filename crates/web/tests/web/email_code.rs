//! Signing in with a code that comes by letter, by forms alone.

use std::time::Duration;

use domain::{Channel, Letter, OrgRole};
use http::StatusCode;
use store::Cargo;

use crate::{
    forms::cookie,
    house::{Answer, House, Person},
};

/// A browser in which a code was asked for.
pub(crate) fn asked(answer: &Answer) -> Person {
    let lines = answer.headers.get_all("set-cookie").iter();
    let line = lines
        .filter_map(|line| line.to_str().ok())
        .find(|line| line.starts_with("probity-code="))
        .unwrap();
    assert!(line.contains("HttpOnly") && line.contains("Max-Age="), "{line}");
    let token = line.split(['=', ';']).nth(1).unwrap();
    Person { token: format!("none; probity-code={token}") }
}

impl House {
    pub(crate) fn with_mail(&self) {
        self.store.set_mail(Some("notices@example.org".to_owned()));
    }

    /// The letters that wait to leave, as `(to, letter)`.
    pub(crate) async fn letters(&self) -> Vec<(String, Letter)> {
        let mut found = Vec::new();
        let lease = Duration::from_secs(1);
        for message in self.store.messages_claim(&[Channel::Mail], 64, lease).await.unwrap() {
            if let Cargo::Letter { to, letter } = &message.cargo {
                found.push((to.expose().clone(), serde_json::from_str(letter.expose()).unwrap()));
            }
            self.store.message_delivered(&message, 250).await.unwrap();
        }
        found
    }
}

#[tokio::test]
async fn the_link_fills_the_code_in_where_it_was_asked_for_and_shows_it_elsewhere() {
    let house = House::new().await;
    assert!(!house.get("/sign-in", None).await.text.contains("/sign-in/code"));
    house.with_mail();
    assert!(house.get("/sign-in", None).await.text.contains("formaction=\"/sign-in/code\""));
    house.member("jo@acme.example", OrgRole::Member, None).await;
    house.letters().await;
    let fields = [("email", "jo@acme.example"), ("next", "/o/acme"), ("stay", "yes")];
    let sent = house.post("/sign-in/code", &fields, None).await;
    assert_eq!(sent.location(), "/sign-in/code?next=%2Fo%2Facme&stay=yes");
    let browser = asked(&sent);
    let waiting = house.get(sent.location(), Some(&browser)).await;
    assert!(waiting.text.contains("name=\"next\" value=\"/o/acme\""), "{}", waiting.text);
    let letters = house.letters().await;
    let (to, letter) = letters.first().unwrap();
    assert_eq!(to, "jo@acme.example");
    let (code, path) = (&letter.paragraphs[0], &letter.link.as_ref().unwrap().path);
    for _ in 0..3 {
        let elsewhere = house.get(path, None).await;
        assert!(elsewhere.text.contains(code.as_str()), "{}", elsewhere.text);
        assert!(!elsewhere.text.contains("<form class=\"form\""), "nothing can be sent from there");
    }
    let here = house.get(path, Some(&browser)).await;
    assert!(here.text.contains(&format!("value=\"{code}\"")), "{}", here.text);
    let fields = [("code", "000 000"), ("next", "/o/acme"), ("stay", "yes")];
    let wrong = house.post("/sign-in/code/enter", &fields, Some(&browser)).await;
    assert!(wrong.status.is_client_error() && wrong.text.contains("This code is wrong"));
    let fields = [("code", code.as_str()), ("next", "/o/acme"), ("stay", "yes")];
    let stranger = house.post("/sign-in/code/enter", &fields, None).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let done = house.post("/sign-in/code/enter", &fields, Some(&browser)).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/o/acme"));
    let lines: Vec<_> = done.headers.get_all("set-cookie").iter().collect();
    let lasting = |line: &&http::HeaderValue| line.to_str().unwrap().contains("Max-Age=259");
    assert_eq!(lines.iter().filter(|line| lasting(line)).count(), 1, "stay signed in: {lines:?}");
    let person = cookie(&done).unwrap();
    assert_eq!(house.get("/o/acme", Some(&person)).await.status, StatusCode::OK);
    let again = house.post("/sign-in/code/enter", &fields, Some(&browser)).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert!(again.text.contains("Ask for a new one"), "{}", again.text);
}

#[tokio::test]
async fn the_answer_is_the_same_for_an_address_that_nobody_has() {
    let house = House::new().await;
    house.with_mail();
    house.member("jo@acme.example", OrgRole::Member, None).await;
    house.letters().await;
    let mut answers = Vec::new();
    for email in ["jo@acme.example", "nobody@acme.example"] {
        let sent = house.post("/sign-in/code", &[("email", email)], None).await;
        let browser = asked(&sent);
        let page = house.get(sent.location(), Some(&browser)).await.text;
        let wrong = house.post("/sign-in/code/enter", &[("code", "1")], Some(&browser)).await;
        let names: Vec<_> = sent.headers.keys().map(ToString::to_string).collect();
        answers.push((sent.status, sent.location().to_owned(), names, page, wrong.text));
    }
    assert_eq!(answers[0], answers[1]);
    let letters = house.letters().await;
    let to: Vec<_> = letters.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, ["jo@acme.example"]);
}

#[tokio::test]
async fn whoever_is_invited_may_do_without_a_password() {
    let house = House::new().await;
    house.with_mail();
    let (email, role) = ("li@acme.example", OrgRole::Admin.as_str());
    let fields = [("email", email), ("role", role)];
    let made = house.post("/o/acme/members/invite", &fields, Some(&house.owner)).await;
    assert!(made.text.contains("The invitation is on its way"), "{}", made.text);
    let letters = house.letters().await;
    let (to, letter) = letters.first().unwrap();
    assert_eq!((to.as_str(), letter.subject.as_str()), (email, "You are invited to acme"));
    let path = &letter.link.as_ref().unwrap().path;
    let joined = house.post(path, &[("name", "Li Wei"), ("password", "")], None).await;
    assert_eq!(joined.location(), "/sign-in/code?next=%2Fo%2Facme");
    assert!(cookie(&joined).is_none(), "the link alone signs nobody in");
    let letters = house.letters().await;
    let code = &letters.first().unwrap().1.paragraphs[0];
    let browser = asked(&joined);
    let done = house.post("/sign-in/code/enter", &[("code", code)], Some(&browser)).await;
    let person = cookie(&done).unwrap();
    let account = house.get("/account", Some(&person)).await;
    assert!(account.text.contains("Set a password") && !account.text.contains("Current password"));
    let factor = house.get("/account/second-factor", Some(&person)).await;
    assert!(!factor.text.contains("Your password"));
    let fields = [("password", "lantern ferry cobalt nine")];
    let set = house.post("/account/password", &fields, Some(&person)).await;
    assert_eq!(set.status, StatusCode::SEE_OTHER, "{}", set.text);
    let person = cookie(&set).unwrap();
    let account = house.get("/account", Some(&person)).await;
    assert!(account.text.contains("Current password"));
}
