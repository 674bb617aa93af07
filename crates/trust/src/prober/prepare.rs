//! What a run needs before it can begin.

use std::{sync::Arc, time::Duration};

use domain::Result;
use tokio::sync::Mutex;

use crate::{
    evidence::{Reason, Verdict},
    probe::{self, Finding, Houses, Site},
    registry::{ControlId, ProbeId},
    seed::Seed,
    wire::Tenants,
};

/// The keys the prober works with expire after a day; new ones are made well before.
const FURNISHED: Duration = Duration::from_secs(12 * 3_600);

/// The two organizations, furnished once for many runs.
pub(super) async fn furnished(
    site: &Site,
    tenants: &Tenants,
    houses: &Mutex<Option<Arc<Houses>>>,
    seed: Seed,
) -> Result<Arc<Houses>> {
    let now = site.clock.now();
    let mut houses = houses.lock().await;
    if let Some(known) = houses.as_ref().filter(|known| now.since(known.made) < FURNISHED) {
        return Ok(Arc::clone(known));
    }
    let made = Arc::new(Houses::furnish(&site.client, tenants, seed, now).await?);
    *houses = Some(Arc::clone(&made));
    Ok(made)
}

/// What a run that could not begin says about its controls.
pub(super) fn unprepared(controls: &[&str]) -> Vec<(ControlId, Finding)> {
    let finding = || Finding::new(Verdict::Error(Reason::Unreachable), false, (0, 0));
    controls.iter().filter_map(|id| Some((id.parse().ok()?, finding()))).collect()
}

/// The probes that decide a control, or all of them.
pub(super) fn probes_of(control: Option<&ControlId>) -> Vec<ProbeId> {
    let wanted = |probe: &ProbeId| {
        control.is_none_or(|control| probe::controls(*probe).contains(&control.as_str()))
    };
    ProbeId::ALL.iter().copied().filter(wanted).collect()
}
