//! KEY-01, KEY-02, KEY-06 and KEY-07: a fresh API key is stored as a hash alone, nothing shows it a second time, it is
//! refused as soon as it is revoked, and both acts are in the log. IDN-21: of a session there is a hash alone as well.
//! KEY-03 and KEY-10: a secret that was stored a moment ago is shown nowhere, but for its last four characters.

mod ended;
mod logged;
mod shown;

use std::sync::Arc;

use domain::{Error, KeyId, Result, SessionId};
use serde_json::{Value, json};

use super::{Finding, Findings, Household, Run, off_thread, plant::Plant};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
    scan::{Needles, Place, scan_files},
};

/// A key that was just made.
struct Fresh {
    id: KeyId,
    text: String,
    /// The random part: what must not be found anywhere.
    secret: String,
    /// The answer that showed it, the only one that may.
    shown: bytes::Bytes,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let house = &cx.houses.first;
    let name = cx.seed.text("name", 16);
    let fresh = create(cx, house, &name).await?;
    let (key, session) = stored(cx, &fresh, &name).await?;
    let shown = shown::run(cx, &fresh).await?;
    let (ended, refused) = ended::run(cx, &fresh).await?;
    let logged = logged::run(cx, &fresh, refused).await?;
    let mut found = vec![("KEY-01", key), ("IDN-21", session), ("KEY-06", ended)];
    found.extend(shown);
    found.push(("KEY-07", logged));
    Ok(found)
}

async fn create(cx: Run<'_>, house: &Household, name: &str) -> Result<Fresh> {
    let path = format!("/api/v1/keys?organization={}", house.slug);
    let new = json!({"name": name, "project": house.project, "expires_in_days": 1});
    let auth = Auth::Session(&house.session);
    let answer = cx.site.client.send("POST", &path, auth, Payload::Json(new)).await?.ok()?;
    let value: Value = answer.json()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let key = text("secret");
    // `pbk_<id>_<secret><check>`: the secret is what nobody may see again.
    let secret = key.rsplit('_').next().unwrap_or_default().chars().take(43).collect::<String>();
    let id = text("id").parse().map_err(|_| Error::upstream("A key came without an id."))?;
    if secret.len() < 32 {
        return Err(Error::upstream("A key came without its text."));
    }
    Ok(Fresh { id, text: key, secret, shown: answer.body })
}

/// The places of the needles: the two that are the key, the session, and what was planted.
const SESSION: usize = 2;
const PLANTED: usize = 3;

/// KEY-01 and IDN-21: hashes in the index, nothing else anywhere.
async fn stored(cx: Run<'_>, fresh: &Fresh, name: &str) -> Result<(Finding, Finding)> {
    let (inspector, house) = (&cx.site.inspector, &cx.houses.first);
    let planted_text = cx.seed.text("planted", 43);
    let needles = [&fresh.text, &fresh.secret, &house.session, &planted_text];
    let needles = Arc::new(Needles::new(needles));
    // The name of the key is known to be in the database: a search that does not see it sees nothing.
    let known = Needles::new([name]);
    let (mut key_found, mut session_found, mut name_seen) = (false, false, false);
    let coverage = inspector
        .values(&mut |seen| {
            for hit in needles.search(seen.value) {
                key_found |= hit.needle < SESSION;
                session_found |= hit.needle == SESSION;
            }
            name_seen |= seen.table == "api_key" && !known.search(seen.value).is_empty();
        })
        .await?;
    let plant = Plant::put(inspector.data_dir(), &cx.seed.text("file", 12), &planted_text)?;
    let places: Vec<Place> = inspector
        .database_files()
        .into_iter()
        .chain([inspector.data_dir().to_owned()])
        .chain(cx.site.places.iter().cloned())
        .map(Place::all)
        .collect();
    let all = Arc::clone(&needles);
    let report = off_thread(move || scan_files(&places, &all)).await?;
    let planted_at = plant.path();
    drop(plant);
    key_found |= report.hits.iter().any(|(_, hit)| hit.needle < SESSION);
    session_found |= report.hits.iter().any(|(_, hit)| hit.needle == SESSION);
    let planted =
        name_seen && report.hits.iter().any(|(at, hit)| hit.needle == PLANTED && *at == planted_at);
    let columns = coverage.columns;
    let judge = |control: &str, found: bool, hashed: bool| {
        let verdict = if found {
            Verdict::Fail(Reason::SecretFound)
        } else if !hashed {
            Verdict::Fail(Reason::HashMismatch)
        } else if coverage.unopened > 0 {
            Verdict::Inconclusive(Reason::Unreachable)
        } else {
            Verdict::held(planted, columns, columns, cx.floor(control))
        };
        Finding::new(verdict, planted, (columns, columns))
            .measure("values searched", coverage.values, "values")
            .measure("sealed values opened", coverage.opened, "values")
            .measure("files searched", report.files, "files")
            .measure("bytes searched", report.bytes, "bytes")
            .uncovered(coverage.closed.iter().cloned())
    };
    let hashed =
        |digests: Vec<Vec<u8>>, text: &str| digests == [vault::sha256(text.as_bytes()).to_vec()];
    let key = hashed(inspector.key_digests(fresh.id).await?, &fresh.text);
    let session = hashed(session_digests(cx).await?, &house.session);
    Ok((judge("KEY-01", key_found, key), judge("IDN-21", session_found, session)))
}

async fn session_digests(cx: Run<'_>) -> Result<Vec<Vec<u8>>> {
    let id = cx.houses.first.objects.get("session").map(String::as_str).unwrap_or_default();
    let id: SessionId = id.parse().map_err(|_| Error::upstream("A session came without an id."))?;
    cx.site.inspector.session_digests(id).await
}
