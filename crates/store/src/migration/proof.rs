//! Sessions know how somebody showed who they are.

use super::Ddl;

pub(super) fn steps(ddl: &mut Ddl) {
    // Until then there was nothing but passwords.
    ddl.run("alter table session add column first_kind text not null default 'password'");
    ddl.run("alter table session add column first_connection {uuid}");
    ddl.run("alter table session add column first_at {int} not null default 0");
    ddl.run("update session set first_at = created_at");
    ddl.run("alter table half_sign_in add column first_kind text not null default 'password'");
    ddl.run("alter table half_sign_in add column first_connection {uuid}");
}
