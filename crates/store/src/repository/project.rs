//! Projects of an organization.

use domain::{ContentEnd, Error, KeyId, ProjectId, Result, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _, sea_query::Expr,
};

use super::{at, maybe_at};
use crate::{
    Listed, Page, Read, Write,
    entity::{api_key, project},
    error::from_db,
    key_index, tenant,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub id: ProjectId,
    pub slug: String,
    pub name: String,
    pub created: Timestamp,
    pub archived: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct NewProject {
    pub name: String,
    /// Part of addresses; unique in the organization, never changed.
    pub slug: String,
}

impl From<project::Model> for Project {
    fn from(row: project::Model) -> Self {
        Self {
            id: ProjectId::from_uuid(row.id),
            slug: row.slug,
            name: row.name,
            created: at(row.created_at),
            archived: maybe_at(row.archived_at),
        }
    }
}

fn none() -> Error {
    Error::not_found("project")
}

impl Read {
    /// Projects in order of creation, archived ones included.
    pub async fn projects_list(&mut self, page: &Page) -> Result<Listed<Project>> {
        let mut select =
            tenant::select::<project::Entity>(self.org()).order_by_asc(project::Column::Id);
        if let Some(after) = page.cursor::<ProjectId>()? {
            select = select.filter(project::Column::Id.gt(after.uuid()));
        }
        let rows = select.limit(page.rows() + 1).all(self.tx.on()).await.map_err(from_db)?;
        let rows = rows.into_iter().map(Project::from).collect();
        Ok(Listed::cut(rows, page, |row: &Project| row.id.to_string()))
    }

    pub async fn project_fetch(&mut self, id: ProjectId) -> Result<Project> {
        self.project_where(project::Column::Id.eq(id.uuid())).await
    }

    pub async fn project_by_slug(&mut self, slug: &str) -> Result<Project> {
        self.project_where(project::Column::Slug.eq(slug)).await
    }

    async fn project_where(&mut self, is: sea_orm::sea_query::SimpleExpr) -> Result<Project> {
        tenant::select::<project::Entity>(self.org())
            .filter(is)
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .map(Project::from)
            .ok_or_else(none)
    }
}

impl Write {
    /// # Errors
    /// `Conflict` with code `slug_taken`.
    pub async fn project_create(&mut self, new: NewProject) -> Result<Project> {
        let now = self.store.clock().now();
        let row = project::Model {
            org_id: self.org().uuid(),
            id: ProjectId::new(now).uuid(),
            slug: new.slug,
            name: new.name,
            created_at: now.as_millis(),
            archived_at: None,
        };
        tenant::insert::<project::Entity>(self.tx(), self.org(), row.clone().into())
            .await
            .map_err(|error| match error.code() {
                "already_exists" => {
                    Error::conflict("Another project has this short name. Choose another.")
                        .with_code("slug_taken")
                }
                _ => error,
            })?;
        Ok(row.into())
    }

    pub async fn project_rename(&mut self, id: ProjectId, name: &str) -> Result<()> {
        let change = project::ActiveModel { name: Set(name.to_owned()), ..Default::default() };
        self.project_update(id, change).await
    }

    /// Archives a project, revokes its keys and destroys what it stored; its usage stays.
    pub async fn project_archive(&mut self, id: ProjectId) -> Result<()> {
        let now = self.store.clock().now();
        let change =
            project::ActiveModel { archived_at: Set(Some(now.as_millis())), ..Default::default() };
        self.project_update(id, change).await?;
        self.content_end(id, ContentEnd::ProjectArchived).await?;
        let org = self.org();
        let live = tenant::select::<api_key::Entity>(org)
            .filter(api_key::Column::ProjectId.eq(id.uuid()))
            .filter(api_key::Column::RevokedAt.is_null())
            .all(self.tx().on())
            .await
            .map_err(from_db)?;
        let live: Vec<KeyId> = live.into_iter().map(|row| KeyId::from_uuid(row.id)).collect();
        if live.is_empty() {
            return Ok(());
        }
        tenant::update::<api_key::Entity>(org)
            .filter(api_key::Column::Id.is_in(live.iter().map(|key| key.uuid())))
            .col_expr(api_key::Column::RevokedAt, Expr::value(now.as_millis()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        key_index::revoke(self.tx(), org, &live, now).await?;
        self.touched.keys = true;
        Ok(())
    }

    async fn project_update(&mut self, id: ProjectId, change: project::ActiveModel) -> Result<()> {
        let done = tenant::update::<project::Entity>(self.org())
            .set(change)
            .filter(project::Column::Id.eq(id.uuid()))
            .filter(project::Column::ArchivedAt.is_null())
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 { Err(none()) } else { Ok(()) }
    }
}
