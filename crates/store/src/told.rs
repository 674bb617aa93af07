//! Telling that a share of a budget is spent: once for each share and period, whoever notices it first.

use domain::{
    Action, Actor, BudgetFacts, BudgetId, BudgetOf, Error, Event, OrgId, Result, Timestamp,
    budget_news,
};
use sea_orm::{
    ColumnTrait, QueryFilter,
    sea_query::{Expr, ExprTrait as _},
};

use crate::{
    Budget, Store, audit,
    engine::Tx,
    entity::{api_key, budget, member, organization, project},
    error::from_db,
    outgoing::Post,
    repository::user,
    tenant,
    write::Touched,
};

impl Store {
    /// Records that `percent` of a budget is spent in the period that began at `from`, and puts it on its way to the
    /// organization's administrators and webhooks. `false` when that, or more, was recorded before or the budget is
    /// gone.
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
        tell(self, (&tx, org), id, (percent, from)).await?;
        tx.commit().await?;
        self.after_commit(Touched::default(), [org]).await;
        Ok(true)
    }
}

async fn tell(
    store: &Store,
    (tx, org): (&Tx, OrgId),
    id: BudgetId,
    reached: (u8, Timestamp),
) -> Result<()> {
    let row = tenant::select::<budget::Entity>(org)
        .filter(budget::Column::Id.eq(id.uuid()))
        .one(tx.on())
        .await
        .map_err(from_db)?
        .ok_or_else(|| Error::not_found("budget"))?;
    let spent = Budget::try_from(row)?;
    let organization = tenant::deployed::<organization::Entity>()
        .filter(organization::Column::Id.eq(org.uuid()))
        .one(tx.on())
        .await
        .map_err(from_db)?
        .ok_or_else(|| Error::not_found("organization"))?;
    let whose = whose(store, (tx, org), spent.of).await?;
    let facts = BudgetFacts {
        slug: &organization.slug,
        organization: &organization.name,
        whose: &whose,
        id,
        of: spent.of,
        period: spent.period,
        limit_nano: spent.limit_nano,
    };
    Post::of(store, tx, org).await?.news(&budget_news(&facts, reached)).await
}

/// The payer in words.
async fn whose(store: &Store, (tx, org): (&Tx, OrgId), of: BudgetOf) -> Result<String> {
    Ok(match of {
        BudgetOf::Organization => "The organization".to_owned(),
        BudgetOf::Project(id) => {
            let row = tenant::select::<project::Entity>(org)
                .filter(project::Column::Id.eq(id.uuid()))
                .one(tx.on())
                .await
                .map_err(from_db)?;
            row.map_or_else(|| format!("Project {id}"), |row| format!("Project {}", row.name))
        }
        BudgetOf::User(id) => {
            let member = tenant::select::<member::Entity>(org)
                .filter(member::Column::UserId.eq(id.uuid()))
                .one(tx.on())
                .await
                .map_err(from_db)?;
            // Who has left is nobody whose name is told.
            let ids: Vec<_> = member.into_iter().map(|row| row.user_id).collect();
            let person = user::some(tx, store.deployment_keys()?, &ids).await?.pop();
            person.map_or_else(
                || format!("Former member {id}"),
                |person| format!("Member {}", person.name),
            )
        }
        BudgetOf::Key(id) => {
            let row = tenant::select::<api_key::Entity>(org)
                .filter(api_key::Column::Id.eq(id.uuid()))
                .one(tx.on())
                .await
                .map_err(from_db)?;
            row.map_or_else(|| format!("Key {id}"), |row| format!("Key {}", row.name))
        }
    })
}
