//! Where requests may go: rules of organizations and projects, and the terms of the providers they registered.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.tenant(
        "routing_policy",
        Access::Full,
        "id {uuid} not null, project_id {uuid}, rules text not null, changed_at {int} not null, \
         primary key (org_id, id), foreign key (org_id) references organization (id), \
         foreign key (org_id, project_id) references project (org_id, id)",
    );
    ddl.run(
        "create unique index routing_policy_organization on routing_policy (org_id) where project_id is null",
    );
    ddl.run(
        "create unique index routing_policy_project on routing_policy (org_id, project_id) \
         where project_id is not null",
    );
    ddl.run("alter table provider add column contract text");
    ddl.run("alter table provider add column terms text");
    // Servers of the organizations' own, registered before anybody was asked for terms. The owner of the tables
    // sees every row only while its own policies do not bind it.
    ddl.postgres("alter table provider no force row level security");
    ddl.run(
        "update provider set terms = '{\"trains\":false,\"retention_days\":0}' \
         where catalog = 'custom' and allow_private and base_url like 'http://%'",
    );
    ddl.postgres("alter table provider force row level security");
}
