//! Rate limits of organizations and keys.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    // The id says whom they are for: the organization, a key, or (nil) each key without limits of its own.
    ddl.tenant(
        "rate_limit",
        Access::Full,
        "id {uuid} not null, key_id {uuid}, requests_per_minute {int}, tokens_per_minute {int}, concurrent {int}, \
         changed_at {int} not null, primary key (org_id, id), foreign key (org_id) references organization (id), \
         foreign key (org_id, key_id) references api_key (org_id, id)",
    );
}
