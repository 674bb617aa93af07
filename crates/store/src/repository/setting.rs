//! Settings of the deployment, by name.

use domain::{Result, Timestamp};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use crate::{DeploymentRead, DeploymentWrite, engine::Tx, entity::setting, error::from_db, tenant};

pub(crate) async fn set(tx: &Tx, name: &str, value: &str, now: Timestamp) -> Result<()> {
    let row = setting::ActiveModel {
        name: Set(name.to_owned()),
        value: Set(value.to_owned()),
        changed_at: Set(now.as_millis()),
    };
    let changed = [setting::Column::Value, setting::Column::ChangedAt];
    tenant::deployed_upsert::<setting::Entity>(tx, row, &[setting::Column::Name], &changed).await
}

impl DeploymentRead {
    pub async fn setting_find(&mut self, name: &str) -> Result<Option<String>> {
        let row = tenant::deployed::<setting::Entity>()
            .filter(setting::Column::Name.eq(name))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(row.map(|row| row.value))
    }
}

impl DeploymentWrite {
    pub async fn setting_set(&mut self, name: &str, value: &str) -> Result<()> {
        let now = self.store.clock().now();
        set(&self.tx, name, value, now).await
    }
}
