//! SUB-01, SUB-02 and SUB-17: the public list of sub-processors, compared with the connections that were made, with the
//! registrations and the catalogue that routing uses, and with the log. The list is read as anybody reads it, everything
//! else from the database.

mod list;

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use domain::{Action, Register, Result, Timestamp};
use serde_json::json;
use store::{Contact, Receiver, Registration};
use tokio::time::Instant;

use super::{
    Finding, Findings, Run,
    routing::{Project, places::ABROAD, places::SERVED},
};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
};
use list::{Published, host_of, registered};

/// Contacts older than this are no longer compared.
const LOOKED_BACK: Duration = Duration::from_secs(30 * 86_400);
/// How long a contact may take to be written down.
const WRITTEN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(250);

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let started = cx.site.clock.now();
    stray(cx).await?;
    let registrations = cx.site.inspector.registrations().await?;
    let contacts = written(cx, &registrations, started).await?;
    let receivers = cx.site.inspector.receivers().await?;
    let connected = cx.site.inspector.connected().await?;
    let chosen =
        Chosen { registrations: &registrations, receivers: &receivers, connected: &connected };
    let published = Published::read(cx).await?;
    let register = Register::replay(cx.site.inspector.announcements().await?);
    Ok(vec![
        ("SUB-01", connections(cx, &published, (&contacts, chosen), started)),
        ("SUB-02", everybody(cx, &register).await?),
        ("SUB-17", dates(cx, &published, &register).await?),
    ])
}

/// The planted violation: a request to a host that no company on the list is reached at.
async fn stray(cx: Run<'_>) -> Result<()> {
    let _turn = cx.site.visit().await;
    let any = Project::with(cx, "places-any", json!({"allow_training": true})).await?;
    any.ask(cx, &format!("{ABROAD}/{SERVED}"), 1).await.map(drop)
}

