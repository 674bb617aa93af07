//! Rules about where requests may go, of an organization and of its projects.

use std::collections::HashMap;

use domain::{Error, ProjectId, Result, RoutingPolicy};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, sea_query::SimpleExpr};

use crate::{Read, Write, entity::routing_policy as table, error::from_db, tenant};

fn rules(row: &table::Model) -> Result<RoutingPolicy> {
    serde_json::from_str(&row.rules).map_err(Error::internal)
}

/// The row of a project, or of the organization itself.
fn whose(project: Option<ProjectId>) -> SimpleExpr {
    match project {
        Some(project) => table::Column::ProjectId.eq(project.uuid()),
        None => table::Column::ProjectId.is_null(),
    }
}

impl Read {
    /// The rules of a project by itself, or of the organization; none are the ordinary ones.
    pub async fn routing_policy(
        &mut self,
        project: Option<ProjectId>,
    ) -> Result<Option<RoutingPolicy>> {
        let row = tenant::select::<table::Entity>(self.org())
            .filter(whose(project))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        row.as_ref().map(rules).transpose()
    }

    /// The organization's rules, and those of each project that has its own.
    pub(crate) async fn routing_rules(
        &mut self,
    ) -> Result<(RoutingPolicy, HashMap<ProjectId, RoutingPolicy>)> {
        let rows =
            tenant::select::<table::Entity>(self.org()).all(self.tx.on()).await.map_err(from_db)?;
        let (mut whole, mut projects) = (RoutingPolicy::default(), HashMap::new());
        for row in rows {
            match row.project_id {
                None => whole = rules(&row)?,
                Some(project) => {
                    projects.insert(ProjectId::from_uuid(project), rules(&row)?);
                }
            }
        }
        Ok((whole, projects))
    }
}

impl Write {
    /// Puts rules in place of those that were; `None` for none.
    pub async fn routing_policy_set(
        &mut self,
        project: Option<ProjectId>,
        rules: Option<&RoutingPolicy>,
    ) -> Result<()> {
        let org = self.org();
        self.touched.routing = true;
        let Some(rules) = rules else {
            return tenant::delete::<table::Entity>(org)
                .filter(whose(project))
                .exec(self.tx().on())
                .await
                .map_err(from_db)
                .map(drop);
        };
        let rules = serde_json::to_string(rules).map_err(Error::internal)?;
        let now = self.store.clock().now();
        let change = table::ActiveModel {
            rules: Set(rules.clone()),
            changed_at: Set(now.as_millis()),
            ..Default::default()
        };
        let done = tenant::update::<table::Entity>(org)
            .set(change)
            .filter(whose(project))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if done.rows_affected > 0 {
            return Ok(());
        }
        let row = table::Model {
            org_id: org.uuid(),
            // A project has one row, and so has the organization.
            id: project.map_or(org.uuid(), |project| project.uuid()),
            project_id: project.map(ProjectId::uuid),
            rules,
            changed_at: now.as_millis(),
        };
        tenant::insert::<table::Entity>(self.tx(), org, row.into()).await
    }
}
