//! IDN-14: the owner of an organization, signed in with a password alone, tries everything that only admins and owners
//! may: all of it must be refused, and what can be looked at must open for the same owner with a second factor.

use domain::{Permission, Result};

use super::{Cell, Seen, Somebody, count, is_judged, try_out};
use crate::{
    evidence::{Reason, Verdict},
    probe::{Finding, Route, Run},
};

const CONTROL: &str = "IDN-14";

pub(super) async fn run(cx: Run<'_>) -> Result<Finding> {
    let house = &cx.houses.first;
    let owner = |session: &str| Somebody {
        role: "organization.owner".to_owned(),
        session: Some(session.to_owned()),
    };
    let (weak, strong) = (owner(&house.weak), owner(&house.session));
    let routes: Vec<&Route> =
        cx.site.routes.iter().filter(|route| is_judged(route) && asks(route)).collect();
    let refused: Vec<_> =
        routes.iter().filter_map(|route| Cell::new(route, &weak, false)).collect();
    let mut chosen: Vec<_> = refused.iter().collect();
    // What could do harm if it were let through comes last.
    chosen.sort_by_key(|cell| cell.harm());
    let tried = try_out(cx, &chosen).await?;
    let open: Vec<_> = routes
        .iter()
        .filter(|route| route.method == "GET")
        .filter_map(|route| Cell::new(route, &strong, true))
        .collect();
    let open = try_out(cx, &open.iter().collect::<Vec<_>>()).await?;
    let opened = count(&open, |_, seen| seen == Seen::Agrees);
    let caught = match refused.first() {
        Some(cell) => cell.shows_a_careless_server(cx).await?,
        None => false,
    };
    let planted = caught && opened > 0;
    let closed = count(&tried, |_, seen| seen == Seen::Agrees);
    let population = refused.len() as u64;
    let verdict = if count(&tried, |_, seen| seen == Seen::Differs) > 0 {
        Verdict::Fail(Reason::GateOpen)
    } else {
        Verdict::held(planted, closed, population, cx.floor(CONTROL))
    };
    Ok(Finding::new(verdict, planted, (closed, population))
        .measure("routes that a password alone did not open", closed, "routes")
        .measure("of them that can be looked at and opened with both", opened, "routes")
        .uncovered(["what operators of the installation may do".to_owned()]))
}

/// Whether people use the route only after showing a second factor.
fn asks(route: &Route) -> bool {
    let mut all = Permission::ALL.iter();
    let permission = all.find(|one| one.as_str() == route.permission);
    permission.is_some_and(|one| one.rule().asks_for_second_factor())
}
