//! Budgets of members: what the keys that one person made may spend together.

use super::Ddl;

pub(super) fn steps(ddl: &mut Ddl) {
    // A budget goes on holding for the keys of somebody who left, so it refers to the person and not to the member.
    // Who can get one is checked where it is set; in another organization it would count nothing.
    ddl.run(
        "alter table budget add column user_id {uuid} references \"user\" (id) \
         check (user_id is null or (project_id is null and key_id is null))",
    );
    ddl.run("drop index budget_organization");
    ddl.run(
        "create unique index budget_organization on budget (org_id, period) \
         where project_id is null and key_id is null and user_id is null",
    );
    ddl.run(
        "create unique index budget_user on budget (org_id, user_id, period) where user_id is not null",
    );
    ddl.run("create index api_key_created_by on api_key (org_id, created_by)");
    // The gateway knows who made a key from the key itself.
    ddl.run("alter table key_index add column created_by {uuid}");
    // The owner of the tables sees every row only while its own policies do not bind it.
    ddl.postgres("alter table api_key no force row level security");
    ddl.run(
        "update key_index set created_by = (select made.created_by from api_key made \
         where made.org_id = key_index.org_id and made.id = key_index.key_id)",
    );
    ddl.postgres("alter table api_key force row level security");
}
