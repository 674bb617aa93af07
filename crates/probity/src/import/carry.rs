//! Carrying a plan out, with the rights of an admin key. What fails does not keep the rest from being done.

use std::collections::BTreeSet;

use domain::{Error, Result, Secret};
use identity::{Identity, ProviderEntry};
use store::Scope;

use super::{
    Outcome, State,
    plan::{Plan, Planned},
};
use crate::control::Import;

/// # Errors
/// `Unauthenticated` for an unknown key, `Forbidden` for one that is not an admin key or may not register providers.
pub(crate) async fn carry_over(identity: &Identity, import: Import) -> Result<Vec<Outcome>> {
    let Import { admin_key, plan } = import;
    let scope = identity.api_key(&admin_key)?;
    if scope.project().is_some() {
        return Err(Error::forbidden("This is a project's key. An import needs an admin key."));
    }
    let Plan { providers, aliases, .. } = plan;
    let known = identity.providers_list(&scope).await?.into_iter().map(|one| one.name);
    let known: BTreeSet<String> = known.collect();
    let mut outcomes = Vec::with_capacity(providers.len() + aliases.len());
    for planned in providers {
        let what = format!("provider {}", planned.name);
        let done = if known.contains(&planned.name) {
            Ok(State::Known)
        } else {
            provider(identity, &scope, planned).await
        };
        outcomes.push(outcome(what, done)?);
    }
    for (name, target) in aliases {
        let set = identity.alias_set(&scope, &name, &target).await.map(|_| State::Done);
        outcomes.push(outcome(format!("alias {name}"), set)?);
    }
    Ok(outcomes)
}

async fn provider(identity: &Identity, scope: &Scope, planned: Planned) -> Result<State> {
    let entry = ProviderEntry {
        catalog: planned.catalog,
        name: Some(planned.name),
        base_url: planned.base_url,
        protocol: planned.protocol,
        secret: planned.secret.map(Secret::new),
        models: planned.models,
        region: planned.region,
        ..ProviderEntry::default()
    };
    identity.provider_create(scope, entry).await.map(|_| State::Done)
}

/// What the person can mend is said beside the item; when the house itself fails, nothing more is tried.
fn outcome(what: String, done: Result<State>) -> Result<Outcome> {
    match done {
        Ok(state) => Ok(Outcome { what, state, why: None }),
        Err(error) if error.kind().status() < 500 => {
            Ok(Outcome { what, state: State::Failed, why: Some(error.to_string()) })
        }
        Err(error) => Err(error),
    }
}
