//! SUB-04: whether a notice of sub-processors arrives. A test notice is sent to the probe's own organization, and seen to
//! arrive on every channel that is configured: at a receiver of its own, with a right signature, and at the mail server.
//! The feed has to hold every announcement about the companies on the list.

use std::{collections::BTreeSet, time::Duration};

use domain::Result;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{Finding, Findings, Run, household::text, inbox::Event};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
};

const CONTROL: &str = "SUB-04";
const ABOUT: &str = "subprocessors.test";

/// How long a notice may take, and how often it is looked for.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(250);

/// A message of the organization, as its owner sees it.
#[derive(Clone, Debug, Deserialize)]
struct Notice {
    id: String,
    about: String,
    channel: String,
    webhook: Option<String>,
    state: String,
}

/// What can tell people something.
struct Channels {
    webhook: bool,
    /// `None` where no mail server is configured.
    mail: Option<bool>,
    feed: bool,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let house = &cx.houses.first;
    let list = public(cx, "/subprocessors.json").await?;
    let mails = list.get("mail").and_then(Value::as_bool).unwrap_or_default();
    let before: BTreeSet<String> = notices(cx).await?.into_iter().map(|one| one.id).collect();
    let path = format!("/api/v1/notices/test?organization={}", house.slug);
    let auth = Auth::Session(&house.session);
    cx.site.client.send("POST", &path, auth, Payload::Empty).await?.ok()?;
    let asked = Instant::now();
    let sent = arrived(cx, &before, mails).await?;
    let took = asked.elapsed();

    let (feed, due) = (public(cx, "/subprocessors/feed.json").await?, announced(cx, &list).await?);
    let told = told(&feed);
    let here = cx.site.inbox.seen();
    let channels = Channels {
        webhook: by_webhook(cx, &sent, &here),
        mail: mails
            .then(|| sent.iter().any(|one| one.channel == "mail" && one.state == "delivered")),
        feed: due.is_subset(&told),
    };
    let crossed = here.iter().any(|event| {
        event.path == cx.houses.second.receiver.path && sent.iter().any(|one| one.id == event.id)
    });
    let planted = planted(cx, &sent, &here, (&due, &told));
    let finding = channels.finding(cx, crossed, planted);
    let finding = finding
        .measure("announcements on the feed", told.len() as u64, "announcements")
        .measure("time until the notice had arrived", millis(took), "ms");
    Ok(vec![(CONTROL, finding)])
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

async fn public(cx: Run<'_>, path: &str) -> Result<Value> {
    cx.site.client.send("GET", path, Auth::Nobody, Payload::Empty).await?.ok()?.json()
}

/// The newest messages of the organization.
async fn notices(cx: Run<'_>) -> Result<Vec<Notice>> {
    let owner = cx.houses.first.owner(&cx.site.client);
    let listed = owner.ask("GET", "/api/v1/notices", Payload::Empty).await?;
    let all = listed.get("data").cloned().unwrap_or_default();
    serde_json::from_value(all)
        .map_err(|_| domain::Error::upstream("The list of notices cannot be read."))
}

/// The messages of the test, once all of them are delivered or time is up.
async fn arrived(cx: Run<'_>, before: &BTreeSet<String>, mails: bool) -> Result<Vec<Notice>> {
    let until = Instant::now() + PATIENCE;
    loop {
        let new: Vec<_> = notices(cx)
            .await?
            .into_iter()
            .filter(|one| one.about == ABOUT && !before.contains(&one.id))
            .collect();
        let by = |channel: &str| {
            new.iter().any(|one| one.channel == channel && one.state == "delivered")
        };
        if (by("webhook") && (by("mail") || !mails)) || Instant::now() >= until {
            return Ok(new);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether the receiver of the organization holds the test, signed with its secret and marked as one.
fn by_webhook(cx: Run<'_>, sent: &[Notice], here: &[Event]) -> bool {
    let receiver = &cx.houses.first.receiver;
    let mine = |one: &&Notice| one.webhook.as_deref() == Some(receiver.id.as_str());
    sent.iter().filter(mine).any(|one| {
        one.state == "delivered" && here.iter().any(|event| holds(event, one, &receiver.secret))
    })
}

fn holds(event: &Event, notice: &Notice, secret: &str) -> bool {
    let body: Value = serde_json::from_slice(&event.body).unwrap_or_default();
    event.id == notice.id
        && event.is_signed(secret)
        && text(&body, "type") == ABOUT
        && body.pointer("/data/test") == Some(&Value::Bool(true))
}

/// The announcements about companies on the list, as the database has them: provider and revision.
async fn announced(cx: Run<'_>, list: &Value) -> Result<BTreeSet<(String, u64)>> {
    let rows = list.get("data").and_then(Value::as_array).into_iter().flatten();
    let listed: BTreeSet<String> = rows.map(|row| text(row, "id")).collect();
    let all = cx.site.inspector.announcements().await?.into_iter();
    let due = all.filter(|one| listed.contains(&one.provider));
    Ok(due.map(|one| (one.provider, u64::from(one.revision))).collect())
}

fn told(feed: &Value) -> BTreeSet<(String, u64)> {
    let items = feed.get("items").and_then(Value::as_array).into_iter().flatten();
    let one = |item: &Value| {
        let said = item.get("_announcement")?;
        Some((text(said, "provider"), said.get("revision")?.as_u64()?))
    };
    items.filter_map(one).collect()
}

/// Providers, each with its revision.
type Announced = BTreeSet<(String, u64)>;

/// The planted violations: an event whose text was changed on its way, one signed by somebody else, a notice that was
/// never sent, and a feed that lacks an announcement must all be found wanting.
fn planted(
    cx: Run<'_>,
    sent: &[Notice],
    here: &[Event],
    (due, told): (&Announced, &Announced),
) -> bool {
    let (first, second) = (&cx.houses.first.receiver, &cx.houses.second.receiver);
    let Some(event) = here.iter().find(|event| event.path == first.path) else { return false };
    let mut changed = event.clone();
    changed.body.push(b' ');
    let never = Notice {
        id: cx.seed.text("never sent", 30),
        about: ABOUT.to_owned(),
        channel: "webhook".to_owned(),
        webhook: Some(first.id.clone()),
        state: "delivered".to_owned(),
    };
    let mut short = told.clone();
    let lacks = due.iter().next().is_none_or(|one| short.remove(one) && !due.is_subset(&short));
    event.is_signed(&first.secret)
        && !changed.is_signed(&first.secret)
        && !event.is_signed(&second.secret)
        && !by_webhook(cx, &[never], here)
        && !sent.is_empty()
        && lacks
}

impl Channels {
    fn finding(&self, cx: Run<'_>, crossed: bool, planted: bool) -> Finding {
        let all: Vec<bool> = [self.webhook, self.feed].into_iter().chain(self.mail).collect();
        let population = all.len() as u64;
        let subjects = all.iter().filter(|arrived| **arrived).count() as u64;
        let verdict = if crossed {
            Verdict::Fail(Reason::BorderCrossed)
        } else if subjects < population {
            Verdict::Fail(Reason::NotTold)
        } else {
            Verdict::held(planted, subjects, population, cx.floor(CONTROL))
        };
        let finding = Finding::new(verdict, planted, (subjects, population));
        match self.mail {
            Some(_) => finding,
            None => finding.uncovered(["e-mail: no mail server is configured here".to_owned()]),
        }
    }
}
