//! Budgets: those of the organization with its projects, members and keys, and those that concern one project.

mod names;

use axum::response::Response;
use domain::{
    BudgetId, BudgetOf, CURRENCY, Error, Period, Result as DomainResult, UserId,
    tags::{BudgetsManage, UsageRead},
};
use gateway::BudgetState;
use store::{Page, Principal, Project};

pub(super) use self::names::Names;

use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::budgets::{BudgetRow, Budgets},
    refusal::Result,
    route::Routes,
    view::{Choice, Field, Link, Meter, Problem, When, money},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/budgets", show)
        .post("/o/{org}/budgets", set)
        .post("/o/{org}/budgets/{budget}/remove", remove)
        .get("/o/{org}/p/{project}/budgets", show_of_project)
}

fn row(state: &BudgetState, names: &Names, remove: Option<String>) -> BudgetRow {
    let (whose, within) = names.whose(state.budget.of);
    let amount = |nano: u64| money(nano, CURRENCY);
    BudgetRow {
        whose,
        within,
        period: state.budget.period.says().to_owned(),
        limit: amount(state.budget.limit_nano),
        spent: amount(state.spent_nano),
        reserved: match state.reserved_nano {
            0 => String::new(),
            reserved => amount(reserved),
        },
        meter: Meter::new(state.spent_nano, state.reserved_nano, state.budget.limit_nano),
        renews: state.span.until.map_or_else(|| "never".to_owned(), |until| When(until).day()),
        remove,
    }
}

/// The budgets that are nearly or wholly spent, as sentences.
pub(super) async fn warnings<P>(cx: &Cx<P>, projects: &[Project]) -> DomainResult<Vec<String>> {
    let mut states = cx.app().gateway.budgets(cx.scope()?).await?;
    states.retain(|state| state.percent() >= 80);
    if states.is_empty() {
        return Ok(Vec::new());
    }
    let names = Names::of(cx, projects.to_vec()).await?.with_people(cx, &states, None).await?;
    let line = |state: &BudgetState| {
        let ((whose, _), limit) =
            (names.whose(state.budget.of), money(state.budget.limit_nano, CURRENCY));
        let (period, percent) = (state.budget.period.says(), state.percent());
        format!("{whose}: {percent} % of {limit} {period} is spent.")
    };
    Ok(states.iter().map(line).collect())
}

/// The budgets that concern a project: its own and its keys'.
pub(crate) async fn of_project(cx: &Cx<UsageRead>) -> DomainResult<Vec<BudgetState>> {
    let (scope, project) = (cx.scope()?, cx.project()?.id);
    let theirs = cx.app().identity.budgets_of_project(scope, project).await?;
    let mut states = cx.app().gateway.budgets(scope).await?;
    states.retain(|state| theirs.iter().any(|one| one.id == state.budget.id));
    Ok(states)
}

/// The budgets of one member, and whose they are in words.
pub(super) async fn of_member<P>(
    cx: &Cx<P>,
    person: UserId,
    (whose, within): (&str, &str),
) -> DomainResult<Vec<BudgetRow>> {
    let scope = cx.scope()?;
    let theirs = cx.app().identity.budgets_of_member(scope, person).await?;
    if theirs.is_empty() {
        return Ok(Vec::new());
    }
    let mut states = cx.app().gateway.budgets(scope).await?;
    states.retain(|state| theirs.iter().any(|one| one.id == state.budget.id));
    let named = |state: &BudgetState| BudgetRow {
        whose: whose.to_owned(),
        within: within.to_owned(),
        ..row(state, &Names::default(), None)
    };
    Ok(states.iter().map(named).collect())
}

/// The budgets of whoever looks, as far as it is a person.
async fn own<P>(cx: &Cx<P>) -> DomainResult<Vec<BudgetRow>> {
    let Principal::User { id, .. } = *cx.scope()?.principal() else { return Ok(Vec::new()) };
    of_member(cx, id, ("You", "all keys that you made, in every project")).await
}

/// Projects that are not archived.
pub(super) async fn live<P>(cx: &Cx<P>) -> DomainResult<Vec<Project>> {
    let listed = cx.app().identity.projects_list(cx.scope()?, &Page::first(Page::MOST)).await?;
    Ok(listed.data.into_iter().filter(|project| project.archived.is_none()).collect())
}

