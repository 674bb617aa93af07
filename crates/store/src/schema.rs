//! The one reviewed list of tables: whose each is, and the data class of every column.
//!
//! A test compares it with the live catalogue of both engines, so a table or column that is not
//! listed here fails the build (invariants 1 and 6). The trust page's encryption table is rendered from it.

mod audit;
mod connection;
mod content;
mod messages;
mod sign_in;

use domain::DataClass::{
    self, Configuration, Credential, Digest, Email, Evidence, Identifier, Key, Name, Password,
    PersonName, Usage,
};

/// Who may reach a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Rows belong to one organization; reachable through a `Scope` only.
    Tenant,
    /// Rows belong to the deployment; reachable through a `Deployment` only.
    Deployment,
}

#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    pub owner: Owner,
    pub columns: &'static [(&'static str, DataClass)],
}

const fn tenant(name: &'static str, columns: &'static [(&'static str, DataClass)]) -> Table {
    Table { name, owner: Owner::Tenant, columns }
}

const fn deployment(name: &'static str, columns: &'static [(&'static str, DataClass)]) -> Table {
    Table { name, owner: Owner::Deployment, columns }
}

/// Every table of the database.
pub const TABLES: &[Table] = &[
    deployment("seaql_migrations", &[("version", Identifier), ("applied_at", Identifier)]),
    deployment(
        "deployment",
        &[("id", Identifier), ("root_fingerprint", Identifier), ("created_at", Identifier)],
    ),
    deployment(
        "deployment_setting",
        &[("name", Configuration), ("value", Configuration), ("changed_at", Identifier)],
    ),
    deployment("change", &[("name", Identifier), ("version", Identifier)]),
    deployment(
        "node",
        &[
            ("id", Identifier),
            ("entered_at", Identifier),
            ("seen_at", Identifier),
            ("left_at", Identifier),
        ],
    ),
    deployment(
        "organization",
        &[
            ("id", Identifier),
            ("slug", Name),
            ("name", Name),
            ("slot", Identifier),
            ("routing_version", Identifier),
            ("created_at", Identifier),
            ("archived_at", Identifier),
            ("asks_second", Configuration),
            ("asks_hours", Configuration),
        ],
    ),
    deployment(
        "user",
        &[
            ("id", Identifier),
            ("email", Email),
            ("email_index", Digest),
            ("name", PersonName),
            ("password", Password),
            ("operator", Configuration),
            ("created_at", Identifier),
            ("changed_at", Identifier),
            ("disabled_at", Identifier),
        ],
    ),
    deployment("user_organization", &[("user_id", Identifier), ("org_id", Identifier)]),
    deployment(
        "session",
        &[
            ("id", Identifier),
            ("user_id", Identifier),
            ("digest", Digest),
            ("created_at", Identifier),
            ("seen_at", Identifier),
            ("expires_at", Identifier),
            ("ended_at", Identifier),
            ("second_at", Identifier),
            ("lasting", Identifier),
            ("first_kind", Identifier),
            ("first_connection", Identifier),
            ("first_at", Identifier),
        ],
    ),
    sign_in::AUTHENTICATOR,
    sign_in::RECOVERY_CODE,
    sign_in::HALF_SIGN_IN,
    connection::INDEX,
    connection::IDENTITIES,
    connection::FLOWS,
    sign_in::SIGN_IN_CODE,
    sign_in::SIGN_IN_ATTEMPT,
    sign_in::OPERATOR_LINK,
    deployment(
        "key_index",
        &[
            ("digest", Digest),
            ("org_id", Identifier),
            ("key_id", Identifier),
            ("project_id", Identifier),
            ("scopes", Configuration),
            ("requests_per_minute", Configuration),
            ("expires_at", Identifier),
            ("revoked_at", Identifier),
            ("version", Identifier),
            ("created_by", Identifier),
        ],
    ),
    deployment(
        "invitation_index",
        &[("digest", Digest), ("org_id", Identifier), ("invitation_id", Identifier)],
    ),
    deployment(
        "evidence",
        &[
            ("id", Identifier),
            ("run", Identifier),
            ("control", Evidence),
            ("probe", Evidence),
            ("slot", Evidence),
            ("outcome", Evidence),
            ("finished_at", Identifier),
            ("body", Evidence),
            ("signer", Evidence),
            ("signature", Evidence),
        ],
    ),
    deployment(
        "slot",
        &[
            ("id", Evidence),
            ("control", Evidence),
            ("due_at", Identifier),
            ("committed_at", Identifier),
            ("evidence_id", Identifier),
        ],
    ),
    deployment(
        "subprocessor",
        &[
            ("provider", Configuration),
            ("revision", Identifier),
            ("cause", Configuration),
            ("sheet", Configuration),
            ("announced_at", Identifier),
            ("usable_from", Identifier),
        ],
    ),
    deployment(
        "egress_contact",
        &[
            ("id", Identifier),
            ("host", Configuration),
            ("kind", Identifier),
            ("first_at", Identifier),
            ("last_at", Identifier),
        ],
    ),
    tenant(
        "organization_key",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("purpose", Identifier),
            ("wrapped", Key),
            ("created_at", Identifier),
            ("retired_at", Identifier),
        ],
    ),
    tenant(
        "data_key",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("organization_key_id", Identifier),
            ("class", Identifier),
            ("wrapped", Key),
            ("commitment", Digest),
            ("created_at", Identifier),
            ("retired_at", Identifier),
        ],
    ),
    tenant(
        "member",
        &[
            ("org_id", Identifier),
            ("user_id", Identifier),
            ("role", Configuration),
            ("joined_at", Identifier),
        ],
    ),
    tenant(
        "project",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("slug", Name),
            ("name", Name),
            ("created_at", Identifier),
            ("archived_at", Identifier),
        ],
    ),
    tenant(
        "grant",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("user_id", Identifier),
            ("project_id", Identifier),
            ("role", Configuration),
            ("since", Identifier),
            ("until", Identifier),
            ("source", Configuration),
            ("granted_by", Identifier),
        ],
    ),
    tenant(
        "invitation",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("email", Email),
            ("email_index", Digest),
            ("role", Configuration),
            ("invited_by", Identifier),
            ("created_at", Identifier),
            ("expires_at", Identifier),
            ("accepted_at", Identifier),
            ("revoked_at", Identifier),
        ],
    ),
    tenant(
        "api_key",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("project_id", Identifier),
            ("name", Name),
            ("handle", Identifier),
            ("last_four", Identifier),
            ("scopes", Configuration),
            ("requests_per_minute", Configuration),
            ("created_by", Identifier),
            ("created_at", Identifier),
            ("expires_at", Identifier),
            ("revoked_at", Identifier),
            ("last_used_at", Identifier),
        ],
    ),
    tenant(
        "provider",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("catalog", Configuration),
            ("name", Name),
            ("protocol", Configuration),
            ("base_url", Configuration),
            ("secret", Credential),
            ("secret_last_four", Identifier),
            ("models", Configuration),
            ("region", Configuration),
            ("allow_private", Configuration),
            ("created_at", Identifier),
            ("changed_at", Identifier),
            ("removed_at", Identifier),
            ("contract", Configuration),
            ("terms", Configuration),
            ("contract_until", Configuration),
            ("baa_signed", Configuration),
            ("baa_until", Configuration),
        ],
    ),
    tenant(
        "routing_policy",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("project_id", Identifier),
            ("rules", Configuration),
            ("changed_at", Identifier),
        ],
    ),
    tenant(
        "masking",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("project_id", Identifier),
            ("setting", Configuration),
            ("changed_at", Identifier),
        ],
    ),
    tenant(
        "masking_directory",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            // All of an organization's names in one value.
            ("names", PersonName),
            ("entries", Configuration),
            ("members", Configuration),
            ("changed_at", Identifier),
        ],
    ),
    tenant(
        "subprocessor_decision",
        &[
            ("org_id", Identifier),
            ("provider", Configuration),
            ("decision", Configuration),
            ("revision", Identifier),
            ("decided_at", Identifier),
        ],
    ),
    tenant(
        "budget",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("project_id", Identifier),
            ("key_id", Identifier),
            ("period", Configuration),
            ("limit_nano", Configuration),
            ("changed_at", Identifier),
            ("told_from", Identifier),
            ("told_percent", Configuration),
            ("user_id", Identifier),
        ],
    ),
    tenant(
        "counter",
        &[
            ("org_id", Identifier),
            ("budget_id", Identifier),
            ("from_at", Identifier),
            ("node_id", Identifier),
            ("ceiling", Usage),
            ("spent", Usage),
            ("sequence", Identifier),
            ("refused_at", Identifier),
        ],
    ),
    tenant(
        "exposure",
        &[
            ("org_id", Identifier),
            // A keyed hash.
            ("person", Digest),
            ("hour", Usage),
            ("provider_id", Identifier),
            ("conversations", Usage),
        ],
    ),
    tenant(
        "rate_limit",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("key_id", Identifier),
            ("requests_per_minute", Configuration),
            ("tokens_per_minute", Configuration),
            ("concurrent", Configuration),
            ("changed_at", Identifier),
        ],
    ),
    content::STORAGE,
    content::KEYS,
    content::FILES,
    content::CHUNKS,
    content::BATCHES,
    content::LINES,
    content::DUE,
    connection::CONNECTIONS,
    messages::WEBHOOKS,
    messages::MESSAGES,
    messages::DUE,
    messages::SUBSCRIBERS,
    tenant(
        "alias",
        &[
            ("org_id", Identifier),
            ("id", Identifier),
            ("name", Configuration),
            ("target", Configuration),
            ("created_at", Identifier),
            ("changed_at", Identifier),
        ],
    ),
    tenant(
        "usage",
        &[
            ("org_id", Identifier),
            ("request_id", Identifier),
            ("project_id", Identifier),
            ("key_id", Identifier),
            ("provider_id", Identifier),
            ("model", Usage),
            ("requested_model", Usage),
            ("protocol", Usage),
            ("streaming", Usage),
            ("started_at", Usage),
            ("ended_at", Usage),
            ("first_token_ms", Usage),
            ("status", Usage),
            ("error_code", Usage),
            ("attempts", Usage),
            ("input", Usage),
            ("cache_read", Usage),
            ("cache_write", Usage),
            ("output", Usage),
            ("reasoning", Usage),
            ("provenance", Usage),
            ("cost_nano", Usage),
            ("currency", Usage),
            ("receipt", Usage),
            ("event_id", Identifier),
            ("node_id", Identifier),
        ],
    ),
    audit::OUTBOX,
    audit::ENTRIES,
    audit::NODES,
    audit::PSEUDONYMS,
    audit::DISCLOSURES,
    audit::HEADS,
    audit::CHECKPOINTS,
];

/// The columns sealed one by one, as `(table, column, class)`.
pub fn sealed_columns() -> impl Iterator<Item = (&'static str, &'static str, DataClass)> {
    TABLES.iter().flat_map(|table| {
        table
            .columns
            .iter()
            .filter(|(_, class)| class.sealed())
            .map(|&(column, class)| (table.name, column, class))
    })
}
