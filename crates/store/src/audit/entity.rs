//! Rows of the audit log.

use crate::entity::entity;

entity!(tenant audit_outbox "audit_outbox" keys { id: Uuid } {
    place: i64,
    at: i64,
    body: String,
});
entity!(tenant audit_entry "audit_entry" keys { seq: i64 } {
    event_id: Uuid,
    at: i64,
    action: String,
    actor: Option<String>,
    subject: Option<String>,
    target: Option<String>,
    leaf: Vec<u8>,
    leaf_hash: Vec<u8>,
});
entity!(tenant audit_node "audit_node" keys { level: i64, place: i64 } { hash: Vec<u8> });
entity!(tenant audit_pseudonym "audit_pseudonym" keys { user_id: Uuid } { pid: String });
entity!(tenant audit_disclosure "audit_disclosure" keys { event_id: Uuid, digest: String } {
    subject: Option<Uuid>,
    value: Vec<u8>,
    at: i64,
});
entity!(deployment audit_head "audit_head" keys { org_id: Uuid } {
    size: i64,
    root: Vec<u8>,
    frontier: Vec<u8>,
    note: String,
    epoch_size: i64,
    epoch_root: Vec<u8>,
    changed_at: i64,
});
entity!(deployment audit_checkpoint "audit_checkpoint" keys { org_id: Uuid, epoch: i64 } {
    size: i64,
    root: Vec<u8>,
    note: String,
    at: i64,
});
