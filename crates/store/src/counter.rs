//! What each server may spend of a budget, where the database itself is what they count in.
//!
//! Invariants: the ceilings of all servers never pass the limit together, but by what somebody has spent already; a
//! server's own ceiling is only lowered by itself; a claim that a later one overtook changes nothing.

use std::time::Duration;

use domain::{BudgetId, BudgetOf, OrgId, Period, Result, Span, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait as _},
};
use uuid::Uuid;

use crate::{
    Store,
    engine::Tx,
    entity::{budget, counter as table, organization},
    error::from_db,
    repository::{at, usage::positive},
    spending, tenant,
};

/// For how long after somebody got too little everybody keeps no more than is used.
pub const SCARCE: Duration = Duration::from_secs(3);
/// A block is this part of what is free, unless more is needed: large far from the limit, small near it.
pub const PART: u64 = 16;
/// How long a period is remembered after a new one began.
const OLD: Duration = Duration::from_secs(40 * 86_400);

/// One budget in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CounterOf {
    pub org: OrgId,
    pub budget: BudgetId,
    pub of: BudgetOf,
    pub period: Period,
    /// When the period began.
    pub from: Timestamp,
}

impl CounterOf {
    #[must_use]
    pub fn span(&self) -> Span {
        self.period.span(self.from)
    }
}

/// What a server says of its part. Amounts are nano-units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Grows with each claim of this server.
    pub sequence: u64,
    pub limit: u64,
    /// What this server has spent since the period began.
    pub spent: u64,
    /// What it insists on: what is spent and set aside, and what it keeps for its next requests.
    pub ceiling: u64,
    /// How much more it needs at once.
    pub need: u64,
}

/// What a server may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Everything since the period began; at least what was insisted on.
    pub ceiling: u64,
    /// What all other servers have spent.
    pub spent_elsewhere: u64,
    /// What they may spend besides.
    pub held_elsewhere: u64,
    /// Somebody got too little a moment ago: nobody should keep more than is used.
    pub scarce: bool,
    /// The time where it is counted: it decides which period a request belongs to.
    pub at: Timestamp,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    Share(Share),
    /// A claim with this number, or a higher one, was here before.
    Stale(u64),
    /// There is no such budget any more.
    Gone,
}

impl Store {
    /// Notes what this server says, and gives it a block more where it needs one.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached: nothing may be spent beyond the last ceiling then.
    pub async fn claim(&self, of: &CounterOf, claim: &Claim) -> Result<Claimed> {
        let tx = self.engine().write(of.org).await?;
        // One claim at a time, and with the limit that holds now.
        let found = tenant::select::<budget::Entity>(of.org)
            .filter(budget::Column::Id.eq(of.budget.uuid()))
            .lock_exclusive()
            .one(tx.on())
            .await
            .map_err(from_db)?;
        let Some(found) = found else { return Ok(Claimed::Gone) };
        let now = tx.now(self.clock()).await?;
        let rows = self.rows(&tx, of).await?;
        let node = self.node();
        let mine = rows.iter().find(|row| row.node_id == node);
        let before = mine.map_or(0, |row| positive(row.sequence));
        if claim.sequence <= before {
            return Ok(Claimed::Stale(before));
        }
        let mut refused = mine.map_or(0, |row| row.refused_at);
        let last = rows.iter().map(|row| row.refused_at).max().unwrap_or(0);
        let scarce = now.since(at(last)) < SCARCE;
        let elsewhere = || rows.iter().filter(|row| row.node_id != node);
        let ceilings: u64 = elsewhere().map(|row| positive(row.ceiling)).sum();
        let spent_elsewhere: u64 = elsewhere().map(|row| positive(row.spent)).sum();
        let limit = positive(found.limit_nano);
        let free = limit.saturating_sub(ceilings.saturating_add(claim.ceiling));
        let more = block(free, claim.need, scarce);
        if more < claim.need {
            refused = now.as_millis();
        }
        let ceiling = claim.ceiling.saturating_add(more);
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let row = table::ActiveModel {
            org_id: Set(of.org.uuid()),
            budget_id: Set(of.budget.uuid()),
            from_at: Set(of.from.as_millis()),
            node_id: Set(node),
            ceiling: Set(signed(ceiling)),
            spent: Set(signed(claim.spent)),
            sequence: Set(signed(claim.sequence)),
            refused_at: Set(refused),
        };
        keep(&tx, of.org, row).await?;
        tx.commit().await?;
        let held_elsewhere = ceilings.saturating_sub(spent_elsewhere);
        // After the limit was lowered, more may be held than there is.
        let over = ceilings.saturating_add(ceiling) > limit;
        let scarce = scarce || over || more < claim.need;
        Ok(Claimed::Share(Share { ceiling, spent_elsewhere, held_elsewhere, scarce, at: now }))
    }

