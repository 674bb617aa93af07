//! The first tables: directory, people, keys, projects, providers, usage, evidence.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.postgres(
        "create function app_org() returns uuid language sql stable parallel safe as \
         $$ select nullif(current_setting('app.org', true), '')::uuid $$",
    );
    ddl.grant("seaql_migrations", Access::Read);
    directory(ddl);
    sign_in(ddl);
    proof(ddl);
    encryption(ddl);
    people(ddl);
    data_plane(ddl);
    usage(ddl);
}

fn directory(ddl: &mut Ddl) {
    ddl.deployment(
        "deployment",
        Access::Append,
        "id {uuid} not null primary key, root_fingerprint text not null, created_at {int} not null",
    );
    ddl.deployment(
        "deployment_setting",
        Access::Full,
        "name text not null primary key, value text not null, changed_at {int} not null",
    );
    ddl.deployment(
        "change",
        Access::Full,
        "name text not null primary key, version {int} not null",
    );
    ddl.run("insert into change (name, version) values ('keys', 0), ('routing', 0)");
    ddl.deployment(
        "organization",
        Access::Full,
        "id {uuid} not null primary key, slug text not null unique, name text not null, \
         slot {int} not null unique, routing_version {int} not null default 0, \
         created_at {int} not null, archived_at {int}",
    );
}

fn sign_in(ddl: &mut Ddl) {
    ddl.deployment(
        "user",
        Access::Full,
        "id {uuid} not null primary key, email {bytes} not null, email_index {bytes} not null unique, \
         name {bytes} not null, password {bytes}, operator {bool} not null, \
         created_at {int} not null, changed_at {int} not null, disabled_at {int}",
    );
    ddl.deployment(
        "user_organization",
        Access::Full,
        "user_id {uuid} not null references \"user\" (id), org_id {uuid} not null references organization (id), \
         primary key (user_id, org_id)",
    );
    ddl.deployment(
        "session",
        Access::Full,
        "id {uuid} not null primary key, user_id {uuid} not null references \"user\" (id), \
         digest {bytes} not null unique, created_at {int} not null, seen_at {int} not null, \
         expires_at {int} not null, ended_at {int}",
    );
    ddl.run("create index session_by_user on session (user_id)");
    ddl.deployment(
        "sign_in_attempt",
        Access::Full,
        "id {uuid} not null primary key, email_index {bytes} not null, address_index {bytes} not null, \
         at {int} not null, success {bool} not null",
    );
    ddl.run("create index sign_in_attempt_email on sign_in_attempt (email_index, at)");
    ddl.run("create index sign_in_attempt_address on sign_in_attempt (address_index, at)");
    ddl.deployment(
        "operator_link",
        Access::Full,
        "digest {bytes} not null primary key, created_at {int} not null, expires_at {int} not null, consumed_at {int}",
    );
    ddl.deployment(
        "key_index",
        Access::Full,
        "digest {bytes} not null primary key, org_id {uuid} not null references organization (id), \
         key_id {uuid} not null, project_id {uuid}, scopes text not null, requests_per_minute {int}, \
         expires_at {int}, revoked_at {int}, version {int} not null",
    );
    ddl.run("create index key_index_version on key_index (version)");
    ddl.run("create index key_index_key on key_index (org_id, key_id)");
    ddl.deployment(
        "invitation_index",
        Access::Full,
        "digest {bytes} not null primary key, org_id {uuid} not null references organization (id), \
         invitation_id {uuid} not null",
    );
}

fn proof(ddl: &mut Ddl) {
    ddl.deployment(
        "evidence",
        Access::Append,
        "id {uuid} not null primary key, run {uuid} not null, control text not null, probe text not null, \
         slot text, outcome text not null, finished_at {int} not null, body text not null, \
         signer text not null, signature {bytes} not null",
    );
    ddl.run("create index evidence_control on evidence (control, finished_at)");
    ddl.deployment(
        "slot",
        Access::Full,
        "id text not null primary key, control text not null, due_at {int} not null, \
         committed_at {int} not null, evidence_id {uuid} references evidence (id)",
    );
    ddl.run("create index slot_due on slot (due_at)");
    ddl.sqlite(
        "create trigger evidence_no_update before update on evidence begin select raise(abort, 'evidence is append-only'); end",
    );
    ddl.sqlite(
        "create trigger evidence_no_delete before delete on evidence begin select raise(abort, 'evidence is append-only'); end",
    );
    ddl.sqlite(
        "create trigger evidence_no_replace before insert on evidence when exists (select 1 from evidence where id = new.id) \
         begin select raise(abort, 'evidence is append-only'); end",
    );
    ddl.postgres(
        "create function refuse_change() returns trigger language plpgsql as \
         $$ begin raise exception '% is append-only', tg_table_name using errcode = '42501'; end $$",
    );
    ddl.postgres(
        "create trigger evidence_no_change before update or delete on evidence for each row execute function refuse_change()",
    );
    ddl.postgres(
        "create trigger evidence_no_truncate before truncate on evidence for each statement execute function refuse_change()",
    );
    ddl.postgres("alter table evidence enable always trigger evidence_no_change");
    ddl.postgres("alter table evidence enable always trigger evidence_no_truncate");
}

