//! Usage of requests: rows, sums and time series. Absent counts are absent, never zero.

use domain::{
    Error, KeyId, ProjectId, Provenance, ProviderId, RequestId, Result, Timestamp, Usage,
};
use sea_orm::{
    ColumnTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait as _, Func, SimpleExpr},
};

use super::at;
use crate::{Listed, Page, Read, entity::usage, error::from_db, tenant};

/// One settled request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    pub request: RequestId,
    pub project: ProjectId,
    pub key: KeyId,
    pub provider: Option<ProviderId>,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// The model that was asked for.
    pub requested_model: String,
    /// The wire format of the client.
    pub protocol: String,
    pub streaming: bool,
    pub started: Timestamp,
    pub ended: Timestamp,
    pub first_token_ms: Option<u64>,
    /// HTTP status; 0 when the server stopped in the middle.
    pub status: u16,
    pub error_code: Option<String>,
    pub attempts: u32,
    /// `None` when nobody reported or estimated any.
    pub usage: Option<Usage>,
    /// Nano-units of `currency`; `None` when no price is known.
    pub cost_nano: Option<u64>,
    pub currency: Option<String>,
}

/// Which requests are wanted. What is `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct UsageFilter {
    pub project: Option<ProjectId>,
    pub key: Option<KeyId>,
    pub provider: Option<ProviderId>,
    pub model: Option<String>,
    /// To any of these, such as all of a region.
    pub among: Option<Vec<ProviderId>>,
    /// Started at or after.
    pub from: Option<Timestamp>,
    /// Started before.
    pub until: Option<Timestamp>,
}

/// Sums over requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageSummary {
    pub requests: u64,
    /// Requests with a status of 400 and more, or interrupted.
    pub errors: u64,
    /// Requests whose counts nobody knows; they are in none of the sums.
    pub absent: u64,
    pub input: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub output: u64,
    pub reasoning: u64,
    /// Nano-units per currency.
    pub cost_nano: Vec<(String, u64)>,
    /// Requests without a price; they are in no cost.
    pub unpriced: u64,
}

/// Sums over the requests that started in one step of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsagePoint {
    pub at: Timestamp,
    pub requests: u64,
    pub errors: u64,
    pub input: u64,
    pub output: u64,
    /// Nano-units of any currency.
    pub cost_nano: u64,
}

/// A routing receipt.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub request: RequestId,
    pub project: ProjectId,
    pub started: Timestamp,
    /// JSON, as it was signed.
    pub body: String,
}

#[derive(FromQueryResult)]
struct Sums {
    currency: Option<String>,
    requests: i64,
    errors: i64,
    absent: i64,
    unpriced: i64,
    input: i64,
    cache_read: i64,
    cache_write: i64,
    output: i64,
    reasoning: i64,
    cost_nano: i64,
}

#[derive(FromQueryResult)]
struct Step {
    step: i64,
    requests: i64,
    errors: i64,
    input: i64,
    output: i64,
    cost_nano: i64,
}

