//! Rate limits: requests and tokens per minute, and requests at once, of each key and of its organization as a whole.
//! In memory of this process; where several servers count together, each lets its part through. Nothing is remembered
//! where nothing is limited.

mod bucket;
mod fair;
mod headers;

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{Error, KeyId, Limits, OrgId, Timestamp};
use http::HeaderMap;
use llm::Format;
use parking_lot::{Mutex, RwLock};
use store::{OrgLimits, Scope};
use tokio::time::Instant;

use crate::GatewayConfig;
use bucket::Left;
pub(crate) use fair::Part;
use fair::{Denied, Org, Rates, What};

/// The limits of all organizations that have some.
pub(crate) struct Limiter {
    start: Instant,
    organizations: RwLock<HashMap<OrgId, Arc<Mutex<Org>>>>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { start: Instant::now(), organizations: RwLock::default() }
    }
}

impl Limiter {
    /// Lets a request of the key's through that has `tokens` of input, as far as anybody can tell.
    ///
    /// # Errors
    /// What stands against it, with what is left.
    pub(crate) fn admit(
        &self,
        (scope, key): (&Scope, KeyId),
        (limits, part): (&OrgLimits, Part),
        config: &GatewayConfig,
        tokens: u64,
    ) -> Result<Entry, Refusing> {
        let rates = Rates { part, ..rates(scope, key, limits, config) };
        if rates.is_unlimited() {
            return Ok(Entry(None));
        }
        let org = self.of(scope.org());
        let now = nanos(self.start.elapsed());
        let admitted = org.lock().admit(key, &rates, tokens, now);
        let place = Place { org, key, rates, taken: tokens, used: 0 };
        match admitted {
            Ok(()) => Ok(Entry(Some(place))),
            Err(denied) => Err(Refusing { denied, standing: place.standing() }),
        }
    }

    fn of(&self, org: OrgId) -> Arc<Mutex<Org>> {
        let known = self.organizations.read().get(&org).cloned();
        known.unwrap_or_else(|| Arc::clone(self.organizations.write().entry(org).or_default()))
    }
}

/// A key's own limits come before those of every key of its organization, and those before the deployment's.
fn rates(scope: &Scope, key: KeyId, limits: &OrgLimits, config: &GatewayConfig) -> Rates {
    let own = limits.keys.get(&key).copied().unwrap_or_default();
    let of_key = Limits { requests_per_minute: scope.requests_per_minute(), ..Limits::default() };
    let deployment = Limits {
        requests_per_minute: config.requests_per_minute,
        tokens_per_minute: config.tokens_per_minute,
        concurrent: config.concurrent_requests,
    };
    let own = own.or(of_key).or(limits.each_key).or(deployment);
    Rates { own, whole: limits.whole, ..Rates::default() }
}

/// A request that was let through; its place is free again when this is dropped.
pub(crate) struct Entry(Option<Place>);

struct Place {
    org: Arc<Mutex<Org>>,
    key: KeyId,
    rates: Rates,
    /// Tokens, as they were foreseen and as they came.
    taken: u64,
    used: u64,
}

impl Place {
    fn standing(&self) -> Standing {
        let org = self.org.lock();
        let left = |what| org.left(self.key, &self.rates, what);
        Standing { requests: left(What::Requests), tokens: left(What::Tokens) }
    }
}

impl Entry {
    /// What is left now.
    pub(crate) fn standing(&self) -> Standing {
        self.0.as_ref().map(Place::standing).unwrap_or_default()
    }

    /// How many tokens it had, now that they are known.
    pub(crate) const fn used(&mut self, tokens: u64) {
        if let Some(place) = &mut self.0 {
            place.used = tokens;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(place) = &self.0 {
            place.org.lock().end(place.key, &place.rates, (place.taken, place.used));
        }
    }
}

/// What is left of the allowances that limit a key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    requests: Option<Left>,
    tokens: Option<Left>,
}

impl Standing {
    /// Says it in the headers of the client's format.
    pub(crate) fn write(&self, headers: &mut HeaderMap, format: Format, now: Timestamp) {
        for (what, left) in [(What::Requests, self.requests), (What::Tokens, self.tokens)] {
            if let Some(left) = left {
                headers::write(headers, (format, what), left, now);
            }
        }
    }
}

/// A request that is not let through.
pub(crate) struct Refusing {
    denied: Denied,
    pub standing: Standing,
}

impl Refusing {
    /// What the client hears, and how long it had better wait.
    pub(crate) fn says(&self) -> (Error, Duration) {
        let Denied { what, limit, whole, wait } = self.denied;
        let who = match whole {
            false => "This key may",
            true => "Of what your organization may, this key may",
        };
        let what = match what {
            What::Requests => format!("make {limit} requests per minute"),
            What::Tokens => format!("use {limit} tokens per minute"),
            What::Concurrent => format!("have {limit} requests under way at once"),
        };
        let error = Error::limited(format!("{who} {what}. Try again later."));
        (error.with_code("rate_limit_exceeded"), wait)
    }
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
