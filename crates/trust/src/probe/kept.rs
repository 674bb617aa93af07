//! RET-03: attempts to remove usage records before their time, and a look at what they can hold.

use domain::Result;

use super::{Finding, Findings, Run, canary::unlisted};
use crate::evidence::{Reason, Verdict};

const CONTROL: &str = "RET-03";
const DAY: u64 = 86_400;

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    // A new installation has no record yet; the one of the request that came first here is under way.
    let house = &cx.houses.first;
    let first: Vec<&str> = house.objects.get("request").map(String::as_str).into_iter().collect();
    if !house.recorded(&cx.site.client, &first).await {
        let finding = Finding::new(Verdict::Inconclusive(Reason::Unreachable), false, (0, 0));
        return Ok(vec![(CONTROL, finding)]);
    }
    let kept = cx.site.inspector.usage_kept().await?;
    let columns = || kept.columns.iter().map(String::as_str);
    let attempts = kept.attempts.len() as u64;
    let refused = kept.attempts.iter().filter(|attempt| attempt.refused).count() as u64;
    // Where nothing forbids it, every attempt must work; and a column that somebody might add one day is noticed.
    let free = !kept.unprotected.is_empty() && kept.unprotected.iter().all(|one| !one.refused);
    let planted = free && !unlisted(columns().chain(["prompt_excerpt"])).is_empty();
    let verdict = if refused < attempts {
        Verdict::Fail(Reason::GateOpen)
    } else if !unlisted(columns()).is_empty() {
        Verdict::Fail(Reason::ColumnUnlisted)
    } else {
        Verdict::held(planted, refused, attempts, cx.floor(CONTROL))
    };
    let now = cx.site.clock.now();
    let age = kept.oldest.map_or(0, |oldest| now.since(oldest).as_secs() / DAY);
    let finding = Finding::new(verdict, planted, (refused, attempts))
        .measure("attempts refused", refused, "attempts")
        .measure("records", kept.records, "records")
        .measure("age of the oldest", age, "days")
        .measure("columns", kept.columns.len() as u64, "columns")
        .uncovered(["what the owner of the database can do".to_owned()]);
    Ok(vec![(CONTROL, finding)])
}
