//! Budgets of an organization, its projects, its members and its keys.

use domain::{BudgetId, BudgetOf, Error, KeyId, Period, ProjectId, Result, Timestamp, UserId};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _, Select,
    sea_query::{ExprTrait as _, SimpleExpr},
};

use super::at;
use crate::{
    Read, Write,
    entity::{api_key, budget as table},
    error::from_db,
    tenant,
};

/// How much may be spent, by whom, in which time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub id: BudgetId,
    pub of: BudgetOf,
    pub period: Period,
    /// Nano-units of the deployment's currency.
    pub limit_nano: u64,
    pub changed: Timestamp,
}

impl TryFrom<table::Model> for Budget {
    type Error = Error;
    fn try_from(row: table::Model) -> Result<Self> {
        let of = match (row.project_id, row.user_id, row.key_id) {
            (_, _, Some(key)) => BudgetOf::Key(KeyId::from_uuid(key)),
            (_, Some(user), None) => BudgetOf::User(UserId::from_uuid(user)),
            (Some(project), None, None) => BudgetOf::Project(ProjectId::from_uuid(project)),
            (None, None, None) => BudgetOf::Organization,
        };
        let period = Period::parse(&row.period)
            .ok_or_else(|| Error::internal(format!("unknown period {}", row.period)))?;
        Ok(Self {
            id: BudgetId::from_uuid(row.id),
            of,
            period,
            limit_nano: u64::try_from(row.limit_nano).unwrap_or(0),
            changed: at(row.changed_at),
        })
    }
}

fn whose(of: BudgetOf) -> SimpleExpr {
    let nobody = |column: table::Column| column.is_null();
    match of {
        BudgetOf::Organization => nobody(table::Column::ProjectId)
            .and(nobody(table::Column::UserId))
            .and(nobody(table::Column::KeyId)),
        BudgetOf::Project(project) => table::Column::ProjectId.eq(project.uuid()),
        BudgetOf::User(user) => table::Column::UserId.eq(user.uuid()),
        BudgetOf::Key(key) => table::Column::KeyId.eq(key.uuid()),
    }
}

async fn all(read: &Read, select: Select<table::Entity>) -> Result<Vec<Budget>> {
    let rows = select.order_by_asc(table::Column::Id).all(read.tx.on()).await.map_err(from_db)?;
    rows.into_iter().map(Budget::try_from).collect()
}

impl Read {
    /// Every budget of the organization, its projects, members and keys, the oldest first.
    pub async fn budgets_list(&mut self) -> Result<Vec<Budget>> {
        all(self, tenant::select::<table::Entity>(self.org())).await
    }

    /// The budgets of a project and of its keys, the oldest first.
    pub async fn budgets_of_project(&mut self, project: ProjectId) -> Result<Vec<Budget>> {
        let keys: Vec<uuid::Uuid> = tenant::select::<api_key::Entity>(self.org())
            .select_only()
            .column(api_key::Column::Id)
            .filter(api_key::Column::ProjectId.eq(project.uuid()))
            .into_tuple()
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let theirs =
            table::Column::ProjectId.eq(project.uuid()).or(table::Column::KeyId.is_in(keys));
        all(self, tenant::select::<table::Entity>(self.org()).filter(theirs)).await
    }

    /// The budgets of one member, the oldest first.
    pub async fn budgets_of_member(&mut self, person: UserId) -> Result<Vec<Budget>> {
        let theirs = table::Column::UserId.eq(person.uuid());
        all(self, tenant::select::<table::Entity>(self.org()).filter(theirs)).await
    }

    pub async fn budget_fetch(&mut self, id: BudgetId) -> Result<Budget> {
        tenant::select::<table::Entity>(self.org())
            .filter(table::Column::Id.eq(id.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(|| Error::not_found("budget"))?
            .try_into()
    }
}

impl Write {
    /// Sets the budget of one payer for one period, in place of the one that was.
    ///
    /// # Errors
    /// `NotFound` when the project, the member or the key is not one of this organization.
    pub async fn budget_set(
        &mut self,
        of: BudgetOf,
        period: Period,
        limit_nano: u64,
    ) -> Result<Budget> {
        let (org, now) = (self.org(), self.store.clock().now());
        let limit = i64::try_from(limit_nano).map_err(Error::internal)?;
        self.touched.routing = true;
        let found = tenant::select::<table::Entity>(org)
            .filter(whose(of))
            .filter(table::Column::Period.eq(period.as_str()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        if let Some(mut row) = found {
            let change = table::ActiveModel {
                limit_nano: Set(limit),
                changed_at: Set(now.as_millis()),
                ..Default::default()
            };
            tenant::update::<table::Entity>(org)
                .set(change)
                .filter(table::Column::Id.eq(row.id))
                .exec(self.tx().on())
                .await
                .map_err(from_db)?;
            (row.limit_nano, row.changed_at) = (limit, now.as_millis());
            return row.try_into();
        }
        let mut row = table::Model {
            org_id: org.uuid(),
            id: BudgetId::new(now).uuid(),
            project_id: None,
            user_id: None,
            key_id: None,
            period: period.as_str().to_owned(),
            limit_nano: limit,
            changed_at: now.as_millis(),
            told_from: None,
            told_percent: 0,
        };
        let missing = match of {
            BudgetOf::Organization => "organization",
            BudgetOf::Project(project) => {
                row.project_id = Some(project.uuid());
                "project"
            }
            BudgetOf::User(user) => {
                // The row refers to a person, who may be somebody else's.
                self.member_row(user).await?;
                row.user_id = Some(user.uuid());
                "member"
            }
            BudgetOf::Key(key) => {
                row.key_id = Some(key.uuid());
                "key"
            }
        };
        tenant::insert::<table::Entity>(self.tx(), org, row.clone().into()).await.map_err(
            |error| match error.code() {
                "reference_missing" => Error::not_found(missing),
                _ => error,
            },
        )?;
        row.try_into()
    }

    pub async fn budget_remove(&mut self, id: BudgetId) -> Result<()> {
        let done = tenant::delete::<table::Entity>(self.org())
            .filter(table::Column::Id.eq(id.uuid()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        self.touched.routing = true;
        if done.rows_affected == 0 { Err(Error::not_found("budget")) } else { Ok(()) }
    }
}
