//! AUD-02: attempts to alter audit entries with the rights of the application.

use domain::Result;

use super::{Finding, Findings, Run};
use crate::evidence::{Reason, Verdict};

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let tamper = cx.site.inspector.tamper().await?;
    let attempts = tamper.attempts.len() as u64;
    let succeeded = tamper.attempts.iter().filter(|attempt| !attempt.refused).count() as u64;
    // Where nothing forbids it, every attempt must work, or being refused would mean nothing.
    let planted =
        !tamper.unprotected.is_empty() && tamper.unprotected.iter().all(|one| !one.refused);
    let verdict = if succeeded > 0 {
        Verdict::Fail(Reason::TamperSucceeded)
    } else {
        Verdict::held(planted, attempts, attempts, cx.floor("AUD-02"))
    };
    let finding = Finding::new(verdict, planted, (attempts, attempts))
        .measure("attempts refused", attempts - succeeded, "attempts")
        .measure("attempts on an unprotected copy", tamper.unprotected.len() as u64, "attempts")
        .uncovered(["what the owner of the database can do: see AUD-01".to_owned()]);
    Ok(vec![("AUD-02", finding)])
}
