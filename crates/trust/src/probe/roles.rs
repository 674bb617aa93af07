//! IDN-14, IDN-26, IDN-27 and IDN-28: somebody of each role tries what each role may and may not, route by route, and to give
//! roles above their own.
//!
//! What may be done is asked for in a way that is refused for what it says, not for who says it: nothing is changed.

mod cell;
mod ladder;
mod second_factor;

use std::collections::{BTreeMap, BTreeSet};

use domain::{Error, Result};
use serde_json::{Value, json};

use super::{Finding, Findings, Route, Run, attack::parameters, household::text};
use crate::{
    client::Payload,
    evidence::{Reason, Verdict},
};
use cell::{Cell, Seen};

/// How many cells of the table are tried in one run, besides everything that a viewer could change.
const CELLS: usize = 300;

/// Who has which permission, as it is published.
type Table = BTreeMap<String, BTreeSet<String>>;

/// Somebody with a role, and the session that shows it; nobody has none.
#[derive(Clone)]
struct Somebody {
    role: String,
    session: Option<String>,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let table = published(cx).await?;
    settle(cx).await?;
    let people = people(cx);
    let routes: Vec<&Route> = cx.site.routes.iter().filter(|route| is_judged(route)).collect();
    let mut cells = Vec::new();
    for (route, somebody) in
        routes.iter().flat_map(|route| people.iter().map(move |who| (*route, who)))
    {
        let allowed = may(&table, route, &somebody.role);
        if let Some(cell) = Cell::new(route, somebody, allowed) {
            cells.push(cell);
        }
    }
    let population = cells.len() as u64;
    let sampled: BTreeSet<u64> = cx.seed.sample("cells", population, CELLS).into_iter().collect();
    let mut chosen: Vec<_> = (0..)
        .zip(&cells)
        .filter(|(at, cell)| sampled.contains(at) || cell.is_of_a_viewer_who_changes())
        .map(|(_, cell)| cell)
        .collect();
    // What could do harm if it were let through comes last.
    chosen.sort_by_key(|cell| cell.harm());
    let tried = try_out(cx, &chosen).await?;
    // Somebody may do what the table forbids: that must be seen.
    let forbidden = cells.iter().find(|cell| cell.is_of_a_viewer_who_changes() && !cell.allowed);
    let caught = match forbidden {
        Some(cell) => cell.shows_a_careless_server(cx).await?,
        None => false,
    };
    let table = of_table(cx, &tried, (population, caught));
    let viewer = of_viewer(cx, &tried, (&cells, caught));
    let ladder = ladder::run(cx).await?;
    let factor = second_factor::run(cx).await?;
    Ok(vec![("IDN-14", factor), ("IDN-26", table), ("IDN-27", ladder), ("IDN-28", viewer)])
}

/// Tries the cells in this order; once one differs, those that could do harm are left alone.
async fn try_out<'a>(cx: Run<'_>, chosen: &[&'a Cell<'a>]) -> Result<Vec<(&'a Cell<'a>, Seen)>> {
    let (mut tried, mut differs) = (Vec::new(), false);
    for cell in chosen {
        if differs && cell.harm() > 1 {
            break;
        }
        let seen = cell.try_out(cx).await?;
        if seen == Seen::Differs {
            let (method, path, role) = (&cell.route.method, &cell.route.path, &cell.who.role);
            tracing::warn!(method, path, role, "rights differ from the table");
            differs = true;
        }
        tried.push((*cell, seen));
    }
    Ok(tried)
}

/// The table as everybody can read it.
async fn published(cx: Run<'_>) -> Result<Table> {
    let owner = cx.houses.first.owner(&cx.site.client);
    let said = owner.ask("GET", "/api/v1/permissions", Payload::Empty).await?;
    let rows = said.get("matrix").and_then(Value::as_array).into_iter().flatten();
    let roles = |row: &Value| {
        let all = row.get("roles").and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Ok(rows.map(|row| (text(row, "permission"), roles(row))).collect())
}

/// What the table says. A role in a project says nothing about a page of the whole organization.
fn may(table: &Table, route: &Route, role: &str) -> bool {
    const OF_A_PROJECT: [&str; 5] = ["project", "key", "request", "batch", "file"];
    let Some(roles) = table.get(&route.permission) else { return false };
    let in_project = route.path.starts_with("/api/")
        || parameters(&route.path).any(|name| OF_A_PROJECT.contains(&name));
    let by_project = !roles.contains("organization.member");
    roles.contains(role) && (in_project || !by_project || !role.starts_with("project."))
}

/// Gives those their roles in the project who have none yet.
async fn settle(cx: Run<'_>) -> Result<()> {
    let house = &cx.houses.first;
    let (owner, path) =
        (house.owner(&cx.site.client), format!("/api/v1/projects/{}/grants", house.project));
    let listed = owner.ask("GET", &path, Payload::Empty).await?;
    let given = |user: &str, role: &str| {
        let mut all = listed.get("data").and_then(Value::as_array).into_iter().flatten();
        all.any(|one| text(one, "user") == user && text(one, "role") == role)
    };
    for resident in &house.residents {
        let Some(role) = resident.role.strip_prefix("project.") else { continue };
        let user = resident.user.to_string();
        if !given(&user, role) {
            let grant = Payload::Json(json!({ "role": role }));
            owner.ask("PUT", &format!("{path}/{user}"), grant).await?;
        }
    }
    Ok(())
}

fn people(cx: Run<'_>) -> Vec<Somebody> {
    let house = &cx.houses.first;
    let somebody = |role: &str, session: Option<&str>| Somebody {
        role: role.to_owned(),
        session: session.map(str::to_owned),
    };
    let mut all: Vec<_> =
        house.residents.iter().map(|one| somebody(&one.role, Some(&one.session))).collect();
    all.push(somebody("organization.owner", Some(&house.session)));
    all.push(somebody("anonymous", None));
    all
}

/// Routes that roles in organizations and projects decide about.
fn is_judged(route: &Route) -> bool {
    !matches!(route.permission.as_str(), "public" | "account" | "inference" | "deployment.manage")
}

type Tried<'a> = [(&'a Cell<'a>, Seen)];

fn count(tried: &Tried<'_>, wanted: impl Fn(&Cell<'_>, Seen) -> bool) -> u64 {
    tried.iter().filter(|(cell, seen)| wanted(cell, *seen)).count() as u64
}