pub(crate) fn positive(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// The sum of a column that may be NULL, as a 64-bit integer on both engines.
pub(crate) fn total(column: usage::Column) -> SimpleExpr {
    Func::coalesce([Expr::col(column).sum(), Expr::value(0i64)]).cast_as("bigint")
}

/// How many rows fulfil `is`.
pub(crate) fn count_if(is: SimpleExpr) -> SimpleExpr {
    let one = Expr::case(is, Expr::value(1i64)).finally(Expr::value(0i64));
    let sum = SimpleExpr::from(Func::sum(one));
    SimpleExpr::from(Func::coalesce([sum, Expr::value(0i64)])).cast_as("bigint")
}

pub(crate) fn failed() -> SimpleExpr {
    usage::Column::Status.gte(400).or(usage::Column::Status.eq(0))
}

fn provenance(text: &str) -> Result<Provenance> {
    [Provenance::Reported, Provenance::Estimated, Provenance::Absent]
        .into_iter()
        .find(|known| known.as_str() == text)
        .ok_or_else(|| Error::internal(format!("unknown provenance {text}")))
}

impl TryFrom<usage::Model> for UsageRow {
    type Error = Error;
    fn try_from(row: usage::Model) -> Result<Self> {
        let provenance = provenance(&row.provenance)?;
        let count = |value: Option<i64>| positive(value.unwrap_or(0));
        let usage = (provenance != Provenance::Absent).then(|| Usage {
            input: count(row.input),
            cache_read: count(row.cache_read),
            cache_write: count(row.cache_write),
            output: count(row.output),
            reasoning: count(row.reasoning),
            provenance,
        });
        Ok(Self {
            request: RequestId::from_uuid(row.request_id),
            project: ProjectId::from_uuid(row.project_id),
            key: KeyId::from_uuid(row.key_id),
            provider: row.provider_id.map(ProviderId::from_uuid),
            model: row.model,
            requested_model: row.requested_model,
            protocol: row.protocol,
            streaming: row.streaming,
            started: at(row.started_at),
            ended: at(row.ended_at),
            first_token_ms: row.first_token_ms.map(positive),
            status: u16::try_from(row.status).unwrap_or(0),
            error_code: row.error_code,
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            usage,
            cost_nano: row.cost_nano.map(positive),
            currency: row.currency,
        })
    }
}

impl Read {
    pub(crate) fn usage_where(&self, filter: &UsageFilter) -> Select<usage::Entity> {
        let mut select = tenant::select::<usage::Entity>(self.org());
        if let Some(project) = filter.project {
            select = select.filter(usage::Column::ProjectId.eq(project.uuid()));
        }
        if let Some(key) = filter.key {
            select = select.filter(usage::Column::KeyId.eq(key.uuid()));
        }
        if let Some(provider) = filter.provider {
            select = select.filter(usage::Column::ProviderId.eq(provider.uuid()));
        }
        if let Some(model) = &filter.model {
            select = select.filter(usage::Column::Model.eq(model.as_str()));
        }
        if let Some(among) = &filter.among {
            let ids = among.iter().map(|provider| provider.uuid());
            select = select.filter(usage::Column::ProviderId.is_in(ids));
        }
        if let Some(from) = filter.from {
            select = select.filter(usage::Column::StartedAt.gte(from.as_millis()));
        }
        if let Some(until) = filter.until {
            select = select.filter(usage::Column::StartedAt.lt(until.as_millis()));
        }
        select
    }

    /// Newest first.
    pub async fn usage_list(
        &mut self,
        filter: &UsageFilter,
        page: &Page,
    ) -> Result<Listed<UsageRow>> {
        let mut select = self.usage_where(filter).order_by_desc(usage::Column::RequestId);
        if let Some(after) = page.cursor::<RequestId>()? {
            select = select.filter(usage::Column::RequestId.lt(after.uuid()));
        }
        let rows = select
            .limit(page.rows() + 1)
            .all(self.tx.on())
            .await
            .map_err(from_db)?
            .into_iter()
            .map(UsageRow::try_from)
            .collect::<Result<Vec<_>>>()?;
        Ok(Listed::cut(rows, page, |row| row.request.to_string()))
    }

    pub async fn usage_summary(&mut self, filter: &UsageFilter) -> Result<UsageSummary> {
        let rows: Vec<Sums> = self
            .usage_where(filter)
            .select_only()
            .column(usage::Column::Currency)
            .column_as(Expr::col(usage::Column::RequestId).count(), "requests")
            .column_as(count_if(failed()), "errors")
            .column_as(count_if(usage::Column::Provenance.eq("absent")), "absent")
            .column_as(count_if(usage::Column::CostNano.is_null()), "unpriced")
            .column_as(total(usage::Column::Input), "input")
            .column_as(total(usage::Column::CacheRead), "cache_read")
            .column_as(total(usage::Column::CacheWrite), "cache_write")
            .column_as(total(usage::Column::Output), "output")
            .column_as(total(usage::Column::Reasoning), "reasoning")
            .column_as(total(usage::Column::CostNano), "cost_nano")
            .group_by(usage::Column::Currency)
            .order_by_asc(usage::Column::Currency)
            .into_model()
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let mut sum = UsageSummary::default();
        for row in rows {
            sum.requests += positive(row.requests);
            sum.errors += positive(row.errors);
            sum.absent += positive(row.absent);
            sum.unpriced += positive(row.unpriced);
            sum.input += positive(row.input);
            sum.cache_read += positive(row.cache_read);
            sum.cache_write += positive(row.cache_write);
            sum.output += positive(row.output);
            sum.reasoning += positive(row.reasoning);
            if let Some(currency) = row.currency {
                sum.cost_nano.push((currency, positive(row.cost_nano)));
            }
        }
        Ok(sum)
    }

    /// Sums per step of `step` from the epoch on, oldest first; steps without requests are left out.
    pub async fn usage_series(
        &mut self,
        filter: &UsageFilter,
        step: std::time::Duration,
    ) -> Result<Vec<UsagePoint>> {
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let millis = Ord::max(millis, 1);
        // The number is our own; as text it is part of the expression that is selected and grouped by.
        let bucket = Expr::cust(format!("\"usage\".\"started_at\" / {millis}"));
        let rows: Vec<Step> = self
            .usage_where(filter)
            .select_only()
            .column_as(bucket.clone(), "step")
            .column_as(Expr::col(usage::Column::RequestId).count(), "requests")
            .column_as(count_if(failed()), "errors")
            .column_as(total(usage::Column::Input), "input")
            .column_as(total(usage::Column::Output), "output")
            .column_as(total(usage::Column::CostNano), "cost_nano")
            .group_by(bucket.clone())
            .order_by_asc(bucket)
            .into_model()
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows
            .into_iter()
            .map(|row| UsagePoint {
                at: at(row.step.saturating_mul(millis)),
                requests: positive(row.requests),
                errors: positive(row.errors),
                input: positive(row.input),
                output: positive(row.output),
                cost_nano: positive(row.cost_nano),
            })
            .collect())
    }

    /// The receipt of one request.
    ///
    /// # Errors
    /// `NotFound` when there is no such request; `Conflict` with code `receipt_pending` while it is not recorded yet.
    pub async fn receipt_fetch(&mut self, request: RequestId) -> Result<Receipt> {
        tenant::select::<usage::Entity>(self.org())
            .filter(usage::Column::RequestId.eq(request.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .map(|row| Receipt {
                request,
                project: ProjectId::from_uuid(row.project_id),
                started: at(row.started_at),
                body: row.receipt,
            })
            .ok_or_else(|| self.absent(request))
    }
}
