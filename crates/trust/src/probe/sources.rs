//! APP-03: every way to ask is used with a random text in each place that it has. Twins keep what they receive: all of
//! it must be there, and nothing else.

mod apps;
mod stored;

use std::collections::{BTreeMap, BTreeSet};

use domain::Result;
use sandbox::Recorded;
use serde_json::{Value, json};

use super::{
    Finding, Findings, Run,
    household::text,
    minimum::{Private, WORD, personal, texts},
    routing::{
        Places, Project,
        places::{NEAR, SERVED},
    },
};
use crate::{
    client::{Auth, Client, Payload},
    evidence::{Reason, Verdict},
    scan::Needles,
};
use apps::{Asked, Texts};

const CONTROL: &str = "APP-03";
const SLUG: &str = "sources";
/// The headers that the interfaces of providers need.
const HEADERS: [&str; 10] = [
    "accept",
    "anthropic-version",
    "authorization",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "user-agent",
    "x-api-key",
    "x-goog-api-key",
];
/// Words of formats between which a text may come to stand.
const WORDS: [&str; 3] = ["data:image/png;base64,", "Document", SERVED];

/// What was asked, and what arrived because of it.
pub(super) struct Sent {
    app: &'static str,
    said: Vec<String>,
    /// Everything that was sent, but for what was said about whoever asks.
    body: Value,
    answered: bool,
    arrived: Vec<Recorded>,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let house = &cx.houses.second;
    let project = Project::of(cx, house, SLUG, json!({"allow_training": true})).await?;
    let word = cx.seed.text("talkative", 20);
    let mut sent = Vec::new();
    for asked in apps::all(cx.seed) {
        sent.push(send(cx, (&places, &project), asked, &word).await?);
    }
    sent.push(try_a_model(cx, &places).await?);
    let (batch, labels) = stored::batch(cx, &places, &project).await?;
    sent.push(batch);

    let mut secret = personal(cx, &project);
    secret.extend(about(cx).await?);
    secret.push(word.clone());
    secret.extend(labels);
    let planted = planted(cx, (&places, &project), (&secret, &word)).await?;
    drop(places);
    secret.extend(sent.iter().flat_map(|one| one.said.clone()));
    Ok(vec![(CONTROL, judge(cx, &sent, &Private::new(secret), planted))])
}

async fn send(
    cx: Run<'_>,
    (places, project): (&Places, &Project),
    asked: Asked,
    word: &str,
) -> Result<Sent> {
    let before = places.received();
    let auth = Auth::Talkative(project.key(), word);
    let payload = Payload::Json(asked.body.clone());
    let status = cx.site.client.send("POST", &asked.path, auth, payload).await?.status;
    let Asked { app, body, said, .. } = asked;
    Ok(Sent { app, said, body, answered: status == 200, arrived: places.arrived_near(before) })
}

/// The page on which people try a model. Its key lasts for a day, so it stands in an organization that limits nobody's
/// share of a person's conversations.
async fn try_a_model(cx: Run<'_>, places: &Places) -> Result<Sent> {
    Project::with(cx, SLUG, json!({"allow_training": true})).await?;
    let (house, model) = (&cx.houses.first, format!("{NEAR}/{SERVED}"));
    let mut said = Texts::new(cx.seed, "page");
    let question = said.text("question");
    let form = [("model", model.as_str()), ("message", &question)];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let before = places.received();
    let path = format!("/o/{}/p/{SLUG}/try", house.slug);
    let (auth, payload) = (Auth::Session(&house.session), Payload::Form(form.into()));
    let answer = cx.site.client.send("POST", &path, auth, payload).await?;
    Ok(Sent {
        app: "The page on which models are tried",
        said: said.all,
        body: json!({"model": model, "message": question}),
        answered: answer.status == 200,
        arrived: places.arrived_near(before),
    })
}

/// The names and ids of both organizations and of their owners.
async fn about(cx: Run<'_>) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for house in [&cx.houses.first, &cx.houses.second] {
        let owner = house.owner(&cx.site.client);
        let id = |name: &str| house.objects.get(name).cloned().unwrap_or_default();
        for path in [
            format!("/api/v1/organizations/{}", id("organization")),
            format!("/api/v1/members/{}", id("member")),
        ] {
            let found = owner.ask("GET", &path, Payload::Empty).await?;
            all.extend([text(&found, "name"), text(&found, "email")]);
        }
        let ids = ["org", "organization", "project", "key", "member", "session"];
        all.extend(ids.map(id));
    }
    // A name of few letters is found by chance.
    all.retain(|one| one.len() >= 6);
    Ok(all)
}

