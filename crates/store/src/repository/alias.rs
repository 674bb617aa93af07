//! Model aliases of an organization.

use domain::{AliasId, Error, Result, Timestamp};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder};

use super::at;
use crate::{Read, Write, entity::alias, error::from_db, tenant};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub id: AliasId,
    pub name: String,
    /// A model, or `provider/model`.
    pub target: String,
    pub changed: Timestamp,
}

impl From<alias::Model> for Alias {
    fn from(row: alias::Model) -> Self {
        Self {
            id: AliasId::from_uuid(row.id),
            name: row.name,
            target: row.target,
            changed: at(row.changed_at),
        }
    }
}

impl Read {
    /// By name.
    pub async fn aliases_list(&mut self) -> Result<Vec<Alias>> {
        let rows = tenant::select::<alias::Entity>(self.org())
            .order_by_asc(alias::Column::Name)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows.into_iter().map(Alias::from).collect())
    }

    async fn alias_find(&mut self, name: &str) -> Result<Option<alias::Model>> {
        tenant::select::<alias::Entity>(self.org())
            .filter(alias::Column::Name.eq(name))
            .one(self.tx.on())
            .await
            .map_err(from_db)
    }
}

impl Write {
    /// Points `name` at `target`, in place of where it pointed before.
    pub async fn alias_set(&mut self, name: &str, target: &str) -> Result<Alias> {
        let now = self.store.clock().now();
        let org = self.org();
        self.touched.routing = true;
        if let Some(mut row) = self.alias_find(name).await? {
            let change = alias::ActiveModel {
                target: Set(target.to_owned()),
                changed_at: Set(now.as_millis()),
                ..Default::default()
            };
            tenant::update::<alias::Entity>(org)
                .set(change)
                .filter(alias::Column::Id.eq(row.id))
                .exec(self.tx().on())
                .await
                .map_err(from_db)?;
            row.target = target.to_owned();
            row.changed_at = now.as_millis();
            return Ok(row.into());
        }
        let row = alias::Model {
            org_id: org.uuid(),
            id: AliasId::new(now).uuid(),
            name: name.to_owned(),
            target: target.to_owned(),
            created_at: now.as_millis(),
            changed_at: now.as_millis(),
        };
        tenant::insert::<alias::Entity>(self.tx(), org, row.clone().into()).await?;
        Ok(row.into())
    }

    pub async fn alias_remove(&mut self, id: AliasId) -> Result<()> {
        let done = tenant::delete::<alias::Entity>(self.org())
            .filter(alias::Column::Id.eq(id.uuid()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        self.touched.routing = true;
        if done.rows_affected == 0 { Err(Error::not_found("alias")) } else { Ok(()) }
    }
}
