//! APP-16: an organization that has partners for images and for answers out of the web asks for everything else, also
//! where somebody fails. Neither partner may be contacted; whoever then asks for what it does has to reach it, and it alone.

use std::time::Duration;

use domain::{Result, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Finding, Findings, Run,
    routing::{
        Project,
        places::{
            ALMANAC, BREAKWATER, DRAWS, FAMILIES, PARLOUR, Partners, SEARCHES, SERVED, STUDIO,
            TALKS,
        },
    },
};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
};

const CONTROL: &str = "APP-16";
/// An alias of two models, the first of which fails.
const EITHER: &str = "either";
/// Of an answer: the model that the catalogue knows takes its time with each of them.
const WORDS: u32 = 4;
/// How long a contact may take to be written down.
const WRITTEN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(250);

/// What is to come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Answered,
    /// The provider fails, and nobody else may be asked.
    Failed,
    /// Nobody does that, or not in this way.
    Refused,
}

impl Wanted {
    fn is(self, status: u16) -> bool {
        match self {
            Self::Answered => status == 200,
            Self::Failed => status >= 500,
            Self::Refused => (400..500).contains(&status),
        }
    }
}

struct Asked {
    path: &'static str,
    body: Value,
    wanted: Wanted,
}

/// Everything that one run saw.
struct Seen {
    /// What reached the partners since the last run, and while they were not asked for.
    stray: Partners,
    during: Partners,
    /// Contacts of them on record meanwhile.
    recorded: u64,
    /// Requests that ended as they were meant to.
    as_meant: u64,
    population: u64,
    planted: bool,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let mut places = cx.site.visit().await;
    let stray = places.strangers();
    let house = &cx.houses.second;
    let owner = house.owner(&cx.site.client);
    let targets = format!("{BREAKWATER}/{TALKS},{PARLOUR}/{TALKS}");
    let alias = Payload::Json(json!({"name": EITHER, "target": targets}));
    owner.ask("PUT", "/api/v1/aliases", alias).await?;
    let project = Project::of(cx, house, "conversations", json!({"allow_training": true})).await?;

    let (started, before) = (cx.site.clock.now(), places.partners());
    let all = everything_else();
    let mut as_meant = 0;
    for asked in &all {
        let status = ask(cx, project.key(), asked).await?;
        as_meant += u64::from(asked.wanted.is(status));
    }
    visit(cx, project.key()).await?;
    // What is written down last says that what came before it is.
    let last = cx.site.clock.now();
    ask(cx, project.key(), &chat(TALKS, PARLOUR)).await?;
    let recorded = recorded(cx, (started, last), &places.addresses()).await?;
    let during = places.partners().since(before);

    places.using();
    let planted = used(cx, project.key(), &places).await?;
    places.used();
    let population = all.len() as u64;
    let written = recorded.is_some();
    let recorded = recorded.unwrap_or(0);
    let seen = Seen { stray, during, recorded, as_meant, population, planted };
    Ok(vec![(CONTROL, seen.finding(cx, written))])
}

fn chat(model: &str, provider: &str) -> Asked {
    let model = if provider.is_empty() { model.to_owned() } else { format!("{provider}/{model}") };
    let messages = json!([{"role": "user", "content": "Draw me the map of today's weather."}]);
    let body = json!({"model": model, "stream": true, "max_tokens": WORDS, "messages": messages});
    Asked { path: "/v1/chat/completions", body, wanted: Wanted::Answered }
}

/// What an organization without use for images and searches asks for: conversations in every format, of whoever fits,
/// of one that fails, with somebody to take over and without; other kinds of work; and the partners' own models for
/// what they are not there for.
fn everything_else() -> Vec<Asked> {
    use Wanted::{Answered, Failed, Refused};
    let family = FAMILIES.first().map_or("", |(name, _)| name);
    let auto = "auto/chat";
    let messages = json!([{"role": "user", "content": "What is new today, and how does it look?"}]);
    let of = |path, body, wanted| Asked { path, body, wanted };
    let contents = json!([{"role": "user", "parts": [{"text": "What is new today?"}]}]);
    vec![
        chat(auto, ""),
        chat(EITHER, ""),
        chat(SERVED, family),
        of(
            "/v1/messages",
            json!({"model": auto, "stream": true, "max_tokens": WORDS, "messages": messages}),
            Answered,
        ),
        of(
            "/v1/responses",
            json!({"model": auto, "stream": true, "max_output_tokens": 16, "input": "What is new?"}),
            Answered,
        ),
        of(
            "/v2/chat",
            json!({"model": auto, "stream": true, "max_tokens": WORDS, "messages": messages}),
            Answered,
        ),
        of(
            "/v1beta/models/auto/chat:streamGenerateContent?alt=sse",
            json!({"contents": contents, "generationConfig": {"maxOutputTokens": WORDS}}),
            Answered,
        ),
        of("/v1/embeddings", json!({"model": "sandbox-embed", "input": "a picture"}), Answered),
        of(
            "/v1/moderations",
            json!({"model": "sandbox-moderation", "input": "a picture"}),
            Answered,
        ),
        of(
            "/v2/rerank",
            json!({"model": "sandbox-rerank", "query": "news", "documents": ["a", "b"]}),
            Answered,
        ),
        Asked { wanted: Failed, ..chat(TALKS, BREAKWATER) },
        // Nobody is known to think, or to speak.
        Asked { wanted: Refused, ..chat("auto/reasoning", "") },
        Asked { wanted: Refused, ..chat("auto/vision", "") },
        of(
            "/v1/audio/speech",
            json!({"model": "auto/speech", "input": "x", "voice": "alloy"}),
            Refused,
        ),
        Asked { wanted: Refused, ..chat(DRAWS, STUDIO) },
        Asked { wanted: Refused, ..chat(DRAWS, "") },
        of(
            "/v1/embeddings",
            json!({"model": format!("{ALMANAC}/{SEARCHES}"), "input": "x"}),
            Refused,
        ),
        of("/v1/images/generations", json!({"model": SEARCHES, "prompt": "x"}), Refused),
    ]
}

