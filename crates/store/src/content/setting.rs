//! Which projects may store content. Off unless somebody switches it on.

use std::collections::HashSet;

use domain::{ContentEnd, Error, ProjectId, Result};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use crate::{Read, Write, entity::content_storage as table, error::from_db, tenant};

impl Read {
    /// Whether a project may store content.
    pub async fn content_storage(&mut self, project: ProjectId) -> Result<bool> {
        let row = tenant::select::<table::Entity>(self.org())
            .filter(table::Column::Id.eq(project.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(row.is_some())
    }

    /// The projects that may.
    pub async fn content_storage_projects(&mut self) -> Result<HashSet<ProjectId>> {
        let rows =
            tenant::select::<table::Entity>(self.org()).all(self.tx.on()).await.map_err(from_db)?;
        Ok(rows.into_iter().map(|row| ProjectId::from_uuid(row.id)).collect())
    }
}

impl Write {
    /// Lets a project store content, or forbids it: then everything it stored loses its key. Says how many keys those
    /// were.
    ///
    /// # Errors
    /// `NotFound` when the project is not one of this organization.
    pub async fn content_storage_set(
        &mut self,
        project: ProjectId,
        allowed: bool,
    ) -> Result<usize> {
        let org = self.org();
        // The gateway reads it with the routing.
        self.touched.routing = true;
        tenant::delete::<table::Entity>(org)
            .filter(table::Column::Id.eq(project.uuid()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if !allowed {
            return self.content_end(project, ContentEnd::SwitchedOff).await;
        }
        let row = table::ActiveModel {
            id: Set(project.uuid()),
            changed_at: Set(self.store.clock().now().as_millis()),
            ..Default::default()
        };
        tenant::insert::<table::Entity>(self.tx(), org, row).await.map_err(|error| match error
            .code()
        {
            "reference_missing" => Error::not_found("project"),
            _ => error,
        })?;
        Ok(0)
    }
}