/// The page as it stands, with what was `sent` in its form.
async fn page(cx: &Cx<BudgetsManage>, sent: &Fields) -> DomainResult<Budgets> {
    let states = cx.app().gateway.budgets(cx.scope()?).await?;
    let chosen = sent.text("whose");
    let names = Names::of(cx, live(cx).await?).await?;
    let names = names.with_people(cx, &states, chosen.parse().ok()).await?;
    let address = format!("{}/budgets", cx.base());
    let rows = states
        .iter()
        .map(|state| row(state, &names, Some(format!("{address}/{}/remove", state.budget.id))));
    let asked = sent.filled("period").unwrap_or(Period::Month.as_str());
    let period = |one: Period| Choice::new(one.as_str(), one.says()).chosen(one.as_str() == asked);
    Ok(Budgets {
        trail: Vec::new(),
        purpose: "What may be spent, in all and by whom. A request that could cost more than is left is not sent."
            .to_owned(),
        rows: rows.collect(),
        action: address,
        problems: Vec::new(),
        may_manage: true,
        whose: names.choices(chosen),
        period: Period::ALL.into_iter().map(period).collect(),
        amount: sent.field("amount"),
        currency: CURRENCY.to_owned(),
    })
}

async fn show(cx: Cx<BudgetsManage>, (): ()) -> Result<Response> {
    // The page of a member leads here.
    let chosen = ("whose".to_owned(), cx.query().text("whose").to_owned());
    let page = page(&cx, &Fields::of(vec![chosen])).await?;
    Ok(cx.page("Budgets", page).await?)
}

async fn show_of_project(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let states = of_project(&cx).await?;
    let names = Names::of(&cx, vec![cx.project()?.clone()]).await?;
    let whole = cx.may(domain::Permission::BudgetsManage, None);
    let trail = whole.then(|| Link::new(format!("{}/budgets", cx.base()), "All budgets", false));
    let mut rows: Vec<_> = states.iter().map(|state| row(state, &names, None)).collect();
    rows.extend(own(&cx).await?);
    let page = Budgets {
        trail: trail.into_iter().collect(),
        purpose: "What this project and each of its keys may spend, and what you may. Budgets of the organization, \
                  and of others who made keys, hold besides."
            .to_owned(),
        action: String::new(),
        problems: Vec::new(),
        rows,
        may_manage: false,
        whose: Vec::new(),
        period: Vec::new(),
        amount: Field::default(),
        currency: CURRENCY.to_owned(),
    };
    Ok(cx.page("Budgets", page).await?)
}

/// `12.50` as nano-units. A comma is refused: it divides thousands for some and cents for others.
fn nano(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(rest) || rest.len() > 9 {
        return None;
    }
    let units: u64 = whole.parse().ok()?;
    let parts: u64 = format!("{rest:0<9}").parse().ok()?;
    units.checked_mul(1_000_000_000)?.checked_add(parts)
}

fn entered(sent: &Fields) -> DomainResult<((BudgetOf, Period), u64)> {
    let whose = sent.text("whose");
    let of = match (whose, whose.parse(), whose.parse(), whose.parse()) {
        ("organization", ..) => BudgetOf::Organization,
        (_, Ok(project), ..) => BudgetOf::Project(project),
        (_, _, Ok(user), _) => BudgetOf::User(user),
        (_, _, _, Ok(key)) => BudgetOf::Key(key),
        _ => {
            return Err(
                Error::invalid("Choose whose spending is meant.").with_code("invalid_payer")
            );
        }
    };
    let period = Period::parse(sent.text("period"))
        .ok_or_else(|| Error::invalid("Choose the time.").with_code("invalid_period"))?;
    let limit = nano(sent.text("amount")).ok_or_else(|| {
        Error::invalid("Give an amount such as 25 or 12.50.").with_code("invalid_budget")
    })?;
    Ok(((of, period), limit))
}

async fn set(cx: Cx<BudgetsManage>, sent: Fields) -> Result<Response> {
    let made = match entered(&sent) {
        Ok((of, limit)) => cx.app().identity.budget_set(cx.scope()?, of, limit).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(_) => Ok(done(&format!("{}/budgets", cx.base()), "budget")),
        Err(error) if super::mendable(&error) => {
            let mut page = page(&cx, &sent).await?;
            page.problems = match error.code() {
                "invalid_budget" => {
                    page.amount = page.amount.wrong(error.message());
                    Problem::of(&[("amount", &page.amount)])
                }
                "invalid_payer" => vec![Problem::at("whose", error.message())],
                _ => vec![Problem::at("period", error.message())],
            };
            Ok(cx.again(&error, "Budgets", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn remove(cx: Cx<BudgetsManage>, _: Fields) -> Result<Response> {
    let id: BudgetId = cx.id("budget")?;
    cx.app().identity.budget_remove(cx.scope()?, id).await?;
    Ok(done(&format!("{}/budgets", cx.base()), "budget-removed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!(nano("25"), Some(25_000_000_000));
        assert_eq!(nano("12.50"), Some(12_500_000_000));
        assert_eq!(nano("0.000000001"), Some(1));
        assert_eq!(nano("0"), Some(0));
        for wrong in ["", ".5", "1,000", "12,50", "-1", "1.0000000001", "1e3", "99999999999999"] {
            assert_eq!(nano(wrong), None, "{wrong}");
        }
    }
}
