//! Files and batches: what programs order now and read later.
//!
//! Invariants:
//! * every line goes the way of an ordinary request of the key that ordered the batch: there is no other;
//! * a line is noted on the disk before it is sent, and never sent again once it may have been;
//! * a project stores nothing unless its organization lets it.

mod desk;
mod files;
mod lines;
mod order;
mod send;
mod work;

use std::time::Duration;

use domain::{Error, Permission, ProjectId, Result};
use identity::{Identity, KeyScope};
use store::Scope;

use crate::Inner;

pub(crate) use desk::Desk;
pub use order::BatchOrder;

/// The shortest and the longest time that content can be kept, as OpenAI has them.
const LEAST: u64 = 3_600;
const MOST: u64 = 30 * 24 * 3_600;

/// How long content is to be kept, as it was asked for.
fn kept(seconds: Option<u64>) -> Result<Option<Duration>> {
    match seconds {
        Some(seconds) if !(LEAST..=MOST).contains(&seconds) => Err(Error::invalid(
            "Content is kept for 3,600 to 2,592,000 seconds: an hour to 30 days.",
        )
        .with_code("invalid_expiry")),
        seconds => Ok(seconds.map(Duration::from_secs)),
    }
}

/// The project of a key that may call models: what it stored is its project's.
fn project_of(scope: &Scope) -> Result<ProjectId> {
    Identity::key_scope(scope, KeyScope::Inference)?;
    identity::decide(scope, Permission::Inference, scope.project())?;
    scope
        .project()
        .ok_or_else(|| Error::forbidden("Files and batches belong to a project: use its key."))
}

impl Inner {
    /// The project of the key, if it may store content.
    async fn storing(&self, scope: &Scope) -> Result<ProjectId> {
        let project = project_of(scope)?;
        let routing = self.store.routing(scope).await?;
        if routing.storing.contains(&project) {
            return Ok(project);
        }
        Err(Error::forbidden(
            "This project stores no files and batches. An owner or admin of the organization can switch it on: in the \
             project, under Batches.",
        )
        .with_code("storage_off"))
    }
}
