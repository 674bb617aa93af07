//! The words everything else speaks: typed ids, roles and permissions, data classes, audit events,
//! catalogue types, errors, time, secrets and content. Pure: no I/O, no clocks of its own.
//!
//! Invariants: `Secret` and `Content` cannot be printed or serialised; an `Error` never holds content;
//! amounts of money are integers.

mod batch;
mod budget;
mod catalogue;
mod clock;
mod content;
mod csv;
mod data_class;
mod error;
mod event;
pub mod export;
mod id;
mod limits;
mod masking;
mod message;
mod names;
mod notice;
mod permission;
mod policy;
mod proof;
pub mod ranking;
pub mod reconcile;
mod role;
mod sign_in_policy;
mod usage;

pub use batch::{BatchEndpoint, BatchState, ContentEnd, FilePurpose, LineState};
pub use budget::{BudgetOf, CURRENCY, Payer, Period, Span};
pub use catalogue::{
    Auth, Capability, Catalogue, CatalogueError, CatalogueState, Contract, Endpoint, Family,
    LiveCatalogue, Modality, Model, OWN_CONTRACT, Place, Posture, Price, PriceRule, Prices,
    Protocol, ProviderEntry, STANDARD_CONTRACT, Serves, Subprocessor, TaskClass, Tier,
    TokenEndpoint, Use, When, after_day, is_contract_name, is_free_tier, last_day,
};
pub use clock::{Clock, Timestamp};
pub use content::{Content, Exit, Secret};
pub use data_class::DataClass;
pub use error::{Error, Kind, Result};
pub use event::{Action, Actor, ActorKind, Disclosure, Event, Outcome, Target};
pub use id::{
    AliasId, BatchId, BudgetId, ConnectionId, EventId, EvidenceId, FileId, GrantId, IdError,
    InvitationId, KeyId, MessageId, OrgId, ProjectId, ProviderId, RequestId, RunId, SessionId,
    SubscriberId, UserId, WebhookId,
};
pub use limits::{LimitOf, Limits};
pub use masking::{Masking, MaskingMode, PERSONAL_DATA, kind_says};
pub use message::{
    BudgetFacts, Channel, Invited, LeakedKey, Letter, LetterLink, News, Topic, budget_news,
    invitation_letter, leak_news, sign_in_letter, subprocessor_letter, subprocessor_news,
    subprocessor_test, subscription_letter, test_event,
};
pub use names::{NAME_LONGEST, NAMES_MOST, name_checked, names_in_csv, names_in_lines};
pub use notice::{Announcement, Cause, DRILL, Decision, Gate, Listing, Register, Sheet};
pub use permission::{Permission, PermissionTag, Rule, tags};
pub use policy::{Exposure, HealthAgreement, RoutingPolicy, StatedTerms};
pub use proof::{First, Proofs};
pub use role::{OrgRole, ProjectRole};
pub use sign_in_policy::{SESSION_HOURS_MOST, SignInPolicy};
pub use usage::{Provenance, Units, Usage};