    /// What everybody said of the budget; when nobody did yet, what everybody has spent by the records.
    async fn rows(&self, tx: &Tx, of: &CounterOf) -> Result<Vec<table::Model>> {
        let of_budget = || {
            tenant::select::<table::Entity>(of.org)
                .filter(table::Column::BudgetId.eq(of.budget.uuid()))
        };
        let from = of.from.as_millis();
        let rows = of_budget()
            .filter(table::Column::FromAt.eq(from))
            .all(tx.on())
            .await
            .map_err(from_db)?;
        if !rows.is_empty() {
            return Ok(rows);
        }
        let row = |(node, spent): (Uuid, u64)| table::Model {
            org_id: of.org.uuid(),
            budget_id: of.budget.uuid(),
            from_at: from,
            node_id: node,
            ceiling: i64::try_from(spent).unwrap_or(i64::MAX),
            spent: i64::try_from(spent).unwrap_or(i64::MAX),
            sequence: 0,
            refused_at: 0,
        };
        let spent = spending::by_node(tx, of.org, of.of, of.span()).await?;
        let rows: Vec<_> = spent.into_iter().map(row).collect();
        tenant::insert_rows::<table::Entity>(tx, of.org, rows.clone()).await?;
        tenant::delete::<table::Entity>(of.org)
            .filter(table::Column::BudgetId.eq(of.budget.uuid()))
            .filter(table::Column::FromAt.lt(of.from.minus(OLD).as_millis()))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows)
    }

    /// The time where the database counts; this server's own where that is in the same process.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn time(&self) -> Result<Timestamp> {
        self.engine().read(OrgId::DEPLOYMENT).await?.now(self.clock()).await
    }

    /// What each server has spent of a budget by the records. Servers that had no name yet are the nil one.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn spent_by_node(&self, of: &CounterOf) -> Result<Vec<(Uuid, u64)>> {
        let tx = self.engine().read(of.org).await?;
        spending::by_node(&tx, of.org, of.of, of.span()).await
    }

    /// The counters in the database of which a server may spend more than it had spent when it said so last.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn counters_held(&self, node: Uuid) -> Result<Vec<CounterOf>> {
        let tx = self.engine().read(OrgId::DEPLOYMENT).await?;
        let organizations =
            tenant::deployed::<organization::Entity>().all(tx.on()).await.map_err(from_db)?;
        drop(tx);
        let mut all = Vec::new();
        for org in organizations {
            let org = OrgId::from_uuid(org.id);
            let tx = self.engine().read(org).await?;
            let rows = tenant::select::<table::Entity>(org)
                .filter(table::Column::NodeId.eq(node))
                .filter(Expr::col(table::Column::Ceiling).gt(Expr::col(table::Column::Spent)))
                .all(tx.on())
                .await
                .map_err(from_db)?;
            for row in rows {
                let budget = tenant::select::<budget::Entity>(org)
                    .filter(budget::Column::Id.eq(row.budget_id))
                    .one(tx.on())
                    .await
                    .map_err(from_db)?;
                let Some(budget) = budget else { continue };
                let budget = crate::Budget::try_from(budget)?;
                let (of, period, from) = (budget.of, budget.period, at(row.from_at));
                all.push(CounterOf { org, budget: budget.id, of, period, from });
            }
        }
        Ok(all)
    }
}

impl Store {
    /// Gives back what a server could have spent and did not, by the records. For one that runs no more: what it did
    /// not record before it ended, it takes back when it is started again.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn counters_free(&self, node: Uuid) -> Result<usize> {
        let held = self.counters_held(node).await?;
        for of in &held {
            let tx = self.engine().write(of.org).await?;
            let spent = spending::by_node(&tx, of.org, of.of, of.span()).await?;
            let spent = spent.into_iter().find(|(one, _)| *one == node).map_or(0, |(_, nano)| nano);
            let spent = i64::try_from(spent).unwrap_or(i64::MAX);
            tenant::update::<table::Entity>(of.org)
                .filter(table::Column::BudgetId.eq(of.budget.uuid()))
                .filter(table::Column::FromAt.eq(of.from.as_millis()))
                .filter(table::Column::NodeId.eq(node))
                .col_expr(table::Column::Ceiling, Expr::value(spent))
                .col_expr(table::Column::Spent, Expr::value(spent))
                .exec(tx.on())
                .await
                .map_err(from_db)?;
            tx.commit().await?;
        }
        Ok(held.len())
    }
}

/// How much more a server gets of what is free.
#[must_use]
pub fn block(free: u64, need: u64, scarce: bool) -> u64 {
    let ahead = if scarce || need == 0 { 0 } else { free / PART };
    std::cmp::min(free, std::cmp::max(need, ahead))
}

async fn keep(tx: &Tx, org: OrgId, row: table::ActiveModel) -> Result<()> {
    use table::Column::{
        BudgetId, Ceiling, FromAt, NodeId, OrgId as Org, RefusedAt, Sequence, Spent,
    };
    let (key, changed) = ([Org, BudgetId, FromAt, NodeId], [Ceiling, Spent, Sequence, RefusedAt]);
    tenant::upsert::<table::Entity>(tx, org, row, &key, &changed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_large_far_from_the_limit_and_small_near_it() {
        assert_eq!(block(1_600, 10, false), 100);
        assert_eq!(block(1_600, 500, false), 500, "what is needed");
        assert_eq!(block(160, 10, false), 10);
        assert_eq!(block(1_600, 10, true), 10, "no more while it is scarce");
        assert_eq!(block(7, 10, false), 7, "what is there");
        assert_eq!(block(1_600, 0, false), 0, "nothing unasked");
    }
}
