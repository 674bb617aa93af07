//! The tables of stored content: what is sealed there has a key of its own, which is destroyed with it.

use domain::DataClass::{Configuration, Digest, Identifier, Key, Prompt, Usage};

use super::{Table, deployment, tenant};

pub(super) const STORAGE: Table = tenant(
    "content_storage",
    &[("org_id", Identifier), ("id", Identifier), ("changed_at", Identifier)],
);

pub(super) const KEYS: Table = tenant(
    "content_key",
    &[
        ("org_id", Identifier),
        ("id", Identifier),
        ("organization_key_id", Identifier),
        ("kind", Identifier),
        ("wrapped", Key),
        ("commitment", Digest),
        ("created_at", Identifier),
        ("destroyed_at", Identifier),
        ("reason", Identifier),
    ],
);

pub(super) const FILES: Table = tenant(
    "stored_file",
    &[
        ("org_id", Identifier),
        ("id", Identifier),
        ("project_id", Identifier),
        ("key_id", Identifier),
        ("batch_id", Identifier),
        ("purpose", Identifier),
        ("name", Prompt),
        ("bytes", Identifier),
        ("lines", Identifier),
        ("created_at", Identifier),
        ("expires_at", Identifier),
        ("fixed", Configuration),
    ],
);

pub(super) const CHUNKS: Table = tenant(
    "file_chunk",
    &[("org_id", Identifier), ("file_id", Identifier), ("number", Identifier), ("sealed", Prompt)],
);

pub(super) const BATCHES: Table = tenant(
    "batch",
    &[
        ("org_id", Identifier),
        ("id", Identifier),
        ("project_id", Identifier),
        ("key_id", Identifier),
        ("input_file", Identifier),
        ("output_file", Identifier),
        ("error_file", Identifier),
        ("endpoint", Configuration),
        ("state", Identifier),
        ("metadata", Prompt),
        ("problems", Identifier),
        ("total", Usage),
        ("completed", Usage),
        ("failed", Usage),
        ("created_at", Identifier),
        ("started_at", Identifier),
        ("finalizing_at", Identifier),
        ("ended_at", Identifier),
        ("expires_at", Identifier),
        ("keep_ms", Configuration),
    ],
);

pub(super) const LINES: Table = tenant(
    "batch_line",
    &[
        ("org_id", Identifier),
        ("batch_id", Identifier),
        ("number", Identifier),
        ("state", Identifier),
        ("request_id", Identifier),
        ("at", Identifier),
    ],
);

pub(super) const DUE: Table = deployment(
    "content_due",
    &[("id", Identifier), ("org_id", Identifier), ("stage", Identifier), ("due_at", Identifier)],
);
