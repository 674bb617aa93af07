//! Usage by UTC day and model, as it is compared with what a provider says of itself.

use domain::{ProviderId, Result, export::Day, reconcile::Own};
use sea_orm::{
    ColumnTrait, FromQueryResult, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait as _, SimpleExpr},
};

use crate::{
    Read, UsageFilter,
    entity::usage,
    error::from_db,
    repository::usage::{count_if, positive, total},
};

const DAY_MS: i64 = 86_400_000;
/// The status of a request whose client left.
const LEFT: i64 = 499;

#[derive(FromQueryResult)]
struct Row {
    day: i64,
    model: String,
    requests: i64,
    absent: i64,
    unpriced: i64,
    input: i64,
    cache_read: i64,
    cache_write: i64,
    output: i64,
    cost_nano: i64,
}

/// Requests that a provider answered or began to: it counts them too.
fn answered() -> SimpleExpr {
    usage::Column::Status.lt(400).or(usage::Column::Status.eq(LEFT))
}

impl Read {
    /// Sums per UTC day and model over requests to any of `providers`, in no order. Costs of every currency are added.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn usage_daily(
        &mut self,
        filter: &UsageFilter,
        providers: &[ProviderId],
    ) -> Result<Vec<(Day, Own)>> {
        // The number is our own; as text it is part of the expression that is selected and grouped by.
        let day = Expr::cust(format!("\"usage\".\"started_at\" / {DAY_MS}"));
        let ids = providers.iter().map(|provider| provider.uuid());
        let rows: Vec<Row> = self
            .usage_where(filter)
            .filter(usage::Column::ProviderId.is_in(ids))
            .select_only()
            .column_as(day.clone(), "day")
            .column(usage::Column::Model)
            .column_as(count_if(answered()), "requests")
            .column_as(count_if(usage::Column::Provenance.eq("absent").and(answered())), "absent")
            .column_as(count_if(usage::Column::CostNano.is_null().and(answered())), "unpriced")
            .column_as(total(usage::Column::Input), "input")
            .column_as(total(usage::Column::CacheRead), "cache_read")
            .column_as(total(usage::Column::CacheWrite), "cache_write")
            .column_as(total(usage::Column::Output), "output")
            .column_as(total(usage::Column::CostNano), "cost_nano")
            .group_by(day)
            .group_by(usage::Column::Model)
            .into_model()
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows.into_iter().map(|row| (Day::from_number(row.day), own(row))).collect())
    }
}

fn own(row: Row) -> Own {
    Own {
        model: row.model,
        requests: row.requests,
        input: row.input,
        cache_read: row.cache_read,
        cache_write: row.cache_write,
        output: row.output,
        cost_nano: row.cost_nano,
        absent: positive(row.absent),
        unpriced: positive(row.unpriced),
    }
}
