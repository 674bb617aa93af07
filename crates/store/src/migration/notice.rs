//! The register of sub-processors with what organizations decided, and the hosts that were reached.
//!
//! The register is append-only whoever asks, and holds no new sub-processor that could be used at once.

use super::{Access, Ddl};
use crate::audit::migration::{refuse, refuse_truncate, refuse_when};

pub(super) fn steps(ddl: &mut Ddl) {
    // For the functions of this migration: a temporary table must not stand in for the one they ask.
    ddl.postgres(
        "select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)",
    );
    ddl.deployment(
        "subprocessor",
        Access::Append,
        "provider text not null, revision {int} not null, cause text not null, sheet text not null, \
         announced_at {int} not null, usable_from {int} not null, primary key (provider, revision), \
         check (revision > 0), \
         check (cause in ('installed', 'added', 'changed', 'corrected', 'removed')), \
         check (usable_from >= announced_at), \
         check (cause not in ('added', 'changed') or usable_from >= announced_at + 86400000)",
    );
    refuse(ddl, "subprocessor", "update");
    refuse(ddl, "subprocessor", "delete");
    refuse_truncate(ddl, "subprocessor");
    // What was there from the beginning waits for nothing, so nothing can be put there later.
    refuse_when(
        ddl,
        "subprocessor",
        "insert",
        "(new.cause = 'installed' and exists (select 1 from subprocessor \
         where cause <> 'installed' or announced_at <> new.announced_at)) \
         or exists (select 1 from subprocessor where provider = new.provider and revision >= new.revision)",
    );
    ddl.tenant(
        "subprocessor_decision",
        Access::Full,
        "provider text not null, decision text not null, revision {int} not null, decided_at {int} not null, \
         primary key (org_id, provider), foreign key (org_id) references organization (id), \
         check (decision in ('accepted', 'objected'))",
    );
    ddl.deployment(
        "egress_contact",
        Access::Full,
        "id text not null, host text not null, kind text not null, first_at {int} not null, \
         last_at {int} not null, primary key (id, host)",
    );
    ddl.run("insert into change (name, version) values ('notice', 0)");
}
