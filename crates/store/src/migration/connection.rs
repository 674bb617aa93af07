//! Single sign-on: the identity providers of organizations, whom they know here, and sign-ins that are under way there.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.tenant(
        "connection",
        Access::Full,
        "id {uuid} not null, kind text not null, name text not null, issuer text not null, client_id text not null, \
         secret {bytes} not null, allow_private {bool} not null, trusts_second_factor {bool} not null, context text, \
         created_at {int} not null, disabled_at {int}, primary key (org_id, id), \
         foreign key (org_id) references organization (id), check (kind in ('entra', 'google', 'oidc'))",
    );
    // Whose a connection is: a callback names nothing but the connection.
    ddl.deployment(
        "connection_index",
        Access::Full,
        "id {uuid} not null primary key, org_id {uuid} not null references organization (id)",
    );
    // Nobody is found by an address: only who came from the same connection as the same subject before.
    ddl.deployment(
        "sso_identity",
        Access::Full,
        "connection_id {uuid} not null references connection_index (id), subject_index {bytes} not null, \
         user_id {uuid} not null references \"user\" (id), created_at {int} not null, used_at {int} not null, \
         primary key (connection_id, subject_index), unique (connection_id, user_id)",
    );
    ddl.run("create index sso_identity_user on sso_identity (user_id)");
    ddl.deployment(
        "sso_flow",
        Access::Full,
        "digest {bytes} not null primary key, connection_id {uuid} not null references connection_index (id), \
         body {bytes} not null, address_index {bytes} not null, created_at {int} not null, expires_at {int} not null",
    );
    ddl.run("create index sso_flow_expires on sso_flow (expires_at)");
}
