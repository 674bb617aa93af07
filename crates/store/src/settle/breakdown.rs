//! Where usage goes: sums per model, provider, key or project.

use domain::{KeyId, ProjectId, ProviderId, Result, Timestamp};
use sea_orm::{
    QueryOrder, QuerySelect, TryGetable,
    sea_query::{Expr, ExprTrait as _, Order},
};
use uuid::Uuid;

use crate::{
    Read, UsageFilter,
    entity::usage,
    error::from_db,
    repository::usage::{count_if, failed, positive, total},
};

/// Groups of one breakdown at most.
const MOST: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// The model that answered.
    Model,
    Provider,
    Key,
    Project,
}

/// Sums over the requests of one model, provider, key or project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageGroup {
    /// The name of a model, or an id.
    pub of: String,
    pub requests: u64,
    pub errors: u64,
    /// Requests whose counts nobody knows; they are in none of the sums.
    pub absent: u64,
    /// All input tokens, cached or not.
    pub input: u64,
    pub output: u64,
    /// Nano-units of any currency.
    pub cost_nano: u64,
}

/// Sums over the requests of one group that started in one step of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageStep {
    pub at: Timestamp,
    /// The name of a model, or an id.
    pub of: String,
    pub requests: u64,
    /// All input tokens, cached or not.
    pub input: u64,
    pub output: u64,
    /// Nano-units of any currency.
    pub cost_nano: u64,
}

/// Steps times groups of one series at most.
const STEPS: u64 = 50_000;

/// What a group is of, and its sums in the order they are selected.
type Row<T> = (T, i64, i64, i64, i64, i64, i64, i64, i64);

/// Step, part, requests, four counts of tokens, cost.
type Sums<T> = (i64, T, i64, i64, i64, i64, i64, i64);

impl Read {
    /// Sums per group, those with the most requests first; at most a hundred groups.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn usage_by(&mut self, filter: &UsageFilter, by: UsageBy) -> Result<Vec<UsageGroup>> {
        let text = |id: Option<Uuid>, name: fn(Uuid) -> String| id.map(name).unwrap_or_default();
        match by {
            UsageBy::Model => {
                self.groups(filter, usage::Column::Model, |model: String| model).await
            }
            UsageBy::Provider => {
                let name = |id| text(id, |id| ProviderId::from_uuid(id).to_string());
                self.groups(filter, usage::Column::ProviderId, name).await
            }
            UsageBy::Key => {
                let name = |id| text(id, |id| KeyId::from_uuid(id).to_string());
                self.groups(filter, usage::Column::KeyId, name).await
            }
            UsageBy::Project => {
                let name = |id| text(id, |id| ProjectId::from_uuid(id).to_string());
                self.groups(filter, usage::Column::ProjectId, name).await
            }
        }
    }

    /// The same per step of `step` from the epoch on, oldest first; steps without requests are left out, and what is
    /// beyond fifty thousand.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn usage_series_by(
        &mut self,
        filter: &UsageFilter,
        step: std::time::Duration,
        by: UsageBy,
    ) -> Result<Vec<UsageStep>> {
        let text = |id: Option<Uuid>, name: fn(Uuid) -> String| id.map(name).unwrap_or_default();
        match by {
            UsageBy::Model => {
                self.steps(filter, step, usage::Column::Model, |model: String| model).await
            }
            UsageBy::Provider => {
                let name = |id| text(id, |id| ProviderId::from_uuid(id).to_string());
                self.steps(filter, step, usage::Column::ProviderId, name).await
            }
            UsageBy::Key => {
                let name = |id| text(id, |id| KeyId::from_uuid(id).to_string());
                self.steps(filter, step, usage::Column::KeyId, name).await
            }
            UsageBy::Project => {
                let name = |id| text(id, |id| ProjectId::from_uuid(id).to_string());
                self.steps(filter, step, usage::Column::ProjectId, name).await
            }
        }
    }

    async fn steps<T: TryGetable>(
        &mut self,
        filter: &UsageFilter,
        step: std::time::Duration,
        column: usage::Column,
        name: impl Fn(T) -> String,
    ) -> Result<Vec<UsageStep>> {
        let millis = Ord::max(i64::try_from(step.as_millis()).unwrap_or(i64::MAX), 1);
        // The number is our own; as text it is part of the expression that is selected and grouped by.
        let bucket = Expr::cust(format!("\"usage\".\"started_at\" / {millis}"));
        let rows: Vec<Sums<T>> = self
            .usage_where(filter)
            .select_only()
            .column_as(bucket.clone(), "step")
            .column(column)
            .column_as(Expr::col(usage::Column::RequestId).count(), "requests")
            .column_as(total(usage::Column::Input), "input")
            .column_as(total(usage::Column::CacheRead), "cache_read")
            .column_as(total(usage::Column::CacheWrite), "cache_write")
            .column_as(total(usage::Column::Output), "output")
            .column_as(total(usage::Column::CostNano), "cost_nano")
            .group_by(bucket.clone())
            .group_by(column)
            .order_by_asc(bucket)
            .limit(STEPS)
            .into_tuple()
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let step = |row: (i64, T, i64, i64, i64, i64, i64, i64)| {
            let (at, of, requests, input, cache_read, cache_write, output, cost_nano) = row;
            UsageStep {
                at: Timestamp::from_millis(at.saturating_mul(millis)),
                of: name(of),
                requests: positive(requests),
                input: positive(input.saturating_add(cache_read).saturating_add(cache_write)),
                output: positive(output),
                cost_nano: positive(cost_nano),
            }
        };
        Ok(rows.into_iter().map(step).collect())
    }

    async fn groups<T: TryGetable>(
        &mut self,
        filter: &UsageFilter,
        column: usage::Column,
        name: impl Fn(T) -> String,
    ) -> Result<Vec<UsageGroup>> {
        let requests = || Expr::col(usage::Column::RequestId).count();
        let rows: Vec<Row<T>> = self
            .usage_where(filter)
            .select_only()
            .column(column)
            .column_as(requests(), "requests")
            .column_as(count_if(failed()), "errors")
            .column_as(count_if(Expr::col(usage::Column::Provenance).eq("absent")), "absent")
            .column_as(total(usage::Column::Input), "input")
            .column_as(total(usage::Column::CacheRead), "cache_read")
            .column_as(total(usage::Column::CacheWrite), "cache_write")
            .column_as(total(usage::Column::Output), "output")
            .column_as(total(usage::Column::CostNano), "cost_nano")
            .group_by(column)
            .order_by(requests(), Order::Desc)
            .order_by_asc(column)
            .limit(MOST)
            .into_tuple()
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows.into_iter().map(|row| group(row, &name)).collect())
    }
}

fn group<T>(row: Row<T>, name: impl Fn(T) -> String) -> UsageGroup {
    let (of, requests, errors, absent, input, cache_read, cache_write, output, cost_nano) = row;
    UsageGroup {
        of: name(of),
        requests: positive(requests),
        errors: positive(errors),
        absent: positive(absent),
        input: positive(input.saturating_add(cache_read).saturating_add(cache_write)),
        output: positive(output),
        cost_nano: positive(cost_nano),
    }
}
