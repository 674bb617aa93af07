//! The agreement under which a provider may receive health data: from when, and until when.

use super::Ddl;

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.run("alter table provider add column baa_signed {int}");
    ddl.run("alter table provider add column baa_until {int}");
}
