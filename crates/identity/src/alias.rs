//! Model aliases: names of the organization's own for models of its providers.

use domain::{Action, AliasId, Error, Event, Permission, Result};
use store::{Alias, Scope};

use crate::{Identity, decide};

impl Identity {
    /// By name.
    pub async fn aliases_list(&self, scope: &Scope) -> Result<Vec<Alias>> {
        decide(scope, Permission::ProvidersRead, None)?;
        self.store().read(scope).await?.aliases_list().await
    }

    /// Points `name` at `target`, a model or `provider/model` or several of them with commas between, in place of what it
    /// stood for before.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_model`.
    pub async fn alias_set(&self, scope: &Scope, name: &str, target: &str) -> Result<Alias> {
        decide(scope, Permission::ProvidersManage, None)?;
        let (name, target) = (model(name)?, targets(target)?);
        if target.split(',').any(|target| target == name) {
            return Err(
                Error::invalid("An alias cannot stand for itself.").with_code("invalid_model")
            );
        }
        let mut write = self.store().write(scope).await?;
        let alias = write.alias_set(&name, &target).await?;
        let event = Event::new(Action::AliasSet)
            .on("alias", alias.id)
            .fact("name", name)
            .fact("target", target);
        write.commit(event).await?;
        Ok(alias)
    }

    /// # Errors
    /// `NotFound` when there is no such alias.
    pub async fn alias_remove(&self, scope: &Scope, id: AliasId) -> Result<()> {
        decide(scope, Permission::ProvidersManage, None)?;
        let mut write = self.store().write(scope).await?;
        write.alias_remove(id).await?;
        write.commit(Event::new(Action::AliasRemove).on("alias", id)).await.map(drop)
    }
}

/// Whether the text can be a model's name or an alias, so that a form can say which field is wrong.
#[must_use]
pub fn is_model_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>');
    (1..=200).contains(&text.len()) && text.bytes().all(plain)
}

/// Most models that an alias stands for.
const MOST_TARGETS: usize = 12;

/// What an alias stands for, as it is kept: the names without spaces between them, each once.
fn targets(text: &str) -> Result<String> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',') {
        let name = model(name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > MOST_TARGETS {
        let says = format!("An alias stands for at most {MOST_TARGETS} models.");
        return Err(Error::invalid(says).with_code("invalid_model"));
    }
    Ok(names.join(","))
}

/// Whether the text can be what an alias stands for.
#[must_use]
pub fn is_alias_target(text: &str) -> bool {
    targets(text).is_ok()
}

/// A model's name as providers write them: visible ASCII without quotes, at most 200 characters.
///
/// # Errors
/// `Invalid` with code `invalid_model`.
pub(crate) fn model(text: &str) -> Result<String> {
    let text = text.trim();
    if is_model_name(text) {
        return Ok(text.to_owned());
    }
    Err(Error::invalid("A model's name has 1 to 200 visible characters without spaces or quotes.")
        .with_code("invalid_model"))
}
