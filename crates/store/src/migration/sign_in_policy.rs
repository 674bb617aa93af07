//! What an organization asks of the sessions of its members.

use super::Ddl;

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.run("alter table organization add column asks_second {int} not null default 0");
    ddl.run("alter table organization add column asks_hours {int}");
}
