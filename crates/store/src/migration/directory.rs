//! Names that an organization wants to be found in requests, sealed as one value.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.tenant(
        "masking_directory",
        Access::Full,
        "id {uuid} not null, names {bytes} not null, entries {int} not null, members {bool} not null, \
         changed_at {int} not null, primary key (org_id, id), foreign key (org_id) references organization (id)",
    );
}
