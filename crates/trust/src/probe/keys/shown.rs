//! KEY-02, KEY-03 and KEY-10: everything that an owner can read, searched for a key that was made and for a secret that
//! was stored a moment ago.

use std::collections::{BTreeMap, BTreeSet};

use domain::Result;
use serde_json::json;

use super::Fresh;
use crate::{
    client::{Answer, Auth, Client, Payload},
    evidence::{Reason, Verdict},
    probe::{Finding, Findings, Household, Route, Run, attack::parameters, shadow::Shadow},
    scan::Needles,
};

/// Streams that never end, and what only another process may read.
const ENDLESS: &[&str] = &["/trust/events"];
/// How many characters of a stored secret may be seen.
const VISIBLE: usize = 4;

/// The credential of a provider, made for this run.
struct Stored(String);

/// What all answers together showed.
#[derive(Default)]
struct Crawl {
    routes: u64,
    read: u64,
    key: bool,
    secret: bool,
    /// More characters of the secret than may be seen.
    piece: bool,
    /// Its last four.
    last: bool,
    uncovered: BTreeSet<String>,
}

pub(super) async fn run(cx: Run<'_>, fresh: &Fresh) -> Result<Findings> {
    let stored = store(cx).await?;
    let needles = Needles::new([&fresh.text, &fresh.secret, &stored.0]);
    let crawl = crawl(cx, fresh, &stored, &needles).await?;
    let caught = repeating_is_caught(cx, fresh, &stored, &needles).await?;
    let judge = |planted: bool, seen: bool| {
        let verdict = if seen {
            Verdict::Fail(Reason::SecretFound)
        } else {
            Verdict::sampled(planted, crawl.read, crawl.routes, crawl.routes / 2)
        };
        Finding::new(verdict, planted, (crawl.read, crawl.routes))
            .uncovered(crawl.uncovered.iter().cloned())
    };
    let pieces = judge(caught && crawl.last, crawl.piece || crawl.secret);
    Ok(vec![
        ("KEY-02", judge(caught, crawl.key)),
        ("KEY-03", pieces),
        ("KEY-10", judge(caught, crawl.secret)),
    ])
}

/// Gives the provider of this organization, which is the prober's own twin, another credential. No text holds two of
/// its characters side by side by chance: every second one is a tilde.
async fn store(cx: Run<'_>) -> Result<Stored> {
    let house = &cx.houses.first;
    let letters = cx.seed.text("stored", 24);
    let secret: String = letters.chars().flat_map(|letter| [letter, '~']).collect();
    let provider = house.objects.get("provider").map(String::as_str).unwrap_or_default();
    let change = Payload::Json(json!({ "secret": secret }));
    let path = format!("/api/v1/providers/{provider}");
    house.owner(&cx.site.client).ask("PATCH", &path, change).await?;
    Ok(Stored(secret))
}

impl Stored {
    /// The longest piece of the secret that an answer holds is longer than may be seen.
    fn shows(&self, body: &[u8]) -> bool {
        if !body.contains(&b'~') {
            return false;
        }
        let mut pieces = self.0.as_bytes().windows(VISIBLE + 1);
        pieces.any(|piece| body.windows(VISIBLE + 1).any(|window| window == piece))
    }

    fn last(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(VISIBLE)..).unwrap_or_default()
    }
}

async fn crawl(cx: Run<'_>, fresh: &Fresh, stored: &Stored, needles: &Needles) -> Result<Crawl> {
    let house = &cx.houses.first;
    let mut objects = house.objects.clone();
    objects.insert("key", fresh.id.to_string());
    let mut crawl = Crawl::default();
    let readable =
        |route: &&Route| route.method == "GET" && !ENDLESS.contains(&route.path.as_str());
    for route in cx.site.routes.iter().filter(readable) {
        crawl.routes += 1;
        let Some(path) = fill(route, &objects, house) else {
            crawl.uncovered.insert(route.path.clone());
            continue;
        };
        let auth = if route.permission == "inference" {
            Auth::Key(&house.api_key)
        } else {
            Auth::Session(&house.session)
        };
        let answer = cx.site.client.send("GET", &path, auth, Payload::Empty).await?;
        crawl.look(&answer, stored, needles);
        if answer.status < 400 {
            crawl.read += 1;
        } else {
            crawl.uncovered.insert(route.path.clone());
        }
    }
    Ok(crawl)
}

impl Crawl {
    fn look(&mut self, answer: &Answer, stored: &Stored, needles: &Needles) {
        for hit in needles.search(&answer.body) {
            self.key |= hit.needle < 2;
            self.secret |= hit.needle == 2;
        }
        self.piece |= stored.shows(&answer.body);
        let says = || answer.json().ok()?.get("secret_last_four")?.as_str().map(str::to_owned);
        self.last |= says().as_deref() == Some(stored.last());
    }
}

/// A careless server repeats both, and one character too many: all must be noticed, as must the answer that created
/// the key.
async fn repeating_is_caught(
    cx: Run<'_>,
    fresh: &Fresh,
    stored: &Stored,
    needles: &Needles,
) -> Result<bool> {
    let row = json!({"id": fresh.id, "text": fresh.text, "secret": stored.0}).to_string();
    let end = stored.0.get(stored.0.len().saturating_sub(VISIBLE + 1)..).unwrap_or_default();
    let more = json!({ "secret_last_four": end }).to_string();
    let rows = BTreeMap::from([("all".to_owned(), row), ("more".to_owned(), more)]);
    let shadow = Shadow::serve(rows).await?;
    let client = Client::new(&shadow.base_url(), cx.site.clock.clone())?;
    let mut seen = [Crawl::default(), Crawl::default()];
    for (crawl, path) in seen.iter_mut().zip(["/all", "/more"]) {
        let answer = client.send("GET", path, Auth::Nobody, Payload::Empty).await?;
        crawl.look(&answer, stored, needles);
    }
    let [all, more] = &seen;
    let created = !needles.search(&fresh.shown).is_empty();
    Ok(created && all.key && all.secret && all.piece && more.piece && !more.secret)
}

/// The path filled with what the organization has; `None` when it takes something that is nobody's.
fn fill(
    route: &Route,
    objects: &BTreeMap<&'static str, String>,
    house: &Household,
) -> Option<String> {
    let mut path = route.path.clone();
    for name in parameters(&route.path) {
        path = path.replace(&format!("{{{name}}}"), objects.get(name)?);
    }
    if path.starts_with("/api/") {
        path.push_str(&format!("?organization={}&project={}", house.slug, house.project));
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_characters_are_allowed_and_five_are_not() {
        let stored = Stored("a~b~c~d~".to_owned());
        assert_eq!(stored.last(), "c~d~");
        assert!(!stored.shows(b"{\"secret_last_four\":\"c~d~\"}"));
        assert!(stored.shows(b"\"~c~d~\"") && stored.shows(b"a~b~c"));
    }
}
