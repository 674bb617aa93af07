//! Budgets: what may be spent, and what is.

use axum::response::Response;
use domain::{
    BudgetId, BudgetOf, CURRENCY, Error, Period, Result as DomainResult,
    tags::{BudgetsManage, UsageRead},
};
use gateway::BudgetState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{gone, one, whole};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let (all, each) = ("/api/v1/budgets", "/api/v1/budgets/{budget}");
    Routes::new()
        .api(
            "GET",
            all,
            Operation::new("Budgets of the organization, its projects, members and keys")
                .lists::<Budget>(),
            index,
        )
        .api(
            "PUT",
            all,
            Operation::new(
                "Say how much may be spent; one of the same payer and period is replaced",
            )
            .takes::<NewBudget>()
            .gives::<Budget>(),
            set,
        )
        .api("GET", each, Operation::new("One budget").gives::<Budget>(), fetch)
        .api("DELETE", each, Operation::new("Remove a budget").removes(), remove)
        .api(
            "GET",
            "/api/v1/projects/{project}/budgets",
            Operation::new("Budgets of a project and of its keys").lists::<Budget>(),
            of_project,
        )
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBudget {
    /// Id or short name of a project. Without it, `user` and `key`, the budget is the organization's.
    project: Option<String>,
    /// Id of a member: what all keys that they made may spend together, in every project.
    user: Option<String>,
    /// Id of an API key.
    key: Option<String>,
    /// `day` or `month` of the calendar in UTC, or `total`.
    period: String,
    /// Nano-units of the currency: 25 USD are 25000000000.
    limit_nano: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct Budget {
    id: String,
    /// The project whose spending is counted; null when it is somebody else's.
    project: Option<String>,
    /// The member whose keys' spending is counted, also when they have left.
    user: Option<String>,
    /// The API key whose spending is counted.
    key: Option<String>,
    /// `day`, `month` or `total`.
    period: &'static str,
    limit_nano: u64,
    spent_nano: u64,
    /// Set aside for requests under way.
    reserved_nano: u64,
    currency: &'static str,
    /// When the present period began.
    from: String,
    /// When the next one begins; null for `total`.
    until: Option<String>,
    changed: String,
}

impl From<BudgetState> for Budget {
    fn from(state: BudgetState) -> Self {
        let budget = state.budget;
        let (project, user, key) = match budget.of {
            BudgetOf::Organization => (None, None, None),
            BudgetOf::Project(project) => (Some(project.to_string()), None, None),
            BudgetOf::User(user) => (None, Some(user.to_string()), None),
            BudgetOf::Key(key) => (None, None, Some(key.to_string())),
        };
        Self {
            id: budget.id.to_string(),
            project,
            user,
            key,
            period: budget.period.as_str(),
            limit_nano: budget.limit_nano,
            spent_nano: state.spent_nano,
            reserved_nano: state.reserved_nano,
            currency: CURRENCY,
            from: state.span.from.rfc3339(),
            until: state.span.until.map(domain::Timestamp::rfc3339),
            changed: budget.changed.rfc3339(),
        }
    }
}

async fn index(cx: Cx<BudgetsManage>, (): ()) -> Result<Response> {
    Ok(whole::<_, Budget>(cx.app().gateway.budgets(cx.scope()?).await?))
}

async fn of_project(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    Ok(whole::<_, Budget>(crate::site::budgets::of_project(&cx).await?))
}

async fn state<P>(cx: &Cx<P>, id: BudgetId) -> DomainResult<BudgetState> {
    let all = cx.app().gateway.budgets(cx.scope()?).await?;
    all.into_iter().find(|state| state.budget.id == id).ok_or_else(|| Error::not_found("budget"))
}

async fn fetch(cx: Cx<BudgetsManage>, (): ()) -> Result<Response> {
    let id: BudgetId = cx.id("budget")?;
    cx.app().identity.budget_fetch(cx.scope()?, id).await?;
    Ok(one(Budget::from(state(&cx, id).await?)))
}

async fn whose(cx: &Cx<BudgetsManage>, new: &NewBudget) -> DomainResult<BudgetOf> {
    match (new.project.as_deref(), new.user.as_deref(), new.key.as_deref()) {
        (None, None, None) => Ok(BudgetOf::Organization),
        (Some(name), None, None) => match name.parse() {
            Ok(id) => Ok(BudgetOf::Project(id)),
            Err(_) => {
                let project = cx.app().identity.project_by_slug(cx.scope()?, name).await?;
                Ok(BudgetOf::Project(project.id))
            }
        },
        (None, Some(user), None) => {
            user.parse().map(BudgetOf::User).map_err(|_| Error::not_found("member"))
        }
        (None, None, Some(key)) => {
            key.parse().map(BudgetOf::Key).map_err(|_| Error::not_found("key"))
        }
        _ => {
            Err(Error::invalid("A budget is a project's, a member's or a key's: name one of them.")
                .with_code("invalid_budget"))
        }
    }
}

async fn set(cx: Cx<BudgetsManage>, Json(new): Json<NewBudget>) -> Result<Response> {
    let of = whose(&cx, &new).await?;
    let period = Period::parse(&new.period).ok_or_else(|| {
        Error::invalid("period is day, month or total.").with_code("invalid_period")
    })?;
    let scope = cx.scope()?;
    let budget = cx.app().identity.budget_set(scope, (of, period), new.limit_nano).await?;
    Ok(one(Budget::from(state(&cx, budget.id).await?)))
}

async fn remove(cx: Cx<BudgetsManage>, (): ()) -> Result<Response> {
    let id: BudgetId = cx.id("budget")?;
    cx.app().identity.budget_remove(cx.scope()?, id).await?;
    Ok(gone())
}
