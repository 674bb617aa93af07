//! Telling that a share of a budget is spent: once for each share and period, whoever notices it first.

use domain::{Action, Actor, BudgetId, Event, OrgId, Result, Timestamp};
use sea_orm::{
    ColumnTrait, QueryFilter,
    sea_query::{Expr, ExprTrait as _},
};

use crate::{Store, audit, entity::budget, error::from_db, tenant, write::Touched};

impl Store {
    /// Records that `percent` of a budget is spent in the period that began at `from`. `false` when that, or more, was
    /// recorded before or the budget is gone.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn budget_reached(
        &self,
        org: OrgId,
        id: BudgetId,
        from: Timestamp,
        percent: u8,
    ) -> Result<bool> {
        let tx = self.engine().write(org).await?;
        let (begun, share) = (from.as_millis(), i64::from(percent));
        let earlier = budget::Column::ToldFrom.is_null().or(budget::Column::ToldFrom.lt(begun));
        let less = budget::Column::ToldFrom.eq(begun).and(budget::Column::ToldPercent.lt(share));
        let done = tenant::update::<budget::Entity>(org)
            .filter(budget::Column::Id.eq(id.uuid()))
            .filter(earlier.or(less))
            .col_expr(budget::Column::ToldFrom, Expr::value(begun))
            .col_expr(budget::Column::ToldPercent, Expr::value(share))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 {
            return Ok(false);
        }
        let event = Event::new(Action::BudgetReach)
            .on("budget", id)
            .fact("percent", percent)
            .fact("since", begun);
        audit::append(self, &tx, org, Actor::System, event).await?;
        tx.commit().await?;
        self.after_commit(Touched::default(), [org]).await;
        Ok(true)
    }
}
