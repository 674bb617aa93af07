//! The tables of the log: one tree for each organization, and what it is made from.

use domain::DataClass::{Audit, Disclosure, Identifier};

use super::{Table, deployment, tenant};

pub(super) const OUTBOX: Table = tenant(
    "audit_outbox",
    &[
        ("org_id", Identifier),
        ("id", Identifier),
        ("place", Identifier),
        ("at", Identifier),
        ("body", Audit),
    ],
);

pub(super) const ENTRIES: Table = tenant(
    "audit_entry",
    &[
        ("org_id", Identifier),
        ("seq", Identifier),
        ("event_id", Identifier),
        ("at", Identifier),
        ("action", Audit),
        ("actor", Audit),
        ("subject", Audit),
        ("target", Audit),
        ("leaf", Audit),
        ("leaf_hash", Audit),
    ],
);

pub(super) const NODES: Table = tenant(
    "audit_node",
    &[("org_id", Identifier), ("level", Identifier), ("place", Identifier), ("hash", Audit)],
);

pub(super) const PSEUDONYMS: Table = tenant(
    "audit_pseudonym",
    &[("org_id", Identifier), ("user_id", Identifier), ("pid", Identifier)],
);

pub(super) const DISCLOSURES: Table = tenant(
    "audit_disclosure",
    &[
        ("org_id", Identifier),
        ("event_id", Identifier),
        ("digest", Audit),
        ("subject", Identifier),
        ("value", Disclosure),
        ("at", Identifier),
    ],
);

pub(super) const HEADS: Table = deployment(
    "audit_head",
    &[
        ("org_id", Identifier),
        ("size", Audit),
        ("root", Audit),
        ("frontier", Audit),
        ("note", Audit),
        ("epoch_size", Audit),
        ("epoch_root", Audit),
        ("changed_at", Identifier),
    ],
);

pub(super) const CHECKPOINTS: Table = deployment(
    "audit_checkpoint",
    &[
        ("org_id", Identifier),
        ("epoch", Identifier),
        ("size", Audit),
        ("root", Audit),
        ("note", Audit),
        ("at", Identifier),
    ],
);