/// Keys carry no reference to `organization`: the deployment itself owns some.
fn encryption(ddl: &mut Ddl) {
    ddl.tenant(
        "organization_key",
        Access::Full,
        "id {uuid} not null, purpose text not null, wrapped {bytes} not null, \
         created_at {int} not null, retired_at {int}, primary key (org_id, id)",
    );
    ddl.run("create unique index organization_key_live on organization_key (org_id, purpose) where retired_at is null");
    ddl.tenant(
        "data_key",
        Access::Full,
        "id {uuid} not null, organization_key_id {uuid} not null, class text not null, wrapped {bytes} not null, \
         commitment {bytes} not null, created_at {int} not null, retired_at {int}, primary key (org_id, id), \
         foreign key (org_id, organization_key_id) references organization_key (org_id, id)",
    );
    ddl.run(
        "create unique index data_key_live on data_key (org_id, class) where retired_at is null",
    );
}

fn people(ddl: &mut Ddl) {
    ddl.tenant(
        "member",
        Access::Full,
        "user_id {uuid} not null references \"user\" (id), role text not null, joined_at {int} not null, \
         primary key (org_id, user_id), foreign key (org_id) references organization (id)",
    );
    ddl.tenant(
        "project",
        Access::Full,
        "id {uuid} not null, slug text not null, name text not null, created_at {int} not null, archived_at {int}, \
         primary key (org_id, id), unique (org_id, slug), foreign key (org_id) references organization (id)",
    );
    ddl.tenant(
        "grant",
        Access::Full,
        "id {uuid} not null, user_id {uuid} not null, project_id {uuid} not null, role text not null, \
         since {int} not null, until {int}, source text not null, granted_by {uuid}, primary key (org_id, id), \
         unique (org_id, user_id, project_id), foreign key (org_id, user_id) references member (org_id, user_id), \
         foreign key (org_id, project_id) references project (org_id, id)",
    );
    ddl.tenant(
        "invitation",
        Access::Full,
        "id {uuid} not null, email {bytes} not null, email_index {bytes} not null, role text not null, \
         invited_by {uuid}, created_at {int} not null, expires_at {int} not null, accepted_at {int}, revoked_at {int}, \
         primary key (org_id, id), foreign key (org_id) references organization (id)",
    );
}

fn data_plane(ddl: &mut Ddl) {
    ddl.tenant(
        "api_key",
        Access::Full,
        "id {uuid} not null, project_id {uuid}, name text not null, handle text not null, last_four text not null, \
         scopes text not null, requests_per_minute {int}, created_by {uuid}, created_at {int} not null, \
         expires_at {int}, revoked_at {int}, last_used_at {int}, primary key (org_id, id), \
         foreign key (org_id, project_id) references project (org_id, id), \
         foreign key (org_id) references organization (id)",
    );
    ddl.run("create index api_key_project on api_key (org_id, project_id)");
    ddl.tenant(
        "provider",
        Access::Full,
        "id {uuid} not null, catalog text not null, name text not null, protocol text not null, base_url text not null, \
         secret {bytes}, secret_last_four text not null, models text not null, region text, allow_private {bool} not null, \
         created_at {int} not null, changed_at {int} not null, removed_at {int}, primary key (org_id, id), \
         foreign key (org_id) references organization (id)",
    );
    ddl.tenant(
        "alias",
        Access::Full,
        "id {uuid} not null, name text not null, target text not null, created_at {int} not null, changed_at {int} not null, \
         primary key (org_id, id), unique (org_id, name), foreign key (org_id) references organization (id)",
    );
}

/// Usage outlives what it names, so it refers to the project only.
fn usage(ddl: &mut Ddl) {
    ddl.tenant(
        "usage",
        Access::Append,
        "request_id {uuid} not null, project_id {uuid} not null, key_id {uuid} not null, provider_id {uuid}, \
         model text not null, requested_model text not null, protocol text not null, streaming {bool} not null, \
         started_at {int} not null, ended_at {int} not null, first_token_ms {int}, status {int} not null, error_code text, \
         attempts {int} not null, input {int}, cache_read {int}, cache_write {int}, \
         output {int}, reasoning {int}, provenance text not null, cost_nano {int}, currency text, \
         receipt text not null, event_id {uuid} not null, primary key (org_id, request_id), \
         foreign key (org_id, project_id) references project (org_id, id)",
    );
    ddl.run("create index usage_started on usage (org_id, started_at)");
    ddl.run("create index usage_project on usage (org_id, project_id, started_at)");
}
