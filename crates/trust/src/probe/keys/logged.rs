//! KEY-07: that a key was made and revoked is in its organization's log, as its owners read it and as it lies there.

use std::time::Duration;

use domain::{OrgId, Result};
use ledger::Entry;
use serde_json::Value;
use tokio::time::Instant;

use super::Fresh;
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
    probe::{Finding, Run, household::text, tree},
};

const CONTROL: &str = "KEY-07";
const ACTS: [&str; 2] = ["key.create", "key.revoke"];
/// Entries are written within a second; a busy machine takes longer.
const WRITTEN: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(150);

pub(super) async fn run(cx: Run<'_>, fresh: &Fresh, revoked: bool) -> Result<Finding> {
    let id = fresh.id.to_string();
    let until = Instant::now() + WRITTEN;
    let entries = loop {
        let entries = listed(cx, &id).await?;
        // What the server did not do is not waited for.
        if entries.len() >= ACTS.len() || !revoked || Instant::now() >= until {
            break entries;
        }
        tokio::time::sleep(LOOK).await;
    };
    let org = cx.houses.first.objects.get("organization").and_then(|org| org.parse().ok());
    let org: OrgId = org.unwrap_or(OrgId::DEPLOYMENT);
    let mut held = 0;
    for (seq, act) in &entries {
        held += u64::from(lies(cx, org, *seq, (act, &id)).await?);
    }
    let included = tree::includes(cx, org, entries.iter().map(|(seq, _)| *seq).collect()).await?;
    // A key that nobody made is in no entry, and an entry is not about another key.
    let nobody = domain::KeyId::new(cx.site.clock.now()).to_string();
    let mut mistaken = !listed(cx, &nobody).await?.is_empty();
    for (seq, act) in entries.iter().take(1) {
        mistaken |= lies(cx, org, *seq, (act, &nobody)).await?;
    }
    let planted = !mistaken && included;
    let population = ACTS.len() as u64;
    let missing = ACTS.iter().any(|act| !entries.iter().any(|(_, found)| found == act));
    let verdict = if missing || held < population {
        Verdict::Fail(Reason::NotLogged)
    } else if !included {
        Verdict::Fail(Reason::TreeBroken)
    } else {
        Verdict::held(planted, held, population, cx.floor(CONTROL))
    };
    Ok(Finding::new(verdict, planted, (held, population)))
}

/// Place and act of the entries about a key that an owner is shown.
async fn listed(cx: Run<'_>, key: &str) -> Result<Vec<(u64, String)>> {
    let house = &cx.houses.first;
    let path = format!("/api/v1/audit?organization={}&target={key}", house.slug);
    let auth = Auth::Session(&house.session);
    let answer = cx.site.client.send("GET", &path, auth, Payload::Empty).await?.ok()?;
    let listed: Value = answer.json()?;
    let all = listed.get("data").and_then(Value::as_array).into_iter().flatten();
    let entry = |one: &Value| Some((one.get("seq")?.as_u64()?, text(one, "action")));
    Ok(all.filter_map(entry).filter(|(_, act)| ACTS.contains(&act.as_str())).collect())
}

/// Whether the entry at this place really is that act upon this key.
async fn lies(cx: Run<'_>, org: OrgId, seq: u64, (act, key): (&str, &str)) -> Result<bool> {
    let entry = cx.site.inspector.tree(org).entry(seq).await?;
    let entry = entry.and_then(|(leaf, _)| Entry::parse(&leaf).ok());
    Ok(entry.is_some_and(|entry| {
        entry.action == act && entry.targets.iter().any(|target| target.id == key)
    }))
}
