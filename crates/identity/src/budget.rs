//! Budgets of the organization, its projects, members and keys.

use domain::{
    Action, BudgetId, BudgetOf, Error, Event, KeyId, Period, Permission, ProjectId, Result, UserId,
};
use store::{Budget, Scope, Write};

use crate::{Identity, decide, member::is_self};

/// A million units of the currency, in nano-units: more than anybody means.
const MOST_NANO: u64 = 1_000_000_000_000_000;

impl Identity {
    /// Every budget of the organization, its projects, members and keys, the oldest first.
    pub async fn budgets_list(&self, scope: &Scope) -> Result<Vec<Budget>> {
        decide(scope, Permission::BudgetsManage, None)?;
        self.store().read(scope).await?.budgets_list().await
    }

    /// The budgets of a project and of its keys, the oldest first.
    ///
    /// # Errors
    /// `NotFound` when there is no such project or the caller may not see it.
    pub async fn budgets_of_project(
        &self,
        scope: &Scope,
        project: ProjectId,
    ) -> Result<Vec<Budget>> {
        decide(scope, Permission::UsageRead, Some(project))?;
        let mut read = self.store().read(scope).await?;
        read.project_fetch(project).await?;
        read.budgets_of_project(project).await
    }

    /// The budgets of one member, the oldest first. Everybody may see their own.
    pub async fn budgets_of_member(&self, scope: &Scope, person: UserId) -> Result<Vec<Budget>> {
        let needed = if is_self(scope, person) {
            Permission::OrganizationRead
        } else {
            Permission::BudgetsManage
        };
        decide(scope, needed, None)?;
        self.store().read(scope).await?.budgets_of_member(person).await
    }

    /// # Errors
    /// `NotFound` when there is no such budget.
    pub async fn budget_fetch(&self, scope: &Scope, id: BudgetId) -> Result<Budget> {
        decide(scope, Permission::BudgetsManage, None)?;
        self.store().read(scope).await?.budget_fetch(id).await
    }

    /// Sets what may be spent in a period, in place of what could be before. Holds from the next request on.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_budget` for more than a million; `NotFound` when there is no such live project or
    /// API key, or the person is no member.
    pub async fn budget_set(
        &self,
        scope: &Scope,
        (of, period): (BudgetOf, Period),
        limit_nano: u64,
    ) -> Result<Budget> {
        decide(scope, Permission::BudgetsManage, None)?;
        if limit_nano > MOST_NANO {
            return Err(
                Error::invalid("A budget is at most 1,000,000.").with_code("invalid_budget")
            );
        }
        let mut write = self.store().write(scope).await?;
        match of {
            BudgetOf::Organization => {}
            BudgetOf::Project(project) => live_project(&mut write, project).await?,
            BudgetOf::User(person) => write.member_fetch(person).await.map(drop)?,
            BudgetOf::Key(key) => live_key(&mut write, key).await?,
        }
        let budget = write.budget_set(of, period, limit_nano).await?;
        let event = named(Event::new(Action::BudgetSet), &budget).fact("limit_nano", limit_nano);
        write.commit(event).await?;
        Ok(budget)
    }

    /// Lets everybody spend again what the budget held back.
    ///
    /// # Errors
    /// `NotFound` when there is no such budget.
    pub async fn budget_remove(&self, scope: &Scope, id: BudgetId) -> Result<()> {
        decide(scope, Permission::BudgetsManage, None)?;
        let mut write = self.store().write(scope).await?;
        let budget = write.budget_fetch(id).await?;
        write.budget_remove(id).await?;
        write.commit(named(Event::new(Action::BudgetRemove), &budget)).await.map(drop)
    }
}

async fn live_project(write: &mut Write, project: ProjectId) -> Result<()> {
    match write.project_fetch(project).await?.archived {
        Some(_) => Err(Error::not_found("project")),
        None => Ok(()),
    }
}

/// An admin key calls no model, so it has nothing to spend.
pub(crate) async fn live_key(write: &mut Write, key: KeyId) -> Result<()> {
    let key = write.key_fetch(key).await?;
    if key.project.is_none() || key.revoked.is_some() {
        return Err(Error::not_found("key"));
    }
    Ok(())
}

fn named(event: Event, budget: &Budget) -> Event {
    let event = event.on("budget", budget.id).fact("period", budget.period.as_str());
    match budget.of {
        BudgetOf::Organization => event,
        BudgetOf::Project(project) => event.on("project", project),
        BudgetOf::User(person) => event.on_user(person),
        BudgetOf::Key(key) => event.on("key", key),
    }
}
