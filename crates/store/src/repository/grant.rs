//! Grants: a person's role in a project.

use domain::{Error, GrantId, ProjectId, ProjectRole, Result, Timestamp, UserId};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{at, maybe_at};
use crate::{Principal, Read, Write, entity::grant, error::from_db, tenant};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub id: GrantId,
    pub user: UserId,
    pub project: ProjectId,
    pub role: ProjectRole,
    pub since: Timestamp,
    pub until: Option<Timestamp>,
}

impl TryFrom<grant::Model> for Grant {
    type Error = Error;
    fn try_from(row: grant::Model) -> Result<Self> {
        Ok(Self {
            id: GrantId::from_uuid(row.id),
            user: UserId::from_uuid(row.user_id),
            project: ProjectId::from_uuid(row.project_id),
            role: row.role.parse()?,
            since: at(row.since),
            until: maybe_at(row.until),
        })
    }
}

impl Read {
    pub async fn grants_of_project(&mut self, project: ProjectId) -> Result<Vec<Grant>> {
        tenant::select::<grant::Entity>(self.org())
            .filter(grant::Column::ProjectId.eq(project.uuid()))
            .order_by_asc(grant::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?
            .into_iter()
            .map(Grant::try_from)
            .collect()
    }

    pub async fn grants_of_member(&mut self, person: UserId) -> Result<Vec<Grant>> {
        tenant::select::<grant::Entity>(self.org())
            .filter(grant::Column::UserId.eq(person.uuid()))
            .order_by_asc(grant::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?
            .into_iter()
            .map(Grant::try_from)
            .collect()
    }
}

impl Write {
    /// Gives a member a role in a project, in place of the one they had.
    pub async fn grant_set(
        &mut self,
        person: UserId,
        project: ProjectId,
        role: ProjectRole,
    ) -> Result<Grant> {
        self.grant_clear(person, project).await?;
        let now = self.store.clock().now();
        let by = match *self.scope.principal() {
            Principal::User { id, .. } => Some(id.uuid()),
            Principal::ApiKey { .. } | Principal::AdminKey { .. } => None,
        };
        let row = grant::Model {
            org_id: self.org().uuid(),
            id: GrantId::new(now).uuid(),
            user_id: person.uuid(),
            project_id: project.uuid(),
            role: role.as_str().to_owned(),
            since: now.as_millis(),
            until: None,
            source: "manual".to_owned(),
            granted_by: by,
        };
        tenant::insert::<grant::Entity>(self.tx(), self.org(), row.clone().into()).await.map_err(
            |error| match error.code() {
                "reference_missing" => Error::not_found("member or project"),
                _ => error,
            },
        )?;
        row.try_into()
    }

    pub async fn grant_remove(&mut self, person: UserId, project: ProjectId) -> Result<()> {
        match self.grant_clear(person, project).await? {
            0 => Err(Error::not_found("grant")),
            _ => Ok(()),
        }
    }

    async fn grant_clear(&mut self, person: UserId, project: ProjectId) -> Result<u64> {
        let (person, project): (Uuid, Uuid) = (person.uuid(), project.uuid());
        let done = tenant::delete::<grant::Entity>(self.org())
            .filter(grant::Column::UserId.eq(person))
            .filter(grant::Column::ProjectId.eq(project))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected)
    }
}
