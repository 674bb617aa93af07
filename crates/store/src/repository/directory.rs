//! The names that an organization wants to be found in requests: its contacts, and its members if it says so.
//!
//! They are sealed as one value, because nobody asks for one of them. What is removed is gone with the next value.

use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

use domain::{DataClass, Error, Result, Secret, Timestamp};

use super::at;
use crate::{
    Page, Read, Write, entity::masking_directory as table, error::from_db, keyring::Place, tenant,
};

/// What may be said of the names without opening them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectoryState {
    /// Names that were given, members apart.
    pub entries: u64,
    /// Whether the names of members count too.
    pub members: bool,
    /// None when none were ever given.
    pub changed: Option<Timestamp>,
}

/// The names of one organization, in memory, with what a reader made of them.
pub struct NameDirectory {
    names: Secret<Vec<String>>,
    built: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl NameDirectory {
    pub(crate) const fn new(names: Vec<String>) -> Self {
        Self { names: Secret::new(names), built: OnceLock::new() }
    }

    pub(crate) fn is(&self, names: &[String]) -> bool {
        self.names.expose() == names
    }

    /// Whether [`NameDirectory::built`] answers at once.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.built.get().is_some()
    }

    /// What `make` makes of the names: once, and kept with them. All callers ask for the same type.
    pub fn built<T: Any + Send + Sync>(&self, make: impl FnOnce(&[String]) -> T) -> Option<Arc<T>> {
        let built = self.built.get_or_init(|| Arc::new(make(self.names.expose())));
        Arc::clone(built).downcast().ok()
    }
}

impl fmt::Debug for NameDirectory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("NameDirectory(…)")
    }
}

const fn place(row: &uuid::Uuid) -> Place<'_> {
    let row = row.as_bytes();
    Place { class: DataClass::PersonName, table: "masking_directory", column: "names", row }
}

impl Read {
    async fn directory_row(&mut self) -> Result<Option<table::Model>> {
        tenant::select::<table::Entity>(self.org()).one(self.tx.on()).await.map_err(from_db)
    }

    /// How many names there are. The names themselves are opened for the gateway only, and to be changed.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn directory_state(&mut self) -> Result<DirectoryState> {
        let row = self.directory_row().await?;
        Ok(row.map_or_else(DirectoryState::default, |row| DirectoryState {
            entries: u64::try_from(row.entries).unwrap_or(0),
            members: row.members,
            changed: Some(at(row.changed_at)),
        }))
    }

    /// The names that were given, members apart, in their order.
    ///
    /// # Errors
    /// `Internal` when they cannot be opened.
    pub async fn directory_names(&mut self) -> Result<Vec<String>> {
        let Some(row) = self.directory_row().await? else { return Ok(Vec::new()) };
        let text = self.keys.open_text(place(&row.id), &row.names)?;
        serde_json::from_str(text.expose()).map_err(Error::internal)
    }

    /// Every name that is looked for.
    pub(crate) async fn directory_in_force(&mut self) -> Result<Vec<String>> {
        let state = self.directory_state().await?;
        let mut names = if state.entries > 0 { self.directory_names().await? } else { Vec::new() };
        if !state.members {
            return Ok(names);
        }
        let mut page = Page::first(Page::MOST);
        loop {
            let listed = self.members_list(&page).await?;
            names.extend(listed.data.into_iter().map(|member| member.name));
            match listed.next {
                Some(next) => page.after = Some(next),
                None => return Ok(names),
            }
        }
    }
}

impl Write {
    /// Puts names in place of those that were.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn directory_set(&mut self, names: &[String], members: bool) -> Result<()> {
        let org = self.org();
        // The gateway reads them with the routing.
        self.touched.routing = true;
        tenant::delete::<table::Entity>(org).exec(self.tx().on()).await.map_err(from_db)?;
        if names.is_empty() && !members {
            return Ok(());
        }
        let (id, text) = (org.uuid(), serde_json::to_string(names).map_err(Error::internal)?);
        let text = Secret::new(text);
        let row = table::Model {
            org_id: org.uuid(),
            // An organization has one row.
            id,
            names: self.keys.seal(place(&id), text.expose().as_bytes())?,
            entries: i64::try_from(names.len()).unwrap_or(i64::MAX),
            members,
            changed_at: self.store.clock().now().as_millis(),
        };
        tenant::insert::<table::Entity>(self.tx(), org, row.into()).await
    }
}
