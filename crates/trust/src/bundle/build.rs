//! Making a bundle from what store and facade hold.

use domain::{Action, Error, Result, Timestamp};
use store::{Authority, DeploymentRead, EvidenceFilter, LoggedEvent, Page, Store};

use super::{Keys, Proved, README, tar};
use crate::{
    Digest, Trust,
    archive::{SCHEDULES, envelope},
};

/// Results per control, as many as a status can depend on.
const RESULTS: u32 = 12;

/// Schedules: the day's.
const SCHEDULED: u32 = 26;

/// Entries of the log among which they are looked for.
const ENTRIES: u32 = 500;

/// The bundle as of `now`: a tar file.
///
/// # Errors
/// `Unavailable` when the database cannot be reached or the log has no signed head yet.
pub async fn build(trust: &Trust, store: &Store, now: Timestamp) -> Result<Vec<u8>> {
    let published = trust.snapshot(now)?;
    let deployment = store.deployment(Authority::Sweep).await?;
    let mut read = deployment.read().await?;
    let head = read
        .spine_head()
        .await?
        .ok_or_else(|| Error::unavailable("The log is not signed yet. Try again in a moment."))?;
    let keys = Keys { log: store.log_verifier()? };
    let mut files = vec![
        ("README".to_owned(), README.as_bytes().to_vec()),
        ("registry.json".to_owned(), trust.registry().json().to_vec()),
        ("keys.json".to_owned(), json(&keys)?),
        ("snapshot.dsse.json".to_owned(), published.envelope.clone()),
        ("checkpoint".to_owned(), head.note.clone().into_bytes()),
    ];
    for event in read.events_last(Action::ControlRegister, ENTRIES).await? {
        let name = format!("registered/{}.json", event.seq);
        let proved = proved(&mut read, event, head.size, None).await?;
        files.push((name, json(&proved)?));
    }
    let mut events = read.events_last(Action::EvidenceAppend, ENTRIES).await?;
    events.extend(read.events_last(Action::SlotsCommit, SCHEDULED).await?);
    let mut wanted: Vec<(String, u32)> = vec![(SCHEDULES.to_owned(), SCHEDULED)];
    let probed = trust.registry().controls().filter(|control| !control.bindings().is_empty());
    wanted.extend(probed.map(|control| (control.id.to_string(), RESULTS)));
    for (control, most) in wanted {
        let folder = if control == SCHEDULES { "slots" } else { "evidence" };
        let filter = EvidenceFilter { control: Some(control), from: None };
        for row in read.evidence_list(&filter, &Page::first(most)).await?.data {
            let id = row.id.to_string();
            let event = events.iter().find(|event| event.target.as_deref() == Some(&id));
            let Some(event) = event.filter(|event| event.seq < head.size).cloned() else {
                continue;
            };
            let (envelope, _) = envelope(&row)?;
            let text = String::from_utf8(envelope.to_bytes()?).map_err(Error::internal)?;
            let proved = proved(&mut read, event, head.size, Some(text)).await?;
            files.push((format!("{folder}/{id}.json"), json(&proved)?));
        }
    }
    Ok(tar::write(&files))
}

async fn proved(
    read: &mut DeploymentRead,
    event: LoggedEvent,
    size: u64,
    envelope: Option<String>,
) -> Result<Proved> {
    let path = read.event_proof(event.seq, size).await?;
    Ok(Proved {
        leaf: String::from_utf8(event.leaf).map_err(Error::internal)?,
        index: event.seq,
        path: path.into_iter().map(Digest::from_bytes).collect(),
        envelope,
    })
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(Error::internal)
}
