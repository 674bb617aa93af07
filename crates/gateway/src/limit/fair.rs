//! The limits of one organization and its keys, and a fair share of the former for each of the latter.
//!
//! As long as several keys call, each may take its part of what the organization has in all: the whole divided by the
//! keys that called within the last minute. So whoever calls as fast as possible cannot keep the others out.

use std::collections::HashMap;

use domain::{KeyId, Limits};

use super::bucket::{Bucket, Left};

const MINUTE: u64 = 60_000_000_000;
/// How often the keys that call are counted anew.
const RECOUNT: u64 = 1_000_000_000;

/// What limits a request: its key's own limits, and those of the whole organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub own: Limits,
    pub whole: Limits,
    /// The part of both that is this server's.
    pub part: Part,
}

impl Rates {
    pub(crate) fn is_unlimited(&self) -> bool {
        let none = Limits::default();
        self.own == none && self.whole == none
    }
}

/// One of several servers that limits are divided among, so that together they let no more through than one would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// From zero on.
    pub number: u32,
    pub servers: u32,
}

impl Default for Part {
    fn default() -> Self {
        Self { number: 0, servers: 1 }
    }
}

impl Part {
    /// What this server lets through of `limit`. What cannot be divided goes to the first ones.
    fn of(self, limit: u64) -> u64 {
        let servers = u64::from(self.servers.max(1));
        limit / servers + u64::from(u64::from(self.number) < limit % servers)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Requests,
    Tokens,
    Concurrent,
}

/// Why a request is not let through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Denied {
    pub what: What,
    pub limit: u64,
    /// It is the organization's limit, or the key's share of it.
    pub whole: bool,
    pub wait: std::time::Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Buckets {
    requests: Bucket,
    tokens: Bucket,
}

#[derive(Default)]
struct Key {
    own: Buckets,
    /// What it took of the organization's.
    share: Buckets,
    under_way: u32,
    seen: u64,
}

/// Everything that is remembered of one organization.
#[derive(Default)]
pub(crate) struct Org {
    whole: Buckets,
    under_way: u32,
    keys: HashMap<KeyId, Key>,
    calling: u64,
    counted: u64,
}

impl Org {
    /// Lets one request of `key` through, which has `tokens` of input as far as anybody can tell.
    ///
    /// # Errors
    /// The limit that stands against it, and how long to wait.
    pub(crate) fn admit(
        &mut self,
        key: KeyId,
        rates: &Rates,
        tokens: u64,
        now: u64,
    ) -> Result<(), Denied> {
        self.keys.entry(key).or_default().seen = now;
        self.count(now);
        let calling = self.calling;
        let Self { whole, under_way, keys, .. } = self;
        let Some(one) = keys.get_mut(&key) else { return Ok(()) };
        crowded(rates, (one.under_way, *under_way), calling)?;
        for what in [What::Requests, What::Tokens] {
            let (of, cost) = (Of(what), if what == What::Requests { 1 } else { tokens });
            for (limit, among, bucket, is_whole) in [
                (of.limit(&rates.own), 1, of.bucket(&mut one.own), false),
                (of.limit(&rates.whole), 1, of.bucket(&mut *whole), true),
                (of.limit(&rates.whole), calling, of.bucket(&mut one.share), true),
            ] {
                let wait = limit.and_then(|limit| {
                    let here = share(rates.part.of(limit), among);
                    Some((share(limit, among), bucket.wait(cost, here, now)?))
                });
                if let Some((limit, wait)) = wait {
                    return Err(Denied { what, limit, whole: is_whole, wait });
                }
            }
        }
        for what in [What::Requests, What::Tokens] {
            let (of, cost) = (Of(what), if what == What::Requests { 1 } else { tokens });
            if of.limit(&rates.own).is_some() {
                of.bucket(&mut one.own).take(cost);
            }
            if of.limit(&rates.whole).is_some() {
                of.bucket(&mut *whole).take(cost);
                of.bucket(&mut one.share).take(cost);
            }
        }
        one.under_way = one.under_way.saturating_add(1);
        *under_way = under_way.saturating_add(1);
        Ok(())
    }

    /// The request has ended; it had `used` tokens where `taken` were counted.
    pub(crate) fn end(&mut self, key: KeyId, rates: &Rates, (taken, used): (u64, u64)) {
        self.under_way = self.under_way.saturating_sub(1);
        let whole = rates.whole.tokens_per_minute.is_some();
        if whole {
            self.whole.tokens.correct(taken, used);
        }
        let Some(one) = self.keys.get_mut(&key) else { return };
        one.under_way = one.under_way.saturating_sub(1);
        if rates.own.tokens_per_minute.is_some() {
            one.own.tokens.correct(taken, used);
        }
        if whole {
            one.share.tokens.correct(taken, used);
        }
    }