fn of_table(cx: Run<'_>, tried: &Tried<'_>, (population, caught): (u64, bool)) -> Finding {
    let decided = count(tried, |_, seen| seen != Seen::Undecided);
    let allowed = count(tried, |cell, seen| seen == Seen::Agrees && cell.allowed);
    let refused = count(tried, |cell, seen| seen == Seen::Agrees && !cell.allowed);
    // And both answers occur, so that neither is what everybody gets.
    let planted = caught && allowed > 0 && refused > 0;
    let verdict = if decided > allowed + refused {
        Verdict::Fail(Reason::RightsDiffer)
    } else {
        Verdict::sampled(planted, decided, population, cx.floor("IDN-26"))
    };
    let undecided = count(tried, |_, seen| seen == Seen::Undecided);
    Finding::new(verdict, planted, (decided, population))
        .measure("cells in which something may be done", allowed, "cells")
        .measure("cells in which it is refused", refused, "cells")
        .measure("cells that were tried and not decided", undecided, "cells")
        .uncovered(["what somebody may do, where trying it would do it".to_owned()])
}

fn of_viewer(cx: Run<'_>, tried: &Tried<'_>, (cells, caught): (&[Cell<'_>], bool)) -> Finding {
    let refused = count(tried, |cell, seen| {
        cell.is_of_a_viewer_who_changes() && !cell.allowed && seen == Seen::Agrees
    });
    let all = cells.iter().filter(|cell| cell.is_of_a_viewer_who_changes());
    let population = all.count() as u64;
    let published = cells.iter().any(|cell| cell.is_of_a_viewer_who_changes() && cell.allowed);
    let got_through =
        count(tried, |cell, seen| cell.is_of_a_viewer_who_changes() && seen == Seen::Differs);
    // Others can change something in the same way, so that being refused means something.
    let others = count(tried, |cell, seen| cell.changes() && cell.allowed && seen == Seen::Agrees);
    let planted = caught && others > 0;
    let managed = |cell: &Cell<'_>| {
        cell.who.role == "project.editor"
            && matches!(cell.route.permission.as_str(), "budgets.manage" | "members.manage")
    };
    let editor = tried.iter().any(|(cell, seen)| managed(cell) && *seen == Seen::Differs)
        || cells.iter().any(|cell| managed(cell) && cell.allowed);
    let verdict = if published || got_through > 0 || editor {
        Verdict::Fail(Reason::RightsDiffer)
    } else {
        Verdict::held(planted, refused, population, cx.floor("IDN-28"))
    };
    let budgets = count(tried, |cell, seen| managed(cell) && seen == Seen::Agrees);
    Finding::new(verdict, planted, (refused, population)).measure(
        "changes of budgets and members refused to an editor",
        budgets,
        "routes",
    )
}

/// The organization's people are known, or the table means nothing.
fn resident<'a>(cx: Run<'a>, role: &str) -> Result<&'a crate::wire::Resident> {
    let mut all = cx.houses.first.residents.iter();
    all.find(|one| one.role == role).ok_or_else(|| Error::internal("a role nobody has"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_in_a_project_counts_where_the_project_is_named() {
        let all = ["project.viewer", "organization.admin"].map(str::to_owned);
        let table = Table::from([("usage.read".to_owned(), all.into())]);
        let may = |path: &str, role: &str| {
            let (method, path) = ("GET".to_owned(), path.to_owned());
            may(&table, &Route { method, path, permission: "usage.read".to_owned() }, role)
        };
        assert!(may("/o/{org}/p/{project}/usage", "project.viewer"));
        assert!(may("/o/{org}/usage/{request}", "project.viewer"));
        assert!(may("/api/v1/usage", "project.viewer"));
        assert!(!may("/o/{org}/usage", "project.viewer"));
        assert!(may("/o/{org}/usage", "organization.admin"));
        assert!(!may("/api/v1/usage", "organization.member"));
    }
}
