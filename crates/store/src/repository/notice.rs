//! The register of sub-processors, and what an organization decided about them.

use std::collections::HashMap;

use domain::{Announcement, Cause, Decision, Error, OrgId, Result, Timestamp, subprocessor_news};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder};

use super::at;
use crate::{
    DeploymentRead, DeploymentWrite, Read, Write,
    engine::Tx,
    entity::{organization, subprocessor, subprocessor_decision as table},
    error::from_db,
    outgoing::Post,
    tenant,
};

const ACCEPTED: &str = "accepted";
const OBJECTED: &str = "objected";

/// A decision with the time at which it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    pub decision: Decision,
    pub at: Timestamp,
}

/// Every announcement; of one provider in the order in which it was made.
pub(crate) async fn announcements(tx: &Tx) -> Result<Vec<Announcement>> {
    let rows = tenant::deployed::<subprocessor::Entity>()
        // Of one provider by revision, whatever a clock said.
        .order_by_asc(subprocessor::Column::Revision)
        .order_by_asc(subprocessor::Column::AnnouncedAt)
        .order_by_asc(subprocessor::Column::Provider)
        .all(tx.on())
        .await
        .map_err(from_db)?;
    rows.into_iter().map(announcement).collect()
}

fn announcement(row: subprocessor::Model) -> Result<Announcement> {
    let cause = Cause::parse(&row.cause);
    Ok(Announcement {
        provider: row.provider,
        revision: u32::try_from(row.revision).map_err(Error::internal)?,
        cause: cause.ok_or_else(|| Error::internal("an announcement without a cause"))?,
        sheet: serde_json::from_str(&row.sheet).map_err(Error::internal)?,
        announced: at(row.announced_at),
        usable_from: at(row.usable_from),
        news: Vec::new(),
    })
}

fn decided(row: &table::Model) -> Result<Decided> {
    let revision = u32::try_from(row.revision).map_err(Error::internal)?;
    let decision = match row.decision.as_str() {
        ACCEPTED => Decision::Accepted { revision },
        OBJECTED => Decision::Objected,
        other => return Err(Error::internal(format!("unknown decision {other}"))),
    };
    Ok(Decided { decision, at: at(row.decided_at) })
}

impl DeploymentRead {
    /// Every announcement; of one provider in the order in which it was made.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn announcements_list(&mut self) -> Result<Vec<Announcement>> {
        announcements(&self.tx).await
    }
}

impl DeploymentWrite {
    /// Adds announcements.
    ///
    /// # Errors
    /// `Conflict` when another node has added one of them.
    pub async fn announcements_append(&mut self, new: &[Announcement]) -> Result<()> {
        for one in new {
            let row = subprocessor::ActiveModel {
                provider: Set(one.provider.clone()),
                revision: Set(i64::from(one.revision)),
                cause: Set(one.cause.as_str().to_owned()),
                sheet: Set(serde_json::to_string(&one.sheet).map_err(Error::internal)?),
                announced_at: Set(one.announced.as_millis()),
                usable_from: Set(one.usable_from.as_millis()),
            };
            tenant::deployed_insert::<subprocessor::Entity>(&self.tx, row).await?;
        }
        self.touched.notice = true;
        Ok(())
    }

    /// Puts announcements on their way to those who want to be told: the administrators and webhooks of every
    /// organization, and whoever subscribed.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub(crate) async fn announcements_tell(&mut self, news: &[Announcement]) -> Result<()> {
        if news.is_empty() {
            return Ok(());
        }
        let organizations = tenant::deployed::<organization::Entity>()
            .filter(organization::Column::ArchivedAt.is_null())
            .order_by_asc(organization::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        for one in organizations {
            let org = OrgId::from_uuid(one.id);
            self.tx.bind(org).await?;
            let post = Post::of(&self.store, &self.tx, org).await?;
            post.news(&subprocessor_news(news, &one.slug)).await?;
        }
        self.tx.bind(OrgId::DEPLOYMENT).await?;
        self.subscribers_tell(news).await
    }
}

impl Read {
    /// What the organization decided, by provider.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn subprocessor_decisions(&mut self) -> Result<HashMap<String, Decided>> {
        let rows =
            tenant::select::<table::Entity>(self.org()).all(self.tx.on()).await.map_err(from_db)?;
        rows.iter().map(|row| Ok((row.provider.clone(), decided(row)?))).collect()
    }
}

impl Write {
    /// Puts a decision in place of the one before; `None` for none. Says whether there was one.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn subprocessor_decide(
        &mut self,
        provider: &str,
        decision: Option<Decision>,
    ) -> Result<bool> {
        let org = self.org();
        self.touched.routing = true;
        let gone = tenant::delete::<table::Entity>(org)
            .filter(table::Column::Provider.eq(provider))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if let Some(decision) = decision {
            let (word, revision) = match decision {
                Decision::Accepted { revision } => (ACCEPTED, revision),
                Decision::Objected => (OBJECTED, 0),
            };
            let row = table::Model {
                org_id: org.uuid(),
                provider: provider.to_owned(),
                decision: word.to_owned(),
                revision: i64::from(revision),
                decided_at: self.store.clock().now().as_millis(),
            };
            tenant::insert::<table::Entity>(self.tx(), org, row.into()).await?;
        }
        Ok(gone.rows_affected > 0)
    }
}
