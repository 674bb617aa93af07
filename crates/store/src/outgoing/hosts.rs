//! The mail servers that letters were handed to: on the public list, and compared with the connections really made.

use std::time::Duration;

use domain::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::{DeploymentRead, DeploymentWrite};

const SETTING: &str = "mail.hosts";

/// How long one is named that is not in use any more: as long as connections are looked back at.
const NAMED: Duration = Duration::from_secs(31 * 86_400);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    host: String,
    /// In milliseconds since 1970; `None` while it is in use.
    until: Option<i64>,
}

impl DeploymentRead {
    /// The host in use, and those that were in use within a month.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn mail_hosts(&mut self) -> Result<Vec<String>> {
        let since = self.store.clock().now().minus(NAMED).as_millis();
        let all = self.known_mail_hosts().await?.into_iter();
        Ok(all.filter(|one| one.until.is_none_or(|at| at > since)).map(|one| one.host).collect())
    }

    async fn known_mail_hosts(&mut self) -> Result<Vec<Host>> {
        let text = self.setting_find(SETTING).await?;
        text.map_or_else(
            || Ok(Vec::new()),
            |text| serde_json::from_str(&text).map_err(Error::internal),
        )
    }
}

impl DeploymentWrite {
    /// Remembers where letters leave to from now on; `None` for nowhere.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn mail_host_keep(&mut self, host: Option<&str>) -> Result<()> {
        let now = self.store.clock().now();
        let (before, since) = (self.known_mail_hosts().await?, now.minus(NAMED).as_millis());
        let mut all: Vec<Host> = before
            .into_iter()
            .filter(|one| Some(one.host.as_str()) != host)
            .map(|one| Host { until: one.until.or(Some(now.as_millis())), ..one })
            .filter(|one| one.until.is_some_and(|at| at > since))
            .collect();
        all.extend(host.map(|host| Host { host: host.to_owned(), until: None }));
        let text = serde_json::to_string(&all).map_err(Error::internal)?;
        self.setting_set(SETTING, &text).await
    }
}
