//! The JSON of the control plane. Times are RFC 3339 in UTC, ids are text with a prefix, money is in nano-units.

use domain::{Provenance, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

fn time(at: Timestamp) -> String {
    at.rfc3339()
}

fn maybe(at: Option<Timestamp>) -> Option<String> {
    at.map(time)
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Organization {
    id: String,
    slug: String,
    name: String,
    created: String,
}

impl From<store::Organization> for Organization {
    fn from(row: store::Organization) -> Self {
        Self { id: row.id.to_string(), slug: row.slug, name: row.name, created: time(row.created) }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNamed {
    pub(super) name: String,
    /// Part of addresses, never changed; made from the name when not given.
    pub(super) slug: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    pub(super) name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Project {
    id: String,
    slug: String,
    name: String,
    created: String,
    archived: Option<String>,
}

impl From<store::Project> for Project {
    fn from(row: store::Project) -> Self {
        Self {
            id: row.id.to_string(),
            slug: row.slug,
            name: row.name,
            created: time(row.created),
            archived: maybe(row.archived),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Key {
    id: String,
    /// The project; null for an admin key of the organization.
    project: Option<String>,
    name: String,
    /// All that is left of the key's text.
    last_four: String,
    scopes: Vec<String>,
    requests_per_minute: Option<u32>,
    created_by: Option<String>,
    created: String,
    expires: Option<String>,
    revoked: Option<String>,
    last_used: Option<String>,
}

impl From<store::Key> for Key {
    fn from(row: store::Key) -> Self {
        Self {
            id: row.id.to_string(),
            project: row.project.map(|id| id.to_string()),
            name: row.name,
            last_four: row.last_four,
            scopes: row.scopes,
            requests_per_minute: row.requests_per_minute,
            created_by: row.created_by.map(|id| id.to_string()),
            created: time(row.created),
            expires: maybe(row.expires),
            revoked: maybe(row.revoked),
            last_used: maybe(row.last_used),
        }
    }
}

/// A key at the only moment its text exists.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedKey {
    #[serde(flatten)]
    key: Key,
    /// The key itself, shown this once.
    secret: String,
}

impl From<identity::CreatedKey> for CreatedKey {
    fn from(made: identity::CreatedKey) -> Self {
        Self { secret: made.text.expose().clone(), key: made.key.into() }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    pub(super) name: String,
    /// Id or short name of the project; not needed below `/projects/{project}`.
    pub(super) project: Option<String>,
    /// `inference`, `models.read`; both when not given.
    pub(super) scopes: Option<Vec<String>>,
    /// 1 to 365; 90 when not given.
    pub(super) expires_in_days: Option<u32>,
    pub(super) requests_per_minute: Option<u32>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAdminKey {
    pub(super) name: String,
    /// 1 to 365; 90 when not given.
    pub(super) expires_in_days: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Provider {
    id: String,
    /// An id of the catalogue, or `custom`.
    catalog: String,
    name: String,
    /// `openai`, `anthropic` or `responses`.
    protocol: String,
    base_url: String,
    has_secret: bool,
    secret_last_four: String,
    models: Vec<String>,
    region: Option<String>,
    allow_private: bool,
    /// What was agreed with the provider, as the catalogue names it.
    contract: String,
    /// The last day on which that holds, as `YYYY-MM-DD`.
    contract_until: Option<String>,
    /// What the organization says of it, in place of what the catalogue says.
    terms: Option<Terms>,
    /// The day on which a business associate agreement was signed, as `YYYY-MM-DD`.
    baa_signed: Option<String>,
    /// The last day on which that holds.
    baa_until: Option<String>,
    created: String,
    changed: String,
}

impl From<store::Provider> for Provider {
    fn from(row: store::Provider) -> Self {
        Self {
            id: row.id.to_string(),
            catalog: row.catalog,
            name: row.name,
            protocol: row.protocol.as_str().to_owned(),
            base_url: row.base_url,
            has_secret: row.has_secret,
            secret_last_four: row.secret_last_four,
            models: row.models,
            region: row.region,
            allow_private: row.allow_private,
            contract: row.contract,
            contract_until: row.contract_until.map(domain::last_day),
            terms: row.terms.map(Terms::from),
            baa_signed: row.baa.map(identity::agreement_signed),
            baa_until: row.baa.and_then(|baa| baa.until).map(domain::last_day),
            created: time(row.created),
            changed: time(row.changed),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProvider {
    /// An id of the catalogue, or `custom`.
    pub(super) catalog: String,
    pub(super) name: Option<String>,
    /// Needed for `custom`.
    pub(super) base_url: Option<String>,
    /// `openai`, `anthropic` or `responses`; needed for `custom`.
    pub(super) protocol: Option<String>,
    /// The credential; never returned.
    pub(super) secret: Option<String>,
    #[serde(default)]
    pub(super) models: Vec<String>,
    pub(super) region: Option<String>,
    pub(super) allow_private: Option<bool>,
    /// What was agreed with the provider, as the catalogue names it, such as `zero-retention`; `standard` when not given.
    pub(super) contract: Option<String>,
    /// The last day on which that holds, as `YYYY-MM-DD`. Afterwards nothing is sent there.
    pub(super) contract_until: Option<String>,
    /// What is known of it, in place of what the catalogue says. Not given, a server inside the own network counts
    /// as the organization's own, and any other that the catalogue does not know as one that trains and keeps.
    pub(super) terms: Option<Terms>,
    /// The day on which a business associate agreement was signed, as `YYYY-MM-DD`: projects with health data ask only
    /// providers with one.
    pub(super) baa_signed: Option<String>,
    /// The last day on which that holds; without one it has no end.
    pub(super) baa_until: Option<String>,
}

/// What is not given stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderChange {
    pub(super) name: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) models: Option<Vec<String>>,
    pub(super) region: Option<String>,
    pub(super) allow_private: Option<bool>,
    /// Empty for the ordinary terms.
    pub(super) contract: Option<String>,
    /// Empty for no end.
    pub(super) contract_until: Option<String>,
    /// `{}` leaves it to the catalogue.
    pub(super) terms: Option<Terms>,
    /// Empty where there is no business associate agreement any more.
    pub(super) baa_signed: Option<String>,
    /// Empty for no end.
    pub(super) baa_until: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Terms {
    /// Whether it trains on prompts; not given is unknown.
    trains: Option<bool>,
    /// How many days it keeps prompts; not given is unknown.
    retention_days: Option<u32>,
}

impl From<domain::StatedTerms> for Terms {
    fn from(terms: domain::StatedTerms) -> Self {
        Self { trains: terms.trains, retention_days: terms.retention_days }
    }
}

impl From<Terms> for domain::StatedTerms {
    fn from(terms: Terms) -> Self {
        Self { trains: terms.trains, retention_days: terms.retention_days }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alias {
    id: String,
    name: String,
    target: String,
    changed: String,
}

impl From<store::Alias> for Alias {
    fn from(row: store::Alias) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            target: row.target,
            changed: time(row.changed),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAlias {
    pub(super) name: String,
    /// A model, or `provider/model`.
    pub(super) target: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Member {
    user: String,
    email: String,
    name: String,
    /// `owner`, `admin` or `member`.
    role: String,
    joined: String,
}

impl From<store::Member> for Member {
    fn from(row: store::Member) -> Self {
        Self {
            user: row.user.to_string(),
            email: row.email,
            name: row.name,
            role: row.role.to_string(),
            joined: time(row.joined),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleChange {
    /// `owner`, `admin` or `member`.
    pub(super) role: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Grant {
    user: String,
    project: String,
    /// `owner`, `editor` or `viewer`.
    role: String,
    since: String,
    until: Option<String>,
}

impl From<store::Grant> for Grant {
    fn from(row: store::Grant) -> Self {
        Self {
            user: row.user.to_string(),
            project: row.project.to_string(),
            role: row.role.to_string(),
            since: time(row.since),
            until: maybe(row.until),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Invitation {
    id: String,
    email: String,
    role: String,
    created: String,
    expires: String,
}

impl From<store::Invitation> for Invitation {
    fn from(row: store::Invitation) -> Self {
        Self {
            id: row.id.to_string(),
            email: row.email,
            role: row.role.to_string(),
            created: time(row.created),
            expires: time(row.expires),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInvitation {
    pub(super) email: String,
    /// `owner`, `admin` or `member`.
    pub(super) role: String,
}

/// An invitation at the only moment its link exists.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedInvitation {
    /// Whether a letter with the link goes to the address.
    pub(super) sent: bool,
    #[serde(flatten)]
    pub(super) invitation: Invitation,
    /// To be handed over; works once.
    pub(super) link: String,
}

/// Token counts; `input` excludes what was read from or written to a cache, `output` includes `reasoning`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
    /// `reported` or `estimated`.
    provenance: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Usage {
    request: String,
    project: String,
    key: String,
    provider: Option<String>,
    /// The model that answered.
    model: String,
    requested_model: String,
    protocol: String,
    streaming: bool,
    started: String,
    ended: String,
    first_token_ms: Option<u64>,
    /// 0 when the server stopped in the middle.
    status: u16,
    error_code: Option<String>,
    attempts: u32,
    /// Null when nobody knows the counts.
    tokens: Option<Tokens>,
    /// Nano-units of `currency`; null when no price is known.
    cost_nano: Option<u64>,
    currency: Option<String>,
}

impl From<store::UsageRow> for Usage {
    fn from(row: store::UsageRow) -> Self {
        let known = row.usage.filter(|usage| usage.provenance != Provenance::Absent);
        Self {
            request: row.request.to_string(),
            project: row.project.to_string(),
            key: row.key.to_string(),
            provider: row.provider.map(|id| id.to_string()),
            model: row.model,
            requested_model: row.requested_model,
            protocol: row.protocol,
            streaming: row.streaming,
            started: time(row.started),
            ended: time(row.ended),
            first_token_ms: row.first_token_ms,
            status: row.status,
            error_code: row.error_code,
            attempts: row.attempts,
            tokens: known.map(|usage| Tokens {
                input: usage.input,
                cache_read: usage.cache_read,
                cache_write: usage.cache_write,
                output: usage.output,
                reasoning: usage.reasoning,
                provenance: usage.provenance.as_str().to_owned(),
            }),
            cost_nano: row.cost_nano,
            currency: row.currency,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Cost {
    currency: String,
    nano: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsageSummary {
    requests: u64,
    errors: u64,
    /// Requests whose counts nobody knows; they are in none of the sums.
    absent: u64,
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
    costs: Vec<Cost>,
    /// Requests without a price; they are in no cost.
    unpriced: u64,
}

impl From<store::UsageSummary> for UsageSummary {
    fn from(sum: store::UsageSummary) -> Self {
        let costs = sum.cost_nano.into_iter().map(|(currency, nano)| Cost { currency, nano });
        Self {
            requests: sum.requests,
            errors: sum.errors,
            absent: sum.absent,
            input: sum.input,
            cache_read: sum.cache_read,
            cache_write: sum.cache_write,
            output: sum.output,
            reasoning: sum.reasoning,
            costs: costs.collect(),
            unpriced: sum.unpriced,
        }
    }
}
