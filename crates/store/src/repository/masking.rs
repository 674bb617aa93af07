//! What becomes of personal data in requests: settings of an organization and of its projects.

use std::collections::HashMap;

use domain::{Error, Masking, ProjectId, Result};
use sea_orm::{ColumnTrait, QueryFilter, sea_query::SimpleExpr};

use crate::{Read, Write, entity::masking as table, error::from_db, tenant};

fn setting(row: &table::Model) -> Result<Masking> {
    serde_json::from_str(&row.setting).map_err(Error::internal)
}

/// The row of a project, or of the organization itself.
fn whose(project: Option<ProjectId>) -> SimpleExpr {
    match project {
        Some(project) => table::Column::ProjectId.eq(project.uuid()),
        None => table::Column::ProjectId.is_null(),
    }
}

impl Read {
    /// The setting of a project by itself, or of the organization; none when nobody set any.
    pub async fn masking(&mut self, project: Option<ProjectId>) -> Result<Option<Masking>> {
        let row = tenant::select::<table::Entity>(self.org())
            .filter(whose(project))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        row.as_ref().map(setting).transpose()
    }

    /// The organization's setting, and that of each project that has its own.
    pub(crate) async fn masking_settings(
        &mut self,
    ) -> Result<(Masking, HashMap<ProjectId, Masking>)> {
        let rows =
            tenant::select::<table::Entity>(self.org()).all(self.tx.on()).await.map_err(from_db)?;
        let (mut whole, mut projects) = (Masking::default(), HashMap::new());
        for row in rows {
            match row.project_id {
                None => whole = setting(&row)?,
                Some(project) => {
                    projects.insert(ProjectId::from_uuid(project), setting(&row)?);
                }
            }
        }
        Ok((whole, projects))
    }
}

impl Write {
    /// Puts a setting in place of the one that was; `None` for none.
    pub async fn masking_set(
        &mut self,
        project: Option<ProjectId>,
        setting: Option<&Masking>,
    ) -> Result<()> {
        let org = self.org();
        // The gateway reads it with the routing.
        self.touched.routing = true;
        tenant::delete::<table::Entity>(org)
            .filter(whose(project))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        let Some(setting) = setting else { return Ok(()) };
        let row = table::Model {
            org_id: org.uuid(),
            // A project has one row, and so has the organization.
            id: project.map_or(org.uuid(), |project| project.uuid()),
            project_id: project.map(ProjectId::uuid),
            setting: serde_json::to_string(setting).map_err(Error::internal)?,
            changed_at: self.store.clock().now().as_millis(),
        };
        tenant::insert::<table::Entity>(self.tx(), org, row.into()).await
    }
}
