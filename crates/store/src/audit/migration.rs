//! Tables of the audit log, and the triggers that keep them append-only whoever asks.
//!
//! A superuser can still switch triggers off; what happens then shows in the tree.
//! SQLite's `INSERT OR REPLACE` removes a row without asking its delete trigger, so insertion is guarded as well.

use crate::migration::{Access, Ddl};

pub(crate) fn steps(ddl: &mut Ddl) {
    // For the functions of this migration: a temporary table must not stand in for the one they ask.
    ddl.postgres(
        "select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)",
    );
    entries(ddl);
    personal(ddl);
    heads(ddl);
    for table in ["audit_entry", "audit_node", "audit_checkpoint"] {
        refuse(ddl, table, "update");
        refuse(ddl, table, "delete");
        refuse_truncate(ddl, table);
    }
    places_are_dense(ddl);
    heads_only_grow(ddl);
    outbox_leaves_by_the_log(ddl);
    personal_values_are_not_rewritten(ddl);
}

/// No table refers to `organization`: the spine belongs to the deployment, and a log outlives what it is about.
fn entries(ddl: &mut Ddl) {
    ddl.tenant(
        "audit_outbox",
        Access::Full,
        "id {uuid} not null, place {int} not null, at {int} not null, body text not null, primary key (org_id, id)",
    );
    ddl.tenant(
        "audit_entry",
        Access::Append,
        "seq {int} not null, event_id {uuid} not null, at {int} not null, action text not null, \
         actor text, subject text, target text, leaf {bytes} not null, leaf_hash {bytes} not null, \
         primary key (org_id, seq), unique (org_id, event_id)",
    );
    ddl.run("create index audit_entry_action on audit_entry (org_id, action, seq)");
    ddl.run("create index audit_entry_actor on audit_entry (org_id, actor, seq)");
    ddl.tenant(
        "audit_node",
        Access::Append,
        "level {int} not null, place {int} not null, hash {bytes} not null, primary key (org_id, level, place)",
    );
}

fn personal(ddl: &mut Ddl) {
    ddl.tenant(
        "audit_pseudonym",
        Access::Full,
        "user_id {uuid} not null, pid text not null, primary key (org_id, user_id), unique (org_id, pid)",
    );
    ddl.tenant(
        "audit_disclosure",
        Access::Full,
        "event_id {uuid} not null, digest text not null, subject {uuid}, value {bytes} not null, at {int} not null, \
         primary key (org_id, event_id, digest)",
    );
    ddl.run("create index audit_disclosure_subject on audit_disclosure (org_id, subject)");
}

/// Heads are of all logs and belong to the deployment: an epoch reads them all. They hold sizes and hashes only.
fn heads(ddl: &mut Ddl) {
    ddl.deployment(
        "audit_head",
        Access::Full,
        "org_id {uuid} not null primary key, size {int} not null, root {bytes} not null, frontier {bytes} not null, \
         note text not null, epoch_size {int} not null, epoch_root {bytes} not null, changed_at {int} not null",
    );
    ddl.deployment(
        "audit_checkpoint",
        Access::Append,
        "org_id {uuid} not null, epoch {int} not null, size {int} not null, root {bytes} not null, \
         note text not null, at {int} not null, primary key (org_id, epoch), unique (org_id, size)",
    );
}

fn places_are_dense(ddl: &mut Ddl) {
    refuse_when(
        ddl,
        "audit_entry",
        "insert",
        "new.seq <> (select coalesce(max(seq) + 1, 0) from audit_entry where org_id = new.org_id)",
    );
    refuse_when(
        ddl,
        "audit_node",
        "insert",
        "new.level < 1 or new.place <> (select coalesce(max(place) + 1, 0) from audit_node \
         where org_id = new.org_id and level = new.level)",
    );
    // SQLite has no SHA-256 of its own.
    ddl.postgres(
        "alter table audit_entry add constraint audit_entry_hash check (leaf_hash = sha256('\\x00'::bytea || leaf))",
    );
}

