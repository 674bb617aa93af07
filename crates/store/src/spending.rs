//! What was spent so far: the sums that budgets begin to count from, after a start or when one is set.
//!
//! A request is in the database or waits in the journal for it, never in both while nothing is settled into the
//! database: so a look at both counts each request once.

use std::{collections::HashMap, sync::Arc};

use domain::{BudgetOf, KeyId, OrgId, Payer, ProjectId, Result, Span, Timestamp, UserId};
use sea_orm::{
    ColumnTrait, QueryFilter, QuerySelect, QueryTrait as _, Select, sea_query::ExprTrait as _,
};
use tokio::sync::MutexGuard;
use uuid::Uuid;

use crate::{
    Scope, Store,
    engine::Tx,
    entity::{api_key, usage},
    error::from_db,
    journal::{Settled, reserved_by},
    repository::usage::{positive, total},
    settle::{self, Pace},
    tenant,
};

/// Something that was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub payer: Payer,
    /// Nano-units.
    pub nano: u64,
}

impl Spent {
    /// Whether it counts against a budget of `of`.
    #[must_use]
    pub fn counts(&self, of: BudgetOf) -> bool {
        match of {
            BudgetOf::Organization => true,
            BudgetOf::Project(project) => self.payer.project == project,
            BudgetOf::User(user) => self.payer.user == Some(user),
            BudgetOf::Key(key) => self.payer.key == key,
        }
    }
}

/// A look at what one organization has spent. While it lives, nothing moves from the journal into the database.
pub struct Spending<'a> {
    store: &'a Store,
    scope: &'a Scope,
    _still: MutexGuard<'a, Pace>,
}

impl Store {
    /// Settles what waits, so that nothing which the journal read again after a crash is counted twice, and holds off
    /// the next settlement.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn spending<'a>(&'a self, scope: &'a Scope) -> Result<Spending<'a>> {
        let still = self.journal().sweeping.lock().await;
        settle::organization(self, scope.org()).await?;
        Ok(Spending { store: self, scope, _still: still })
    }
}

impl Spending<'_> {
    /// What settled requests cost that are not in the database yet, with when each was started. Takes no time.
    #[must_use]
    pub fn waiting(&self) -> Vec<(Timestamp, Spent)> {
        let all = self.store.journal().oldest(self.scope.org(), usize::MAX);
        if all.is_empty() {
            return Vec::new();
        }
        let makers = self.store.key_makers(self.scope.org());
        all.iter().map(|settled| waiting(settled, &makers)).collect()
    }

    /// What the requests cost that were started in `span` and are in the database, by project and key.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn recorded(&self, span: Span) -> Result<Vec<Spent>> {
        let tx = self.store.engine().read(self.scope.org()).await?;
        let within = || within(self.scope.org(), span);
        let sums: Vec<(Uuid, Uuid, i64)> = within()
            .select_only()
            .column(usage::Column::ProjectId)
            .column(usage::Column::KeyId)
            .column_as(total(usage::Column::CostNano), "cost_nano")
            .group_by(usage::Column::ProjectId)
            .group_by(usage::Column::KeyId)
            .into_tuple()
            .all(tx.on())
            .await
            .map_err(from_db)?;
        // Few: a request that nobody saw the end of, because the server stopped in the middle of it.
        let interrupted: Vec<(Uuid, Uuid, String)> = within()
            .select_only()
            .column(usage::Column::ProjectId)
            .column(usage::Column::KeyId)
            .column(usage::Column::Receipt)
            .filter(usage::Column::Status.eq(0).and(usage::Column::CostNano.is_null()))
            .into_tuple()
            .all(tx.on())
            .await
            .map_err(from_db)?;
        let makers = makers(&tx, self.scope.org()).await?;
        let spent = |project, key, nano| {
            let (project, key) = (ProjectId::from_uuid(project), KeyId::from_uuid(key));
            Spent { payer: Payer { project, user: makers.get(&key).copied(), key }, nano }
        };
        let sums = sums.into_iter().map(|(project, key, nano)| spent(project, key, positive(nano)));
        let interrupted = interrupted
            .into_iter()
            .map(|(project, key, receipt)| spent(project, key, reserved_by(&receipt)));
        Ok(sums.chain(interrupted).collect())
    }
}

