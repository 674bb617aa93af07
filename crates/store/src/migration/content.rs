//! Files that programs store, batches of requests, and the key that each has of its own.
//!
//! A key can be taken away while its row stays, so that what is left of the content cannot be read any more.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    // A project that may store content has a row, with the project's own id.
    ddl.tenant(
        "content_storage",
        Access::Full,
        "id {uuid} not null, changed_at {int} not null, primary key (org_id, id), \
         foreign key (org_id, id) references project (org_id, id)",
    );
    // The id is that of the file or the batch.
    ddl.tenant(
        "content_key",
        Access::Full,
        "id {uuid} not null, organization_key_id {uuid} not null, kind text not null, wrapped {bytes}, \
         commitment {bytes}, created_at {int} not null, destroyed_at {int}, reason text, primary key (org_id, id), \
         foreign key (org_id, organization_key_id) references organization_key (org_id, id), \
         check (kind in ('file', 'batch')), check ((wrapped is null) = (destroyed_at is not null)), \
         check ((commitment is null) = (wrapped is null))",
    );
    files(ddl);
    batches(ddl);
    ddl.deployment(
        "content_due",
        Access::Full,
        "id {uuid} not null primary key, org_id {uuid} not null references organization (id), stage text not null, \
         due_at {int} not null",
    );
    ddl.run("create index content_due_at on content_due (due_at)");
}

fn files(ddl: &mut Ddl) {
    ddl.tenant(
        "stored_file",
        Access::Full,
        "id {uuid} not null, project_id {uuid} not null, key_id {uuid} not null, batch_id {uuid}, purpose text not null, \
         name {bytes} not null, bytes {int} not null, lines {int} not null, created_at {int} not null, \
         expires_at {int} not null, fixed {bool} not null, primary key (org_id, id), \
         foreign key (org_id, project_id) references project (org_id, id), \
         foreign key (org_id, key_id) references api_key (org_id, id)",
    );
    ddl.run("create index stored_file_project on stored_file (org_id, project_id, id)");
    ddl.tenant(
        "file_chunk",
        Access::Full,
        "file_id {uuid} not null, number {int} not null, sealed {bytes} not null, \
         primary key (org_id, file_id, number), \
         foreign key (org_id, file_id) references stored_file (org_id, id)",
    );
}

/// What a batch names besides its project and key may be gone before it is.
fn batches(ddl: &mut Ddl) {
    ddl.tenant(
        "batch",
        Access::Full,
        "id {uuid} not null, project_id {uuid} not null, key_id {uuid} not null, input_file {uuid} not null, \
         output_file {uuid}, error_file {uuid}, endpoint text not null, state text not null, metadata {bytes}, \
         problems text, total {int} not null, completed {int} not null, failed {int} not null, \
         created_at {int} not null, started_at {int}, finalizing_at {int}, ended_at {int}, expires_at {int} not null, \
         keep_ms {int} not null, primary key (org_id, id), \
         foreign key (org_id, project_id) references project (org_id, id), \
         foreign key (org_id, key_id) references api_key (org_id, id)",
    );
    ddl.run("create index batch_project on batch (org_id, project_id, id)");
    ddl.tenant(
        "batch_line",
        Access::Full,
        "batch_id {uuid} not null, number {int} not null, state text not null, request_id {uuid}, at {int} not null, \
         primary key (org_id, batch_id, number), foreign key (org_id, batch_id) references batch (org_id, id), \
         check (state in ('sending', 'answered', 'failed', 'unknown'))",
    );
}