    /// What is left of the allowance of which the least is: the key's own, or its share of the organization's.
    pub(crate) fn left(&self, key: KeyId, rates: &Rates, what: What) -> Option<Left> {
        let (of, one) = (Of(what), self.keys.get(&key)?);
        let left = |limit: u64, among: u64, bucket: &Bucket| {
            let left = bucket.left(share(rates.part.of(limit), among));
            Left { limit: share(limit, among), ..left }
        };
        let own = of.limit(&rates.own).map(|limit| left(limit, 1, of.of(&one.own)));
        let whole = of.limit(&rates.whole);
        let all = whole.map(|limit| left(limit, 1, of.of(&self.whole)));
        let share = whole.map(|limit| left(limit, self.calling, of.of(&one.share)));
        [own, all, share].into_iter().flatten().min_by_key(|left| left.remaining)
    }

    /// Counts who calls, and forgets keys at rest.
    fn count(&mut self, now: u64) {
        let known = u64::try_from(self.keys.len()).unwrap_or(u64::MAX);
        let fresh = self.calling > 0 && now.saturating_sub(self.counted) < RECOUNT;
        // With few keys a new one is noticed at once.
        if fresh && known > 64 {
            return;
        }
        self.counted = now;
        let calls = |one: &Key| one.under_way > 0 || now.saturating_sub(one.seen) < MINUTE;
        let calling = self.keys.values().filter(|one| calls(one)).count();
        self.calling = u64::try_from(calling).unwrap_or(1).max(1);
        if known > 1_000 {
            // A bucket has leaked out after a minute but for what was taken beyond its allowance.
            self.keys.retain(|_, one| calls(one) || now.saturating_sub(one.seen) < 10 * MINUTE);
        }
    }
}

/// Refuses when too many requests are under way. One place is kept free for another key.
fn crowded(rates: &Rates, (own, all): (u32, u32), calling: u64) -> Result<(), Denied> {
    let wait = std::time::Duration::from_secs(1);
    let denied =
        |limit: u32, whole| Denied { what: What::Concurrent, limit: limit.into(), whole, wait };
    let here = |limit: u32| rates.part.of(limit.into());
    let (own, all) = (u64::from(own), u64::from(all));
    if let Some(limit) = rates.own.concurrent.filter(|limit| own >= here(*limit)) {
        return Err(denied(limit, false));
    }
    let Some(limit) = rates.whole.concurrent else { return Ok(()) };
    let most = match (calling, here(limit)) {
        (0 | 1, here) if here > 1 => here - 1,
        (calling, here) => share(here, calling),
    };
    if all >= here(limit) || own >= most {
        return Err(denied(limit, true));
    }
    Ok(())
}

/// The part of one of so many; something for everybody.
fn share(limit: u64, calling: u64) -> u64 {
    match limit {
        0 => 0,
        limit => (limit / calling.max(1)).max(1),
    }
}

/// Requests or tokens, by name.
struct Of(What);

impl Of {
    fn limit(&self, limits: &Limits) -> Option<u64> {
        match self.0 {
            What::Requests => limits.requests_per_minute.map(u64::from),
            What::Tokens => limits.tokens_per_minute,
            What::Concurrent => None,
        }
    }