/// The contacts, once the planted one is among them or time is up.
async fn written(
    cx: Run<'_>,
    registrations: &[Registration],
    started: Timestamp,
) -> Result<Vec<Contact>> {
    let until = Instant::now() + WRITTEN;
    loop {
        let contacts = cx.site.inspector.contacts(started.minus(LOOKED_BACK)).await?;
        let planted = contacts.iter().any(|one| is_planted(cx, one, registrations, started));
        if planted || Instant::now() >= until {
            return Ok(contacts);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A twin of this probe's organizations under the name of a company.
fn is_probe(cx: Run<'_>, one: &Registration) -> bool {
    let org = one.org.to_string();
    let houses = [&cx.houses.first, &cx.houses.second];
    houses.iter().any(|house| house.objects.get("organization") == Some(&org))
}

fn is_planted(
    cx: Run<'_>,
    contact: &Contact,
    registrations: &[Registration],
    started: Timestamp,
) -> bool {
    contact.last >= started
        && registered(contact, registrations)
            .is_some_and(|one| is_probe(cx, one) && one.catalog != CUSTOM)
}

const CUSTOM: &str = "custom";

/// The id under which letters leave.
const MAIL: &str = "mail";

/// The ids of engines that the operator names and that nothing of a conversation reaches: where servers count together, and
/// where traces go.
const ENGINES: [&str; 2] = ["counters", "telemetry"];

fn is_at(receiver: &Receiver, contact: &Contact) -> bool {
    receiver.id.to_string() == contact.id && receiver.host == contact.host
}

/// What organizations chose themselves.
#[derive(Clone, Copy)]
struct Chosen<'a> {
    registrations: &'a [Registration],
    receivers: &'a [Receiver],
    /// Everything that was ever connected, by the log.
    connected: &'a HashMap<String, Timestamp>,
}

/// Where people sign in. Its keys and tokens may be at other hosts than its issuer: what is compared is the connection.
const IDENTITY_PROVIDER: &str = "identity_provider";

/// Every host that was reached belongs to a company on the list, is a server, a receiver of events or an identity provider
/// that an organization chose itself, or is the mail server that the list names.
fn connections(
    cx: Run<'_>,
    published: &Published,
    (contacts, chosen): (&[Contact], Chosen<'_>),
    started: Timestamp,
) -> Finding {
    let Chosen { registrations, receivers, connected } = chosen;
    let listed = |contact: &Contact| match registered(contact, registrations) {
        Some(one) if one.catalog == CUSTOM => host_of(&one.base_url) == contact.host,
        Some(one) => published.reaches(&one.catalog, &contact.host),
        None if contact.id == MAIL => published.mails(&contact.host),
        None if ENGINES.contains(&contact.id.as_str()) => true,
        None if contact.kind == IDENTITY_PROVIDER => {
            contact.id.split('/').next().is_some_and(|id| connected.contains_key(id))
        }
        None => receivers.iter().any(|one| is_at(one, contact)),
    };
    let (strangers, _): (Vec<_>, Vec<_>) = contacts.iter().partition(|one| !listed(one));
    let planted = strangers.iter().any(|one| is_planted(cx, one, registrations, started));
    let foreign = strangers
        .iter()
        .filter(|one| !registered(one, registrations).is_some_and(|one| is_probe(cx, one)))
        .count() as u64;
    let hosts: BTreeSet<_> = contacts.iter().map(|one| (&one.id, &one.host)).collect();
    let subjects = hosts.len() as u64;
    let verdict = if foreign > 0 {
        Verdict::Fail(Reason::UnlistedHost)
    } else {
        Verdict::held(planted, subjects, subjects, cx.floor("SUB-01"))
    };
    // They are on no list of companies: what is public of them is that there are some.
    let engines = contacts.iter().filter(|one| ENGINES.contains(&one.id.as_str()));
    let engines = engines.map(|one| format!("{}: an engine that the operator named", one.id));
    Finding::new(verdict, planted, (subjects, subjects))
        .uncovered(engines)
        .measure("companies on the list", published.entries.len() as u64, "companies")
        .measure("hosts reached in thirty days that are not on the list", foreign, "hosts")
}

/// The list names whom the register names and whom routing could reach, and says rightly who is used.
async fn everybody(cx: Run<'_>, register: &Register) -> Result<Finding> {
    let catalogue = cx.site.client.send("GET", "/api/v1/catalog", Auth::Nobody, Payload::Empty);
    let reachable = list::reachable(&catalogue.await?.ok()?.json()?);
    let until = Instant::now() + WRITTEN;
    let (published, used, wrong) = loop {
        let published = Published::read(cx).await?;
        let used = used(cx, register).await?;
        let wrong = published.differences(register, &reachable, &used);
        // Who has just registered a provider shows on the list a moment later.
        if wrong.is_empty() || Instant::now() >= until {
            break (published, used, wrong);
        }
        tokio::time::sleep(LOOK).await;
    };
    // The planted violation: the list with one company left out, and with one that is used said not to be.
    let planted = published
        .without_one(cx.seed)
        .is_some_and(|short| short.differences(register, &reachable, &used).len() > wrong.len());
    let (subjects, population) =
        (published.entries.len() as u64, reachable.union(&used).count() as u64);
    let verdict = if wrong.is_empty() {
        Verdict::held(planted, subjects, population, cx.floor("SUB-02"))
    } else {
        Verdict::Fail(Reason::ListDiffers)
    };
    Ok(Finding::new(verdict, planted, (subjects, population))
        .measure("companies that organizations here use", used.len() as u64, "companies")
        .measure("companies listed wrongly or not at all", wrong.len() as u64, "companies"))
}

/// The companies that organizations have registered. Who is not on the register receives nothing.
async fn used(cx: Run<'_>, register: &Register) -> Result<BTreeSet<String>> {
    let all = cx.site.inspector.registrations().await?.into_iter();
    let counts = |one: &Registration| {
        !one.removed && !is_probe(cx, one) && register.listing(&one.catalog).is_some()
    };
    Ok(all.filter(counts).map(|one| one.catalog).collect())
}

/// Page and list carry the date of the newest change in the log, and each company the dates of its announcement.
async fn dates(cx: Run<'_>, published: &Published, register: &Register) -> Result<Finding> {
    let newest = cx.site.inspector.event_last(Action::SubprocessorAnnounce).await?;
    let newest = newest.map(|event| event.at);
    let page = cx.site.client.send("GET", "/subprocessors", Auth::Nobody, Payload::Empty);
    let page = String::from_utf8_lossy(&page.await?.ok()?.body).into_owned();
    let right = |at: Option<Timestamp>| {
        at.is_some_and(|at| published.updated == Some(at) && list::dated(&page, at))
    };
    // The planted violation: the same with a day that the log does not know.
    let planted = newest.is_some() && !right(newest.map(|at| at.plus(Duration::from_secs(86_400))));
    let dated = |entry: &list::Entry| {
        register.listing(&entry.id).is_some_and(|known| {
            (entry.announced, entry.usable_from) == (known.announced, known.usable_from())
        })
    };
    let undated = published.entries.iter().filter(|entry| !dated(entry)).count() as u64;
    let subjects = published.entries.len() as u64;
    let verdict = if right(newest) && undated == 0 {
        Verdict::held(planted, subjects, subjects, cx.floor("SUB-17"))
    } else {
        Verdict::Fail(Reason::DateWrong)
    };
    Ok(Finding::new(verdict, planted, (subjects, subjects)).measure(
        "companies dated otherwise than announced",
        undated,
        "companies",
    ))
}
