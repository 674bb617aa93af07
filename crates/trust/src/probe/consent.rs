//! SUB-11: an organization that connected nobody asks for everything there is. Nothing may arrive anywhere; and of
//! everybody who was ever contacted the log has to know who connected them before.

use std::{collections::HashMap, time::Duration};

use domain::{ProviderEntry, ProviderId, Result, Timestamp};
use serde_json::{Value, json};
use store::Contact;
use tokio::time::Instant;

use super::{
    Finding, Findings, Run,
    routing::{
        Project,
        places::{CHOSEN, FAR, NEAR, SERVED},
    },
};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
    wire::Newcomer,
};

const CONTROL: &str = "SUB-11";
/// How long a contact, and the entry of who connected it, may take to be written down.
const WRITTEN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(250);
/// Contacts older than this are no longer compared.
const LOOKED_BACK: Duration = Duration::from_secs(30 * 86_400);

/// When each provider was connected, by the log.
type Connected = HashMap<String, Timestamp>;

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let newcomer = Project::made(&cx.houses.third(&cx.site.client), cx, "first-steps").await?;
    let started = cx.site.clock.now();
    let before = places.arrivals();
    let mut refused = 0;
    let wanted = wanted(cx).await?;
    for model in &wanted {
        refused += u64::from(ask(cx, newcomer.key(), model).await? == 404);
    }
    visit(cx).await?;
    let arrived = places.arrivals() - before;

    // The same request of an organization that did connect somebody has to arrive, and to be written down.
    let connected = Project::with(cx, "places-any", json!({"allow_training": true})).await?;
    let before = places.arrivals();
    let open = ask(cx, connected.key(), &format!("{NEAR}/{SERVED}")).await? == 200;
    let open = open && places.arrivals() - before == 1;
    drop(places);

    let (contacts, log) = written(cx, started).await?;
    let early = contacts.iter().filter(|one| !is_connected(one, &log)).count() as u64;
    // The planted violation: the same contact, had its provider been connected only afterwards.
    let seen = contacts.iter().find(|one| one.last >= started);
    let noticed = seen.is_some_and(|one| {
        let later = one.last.plus(Duration::from_secs(1));
        !is_connected(one, &HashMap::from([(provider(one).to_owned(), later)]))
    });
    let planted = open && noticed;
    let subjects = refused + contacts.len() as u64;
    let population = (wanted.len() + contacts.len()) as u64;
    let verdict = if arrived > 0 || early > 0 {
        Verdict::Fail(Reason::Unconnected)
    } else {
        Verdict::held(planted, subjects, population, cx.floor(CONTROL))
    };
    let finding = Finding::new(verdict, planted, (subjects, population))
        .measure("requests of an organization that connected nobody", refused, "requests")
        .measure("of them that arrived anywhere", arrived, "requests")
        .measure("providers contacted in thirty days", contacts.len() as u64, "providers")
        .measure("of them contacted before they were connected", early, "providers");
    Ok(vec![(CONTROL, finding)])
}

/// What there is to ask for: models of the twins, a kind of work, and a model of every company that could be called.
async fn wanted(cx: Run<'_>) -> Result<Vec<String>> {
    let mut all = vec![
        SERVED.to_owned(),
        CHOSEN.to_owned(),
        "auto/chat".to_owned(),
        format!("{NEAR}/{SERVED}"),
        format!("{FAR}/{SERVED}"),
        format!("custom/{SERVED}"),
    ];
    all.extend(cx.houses.first.objects.get("provider").map(|id| format!("{id}/sandbox-echo")));
    let catalogue = cx.site.client.send("GET", "/api/v1/catalog", Auth::Nobody, Payload::Empty);
    let catalogue = catalogue.await?.ok()?.json()?;
    let rows = catalogue.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    for row in rows {
        let Ok(entry) = serde_json::from_value::<ProviderEntry>(row) else { continue };
        let model = entry.chat_models().next().map(|model| model.id.clone());
        let Some(model) = model.filter(|_| entry.callable().next().is_some()) else { continue };
        all.push(format!("{}/{model}", entry.id));
        all.push(model);
    }
    Ok(all)
}

/// Asks for a model; the status of the answer.
async fn ask(cx: Run<'_>, key: &str, model: &str) -> Result<u16> {
    let body = json!({
        "model": model, "max_tokens": 20,
        "messages": [{"role": "user", "content": "Is anybody there?"}],
    });
    let (auth, payload) = (Auth::Key(key), Payload::Json(body));
    Ok(cx.site.client.send("POST", "/v1/chat/completions", auth, payload).await?.status)
}

/// Looks at the pages on which providers are chosen: looking is not connecting.
async fn visit(cx: Run<'_>) -> Result<()> {
    let Newcomer { slug, session, .. } = &cx.houses.third;
    for page in ["providers", "providers/new", "providers/new?catalog=openai", "rules", "models"] {
        let (path, auth) = (format!("/o/{slug}/{page}"), Auth::Session(session));
        cx.site.client.send("GET", &path, auth, Payload::Empty).await?;
    }
    Ok(())
}

/// The contacts of the last weeks and the log's entries, once what was just done is among them or time is up.
async fn written(cx: Run<'_>, started: Timestamp) -> Result<(Vec<Contact>, Connected)> {
    let until = Instant::now() + WRITTEN;
    loop {
        let mut contacts = cx.site.inspector.contacts(started.minus(LOOKED_BACK)).await?;
        contacts.retain(|one| !is_engine(one));
        let log = cx.site.inspector.connected().await?;
        let there = contacts.iter().any(|one| one.last >= started);
        let known = contacts.iter().all(|one| log.contains_key(provider(one)));
        if (there && known) || Instant::now() >= until {
            return Ok((contacts, log));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The id of the provider; the places that give its tokens and keys stand under it.
fn provider(contact: &Contact) -> &str {
    contact.id.split('/').next().unwrap_or(&contact.id)
}

/// Whether it is an engine of the deployment's own, such as a mail server, which its operator names and nobody connects.
fn is_engine(contact: &Contact) -> bool {
    contact.kind == "own" && provider(contact).parse::<ProviderId>().is_err()
}

/// Whether somebody had connected it by the time it was contacted first.
fn is_connected(contact: &Contact, log: &Connected) -> bool {
    log.get(provider(contact)).is_some_and(|at| *at <= contact.first)
}
