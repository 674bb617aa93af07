//! What was used is on record for seven years: until then it is neither removed nor moved in time, whoever asks.

use super::Ddl;
use crate::audit::migration::{refuse_truncate, refuse_when};

/// Seven years of 365.25 days, in seconds.
const WINDOW: u64 = 220_903_200;

pub(super) fn steps(ddl: &mut Ddl) {
    // For the functions of this migration: a temporary table must not stand in for the one they ask.
    ddl.postgres(
        "select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)",
    );
    let now = if ddl.is_postgres() {
        "extract(epoch from now())::bigint"
    } else {
        "cast(strftime('%s', 'now') as integer)"
    };
    refuse_when(ddl, "usage", "delete", &format!("old.started_at > ({now} - {WINDOW}) * 1000"));
    refuse_when(
        ddl,
        "usage",
        "update",
        "new.org_id <> old.org_id or new.request_id <> old.request_id \
         or new.started_at <> old.started_at or new.ended_at <> old.ended_at",
    );
    refuse_truncate(ddl, "usage");
}
