//! Codes that are sent to people who sign in without a password.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    // `user_id` is nobody's where nobody has the address: a row is written all the same.
    ddl.deployment(
        "sign_in_code",
        Access::Full,
        "digest {bytes} not null primary key, user_id {uuid} references \"user\" (id), \
         email_index {bytes} not null, address_index {bytes} not null, code {bytes} not null, long {int} not null, \
         tries {int} not null, created_at {int} not null, expires_at {int} not null, used_at {int}",
    );
    ddl.run("create index sign_in_code_by_email on sign_in_code (email_index, created_at)");
    ddl.run("create index sign_in_code_by_address on sign_in_code (address_index, created_at)");
}
