//! How many of a person's conversations each provider saw.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    // A person is a keyed hash. The nil provider stands for the conversations that began in that hour.
    ddl.tenant(
        "exposure",
        Access::Full,
        "person {bytes} not null, hour {int} not null, provider_id {uuid} not null, conversations {int} not null, \
         primary key (org_id, person, hour, provider_id), foreign key (org_id) references organization (id)",
    );
}