impl Spending<'_> {
    /// What this server has spent of a budget of `of` by the records, in nano-units.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn recorded_here(&self, of: BudgetOf, span: Span) -> Result<u64> {
        let tx = self.store.engine().read(self.scope.org()).await?;
        let all = by_node(&tx, self.scope.org(), of, span).await?;
        let here = all.into_iter().find(|(node, _)| *node == self.store.node());
        Ok(here.map_or(0, |(_, nano)| nano))
    }
}

fn within(org: OrgId, span: Span) -> Select<usage::Entity> {
    let all = tenant::select::<usage::Entity>(org)
        .filter(usage::Column::StartedAt.gte(span.from.as_millis()));
    match span.until {
        Some(until) => all.filter(usage::Column::StartedAt.lt(until.as_millis())),
        None => all,
    }
}

/// Who made the keys of an organization, as far as a person did. Keys are never deleted, and who made one never changes.
async fn makers(tx: &Tx, org: OrgId) -> Result<HashMap<KeyId, UserId>> {
    let all: Vec<(Uuid, Uuid)> = tenant::select::<api_key::Entity>(org)
        .select_only()
        .column(api_key::Column::Id)
        .column(api_key::Column::CreatedBy)
        .filter(api_key::Column::CreatedBy.is_not_null())
        .into_tuple()
        .all(tx.on())
        .await
        .map_err(from_db)?;
    let pair = |(key, user)| (KeyId::from_uuid(key), UserId::from_uuid(user));
    Ok(all.into_iter().map(pair).collect())
}

/// The requests of `span` that a budget of `of` counts.
fn counted(org: OrgId, of: BudgetOf, span: Span) -> Select<usage::Entity> {
    let all = within(org, span);
    match of {
        BudgetOf::Organization => all,
        BudgetOf::Project(id) => all.filter(usage::Column::ProjectId.eq(id.uuid())),
        BudgetOf::User(id) => {
            let made = tenant::select::<api_key::Entity>(org)
                .select_only()
                .column(api_key::Column::Id)
                .filter(api_key::Column::CreatedBy.eq(id.uuid()));
            all.filter(usage::Column::KeyId.in_subquery(made.into_query()))
        }
        BudgetOf::Key(id) => all.filter(usage::Column::KeyId.eq(id.uuid())),
    }
}

/// What each server has spent of a budget of `of` by the records; the nil one stands for those without a name.
pub(crate) async fn by_node(
    tx: &Tx,
    org: OrgId,
    of: BudgetOf,
    span: Span,
) -> Result<Vec<(Uuid, u64)>> {
    let counted = || counted(org, of, span);
    let sums: Vec<(Option<Uuid>, i64)> = counted()
        .select_only()
        .column(usage::Column::NodeId)
        .column_as(total(usage::Column::CostNano), "cost_nano")
        .group_by(usage::Column::NodeId)
        .into_tuple()
        .all(tx.on())
        .await
        .map_err(from_db)?;
    let interrupted: Vec<(Option<Uuid>, String)> = counted()
        .select_only()
        .column(usage::Column::NodeId)
        .column(usage::Column::Receipt)
        .filter(usage::Column::Status.eq(0).and(usage::Column::CostNano.is_null()))
        .into_tuple()
        .all(tx.on())
        .await
        .map_err(from_db)?;
    let mut all: HashMap<Uuid, u64> = HashMap::new();
    let sums = sums.into_iter().map(|(node, nano)| (node, positive(nano)));
    let interrupted = interrupted.into_iter().map(|(node, receipt)| (node, reserved_by(&receipt)));
    for (node, nano) in sums.chain(interrupted) {
        let sum = all.entry(node.unwrap_or_default()).or_default();
        *sum = sum.saturating_add(nano);
    }
    Ok(all.into_iter().collect())
}

fn waiting(settled: &Arc<Settled>, makers: &HashMap<KeyId, UserId>) -> (Timestamp, Spent) {
    let Settled { intent, settlement } = settled.as_ref();
    // Without a cost, it is what was set aside if nobody saw the end, and nothing else.
    let interrupted = settlement.status == 0;
    let nano = match settlement.cost_nano {
        Some(cost) => cost,
        None if interrupted => reserved_by(&settlement.receipt_json),
        None => 0,
    };
    let (project, key) = (intent.project, intent.key);
    let payer = Payer { project, user: makers.get(&key).copied(), key };
    (intent.started, Spent { payer, nano })
}
