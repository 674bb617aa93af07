//! SUB-03: requests to a sub-processor whose notice is still running. A twin stands for it and counts what reaches it;
//! once the organization accepts, the same request of the same key has to arrive.

use std::time::Duration;

use domain::{Announcement, DRILL, Result, Timestamp};
use serde_json::json;

use super::{
    Finding, Findings, Run,
    routing::{Project, Told, places::NEW, places::SERVED},
};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
    registry::Registry,
};

const CONTROL: &str = "SUB-03";
/// Requests of each kind. They leave no record, being refused.
const ASKED: usize = 12;
const DAY: u64 = 86_400;

/// What the organization says about the newcomer.
#[derive(Clone, Copy)]
enum Says {
    Nothing,
    Accepts,
    Objects,
}

/// Everything that one run saw.
struct Seen {
    /// Whether the request arrived once it was accepted: the same way is open then.
    planted: bool,
    /// Before the notice has ended, with nothing decided; and again after a decision was withdrawn.
    early: Vec<Told>,
    /// Against an objection.
    against: Vec<Told>,
    /// What arrived while nothing may.
    arrived: u64,
    /// The fewest days between an announcement and the first use it allows, and whether more were promised.
    short: (u64, bool),
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let any = Project::with(cx, "places-any", json!({"allow_training": true})).await?;
    let model = format!("{NEW}/{SERVED}");
    say(cx, Says::Nothing).await?;
    let before = places.received();
    let mut early = any.ask(cx, &model, ASKED).await?;
    say(cx, Says::Objects).await?;
    let against = any.ask(cx, &model, ASKED).await?;
    let mut arrived = places.received().far.saturating_sub(before.far);

    say(cx, Says::Accepts).await?;
    let before = places.received();
    let told = any.ask(cx, &model, 1).await?;
    let planted =
        told.iter().all(|told| told.answered_by(NEW)) && places.received().far > before.far;

    say(cx, Says::Nothing).await?;
    let before = places.received();
    early.extend(any.ask(cx, &model, ASKED).await?);
    arrived += places.received().far.saturating_sub(before.far);
    let rows = cx.site.inspector.announcements().await?;
    let promised = promised(&cx.site.registry);
    let from = cx.site.clock.now().minus(Duration::from_secs(promised.unwrap_or(0) * DAY));
    let short = match (shortest(&rows, from), promised) {
        (Some(shortest), Some(promised)) => (shortest, shortest < promised),
        // Nothing to compare is nothing to rely on.
        _ => (0, true),
    };
    let seen = Seen { planted, early, against, arrived, short };
    Ok(vec![(CONTROL, seen.finding(cx))])
}

/// Says it through the public API, as the organization's owner would.
async fn say(cx: Run<'_>, says: Says) -> Result<()> {
    let house = &cx.houses.first;
    let organization = &house.slug;
    let auth = Auth::Session(&house.session);
    let path = format!("/api/v1/subprocessors?organization={organization}");
    let decision = match says {
        Says::Accepts => "accepted",
        Says::Objects => "objected",
        Says::Nothing => {
            let path = format!("{path}&id={DRILL}");
            let answer = cx.site.client.send("DELETE", &path, auth, Payload::Empty).await?;
            // Nothing decided is nothing to withdraw.
            return if answer.status == 404 { Ok(()) } else { answer.ok().map(drop) };
        }
    };
    let body = Payload::Json(json!({"id": DRILL, "decision": decision}));
    cx.site.client.send("PUT", &path, auth, body).await?.ok().map(drop)
}

/// In days, of what was announced since `from` and has to wait. Of the drill only the newest counts.
fn shortest(rows: &[Announcement], from: Timestamp) -> Option<u64> {
    let drill = rows.iter().rfind(|row| row.provider == DRILL);
    let others = rows.iter().filter(|row| row.provider != DRILL && row.announced >= from);
    let waiting = others.chain(drill).filter(|row| row.cause.waits());
    waiting.map(|row| row.usable_from.since(row.announced).as_secs() / DAY).min()
}

/// The days that the control promises.
fn promised(registry: &Registry) -> Option<u64> {
    let control = registry.control(&CONTROL.parse().ok()?)?;
    control.params.get("notice_days")?.value.to_string().parse().ok()
}

impl Seen {
    fn finding(&self, cx: Run<'_>) -> Finding {
        let subjects = (self.early.len() + self.against.len()) as u64;
        let mut all = self.early.iter().chain(&self.against);
        let verdict = if self.arrived > 0 || all.clone().any(|told| told.status() == 200) {
            Verdict::Fail(Reason::SentElsewhere)
        } else if !all.all(Told::refused) {
            Verdict::Inconclusive(Reason::Unreachable)
        } else if self.short.1 {
            Verdict::Fail(Reason::NoticeShort)
        } else {
            Verdict::held(self.planted, subjects, subjects, cx.floor(CONTROL))
        };
        Finding::new(verdict, self.planted, (subjects, subjects))
            .measure("requests before the notice had ended", self.early.len() as u64, "requests")
            .measure("requests against an objection", self.against.len() as u64, "requests")
            .measure("shortest notice given", self.short.0, "days")
    }
}
