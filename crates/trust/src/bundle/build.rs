//! Making a bundle from what store and facade hold.

use domain::{Action, Error, Result, Timestamp};
use store::{Authority, DeploymentRead, Evidence, EvidenceFilter, LoggedEvent, Page, Store};

use super::{FORMAT, Keys, Proved, README, tar};
use crate::{
    Digest, Trust,
    archive::{SCHEDULES, envelope, worth},
};

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
    let keys = Keys { format: FORMAT.to_owned(), log: store.log_verifier()? };
    let mut files = vec![
        ("README".to_owned(), README.as_bytes().to_vec()),
        ("registry.json".to_owned(), trust.registry().json().to_vec()),
        ("keys.json".to_owned(), json(&keys)?),
        ("snapshot.dsse.json".to_owned(), published.envelope.clone()),
        ("checkpoint".to_owned(), head.note.clone().into_bytes()),
    ];
    for event in read.events_last(Action::ControlRegister, ENTRIES).await? {
        if event.seq < head.size {
            let name = format!("registered/{}.json", event.seq);
            let proved = proved(&mut read, event, head.size, None).await?;
            files.push((name, json(&proved)?));
        }
    }
    // What the snapshot has not seen yet is for the next bundle.
    let mut events = read.events_last(Action::EvidenceAppend, ENTRIES).await?;
    events.retain(|event| published.snapshot.seen.is_some_and(|seen| event.seq <= seen));
    events.extend(read.events_last(Action::SlotsCommit, SCHEDULED).await?);
    let filter = EvidenceFilter { control: Some(SCHEDULES.to_owned()), from: None };
    let mut rows: Vec<(&str, Evidence)> = read
        .evidence_list(&filter, &Page::first(SCHEDULED))
        .await?
        .data
        .into_iter()
        .map(|row| ("slots", row))
        .collect();
    for control in trust.registry().controls().filter(|control| !control.bindings().is_empty()) {
        let own = worth(&mut read, &control.id, |row| event_of(&events, row).is_some()).await?;
        rows.extend(own.into_iter().map(|row| ("evidence", row)));
    }
    for (folder, row) in rows {
        let event = event_of(&events, &row).filter(|event| event.seq < head.size);
        let Some(event) = event.cloned() else { continue };
        let (envelope, _) = envelope(&row)?;
        let text = String::from_utf8(envelope.to_bytes()?).map_err(Error::internal)?;
        let proved = proved(&mut read, event, head.size, Some(text)).await?;
        files.push((format!("{folder}/{}.json", row.id), json(&proved)?));
    }
    Ok(tar::write(&files))
}

/// Where the log holds a row.
fn event_of<'a>(events: &'a [LoggedEvent], row: &Evidence) -> Option<&'a LoggedEvent> {
    let id = row.id.to_string();
    events.iter().find(|event| event.target.as_deref() == Some(&id))
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
