//! Counting over several servers: which one recorded a request, which ones there are, and what each may spend of a
//! budget.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    // Absent for what was recorded before servers had names.
    ddl.run("alter table usage add column node_id {uuid}");
    ddl.deployment(
        "node",
        Access::Full,
        "id {uuid} not null primary key, entered_at {int} not null, seen_at {int} not null, left_at {int}",
    );
    // What a server may spend in the period of a budget that began then, and what it has spent and set aside of it.
    ddl.tenant(
        "counter",
        Access::Full,
        "budget_id {uuid} not null, from_at {int} not null, node_id {uuid} not null, ceiling {int} not null, \
         spent {int} not null, sequence {int} not null, refused_at {int} not null, \
         primary key (org_id, budget_id, from_at, node_id), \
         foreign key (org_id) references organization (id), \
         foreign key (org_id, budget_id) references budget (org_id, id) on delete cascade",
    );
}
