//! Forgetting a person in an organization's log: values and pseudonym go, the tree stays, and an entry says so.

use domain::{Action, Event, Result, UserId};
use sea_orm::{ColumnTrait, QueryFilter};

use super::{append, entity::audit_disclosure as disclosure, pseudonym};
use crate::{Write, error::from_db, tenant};

/// Digests that one entry names, so that it stays below its size limit.
const DIGESTS: usize = 200;

impl Write {
    /// Deletes the personal values of events by or about `user` in this organization's log, and their pseudonym.
    /// Returns the event to commit with: it accounts for what is missing from now on.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn audit_forget(&mut self, user: UserId) -> Result<Event> {
        let org = self.org();
        let rows = tenant::select::<disclosure::Entity>(org)
            .filter(disclosure::Column::Subject.eq(user.uuid()))
            .all(self.tx().on())
            .await
            .map_err(from_db)?;
        tenant::delete::<disclosure::Entity>(org)
            .filter(disclosure::Column::Subject.eq(user.uuid()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        pseudonym::forget(self.tx(), org, user).await?;
        let mut digests: Vec<String> = rows.into_iter().map(|row| row.digest).collect();
        while digests.len() > DIGESTS {
            let part = digests.split_off(digests.len() - DIGESTS);
            let actor = self.scope().actor();
            append(&self.store, self.tx(), org, actor, erasure(part)).await?;
        }
        Ok(erasure(digests))
    }
}

fn erasure(digests: Vec<String>) -> Event {
    Event::new(Action::PrivacyErasure).fact("erased", digests)
}
