//! Budgets of organizations, projects and keys.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.tenant(
        "budget",
        Access::Full,
        "id {uuid} not null, project_id {uuid}, key_id {uuid}, period text not null, limit_nano {int} not null, \
         changed_at {int} not null, told_from {int}, told_percent {int} not null, primary key (org_id, id), \
         foreign key (org_id) references organization (id), \
         foreign key (org_id, project_id) references project (org_id, id), \
         foreign key (org_id, key_id) references api_key (org_id, id), \
         check (project_id is null or key_id is null)",
    );
    // One of each period for each payer.
    ddl.run(
        "create unique index budget_organization on budget (org_id, period) \
         where project_id is null and key_id is null",
    );
    ddl.run(
        "create unique index budget_project on budget (org_id, project_id, period) where project_id is not null",
    );
    ddl.run(
        "create unique index budget_key on budget (org_id, key_id, period) where key_id is not null",
    );
}
