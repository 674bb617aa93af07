//! The only door to durable data: SQL on two engines, column encryption, tenant scope, usage journal, audit log.
//!
//! Invariants:
//! * rows of an organization are reachable only through a [`Scope`], which only a proof of membership or a key mints;
//! * nothing is changed for an organization without an audit event in the same transaction ([`Write::commit`]);
//! * nothing but the store is awaited while a [`Write`] lives: SQLite has one writer.
//!
//! What is meant:
//!
//! ```
//! async fn rename(store: &store::Store, scope: &store::Scope, event: domain::Event) -> domain::Result<()> {
//!     let mut write = store.write(scope).await?;
//!     write.organization_rename("Acme").await?;
//!     write.organization().await?;
//!     write.commit(event).await.map(drop)
//! }
//! ```
//!
//! A scope cannot be made by hand:
//!
//! ```compile_fail,E0423
//! let scope = store::Scope(todo!());
//! ```
//!
//! Nor a session, which would be a person:
//!
//! ```compile_fail,E0451
//! let session = store::Session { user: todo!(), id: todo!(), operator: true, created: todo!(), expires: todo!() };
//! ```
//!
//! Nothing is committed without an event:
//!
//! ```compile_fail,E0061
//! async fn silent(write: store::Write) { let _ = write.commit().await; }
//! ```
//!
//! No query takes an organization:
//!
//! ```compile_fail,E0061
//! async fn foreign(read: &mut store::Read, org: domain::OrgId) { let _ = read.organization(org).await; }
//! ```
//!
//! ```compile_fail,E0308
//! async fn foreign(store: &store::Store, org: &domain::OrgId) { let _ = store.read(org).await; }
//! ```
//!
//! What was committed is over:
//!
//! ```compile_fail,E0382
//! async fn twice(write: store::Write, event: domain::Event) {
//!     let _ = write.commit(event.clone()).await;
//!     let _ = write.commit(event).await;
//! }
//! ```
//!
//! A read cannot write:
//!
//! ```compile_fail,E0599
//! async fn sneak(read: &mut store::Read, key: domain::KeyId) { let _ = read.key_revoke(key).await; }
//! ```

mod audit;
mod background;
mod config;
mod content;
mod counter;
mod data_dir;
mod deployment;
mod ending;
mod engine;
mod entity;
mod error;
mod inspect;
mod journal;
mod key_index;
mod keyring;
mod migrate;
mod migration;
mod node;
mod notice;
mod open;
mod outgoing;
mod page;
mod read;
mod repository;
mod routing;
mod schema;
mod scope;
mod session;
mod settle;
mod spending;
mod tenant;
mod told;
mod write;

pub use audit::{Attack, AuditFilter, AuditPerson, AuditRow};
pub use config::{Config, EngineKind};
pub use content::{Batch, BatchProblem, BatchRun, FileFilter, NewBatch, NewFile, StoredFile};
pub use counter::{Claim, Claimed, CounterOf, PART, SCARCE, Share, block};
pub use deployment::{Authority, Deployment, DeploymentRead, DeploymentWrite};
pub use ending::wait_for_connections;
pub use inspect::{
    Configured, Contracting, Coverage, Exposures, Handover, Inspector, Kept, LogView, LoggedEvent,
    Placement, Receiver, Registration, Seen, Separation, SpineHead, StoredCode, StoredPasswords,
    Tamper, Tree,
};
pub use journal::{Intent, Journal, Settlement};
pub use migrate::{migrate, migrations_digest};
pub use node::Node;
pub use notice::CatalogueVersion;
pub use open::Store;
pub use outgoing::{Cargo, Fate, MessageRecord, Outgoing, PROBE_TENANTS, Undelivered};
pub use page::{Listed, Page};
pub use read::Read;
pub use repository::*;
pub use routing::{LiveProvider, OrgRouting};
pub use schema::{Owner, TABLES, Table, sealed_columns};
pub use scope::{Principal, Scope};
pub use session::Session;
pub use settle::{UsageBatch, UsageBy, UsageGroup, UsageStep};
pub use spending::{Spending, Spent};
pub use write::{Committed, Write};
