//! `/trust/bundle`: everything behind the trust page in one file that verifies offline.

use std::time::Duration;

use bytes::Bytes;
use domain::{Result, Timestamp};
use tokio::sync::Mutex;

use crate::App;

/// Everybody who asks within this time gets the same file: making one reads much and proves more.
const KEPT: Duration = Duration::from_secs(10);

/// The file made last, and when. One request at a time makes a new one; the others wait for it.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Option<(Timestamp, Bytes)>>);

/// # Errors
/// `Unavailable` when the database is, or the log has no signed head yet.
pub(crate) async fn bundle(app: &App) -> Result<Bytes> {
    let mut kept = app.kept_bundle().0.lock().await;
    let now = app.now();
    if let Some((made, bundle)) = &*kept
        && now.since(*made) < KEPT
    {
        return Ok(bundle.clone());
    }
    let bundle = Bytes::from(trust::bundle::build(&app.trust, &app.store, now).await?);
    *kept = Some((now, bundle.clone()));
    Ok(bundle)
}
