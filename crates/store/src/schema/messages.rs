//! The tables of what leaves the house: webhooks, subscribers, and what is on its way to them.

use domain::DataClass::{Configuration, Credential, Digest, Email, Identifier, Message, Name};

use super::{Table, deployment, tenant};

pub(super) const WEBHOOKS: Table = tenant(
    "webhook",
    &[
        ("org_id", Identifier),
        ("id", Identifier),
        ("name", Name),
        ("host", Configuration),
        // Many receivers know their callers by nothing but the address.
        ("url", Credential),
        ("secret", Credential),
        ("allow_private", Configuration),
        ("created_at", Identifier),
        ("last_at", Identifier),
        ("last_topic", Identifier),
        ("last_status", Identifier),
        ("last_problem", Identifier),
        ("failing_since", Identifier),
        ("disabled_at", Identifier),
        ("removed_at", Identifier),
    ],
);

pub(super) const MESSAGES: Table = tenant(
    "message",
    &[
        ("org_id", Identifier),
        ("id", Identifier),
        ("channel", Identifier),
        ("topic", Identifier),
        ("webhook_id", Identifier),
        ("address", Email),
        ("body", Message),
        ("attempts", Identifier),
        ("problem", Identifier),
        ("answer", Identifier),
        ("created_at", Identifier),
        ("ends_at", Identifier),
        ("done_at", Identifier),
    ],
);

pub(super) const DUE: Table = deployment(
    "message_due",
    &[("id", Identifier), ("org_id", Identifier), ("stage", Identifier), ("due_at", Identifier)],
);

pub(super) const SUBSCRIBERS: Table = deployment(
    "subscriber",
    &[
        ("id", Identifier),
        ("address", Email),
        ("address_index", Digest),
        ("asked_from", Digest),
        ("asked_at", Identifier),
        ("confirmed_at", Identifier),
    ],
);
