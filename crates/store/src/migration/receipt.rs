//! Proofs of receipts: the rows of a batch are found by the entry that stands for them.

use super::Ddl;

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.run("create index usage_event on usage (org_id, event_id)");
}
