//! VUL-15 and VUL-16: what another site's page could make a browser do here, and what this installation's own pages let
//! a browser run.

mod elsewhere;
mod policy;

use domain::Result;

use super::{
    Findings, Route, Run,
    attack::{Values, parameters},
};

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let elsewhere = elsewhere::run(cx).await?;
    let policy = policy::run(cx).await?;
    Ok(vec![("VUL-15", elsewhere), ("VUL-16", policy)])
}

/// The path with a value for each parameter; what has none, such as the token of a link, gets a random word.
fn fill(cx: Run<'_>, route: &Route, values: &Values) -> String {
    let mut path = route.path.clone();
    for name in parameters(&route.path) {
        let word = || cx.seed.text(name, 24);
        let value = values.get(name).cloned().unwrap_or_else(word);
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    if path.starts_with("/api/") {
        path.push_str(&format!("?organization={}", cx.houses.first.slug));
    }
    path
}