async fn ask(cx: Run<'_>, key: &str, asked: &Asked) -> Result<u16> {
    let (auth, payload) = (Auth::Key(key), Payload::Json(asked.body.clone()));
    Ok(cx.site.client.send("POST", asked.path, auth, payload).await?.status)
}

/// Looks at what can be asked: looking is not using.
async fn visit(cx: Run<'_>, key: &str) -> Result<()> {
    let house = &cx.houses.second;
    cx.site.client.send("GET", "/v1/models", Auth::Key(key), Payload::Empty).await?;
    for page in ["providers", "models", "p/conversations/try"] {
        let (path, auth) = (format!("/o/{}/{page}", house.slug), Auth::Session(&house.session));
        cx.site.client.send("GET", &path, auth, Payload::Empty).await?;
    }
    Ok(())
}

/// The contacts of partners on record since the run began, once those that came later are there; `None` when they are
/// not in time.
async fn recorded(
    cx: Run<'_>,
    (started, last): (Timestamp, Timestamp),
    addresses: &crate::wire::Abroad,
) -> Result<Option<u64>> {
    let until = Instant::now() + WRITTEN;
    let all = cx.site.inspector.registrations().await?;
    let at = |base: &str, id: &str| {
        all.iter().any(|one| one.base_url == base && one.id.to_string() == id)
    };
    loop {
        let contacts = cx.site.inspector.contacts(started).await?;
        if contacts.iter().any(|one| one.last >= last && at(&addresses.near, &one.id)) {
            let partner = |id: &str| at(&addresses.images, id) || at(&addresses.answers, id);
            let found = contacts.iter().filter(|one| partner(&one.id)).count();
            return Ok(Some(found as u64));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether each partner is reached by whoever asks for what it does, and nobody else with it.
async fn used(cx: Run<'_>, key: &str, places: &super::Places) -> Result<bool> {
    let (before, all) = (places.partners(), places.arrivals());
    let body = json!({"model": "auto/image", "prompt": "A bridge in the rain."});
    let drawn = Asked { path: "/v1/images/generations", body, wanted: Wanted::Answered };
    let drew = ask(cx, key, &drawn).await? == 200;
    let after = places.partners().since(before);
    let alone = after.images > 0 && after.answers == 0 && places.arrivals() - all == 1;

    let (before, all) = (places.partners(), places.arrivals());
    let answered = ask(cx, key, &chat(SEARCHES, "")).await? == 200;
    let after = places.partners().since(before);
    let alone = alone && after.answers > 0 && after.images == 0 && places.arrivals() - all == 1;
    Ok(drew && answered && alone)
}

impl Seen {
    fn finding(&self, cx: Run<'_>, written: bool) -> Finding {
        let contacts = self.stray.all() + self.during.all() + self.recorded;
        let verdict = if contacts > 0 {
            Verdict::Fail(Reason::UsedOtherwise)
        } else if !written {
            Verdict::Inconclusive(Reason::Unreachable)
        } else {
            Verdict::held(self.planted, self.as_meant, self.population, cx.floor(CONTROL))
        };
        Finding::new(verdict, self.planted, (self.as_meant, self.population))
            .measure("requests for something else", self.population, "requests")
            .measure("contacts of the partner for images meanwhile", self.during.images, "contacts")
            .measure(
                "contacts of the partner for answers out of the web",
                self.during.answers,
                "contacts",
            )
            .measure(
                "contacts since the last run that nobody asked for",
                self.stray.all(),
                "contacts",
            )
            .measure("contacts of partners on record meanwhile", self.recorded, "contacts")
    }
}
