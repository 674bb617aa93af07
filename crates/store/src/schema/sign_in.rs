//! The tables of signing in, up to the session.

use domain::DataClass::{Credential, Digest, Identifier};

use super::{Table, deployment};

pub(super) const AUTHENTICATOR: Table = deployment(
    "authenticator",
    &[
        ("user_id", Identifier),
        ("seed", Credential),
        ("last_step", Identifier),
        ("created_at", Identifier),
    ],
);

pub(super) const RECOVERY_CODE: Table = deployment(
    "recovery_code",
    &[("user_id", Identifier), ("digest", Digest), ("created_at", Identifier)],
);

pub(super) const HALF_SIGN_IN: Table = deployment(
    "half_sign_in",
    &[
        ("digest", Digest),
        ("user_id", Identifier),
        ("created_at", Identifier),
        ("expires_at", Identifier),
        ("first_kind", Identifier),
        ("first_connection", Identifier),
    ],
);

pub(super) const SIGN_IN_CODE: Table = deployment(
    "sign_in_code",
    &[
        ("digest", Digest),
        ("user_id", Identifier),
        ("email_index", Digest),
        ("address_index", Digest),
        ("code", Digest),
        ("long", Identifier),
        ("tries", Identifier),
        ("created_at", Identifier),
        ("expires_at", Identifier),
        ("used_at", Identifier),
    ],
);

pub(super) const SIGN_IN_ATTEMPT: Table = deployment(
    "sign_in_attempt",
    &[
        ("id", Identifier),
        ("email_index", Digest),
        ("address_index", Digest),
        ("at", Identifier),
        ("success", Identifier),
    ],
);

pub(super) const OPERATOR_LINK: Table = deployment(
    "operator_link",
    &[
        ("digest", Digest),
        ("created_at", Identifier),
        ("expires_at", Identifier),
        ("consumed_at", Identifier),
    ],
);
