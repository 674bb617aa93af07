//! KEY-01 and KEY-02: a fresh API key is stored as a hash alone, and nothing shows it a second time.

use std::{collections::BTreeSet, sync::Arc};

use domain::{Error, KeyId, Result};
use serde_json::{Value, json};

use super::{Finding, Findings, Household, Route, Run, off_thread, plant::Plant, shadow::Shadow};
use crate::{
    client::{Auth, Client, Payload},
    evidence::{Reason, Verdict},
    scan::{Needles, Place, scan_files},
};

/// Streams that never end, and what only another process may read.
const ENDLESS: &[&str] = &["/trust/events"];

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
    let needles = Arc::new(Needles::new([fresh.text.as_str(), fresh.secret.as_str()]));
    let stored = stored(cx, &fresh, &needles, &name).await?;
    let shown = shown(cx, &fresh, &needles).await?;
    let path = format!("/api/v1/keys/{}?organization={}", fresh.id, house.slug);
    let auth = Auth::Session(&house.session);
    cx.site.client.send("DELETE", &path, auth, Payload::Empty).await?.ok()?;
    Ok(vec![("KEY-01", stored), ("KEY-02", shown)])
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

/// KEY-01: hash in the index, nothing else anywhere.
async fn stored(cx: Run<'_>, fresh: &Fresh, needles: &Arc<Needles>, name: &str) -> Result<Finding> {
    let inspector = &cx.site.inspector;
    let digests = inspector.key_digests(fresh.id).await?;
    let expected = vault::sha256(fresh.text.as_bytes()).to_vec();
    let hashed = digests == [expected];
    // The name of the key is known to be in the database: a search that does not see it sees nothing.
    let known = Needles::new([name]);
    let (mut found, mut name_seen) = (false, false);
    let coverage = inspector
        .values(&mut |seen| {
            found |= !needles.search(seen.value).is_empty();
            name_seen |= seen.table == "api_key" && !known.search(seen.value).is_empty();
        })
        .await?;
    let planted_text = cx.seed.text("planted", 43);
    let plant = Plant::put(inspector.data_dir(), &cx.seed.text("file", 12), &planted_text)?;
    let places: Vec<Place> = inspector
        .database_files()
        .into_iter()
        .chain([inspector.data_dir().to_owned()])
        .chain(cx.site.places.iter().cloned())
        .map(Place::all)
        .collect();
    let both = Needles::new([&fresh.text, &fresh.secret, &planted_text]);
    let report = off_thread(move || scan_files(&places, &both)).await?;
    let planted_at = plant.path();
    drop(plant);
    found |= report.hits.iter().any(|(_, hit)| hit.needle < 2);
    let planted =
        name_seen && report.hits.iter().any(|(at, hit)| hit.needle == 2 && *at == planted_at);
    let columns = coverage.columns;
    let verdict = if found {
        Verdict::Fail(Reason::SecretFound)
    } else if !hashed {
        Verdict::Fail(Reason::HashMismatch)
    } else if coverage.unopened > 0 {
        Verdict::Inconclusive(Reason::Unreachable)
    } else {
        Verdict::held(planted, columns, columns, cx.floor("KEY-01"))
    };
    Ok(Finding::new(verdict, planted, (columns, columns))
        .measure("values searched", coverage.values, "values")
        .measure("sealed values opened", coverage.opened, "values")
        .measure("files searched", report.files, "files")
        .measure("bytes searched", report.bytes, "bytes")
        .uncovered(coverage.closed))
}

/// KEY-02: no answer that can be read repeats the key.
async fn shown(cx: Run<'_>, fresh: &Fresh, needles: &Arc<Needles>) -> Result<Finding> {
    let house = &cx.houses.first;
    let mut objects = house.objects.clone();
    objects.insert("key", fresh.id.to_string());
    let (mut read, mut repeated) = (0, false);
    let mut uncovered = BTreeSet::new();
    let readable =
        |route: &&Route| route.method == "GET" && !ENDLESS.contains(&route.path.as_str());
    let routes: Vec<&Route> = cx.site.routes.iter().filter(readable).collect();
    for route in &routes {
        let Some(path) = fill(route, &objects, house) else {
            uncovered.insert(route.path.clone());
            continue;
        };
        let auth = if route.permission == "inference" {
            Auth::Key(&house.api_key)
        } else {
            Auth::Session(&house.session)
        };
        let answer = cx.site.client.send("GET", &path, auth, Payload::Empty).await?;
        repeated |= !needles.search(&answer.body).is_empty();
        if answer.status < 400 {
            read += 1;
        } else {
            uncovered.insert(route.path.clone());
        }
    }
    let planted = repeating_is_caught(cx, fresh, needles).await?;
    let population = routes.len() as u64;
    let verdict = if repeated {
        Verdict::Fail(Reason::SecretFound)
    } else {
        Verdict::sampled(planted, read, population, population / 2)
    };
    Ok(Finding::new(verdict, planted, (read, population)).uncovered(uncovered))
}

/// The answer that created the key repeats it, and so does a careless server: both must be noticed.
async fn repeating_is_caught(cx: Run<'_>, fresh: &Fresh, needles: &Needles) -> Result<bool> {
    let row = json!({"id": fresh.id, "text": fresh.text}).to_string();
    let shadow = Shadow::serve([(fresh.id.to_string(), row)].into()).await?;
    let client = Client::new(&shadow.base_url(), cx.site.clock.clone())?;
    let path = format!("/api/v1/keys/{}", fresh.id);
    let answer = client.send("GET", &path, Auth::Nobody, Payload::Empty).await?;
    let caught = !needles.search(&answer.body).is_empty();
    Ok(caught && !needles.search(&fresh.shown).is_empty())
}

/// The path filled with what the organization has; `None` when it takes something that is nobody's.
fn fill(
    route: &Route,
    objects: &std::collections::BTreeMap<&'static str, String>,
    house: &Household,
) -> Option<String> {
    let mut path = route.path.clone();
    for name in super::attack::parameters(&route.path) {
        path = path.replace(&format!("{{{name}}}"), objects.get(name)?);
    }
    if path.starts_with("/api/") {
        path.push_str(&format!("?organization={}&project={}", house.slug, house.project));
    }
    Some(path)
}
