//! Webhooks of organizations, addresses that are told of sub-processors, and what is on its way to either.

use super::{Access, Ddl};

pub(super) fn steps(ddl: &mut Ddl) {
    // One that was removed stays, without its address and secret: its host is compared with the connections made.
    ddl.tenant(
        "webhook",
        Access::Full,
        "id {uuid} not null, name text not null, host text not null, url {bytes}, secret {bytes}, \
         allow_private {bool} not null, created_at {int} not null, last_at {int}, last_topic text, last_status {int}, \
         last_problem text, failing_since {int}, disabled_at {int}, removed_at {int}, primary key (org_id, id), \
         foreign key (org_id) references organization (id), \
         check ((url is null) = (removed_at is not null)), check ((secret is null) = (removed_at is not null))",
    );
    // Letters to subscribers are the deployment's own, so there need not be an organization. Once it is done only the
    // record stays: neither whom it was for nor what it said.
    ddl.tenant(
        "message",
        Access::Full,
        "id {uuid} not null, channel text not null, topic text not null, webhook_id {uuid}, address {bytes}, \
         body {bytes}, attempts {int} not null, problem text, answer {int}, created_at {int} not null, \
         ends_at {int} not null, done_at {int}, primary key (org_id, id), \
         foreign key (org_id, webhook_id) references webhook (org_id, id), check (channel in ('mail', 'webhook')), \
         check ((body is null) = (done_at is not null)), \
         check ((address is not null) = (channel = 'mail' and done_at is null)), \
         check ((channel = 'webhook') = (webhook_id is not null))",
    );
    ddl.run(
        "create index message_webhook on message (org_id, webhook_id) where webhook_id is not null",
    );
    ddl.deployment(
        "message_due",
        Access::Full,
        "id {uuid} not null primary key, org_id {uuid} not null, stage text not null, due_at {int} not null",
    );
    ddl.run("create index message_due_at on message_due (due_at)");
    ddl.deployment(
        "subscriber",
        Access::Full,
        "id {uuid} not null primary key, address {bytes} not null, address_index {bytes} not null unique, \
         asked_from {bytes} not null, asked_at {int} not null, confirmed_at {int}",
    );
    ddl.run("create index subscriber_asked on subscriber (asked_at)");
}
