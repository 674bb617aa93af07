//! The tables of single sign-on.

use domain::DataClass::{Configuration, Credential, Digest, Identifier, Name};

use super::{Table, deployment, tenant};

pub(super) const CONNECTIONS: Table = tenant(
    "connection",
    &[
        ("org_id", Identifier),
        ("id", Identifier),
        ("kind", Configuration),
        ("name", Name),
        ("issuer", Configuration),
        ("client_id", Configuration),
        ("secret", Credential),
        ("allow_private", Configuration),
        ("trusts_second_factor", Configuration),
        ("context", Configuration),
        ("created_at", Identifier),
        ("disabled_at", Identifier),
    ],
);

pub(super) const INDEX: Table =
    deployment("connection_index", &[("id", Identifier), ("org_id", Identifier)]);

pub(super) const IDENTITIES: Table = deployment(
    "sso_identity",
    &[
        ("connection_id", Identifier),
        ("subject_index", Digest),
        ("user_id", Identifier),
        ("created_at", Identifier),
        ("used_at", Identifier),
    ],
);

pub(super) const FLOWS: Table = deployment(
    "sso_flow",
    &[
        ("digest", Digest),
        ("connection_id", Identifier),
        ("body", Credential),
        ("address_index", Digest),
        ("created_at", Identifier),
        ("expires_at", Identifier),
    ],
);
