//! KEY-06: how long a key is accepted after it was revoked.

use std::{collections::BTreeMap, time::Duration};

use domain::Result;
use tokio::time::Instant;

use super::Fresh;
use crate::{
    client::{Auth, Client, Payload},
    evidence::{Reason, Verdict},
    probe::{Finding, Run, shadow::Shadow},
    registry::ParamValue,
};

const CONTROL: &str = "KEY-06";
const PATH: &str = "/v1/models";
const LOOK: Duration = Duration::from_millis(100);
/// How often it must be refused, once it was.
const AGAIN: u64 = 5;

/// What became of a key; also whether the server said that it was revoked.
pub(super) async fn run(cx: Run<'_>, fresh: &Fresh) -> Result<(Finding, bool)> {
    let house = &cx.houses.first;
    let before = accepted(&cx.site.client, &fresh.text).await?;
    let path = format!("/api/v1/keys/{}?organization={}", fresh.id, house.slug);
    let auth = Auth::Session(&house.session);
    let answer = cx.site.client.send("DELETE", &path, auth, Payload::Empty).await?;
    let revoked = (200..300).contains(&answer.status);
    let took = refused_after(&cx.site.client, &fresh.text, bound(cx)).await?;
    // A server that accepts nobody proves nothing, and one that accepts everybody must be noticed.
    let other = accepted(&cx.site.client, &house.api_key).await?;
    let shadow = Shadow::serve(BTreeMap::from([("models".to_owned(), "{}".to_owned())])).await?;
    let careless = Client::new(&shadow.base_url(), cx.site.clock.clone())?;
    let caught = refused_after(&careless, &fresh.text, LOOK).await?.is_none();
    let planted = before && other && caught;
    let tries = if took.is_some() { AGAIN } else { 0 };
    let verdict = match took {
        _ if !revoked => Verdict::Error(Reason::Unreachable),
        None => Verdict::Fail(Reason::StillAccepted),
        Some(_) => Verdict::held(planted, tries, AGAIN, cx.floor(CONTROL)),
    };
    let finding = Finding::new(verdict, planted, (tries, AGAIN));
    let millis = took.map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    Ok((finding.measure("until it was refused", millis, "milliseconds"), took.is_some()))
}

fn bound(cx: Run<'_>) -> Duration {
    match cx.param(CONTROL, "effective_seconds") {
        Some(ParamValue::Number(seconds)) => Duration::from_secs_f64(seconds.clamp(0.0, 60.0)),
        _ => Duration::ZERO,
    }
}

async fn accepted(client: &Client, key: &str) -> Result<bool> {
    let answer = client.send("GET", PATH, Auth::Key(key), Payload::Empty).await?;
    Ok(answer.status == 200)
}

/// How long it took until the key was refused for good; `None` when that took too long.
async fn refused_after(client: &Client, key: &str, bound: Duration) -> Result<Option<Duration>> {
    let began = Instant::now();
    let (mut last, mut refused) = (Duration::ZERO, 0);
    while refused < AGAIN {
        if accepted(client, key).await? {
            last = began.elapsed();
            refused = 0;
            if last >= bound {
                return Ok(None);
            }
            tokio::time::sleep(LOOK).await;
        } else {
            refused += 1;
        }
    }
    Ok(Some(last))
}
