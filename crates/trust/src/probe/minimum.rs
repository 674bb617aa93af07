//! GW-08: requests with random text go to a provider that keeps what it receives. Nothing may have reached it but what
//! was asked: not who asked, not with which key, not another request's text, no word that somebody added on the way.

use bytes::Bytes;
use domain::Result;
use sandbox::Recorded;
use serde_json::{Value, json};

use super::{
    Finding, Findings, Run,
    routing::{
        Places, Project,
        places::{NEAR, SERVED},
    },
};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
    scan::Needles,
};

/// In every format, streamed and not. Each leaves a usage record: few are enough.
const REQUESTS: usize = 12;
/// Shorter strings are words of the formats, such as roles and types.
pub(super) const WORD: usize = 12;

/// The question of one request, and what arrived because of it.
struct Sent {
    question: String,
    arrived: Vec<Recorded>,
}

/// What must never arrive.
pub(super) struct Private {
    texts: Vec<String>,
    needles: Needles,
}

impl Private {
    pub(super) fn new(texts: Vec<String>) -> Self {
        let needles = Needles::new(&texts);
        Self { texts, needles }
    }

    pub(super) const fn len(&self) -> usize {
        self.needles.len()
    }

    /// Whether something of it stands in a request, apart from what was `said` in it.
    pub(super) fn in_request(&self, request: &Recorded, said: &[&str]) -> bool {
        let mut text = format!("{} {}\n", request.method, request.path).into_bytes();
        for (name, value) in &request.headers {
            text.extend_from_slice(format!("{name}: {value}\n").as_bytes());
        }
        text.extend_from_slice(&request.body);
        let hits = self.needles.search(&text);
        hits.iter()
            .any(|hit| self.texts.get(hit.needle).is_none_or(|text| !said.contains(&text.as_str())))
    }
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let project = Project::with(cx, "minimum", json!({"regions": ["EU"]})).await?;
    let mut sent = Vec::with_capacity(REQUESTS);
    for at in 0..REQUESTS {
        let question = cx.seed.text(&format!("minimum|{at}"), 20);
        sent.push(ask(cx, &places, &project, (at, question)).await?);
    }
    let mut texts = personal(cx, &project);
    // A request that says it itself: it must be noticed.
    let planted = texts.first().cloned().unwrap_or_default();
    let planted = ask(cx, &places, &project, (0, planted)).await?;
    texts.extend(sent.iter().map(|one| one.question.clone()));
    let private = Private::new(texts);
    let noticed = planted.arrived.iter().any(|request| private.in_request(request, &[]));
    Ok(vec![("GW-08", judge(cx, &sent, &private, noticed))])
}

/// What this installation knows of whoever asks. All of it is random.
pub(super) fn personal(cx: Run<'_>, project: &Project) -> Vec<String> {
    let of = |house: &super::Household| {
        [&house.project_name, &house.key_name, &house.email, &house.session]
            .into_iter()
            .chain([&house.api_key, &house.admin_key])
            .cloned()
            .collect::<Vec<_>>()
    };
    let mut all = of(&cx.houses.first);
    all.extend(of(&cx.houses.second));
    all.push(project.key().to_owned());
    all
}

async fn ask(
    cx: Run<'_>,
    places: &Places,
    project: &Project,
    (at, question): (usize, String),
) -> Result<Sent> {
    let (path, body) = request(at, &question);
    let before = places.received();
    let (auth, payload) = (Auth::Key(project.key()), Payload::Raw(Bytes::from(body.to_string())));
    cx.site.client.send("POST", path, auth, payload).await?;
    Ok(Sent { question, arrived: places.arrived_near(before) })
}

/// In another format from one to the next, streamed and not.
pub(super) fn request(at: usize, question: &str) -> (&'static str, Value) {
    let (model, stream) = (format!("{NEAR}/{SERVED}"), at % 2 == 1);
    let messages = json!([{"role": "user", "content": question}]);
    match at / 2 % 3 {
        0 => (
            "/v1/chat/completions",
            json!({"model": model, "stream": stream, "messages": messages}),
        ),
        1 => (
            "/v1/messages",
            json!({"model": model, "stream": stream, "max_tokens": 50, "messages": messages}),
        ),
        _ => ("/v1/responses", json!({"model": model, "stream": stream, "input": question})),
    }
}

fn judge(cx: Run<'_>, sent: &[Sent], private: &Private, noticed: bool) -> Finding {
    let population = sent.len() as u64;
    let meant = |one: &&Sent| {
        let holds = |request: &Recorded| texts(&request.json()).any(|text| text == one.question);
        !one.arrived.is_empty() && one.arrived.iter().all(holds)
    };
    let subjects = sent.iter().filter(meant).count() as u64;
    let said_more = |one: &Sent| {
        let allowed = [one.question.as_str(), SERVED];
        one.arrived.iter().any(|request| {
            private.in_request(request, &[&one.question]) || adds(&request.json(), &allowed)
        })
    };
    let verdict = if sent.iter().any(said_more) {
        Verdict::Fail(Reason::SentMore)
    } else {
        Verdict::held(noticed, subjects, population, cx.floor("GW-08"))
    };
    let arrived: usize = sent.iter().flat_map(|one| &one.arrived).map(|one| one.body.len()).sum();
    Finding::new(verdict, noticed, (subjects, population))
        .measure("private texts looked for", private.len() as u64, "texts")
        .measure("bytes that reached the provider", arrived as u64, "bytes")
}

/// Whether a body holds a text of some length that is not one of those.
fn adds(body: &Value, allowed: &[&str]) -> bool {
    texts(body).any(|text| text.len() >= WORD && !allowed.contains(&text))
}

/// Every string in a value, names of fields apart.
pub(super) fn texts(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::String(text) => Box::new(std::iter::once(text.as_str())),
        Value::Array(all) => Box::new(all.iter().flat_map(texts)),
        Value::Object(all) => Box::new(all.values().flat_map(texts)),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(header: &str, body: Value) -> Recorded {
        Recorded {
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            headers: vec![("user-agent".to_owned(), header.to_owned())],
            body: Bytes::from(body.to_string()),
        }
    }

    #[test]
    fn what_is_private_is_found_wherever_it_stands() {
        let private = Private::new(vec!["owner-of-it@example".to_owned(), "q".repeat(20)]);
        let question = "q".repeat(20);
        let honest = json!({"messages": [{"content": question}]});
        assert!(!private.in_request(&received("probity", honest.clone()), &[&question]));
        assert!(private.in_request(&received("owner-of-it@example", honest.clone()), &[&question]));
        assert!(private.in_request(&received("probity", honest), &["another"]), "somebody else's");
        let hidden = json!({"metadata": hex::encode("owner-of-it@example")});
        assert!(private.in_request(&received("probity", hidden), &[&question]));
    }

    #[test]
    fn words_that_nobody_asked_for_are_additions() {
        let asked =
            json!({"model": SERVED, "messages": [{"role": "user", "content": "Why is it so?"}]});
        assert!(!adds(&asked, &["Why is it so?", SERVED]));
        assert!(adds(&asked, &[SERVED]));
        let more =
            json!({"messages": [{"content": "Why is it so?"}, {"content": "It is for Ann."}]});
        assert!(adds(&more, &["Why is it so?"]));
    }
}
