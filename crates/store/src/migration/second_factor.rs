//! Second factors: the authenticator app of a person, what stands in for it, and sessions that know whether it was shown.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.run("alter table session add column second_at {int}");
    // Whether it outlives the browser. Those that were there before do not: their cookies have an end anyway.
    ddl.run("alter table session add column lasting {int} not null default 0");
    ddl.deployment(
        "authenticator",
        Access::Full,
        "user_id {uuid} not null primary key references \"user\" (id), seed {bytes} not null, \
         last_step {int} not null, created_at {int} not null",
    );
    ddl.deployment(
        "recovery_code",
        Access::Full,
        "user_id {uuid} not null references \"user\" (id), digest {bytes} not null, \
         created_at {int} not null, primary key (user_id, digest)",
    );
    // Whoever knows the password and has not shown the second factor yet: no session.
    ddl.deployment(
        "half_sign_in",
        Access::Full,
        "digest {bytes} not null primary key, user_id {uuid} not null references \"user\" (id), \
         created_at {int} not null, expires_at {int} not null",
    );
    ddl.run("create index half_sign_in_expires on half_sign_in (expires_at)");
}