fn heads_only_grow(ddl: &mut Ddl) {
    refuse_when(
        ddl,
        "audit_checkpoint",
        "insert",
        "exists (select 1 from audit_checkpoint where org_id = new.org_id \
         and (epoch >= new.epoch or size >= new.size))",
    );
    refuse_when(
        ddl,
        "audit_head",
        "insert",
        "exists (select 1 from audit_head where org_id = new.org_id)",
    );
    refuse_when(
        ddl,
        "audit_head",
        "update",
        "new.org_id <> old.org_id or new.size < old.size or new.epoch_size < old.epoch_size \
         or new.epoch_size > new.size or (new.size = old.size and new.root <> old.root) \
         or (new.epoch_size = old.epoch_size and new.epoch_root <> old.epoch_root)",
    );
    refuse(ddl, "audit_head", "delete");
    refuse_truncate(ddl, "audit_head");
}

fn outbox_leaves_by_the_log(ddl: &mut Ddl) {
    refuse_when(
        ddl,
        "audit_outbox",
        "insert",
        "exists (select 1 from audit_outbox where org_id = new.org_id and id = new.id)",
    );
    refuse_when(
        ddl,
        "audit_outbox",
        "delete",
        "not exists (select 1 from audit_entry where org_id = old.org_id and event_id = old.id)",
    );
    refuse(ddl, "audit_outbox", "update");
    refuse_truncate(ddl, "audit_outbox");
}

/// They may be forgotten. PostgreSQL has no `INSERT OR REPLACE`, and its upserts ask the update trigger.
fn personal_values_are_not_rewritten(ddl: &mut Ddl) {
    for table in ["audit_pseudonym", "audit_disclosure"] {
        refuse(ddl, table, "update");
        refuse_truncate(ddl, table);
    }
    if !ddl.is_postgres() {
        refuse_when(
            ddl,
            "audit_pseudonym",
            "insert",
            "exists (select 1 from audit_pseudonym where org_id = new.org_id and (user_id = new.user_id or pid = new.pid))",
        );
        refuse_when(
            ddl,
            "audit_disclosure",
            "insert",
            "exists (select 1 from audit_disclosure where org_id = new.org_id and event_id = new.event_id and digest = new.digest)",
        );
    }
}

pub(crate) fn refuse(ddl: &mut Ddl, table: &str, act: &str) {
    ddl.sqlite(&format!(
        "create trigger {table}_{act} before {act} on {table} begin select raise(abort, '{table} is append-only'); end"
    ));
    ddl.postgres(&format!(
        "create trigger {table}_{act} before {act} on {table} for each row execute function refuse_change()"
    ));
    ddl.postgres(&format!("alter table {table} enable always trigger {table}_{act}"));
}

pub(crate) fn refuse_truncate(ddl: &mut Ddl, table: &str) {
    ddl.postgres(&format!(
        "create trigger {table}_truncate before truncate on {table} for each statement execute function refuse_change()"
    ));
    ddl.postgres(&format!("alter table {table} enable always trigger {table}_truncate"));
}

/// `condition` speaks of `new` and `old`, in the words both engines know.
pub(crate) fn refuse_when(ddl: &mut Ddl, table: &str, act: &str, condition: &str) {
    let name = format!("{table}_{act}_guard");
    ddl.sqlite(&format!(
        "create trigger {name} before {act} on {table} when {condition} \
         begin select raise(abort, '{table} is append-only'); end"
    ));
    let row = if act == "delete" { "old" } else { "new" };
    ddl.postgres(&format!(
        "create function {name}() returns trigger language plpgsql set search_path from current as $$ begin if {condition} then \
         raise exception '{table} is append-only' using errcode = '42501'; end if; return {row}; end $$"
    ));
    ddl.postgres(&format!(
        "create trigger {name} before {act} on {table} for each row execute function {name}()"
    ));
    ddl.postgres(&format!("alter table {table} enable always trigger {name}"));
}
