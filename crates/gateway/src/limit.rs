//! One request-rate limit per key: the generic cell rate algorithm. Times are nanoseconds on the gateway's own
//! steady clock, which cannot jump.

use std::{collections::HashMap, time::Duration};

use domain::KeyId;
use parking_lot::Mutex;

/// Above this many keys, those that are at rest are forgotten.
const REMEMBERED: usize = 50_000;

/// Remembers for each key when its allowance would be full again.
#[derive(Default)]
pub(crate) struct Limiter {
    full_at: Mutex<HashMap<KeyId, u64>>,
}

impl Limiter {
    /// Takes one request out of the key's allowance of `per_minute`, which may be used at once and refills evenly.
    ///
    /// # Errors
    /// How long to wait until the next request is allowed.
    pub(crate) fn take(&self, key: KeyId, per_minute: u32, now: u64) -> Result<(), Duration> {
        if per_minute == 0 {
            return Err(Duration::from_secs(60));
        }
        let minute = nanos(Duration::from_secs(60));
        let step = minute / u64::from(per_minute);
        let mut full_at = self.full_at.lock();
        if full_at.len() >= REMEMBERED {
            full_at.retain(|_, at| *at > now);
        }
        let at = full_at.entry(key).or_insert(now);
        let next = (*at).max(now) + step;
        let wait = next.saturating_sub(now + minute);
        if wait > 0 {
            return Err(Duration::from_nanos(wait));
        }
        *at = next;
        Ok(())
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    fn key() -> KeyId {
        KeyId::new(Timestamp::from_millis(0))
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn an_allowance_is_used_up_and_refills_evenly() {
        let (limiter, one, other) = (Limiter::default(), key(), key());
        for _ in 0..6 {
            assert_eq!(limiter.take(one, 6, 0), Ok(()));
        }
        assert_eq!(limiter.take(one, 6, 0), Err(Duration::from_secs(10)));
        assert_eq!(limiter.take(other, 6, 0), Ok(()), "keys do not share");
        assert_eq!(limiter.take(one, 6, 4 * SECOND), Err(Duration::from_secs(6)));
        assert_eq!(limiter.take(one, 6, 10 * SECOND), Ok(()));
        assert!(limiter.take(one, 6, 10 * SECOND).is_err());
        let late = 3600 * SECOND;
        let allowed = (0..100).filter(|_| limiter.take(one, 6, late).is_ok()).count();
        assert_eq!(allowed, 6, "rest is not saved beyond one minute's allowance");
    }

    #[test]
    fn zero_lets_nothing_through() {
        assert!(Limiter::default().take(key(), 0, 0).is_err());
    }
}
