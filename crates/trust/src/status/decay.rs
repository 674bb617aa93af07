//! What a status has become by `now` without any news: the part that readers run on their own copy.

use domain::Timestamp;

use super::{FailReason, StaleReason, Status, midnight_after};

/// The status at `now` of a copy that holds until `valid_until`. It only ever gets worse.
#[must_use]
pub fn decayed(status: &Status, valid_until: Timestamp, now: Timestamp) -> Status {
    let expired = |since| Status::Failing { why: FailReason::Expired, since };
    match (status, status.deadlines()) {
        (_, Some(deadlines)) if now > deadlines.hard => {
            Status::Failing { why: FailReason::Age, since: deadlines.hard }
        }
        (Status::Verified(_) | Status::Recovering { .. }, Some(deadlines))
            if now > deadlines.until =>
        {
            Status::Stale { why: StaleReason::Age, deadlines }
        }
        (Status::Verified(_) | Status::Recovering { .. }, Some(deadlines)) if now > valid_until => {
            Status::Stale { why: StaleReason::Copy, deadlines }
        }
        (Status::Attested { expires, .. } | Status::Inherited { expires, .. }, _)
            if now >= midnight_after(*expires) =>
        {
            expired(midnight_after(*expires))
        }
        _ => status.clone(),
    }
}
