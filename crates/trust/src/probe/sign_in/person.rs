//! Somebody who was invited once and signs in with a password, as most people do. The prober knows both by heart: they
//! follow from its own key.

use domain::{Error, Result};
use serde_json::json;

use crate::{
    client::Payload,
    probe::{
        Run,
        household::text,
        plainly::{Door, Said},
    },
    seed::Seed,
};

pub(in crate::probe) struct Person {
    pub(in crate::probe) email: String,
    pub(super) password: String,
    name: String,
}

impl Person {
    pub(super) fn of(cx: Run<'_>) -> Self {
        Self::named(cx, "")
    }

    /// Somebody else, for whom a second factor is set up and removed.
    pub(super) fn careful(cx: Run<'_>) -> Self {
        Self::named(cx, "careful|")
    }

    /// Somebody else, who signs in with codes.
    pub(in crate::probe) fn without_password(cx: Run<'_>) -> Self {
        Self::named(cx, "codes|")
    }

    fn named(cx: Run<'_>, who: &str) -> Self {
        // Another organization of the probes' own, after whatever happened to the first: another person.
        let known: Seed = cx.site.person;
        let word = |what: &str| known.text(&format!("{who}{what}|{}", cx.houses.second.slug), 12);
        let email = format!("{}@{}.example", word("mailbox"), word("host")).to_lowercase();
        Self { email, password: word("secret") + &word("more"), name: word("name") }
    }

    /// Joins the organization, unless that was done before; the cookies that came of it.
    pub(in crate::probe) async fn settle(&self, cx: Run<'_>, door: &Door) -> Result<Vec<String>> {
        let owner = cx.houses.second.owner(&cx.site.client);
        let members = owner.ask("GET", "/api/v1/members", Payload::Empty).await?;
        let mut members = members.get("data").and_then(|all| all.as_array()).into_iter().flatten();
        if members.any(|one| text(one, "email") == self.email) {
            return Ok(Vec::new());
        }
        let new = Payload::Json(json!({"email": self.email, "role": "member"}));
        let invited = owner.ask("POST", "/api/v1/invitations", new).await?;
        let link = text(&invited, "link");
        let token = link.rsplit('/').next().unwrap_or_default();
        let form = format!("name={}&password={}", self.name, self.password);
        let path = format!("/invitations/{token}");
        entered(door.ask(None, ("POST", &path), "", &form).await?)
    }

    /// The cookies of signing in, with the wish to stay signed in or without.
    pub(super) async fn sign_in(&self, door: &Door, stay: bool) -> Result<Vec<String>> {
        let email = self.email.replace('@', "%40");
        let stay = if stay { "&stay=yes" } else { "" };
        let form = format!("email={email}&password={}{stay}", self.password);
        entered(door.ask(None, ("POST", "/sign-in"), "", &form).await?)
    }
}

/// The cookies of an answer that lets somebody in.
fn entered(said: Said) -> Result<Vec<String>> {
    if (300..400).contains(&said.status) {
        return Ok(said.cookies);
    }
    Err(Error::upstream(format!("Nobody was let in: the answer had status {}.", said.status)))
}
