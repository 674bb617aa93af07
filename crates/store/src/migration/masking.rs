//! What becomes of personal data in requests: settings of organizations and projects.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.tenant(
        "masking",
        Access::Full,
        "id {uuid} not null, project_id {uuid}, setting text not null, changed_at {int} not null, \
         primary key (org_id, id), foreign key (org_id) references organization (id), \
         foreign key (org_id, project_id) references project (org_id, id)",
    );
    ddl.run(
        "create unique index masking_organization on masking (org_id) where project_id is null",
    );
    ddl.run(
        "create unique index masking_project on masking (org_id, project_id) where project_id is not null",
    );
}
