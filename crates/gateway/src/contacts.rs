//! Which hosts were reached, written down for whoever compares them with the public list.

use std::{collections::HashMap, time::Duration};

use domain::{Result, Timestamp};
use egress::Kind;
use store::Contact;
use tokio_util::sync::CancellationToken;

use crate::Gateway;

/// How long a contact stays in memory only, at most.
const EVERY: Duration = Duration::from_secs(2);

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Provider => "provider",
        Kind::Own => "own",
        Kind::Receiver => "receiver",
        Kind::IdentityProvider => "identity_provider",
        Kind::Probe => "probe",
    }
}

/// When the last contact that was written down was made, by destination.
#[derive(Default)]
struct Seen(HashMap<String, Timestamp>);

impl Gateway {
    /// Writes contacts down every two seconds until `stop`, and once more then.
    pub fn watch(&self, stop: &CancellationToken) {
        let (gateway, stop) = (self.clone(), stop.clone());
        self.0.tasks.spawn(async move {
            let mut seen = Seen::default();
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                let ended = stop.run_until_cancelled(ticks.tick()).await.is_none();
                if let Err(error) = seen.keep(&gateway).await {
                    tracing::warn!(code = error.code(), causes = %error.causes(), "contacts not written down");
                }
                if ended {
                    break;
                }
            }
        });
    }
}

impl Seen {
    async fn keep(&mut self, gateway: &Gateway) -> Result<()> {
        let records = gateway.0.egress.records().into_iter();
        let new: Vec<Contact> = records
            .filter_map(|record| {
                let last = record.last.filter(|last| self.0.get(&record.id) != Some(last))?;
                let kind = word(record.kind).to_owned();
                Some(Contact { id: record.id, host: record.host, kind, first: last, last })
            })
            .collect();
        gateway.0.store.contacts_keep(&new).await?;
        self.0.extend(new.into_iter().map(|one| (one.id, one.last)));
        Ok(())
    }
}