/// Whether a request that says who asks, one that lacks a text, and one with another header are noticed.
async fn planted(
    cx: Run<'_>,
    (places, project): (&Places, &Project),
    (secret, word): (&[String], &str),
) -> Result<bool> {
    let mut texts = Texts::new(cx.seed, "planted");
    let question = secret.iter().find(|one| one.len() >= WORD).cloned().unwrap_or_default();
    let body = json!({
        "model": apps::plain_model(), "messages": [{"role": "user", "content": question}],
    });
    let path = "/v1/chat/completions";
    let said = vec![texts.text("missing")];
    let asked = Asked { app: "", path: path.to_owned(), body: body.clone(), said };
    let sent = send(cx, (places, project), asked, word).await?;
    let private = Private::new(secret.to_vec());
    let told = sent.arrived.iter().any(|one| private.in_request(one, &[]));
    let lacks = !sent.is_whole();
    let added = sent.arrived.iter().any(|one| adds(&one.json(), &Value::Null, &[]));

    let before = places.received();
    let origin = places.near_address();
    let near = Client::new(origin.trim_end_matches("/v1"), cx.site.clock.clone())?;
    near.send("POST", path, Auth::Talkative("none", word), Payload::Json(body)).await?;
    let arrived = places.arrived_near(before);
    let headers = arrived.iter().any(|one| private.in_request(one, &[&question]) && talks(one));
    Ok(told && lacks && added && headers)
}

/// Whether it has a header that the provider's interface does not need.
fn talks(request: &Recorded) -> bool {
    request.headers.iter().any(|(name, _)| !HEADERS.contains(&name.as_str()))
}

/// Whether a body holds letters in some number that were not in what was sent.
fn adds(arrived: &Value, sent: &Value, said: &[&str]) -> bool {
    // A model is named without its provider there, and what is in a file without its kind.
    let parts = texts(sent).flat_map(|text| {
        let name = text.split_once('/').map(|(_, name)| name);
        let data = text.rsplit_once("base64,").map(|(_, data)| data);
        [Some(text), name, data].into_iter().flatten()
    });
    let mut known: Vec<&str> = parts.chain(said.iter().copied()).chain(WORDS).collect();
    known.retain(|text| text.len() >= 4);
    // Long ones first: a short one may be part of one of them.
    known.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts(arrived).any(|text| {
        // A text may come to stand in another one, such as a document in a message.
        let rest = known.iter().fold(text.to_owned(), |rest, known| rest.replace(known, ""));
        rest.chars().filter(|letter| letter.is_alphanumeric()).count() >= WORD
    })
}

impl Sent {
    /// Whether everything that was said has arrived, in each request that did.
    fn is_whole(&self) -> bool {
        let needles = Needles::new(&self.said);
        let holds = |request: &Recorded| {
            let hits = needles.search(&request.body);
            hits.iter().map(|hit| hit.needle).collect::<BTreeSet<_>>().len() == self.said.len()
        };
        !self.arrived.is_empty() && self.arrived.iter().all(holds)
    }

    /// Whether something else has arrived.
    fn says_more(&self, private: &Private) -> bool {
        let said: Vec<&str> = self.said.iter().map(String::as_str).collect();
        self.arrived.iter().any(|one| {
            private.in_request(one, &said)
                || talks(one)
                || one.json().is_null()
                || adds(&one.json(), &self.body, &said)
        })
    }
}

fn judge(cx: Run<'_>, sent: &[Sent], private: &Private, planted: bool) -> Finding {
    let alone = |one: &Sent| one.answered && one.is_whole() && !one.says_more(private);
    let population = sent.len() as u64;
    let subjects = sent.iter().filter(|one| alone(one)).count() as u64;
    let mut apps: BTreeMap<&str, u64> = BTreeMap::new();
    for one in sent {
        let count = if alone(one) { one.said.len() as u64 } else { 0 };
        *apps.entry(one.app).or_default() += count;
    }
    let verdict = if sent.iter().any(|one| one.says_more(private)) {
        Verdict::Fail(Reason::SentMore)
    } else {
        Verdict::held(planted, subjects, population, cx.floor(CONTROL))
    };
    let astray = sent.iter().filter(|one| !alone(one)).map(|one| one.app.to_owned());
    let astray: BTreeSet<String> = astray.collect();
    let mut finding = Finding::new(verdict, planted, (subjects, population)).measure(
        "private texts looked for",
        private.len() as u64,
        "texts",
    );
    for (app, count) in apps {
        let name = format!("{app}: texts of the request that arrived, and nothing else");
        finding = finding.measure(&name, count, "texts");
    }
    finding.uncovered(astray).uncovered([
        "a workspace over documents: there is none here yet".to_owned(),
        "sessions over WebSockets, images and sound".to_owned(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_along_is_told_from_what_was_sent() {
        let sent = json!({
            "model": "Parlour/sandbox-moderation", "documents": ["The sky is."],
            "messages": [{"content": "Why is it so blue?"}, {"url": "data:image/png;base64,QUJDREVGR0hJSg=="}],
        });
        let moved = json!({
            "model": "sandbox-moderation", "bytes": "QUJDREVGR0hJSg==",
            "messages": [{"content": "The sky is.\n\nWhy is it so blue?"}],
            "arguments": "{\"place\":\"somewhere near\"}",
        });
        assert!(!adds(&moved, &sent, &["somewhere near"]));
        assert!(adds(&moved, &sent, &[]));
        let told = json!({"messages": [{"content": "Ann Smith asks: Why is it so blue? Today"}]});
        assert!(adds(&told, &sent, &[]));
        let header = |name: &str| Recorded {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: vec![(name.to_owned(), String::new())],
            body: bytes::Bytes::new(),
        };
        assert!(
            talks(&header("cookie")) && talks(&header("traceparent")) && !talks(&header("host"))
        );
    }
}
