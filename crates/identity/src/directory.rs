//! The organization's own names, which its requests are looked through for. They are given, counted and forgotten, never
//! shown: the log holds numbers only.

use std::collections::HashSet;

use domain::{Action, Error, Event, NAMES_MOST, Permission, Result, name_checked};
use store::{DirectoryState, Scope};

use crate::{Identity, decide};

/// What becomes of the names that are there.
#[derive(Clone, Debug)]
pub enum DirectoryChange {
    /// They stay as they are.
    Keep,
    Edit {
        add: Vec<String>,
        remove: Vec<String>,
    },
    /// Others take their place; none forgets them all.
    Replace(Vec<String>),
}

/// The same name in another spelling of blanks and capitals.
fn alike(name: &str) -> String {
    name.to_lowercase()
}

impl Identity {
    /// How many names there are.
    ///
    /// # Errors
    /// `Forbidden` for those who may not see the setting.
    pub async fn masking_directory(&self, scope: &Scope) -> Result<DirectoryState> {
        decide(scope, Permission::ProvidersRead, None)?;
        self.store().read(scope).await?.directory_state().await
    }

    /// Changes the names, and whether members' names count as well (`None`: as before). It holds from the next request on.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_name`, or `too_many_names` beyond twenty thousand.
    pub async fn masking_directory_change(
        &self,
        scope: &Scope,
        change: DirectoryChange,
        members: Option<bool>,
    ) -> Result<DirectoryState> {
        decide(scope, Permission::ProvidersManage, None)?;
        let mut write = self.store().write(scope).await?;
        let before = write.directory_state().await?;
        let had = write.directory_names().await?;
        let names = changed(had, change)?;
        let members = members.unwrap_or(before.members);
        write.directory_set(&names, members).await?;
        let after = write.directory_state().await?;
        let event = Event::new(Action::MaskingDirectorySet)
            .fact("names_before", before.entries)
            .fact("names", after.entries)
            .fact("members", members);
        write.commit(event).await?;
        Ok(after)
    }
}

fn changed(had: Vec<String>, change: DirectoryChange) -> Result<Vec<String>> {
    let (mut names, more) = match change {
        DirectoryChange::Keep => return Ok(had),
        DirectoryChange::Edit { add, remove } => {
            let gone = remove.iter().map(|name| name_checked(name).map(|name| alike(&name)));
            let gone = gone.collect::<Result<HashSet<_>>>()?;
            (had.into_iter().filter(|name| !gone.contains(&alike(name))).collect(), add)
        }
        DirectoryChange::Replace(more) => (Vec::new(), more),
    };
    let mut known: HashSet<_> = names.iter().map(|name| alike(name)).collect();
    for name in more {
        let name = name_checked(&name)?;
        if known.insert(alike(&name)) {
            names.push(name);
        }
    }
    if names.len() > NAMES_MOST {
        return Err(Error::invalid(
            "An organization has at most 20,000 names. Leave out those that are not needed.",
        )
        .with_code("too_many_names"));
    }
    Ok(names)
}
