//! Changing an organization: one transaction, one audit event.

use std::ops::{Deref, DerefMut};

use domain::{Event, EventId, OrgId, Result};

use crate::{Read, Scope, Store, audit, content, engine::Tx, key_index, notice, routing};

/// A change in the making. Dropping it rolls back; [`Write::commit`] is the only way to keep it.
pub struct Write {
    read: Read,
    pub(crate) touched: Touched,
}

/// What other parts of the house must hear of after the commit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Touched {
    pub(crate) keys: bool,
    pub(crate) routing: bool,
    pub(crate) notice: bool,
    /// Content lost its key: what is left of it goes as well.
    pub(crate) content: bool,
}

/// What was kept.
#[derive(Clone, Copy, Debug)]
pub struct Committed {
    pub event_id: EventId,
}

impl Store {
    /// Opens a change of the scope's organization. On SQLite this is the only writer until it is committed or dropped.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn write(&self, scope: &Scope) -> Result<Write> {
        let tx = self.engine().write(scope.org()).await?;
        let read = Read::over(self, scope, tx).await?;
        Ok(Write { read, touched: Touched::default() })
    }
}

impl Deref for Write {
    type Target = Read;
    fn deref(&self) -> &Read {
        &self.read
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Read {
        &mut self.read
    }
}

impl Write {
    /// Keeps the change and its event, both or neither.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full or the database is busy: nothing was written then.
    pub async fn commit(self, event: Event) -> Result<Committed> {
        let Self { read: Read { store, scope, tx, .. }, touched } = self;
        let event_id = audit::append(&store, &tx, scope.org(), scope.actor(), event).await?;
        if touched.routing {
            routing::bump(&tx, scope.org()).await?;
        }
        tx.commit().await?;
        store.after_commit(touched, [scope.org()]).await;
        Ok(Committed { event_id })
    }
}

impl Store {
    /// What a commit changed becomes visible on this node at once; other nodes poll.
    pub(crate) async fn after_commit(
        &self,
        touched: Touched,
        orgs: impl IntoIterator<Item = OrgId>,
    ) {
        audit::appended(self, orgs);
        if touched.keys
            && let Err(error) = key_index::refresh(self).await
        {
            // The refresh loop tries again within half a second.
            tracing::warn!(code = error.code(), causes = %error.causes(), "key index not refreshed");
        }
        if touched.routing
            && let Err(error) = routing::refresh(self).await
        {
            tracing::warn!(code = error.code(), causes = %error.causes(), "routing not refreshed");
        }
        if touched.notice
            && let Err(error) = notice::refresh(self).await
        {
            tracing::warn!(code = error.code(), causes = %error.causes(), "register not refreshed");
        }
        if touched.content
            && let Err(error) = content::sweep(self).await
        {
            // It cannot be read any more; the sweep removes it within a minute.
            tracing::warn!(code = error.code(), causes = %error.causes(), "content not removed yet");
        }
    }
}

/// The transaction of a write, for the modules of this crate.
impl Write {
    pub(crate) const fn tx(&self) -> &Tx {
        &self.read.tx
    }
}
