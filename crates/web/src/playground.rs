//! The keys with which people try models from a page: one for each person and project, for a day, in memory only.

use std::collections::HashMap;

use domain::{ProjectId, Result, Secret, UserId};
use identity::{KeyScope, NewApiKey};
use parking_lot::Mutex;
use store::Scope;

use crate::App;

/// Days after which such a key ends by itself.
const DAYS: u32 = 1;
/// So that nobody runs a program through it by accident.
const PER_MINUTE: u32 = 30;

#[derive(Default)]
pub(crate) struct Playground(Mutex<HashMap<(UserId, ProjectId), Secret<String>>>);

impl Playground {
    /// What the person may do with the key, which is made when there is none that still works.
    ///
    /// # Errors
    /// `Forbidden` for who may not make keys of the project.
    pub(crate) async fn scope(
        &self,
        app: &App,
        (scope, user): (&Scope, UserId),
        project: ProjectId,
    ) -> Result<Scope> {
        let known = self.0.lock().get(&(user, project)).cloned();
        if let Some(Ok(scope)) = known.map(|key| app.identity.api_key(key.expose())) {
            return Ok(scope);
        }
        let new = NewApiKey {
            name: "Try a model".to_owned(),
            scopes: vec![KeyScope::Inference],
            expires_in: Some(DAYS),
            requests_per_minute: Some(PER_MINUTE),
        };
        let made = app.identity.key_create(scope, project, new).await?;
        let entered = app.identity.api_key(made.text.expose())?;
        self.0.lock().insert((user, project), made.text);
        Ok(entered)
    }
}