    fn bucket<'a>(&self, buckets: &'a mut Buckets) -> &'a mut Bucket {
        match self.0 {
            What::Tokens => &mut buckets.tokens,
            What::Requests | What::Concurrent => &mut buckets.requests,
        }
    }

    fn of<'a>(&self, buckets: &'a Buckets) -> &'a Bucket {
        match self.0 {
            What::Tokens => &buckets.tokens,
            What::Requests | What::Concurrent => &buckets.requests,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn key() -> KeyId {
        KeyId::new(Timestamp::from_millis(0))
    }

    fn whole(limits: Limits) -> Rates {
        Rates { whole: limits, ..Rates::default() }
    }

    fn own(limits: Limits) -> Rates {
        Rates { own: limits, ..Rates::default() }
    }

    #[test]
    fn keys_do_not_share_their_own_limits() {
        let (mut org, one, other) = (Org::default(), key(), key());
        let rates = own(Limits { requests_per_minute: Some(2), ..Limits::default() });
        for _ in 0..2 {
            org.admit(one, &rates, 1, 0).unwrap();
        }
        let denied = org.admit(one, &rates, 1, 0).unwrap_err();
        assert_eq!((denied.what, denied.whole, denied.limit), (What::Requests, false, 2));
        assert_eq!(denied.wait.as_secs(), 30);
        org.admit(other, &rates, 1, 0).unwrap();
        let left = org.left(other, &rates, What::Requests).unwrap();
        assert_eq!((left.limit, left.remaining), (2, 1));
        assert_eq!(org.left(other, &rates, What::Tokens), None);
    }

    #[test]
    fn tokens_are_counted_when_they_are_known() {
        let (mut org, one) = (Org::default(), key());
        let rates = own(Limits { tokens_per_minute: Some(100), ..Limits::default() });
        org.admit(one, &rates, 10, 0).unwrap();
        org.end(one, &rates, (10, 95));
        let denied = org.admit(one, &rates, 10, 0).unwrap_err();
        assert_eq!((denied.what, denied.wait.as_secs()), (What::Tokens, 3));
        assert_eq!(org.left(one, &rates, What::Tokens).unwrap().remaining, 5);
        org.admit(one, &rates, 10, 3 * SECOND).unwrap();
    }

    #[test]
    fn places_are_given_back() {
        let (mut org, one) = (Org::default(), key());
        let rates = own(Limits { concurrent: Some(1), ..Limits::default() });
        org.admit(one, &rates, 0, 0).unwrap();
        assert_eq!(org.admit(one, &rates, 0, 0).unwrap_err().what, What::Concurrent);
        org.end(one, &rates, (0, 0));
        org.admit(one, &rates, 0, 0).unwrap();
    }

    #[test]
    fn one_key_cannot_take_all() {
        let (mut org, greedy, modest) = (Org::default(), key(), key());
        let rates = whole(Limits { requests_per_minute: Some(60), ..Limits::default() });
        let took = (0..100).filter(|_| org.admit(greedy, &rates, 0, 0).is_ok()).count();
        assert_eq!(took, 60, "alone it may have everything");
        let (mut of_greedy, mut of_modest) = (0, 0);
        // For five minutes one asks all the time, the other every other second.
        for tick in 1..3_000u64 {
            let now = tick * SECOND / 10;
            of_greedy += u32::from(org.admit(greedy, &rates, 0, now).is_ok());
            if tick % 20 == 0 {
                of_modest += u32::from(org.admit(modest, &rates, 0, now).is_ok());
            }
        }
        assert!(of_modest > 140, "{of_modest} of 149 let through");
        assert!(of_greedy + of_modest <= 60 * 5 + 1, "{of_greedy} + {of_modest}");
        assert!(of_greedy > 90, "{of_greedy}: what is left over is not lost");
    }

    #[test]
    fn several_servers_let_through_what_one_would() {
        let limits = Limits {
            requests_per_minute: Some(20),
            tokens_per_minute: Some(1_000),
            concurrent: Some(7),
        };
        for servers in 1..9 {
            let (mut requests, mut tokens, mut places) = (0, 0, 0);
            for number in 0..servers {
                let part = Part { number, servers };
                let (mut org, one) = (Org::default(), key());
                let rates = |limits| Rates { part, ..own(limits) };
                let only = Limits { concurrent: None, tokens_per_minute: None, ..limits };
                requests += (0..50).filter(|_| org.admit(one, &rates(only), 0, 0).is_ok()).count();
                let (mut org, only) = (
                    Org::default(),
                    Limits { concurrent: None, requests_per_minute: None, ..limits },
                );
                tokens += (0..1_100).filter(|_| org.admit(one, &rates(only), 1, 0).is_ok()).count();
                let mut org = Org::default();
                let only = Limits { requests_per_minute: None, tokens_per_minute: None, ..limits };
                places += (0..50).filter(|_| org.admit(one, &rates(only), 0, 0).is_ok()).count();
                let told = org.left(one, &rates(limits), What::Requests).unwrap();
                assert_eq!(told.limit, 20, "clients hear of the whole limit");
            }
            assert_eq!((requests, tokens, places), (20, 1_000, 7), "{servers} servers");
        }
    }

    #[test]
    fn a_place_is_kept_for_another_key() {
        let (mut org, greedy, modest) = (Org::default(), key(), key());
        let rates = whole(Limits { concurrent: Some(4), ..Limits::default() });
        let took = (0..9).filter(|_| org.admit(greedy, &rates, 0, 0).is_ok()).count();
        assert_eq!(took, 3);
        org.admit(modest, &rates, 0, 0).unwrap();
        assert!(org.admit(modest, &rates, 0, 0).is_err(), "four are under way");
        org.end(greedy, &rates, (0, 0));
        org.admit(modest, &rates, 0, 0).unwrap();
        org.end(modest, &rates, (0, 0));
        assert!(org.admit(greedy, &rates, 0, 0).is_err(), "it has its half");
    }
}
