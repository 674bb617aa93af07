//! `probity import litellm`: another gateway's configuration carried over. Without an admin key it only shows what
//! would be done.

mod carry;
mod litellm;
mod plan;
#[cfg(test)]
mod tests;
mod vendor;

use std::{fs, io::Write as _, path::Path, process::ExitCode};

use domain::{Clock, Error, Result};
use identity::Identity;
use serde::{Deserialize, Serialize};
use store::Store;

use crate::{
    catalog,
    cli::{ImportLiteLlm, Place},
    config::Config,
    control::{self, Reply, Request},
};

pub(crate) use carry::carry_over;
pub(crate) use plan::Plan;

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) what: String,
    pub(crate) state: State,
    /// Why it could not be carried over.
    pub(crate) why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Done,
    /// It was there before.
    Known,
    Failed,
}

/// 0 when everything that can be carried over was, 1 otherwise.
///
/// # Errors
/// `Invalid` for a file that is not LiteLLM's, `Unauthenticated` for an unknown admin key.
pub(crate) async fn litellm(place: &Place, options: &ImportLiteLlm) -> Result<ExitCode> {
    let settings = litellm::read(&read(&options.file)?)?;
    let plan = plan::plan(&settings, &catalog::load()?, &environment);
    show(&plan);
    let key = match (&options.admin_key_file, &options.admin_key) {
        (Some(file), _) => Some(read(file)?.trim().to_owned()),
        (None, key) => key.clone(),
    };
    let Some(key) = key else {
        print(
            "\nNothing was changed. Make an admin key of the organization in the browser and run this again with",
        );
        print("--admin-key-file FILE, or with the key in PROBITY_ADMIN_KEY.");
        return Ok(ExitCode::SUCCESS);
    };
    let outcomes = apply(place, key, plan).await?;
    print("");
    for one in &outcomes {
        let state = match one.state {
            State::Done => "done",
            State::Known => "known",
            State::Failed => "FAILED",
        };
        print(&format!("  {state:<7} {}{}", one.what, because(one.why.as_deref())));
    }
    let failed = outcomes.iter().any(|one| one.state == State::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Through the running server, which holds the data; without one, on the data itself.
async fn apply(place: &Place, admin_key: String, plan: Plan) -> Result<Vec<Outcome>> {
    let config = Config::load(place, None)?;
    let request = Request::Import(Box::new(control::Import { admin_key, plan }));
    match control::ask(&config.control_socket(), &request).await? {
        Some(Reply::Json(outcomes)) => serde_json::from_value(outcomes).map_err(Error::internal),
        Some(Reply::Text(said) | Reply::Error(said)) => Err(Error::unavailable(said)),
        None => {
            let Request::Import(import) = request else { return Ok(Vec::new()) };
            let store = Store::open(&config.store(), Clock::system()).await?;
            store.migrate().await?;
            let catalogue = catalog::Shelf::open(&config.catalogue, &store).await?.live();
            let identity = Identity::new(config.identity.clone(), store.clone(), catalogue).await?;
            let outcomes = carry_over(&identity, *import).await;
            store.drain().await?;
            store.close().await?;
            outcomes
        }
    }
}

fn show(plan: &Plan) {
    print("Providers");
    for one in &plan.providers {
        let models = match one.models.as_slice() {
            [] => "every model it has".to_owned(),
            models => models.join(", "),
        };
        let at = one.base_url.as_deref().map(|url| format!(" at {url}")).unwrap_or_default();
        let key = if one.secret.is_some() { "with its key" } else { "without a key" };
        print(&format!("  {} ({}{at}, {key}): {models}", one.name, one.catalog));
    }
    none(plan.providers.is_empty());
    print("Aliases");
    for (name, target) in &plan.aliases {
        print(&format!("  {name} = {target}"));
    }
    none(plan.aliases.is_empty());
    print("Not carried over");
    for note in &plan.notes {
        print(&format!("  {note}"));
    }
    none(plan.notes.is_empty());
}

fn none(yes: bool) {
    if yes {
        print("  none");
    }
}

fn because(why: Option<&str>) -> String {
    why.map(|why| format!(": {why}")).unwrap_or_default()
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file)
        .map_err(|error| Error::invalid(format!("{} cannot be read: {error}.", file.display())))
}

#[allow(
    clippy::disallowed_methods,
    reason = "the imported file says which variables hold its keys; they are no settings of this program"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn print(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
