//! Rate limits of the organization and its keys.

use std::ops::RangeInclusive;

use domain::{Action, Error, Event, LimitOf, Limits, Permission, Result};
use store::{OrgLimits, Scope};

use crate::{Identity, decide};

const REQUESTS: RangeInclusive<u32> = 1..=1_000_000;
const TOKENS: RangeInclusive<u64> = 1..=1_000_000_000_000;
const CONCURRENT: RangeInclusive<u32> = 1..=100_000;

impl Identity {
    /// Every limit of the organization and its keys.
    pub async fn limits(&self, scope: &Scope) -> Result<OrgLimits> {
        decide(scope, Permission::OrganizationManage, None)?;
        self.store().read(scope).await?.limits().await
    }

    /// Puts limits in place of those that were; they hold from the next request on.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_limit`; `NotFound` when there is no such live API key.
    pub async fn limits_set(&self, scope: &Scope, of: LimitOf, limits: Limits) -> Result<()> {
        decide(scope, Permission::OrganizationManage, None)?;
        let fine = limits.requests_per_minute.is_none_or(|most| REQUESTS.contains(&most))
            && limits.tokens_per_minute.is_none_or(|most| TOKENS.contains(&most))
            && limits.concurrent.is_none_or(|most| CONCURRENT.contains(&most));
        if !fine {
            return Err(Error::invalid(
                "A limit is a whole number from 1 on: up to 1,000,000 requests or 1,000,000,000,000 tokens per minute, \
                 or 100,000 requests at once.",
            )
            .with_code("invalid_limit"));
        }
        let mut write = self.store().write(scope).await?;
        let mut event = Event::new(Action::LimitsSet)
            .fact("requests_per_minute", limits.requests_per_minute)
            .fact("tokens_per_minute", limits.tokens_per_minute)
            .fact("concurrent", limits.concurrent);
        match of {
            LimitOf::Organization => {}
            LimitOf::EachKey => event = event.fact("of", "each_key"),
            LimitOf::Key(id) => {
                crate::budget::live_key(&mut write, id).await?;
                event = event.on("key", id);
            }
        }
        write.limits_set(of, limits).await?;
        write.commit(event).await.map(drop)
    }
}
