//! The two things that servers count in: the store's database, and a Valkey or Redis server.

use std::{error::Error as StdError, sync::Arc};

use domain::{Error, Result};
use egress::Egress;
use store::{Claim, Claimed, CounterOf, EngineKind, Share, Store};
use uuid::Uuid;

use super::redis::Redis;
use crate::Counters;

pub(super) enum Engine {
    Store(Store),
    Redis(Arc<Redis>),
    /// What is wrong with the settings.
    Unusable(Error),
}

/// What the counter says to a claim.
#[derive(Debug)]
pub(super) enum Answer {
    /// With the number of servers that nobody gets more before, when it begins anew.
    Share(Share, Option<u64>),
    /// There is no such counter yet: what everybody has spent by the records has to be said with it.
    Unknown,
    Stale(u64),
    Lost,
    Gone,
}

impl Engine {
    /// `None` for the memory of one server.
    pub(super) fn of(counters: &Counters, store: &Store, egress: &Egress) -> Option<Self> {
        let engine = match counters {
            Counters::Memory => return None,
            Counters::Postgres => {
                on_postgres(store.engine_kind()).map(|()| Self::Store(store.clone()))
            }
            Counters::Redis(url) => {
                let place = store.deployment_id().map(|id| (id, store.node()));
                place.and_then(|place| Redis::new(url, place, egress)).map(Self::from)
            }
        };
        Some(engine.unwrap_or_else(Self::Unusable))
    }

    pub(super) async fn claim(
        &self,
        of: &CounterOf,
        claim: &Claim,
        base: Option<&[(Uuid, u64)]>,
    ) -> Result<Answer> {
        match self {
            Self::Store(store) => Ok(match store.claim(of, claim).await.map_err(away)? {
                Claimed::Share(share) => Answer::Share(share, None),
                Claimed::Stale(before) => Answer::Stale(before),
                Claimed::Gone => Answer::Gone,
            }),
            Self::Redis(redis) => redis.claim(of, claim, base).await,
            Self::Unusable(why) => Err(unusable(why)),
        }
    }
}

impl From<Redis> for Engine {
    fn from(redis: Redis) -> Self {
        Self::Redis(Arc::new(redis))
    }
}

fn on_postgres(kind: EngineKind) -> Result<()> {
    match kind {
        EngineKind::Postgres => Ok(()),
        EngineKind::Sqlite => Err(Error::invalid(
            "gateway.counters = postgres counts in the store's database, which is SQLite here. Use memory: SQLite has \
             one server.",
        )),
    }
}

/// Whether what `counters` names answers, in words. `kind` is the store's database.
///
/// # Errors
/// What is wrong, and what to do about it.
pub async fn check(counters: &Counters, kind: EngineKind, egress: &Egress) -> Result<String> {
    match counters {
        Counters::Memory => {
            Ok("in the memory of this server, which must be the only one".to_owned())
        }
        Counters::Postgres => on_postgres(kind).map(|()| "in the store's database".to_owned()),
        Counters::Redis(url) => {
            let redis = Redis::new(url, (Uuid::nil(), Uuid::nil()), egress)?;
            let says = redis.about().await;
            redis.close().await;
            says.map_err(|error| {
                let why = error.causes();
                Error::unavailable(format!(
                    "{} does not answer ({why}). Budgets are refused until it does: start it, or correct \
                     gateway.counters.",
                    counters.says()
                ))
            })
        }
    }
}

/// What the client hears when nobody can say what is left.
pub(super) fn away(why: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::unavailable(
        "What the servers of this deployment count budgets in cannot be reached, and what was left here is used up, so \
         nothing is sent that costs money. Try again later; its operator finds the reason with `probity doctor`.",
    )
    .with_code("counters_unreachable")
    .with_source(why)
}

pub(super) fn begins_anew(missing: u64) -> Error {
    Error::unavailable(format!(
        "Budgets are being counted anew from the records, which waits for {missing} servers that have not said what \
         they hold. Try again in a moment. If one of them will not come back, an operator of this deployment can say so \
         with `probity admin forget-server`.",
    ))
    .with_code("counters_begin_anew")
}

pub(super) fn unusable(why: &Error) -> Error {
    away(why.message().to_owned())
}
