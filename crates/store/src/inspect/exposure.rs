//! How much of people single providers saw, as it lies in the database.

use std::collections::HashMap;

use domain::{Exposure, OrgId, Result, RoutingPolicy, Timestamp};
use sea_orm::{ColumnTrait as _, QueryFilter as _};

use super::{Inspector, logs::organizations};
use crate::{
    entity::{exposure, routing_policy},
    error::from_db,
    tenant,
};

const HOUR_MS: i64 = 3_600_000;

/// Of all organizations that limit it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposures {
    pub organizations: u64,
    /// With so many conversations that the share holds for them.
    pub people: u64,
    /// Of whom a provider saw more than its share.
    pub exceeded: u64,
    /// The largest share that a provider saw of anybody, in percent, rounded up.
    pub largest_percent: u64,
}

impl Inspector {
    /// What every provider saw of every person, counted again from the rows.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn exposures(&self, now: Timestamp) -> Result<Exposures> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let mut all = Exposures::default();
        for org in organizations(&tx).await? {
            tx.bind(org).await?;
            let rules = tenant::select::<routing_policy::Entity>(org)
                .filter(routing_policy::Column::ProjectId.is_null())
                .one(tx.on())
                .await
                .map_err(from_db)?;
            let rules =
                rules.and_then(|row| serde_json::from_str::<RoutingPolicy>(&row.rules).ok());
            let Some(limit) = rules.and_then(|rules| rules.exposure) else { continue };
            let oldest = now.as_millis().div_euclid(HOUR_MS) - i64::from(limit.days) * 24 + 1;
            let rows = tenant::select::<exposure::Entity>(org)
                .filter(exposure::Column::Hour.gte(oldest))
                .all(tx.on())
                .await
                .map_err(from_db)?;
            all.organizations += 1;
            all.count(limit, &rows);
        }
        Ok(all)
    }
}

impl Exposures {
    fn count(&mut self, limit: Exposure, rows: &[exposure::Model]) {
        let mut people: HashMap<&[u8], HashMap<uuid::Uuid, u64>> = HashMap::new();
        for row in rows {
            let seen = people.entry(&row.person).or_default().entry(row.provider_id).or_default();
            *seen += u64::try_from(row.conversations).unwrap_or(0);
        }
        for mut seen in people.into_values() {
            // The nil provider stands for all.
            let begun = seen.remove(&uuid::Uuid::nil()).unwrap_or(0);
            let most = seen.into_values().max().unwrap_or(0);
            self.exceeded += u64::from(most > limit.most(begun));
            if begun >= Exposure::FEWEST {
                self.people += 1;
                self.largest_percent = self.largest_percent.max((most * 100).div_ceil(begun));
            }
        }
    }
}
