//! What each provider saw of one person: conversations that began lately, hour by hour.

use std::collections::{BTreeMap, HashMap, VecDeque};

use domain::{Exposure, ProviderId};

/// Most conversations of one person that are remembered one by one; another one counts as new each time.
const MOST_THREADS: usize = 4_096;
const HOURS_OF_DAY: i64 = 24;

/// Conversations that began in one hour, and how many of them each provider saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hour {
    /// Since the Unix epoch.
    pub number: i64,
    pub begun: u64,
    pub seen: BTreeMap<ProviderId, u64>,
}

/// Where a conversation was.
#[derive(Debug)]
struct Thread {
    seen: Vec<ProviderId>,
    /// The hour in which it was last continued.
    last: i64,
}

#[derive(Debug, Default)]
pub(super) struct Person {
    /// The oldest first.
    hours: VecDeque<Hour>,
    threads: HashMap<u64, Thread>,
}

impl Person {
    /// What was counted before.
    pub(super) fn recall(&mut self, hour: i64, provider: Option<ProviderId>, conversations: u64) {
        let at = self.hours.partition_point(|one| one.number < hour);
        if self.hours.get(at).is_none_or(|one| one.number != hour) {
            self.hours.insert(at, Hour { number: hour, ..Hour::default() });
        }
        let Some(found) = self.hours.get_mut(at) else { return };
        match provider {
            Some(provider) => drop(found.seen.insert(provider, conversations)),
            None => found.begun = conversations,
        }
    }

    /// The providers that saw the conversation.
    pub(super) fn home(&self, thread: u64) -> &[ProviderId] {
        self.threads.get(&thread).map_or(&[], |thread| &thread.seen)
    }

    /// Lets `provider` see the conversation, if that keeps to the limit; whoever saw it before may see how it goes on.
    ///
    /// The limit holds for every span of hours up to now, however short: so it still holds when the older ones are over.
    pub(super) fn show(
        &mut self,
        thread: u64,
        provider: ProviderId,
        limit: Exposure,
        now: i64,
    ) -> bool {
        self.forget(now, limit);
        let known = self.threads.get_mut(&thread);
        if let Some(known) = known {
            known.last = now;
            if known.seen.contains(&provider) {
                return true;
            }
        }
        let is_new = !self.threads.contains_key(&thread);
        if !self.fits(provider, limit, is_new) {
            return false;
        }
        if self.hours.back().is_none_or(|hour| hour.number < now) {
            self.hours.push_back(Hour { number: now, ..Hour::default() });
        }
        if let Some(hour) = self.hours.back_mut() {
            hour.begun += u64::from(is_new);
            *hour.seen.entry(provider).or_default() += 1;
        }
        if self.threads.len() < MOST_THREADS || !is_new {
            let at = || Thread { seen: Vec::new(), last: now };
            self.threads.entry(thread).or_insert_with(at).seen.push(provider);
        }
        true
    }

    fn fits(&self, provider: ProviderId, limit: Exposure, is_new: bool) -> bool {
        let (mut begun, mut seen) = (u64::from(is_new), 1);
        if seen > limit.most(begun) {
            return false;
        }
        self.hours.iter().rev().all(|hour| {
            begun += hour.begun;
            seen += hour.seen.get(&provider).copied().unwrap_or_default();
            seen <= limit.most(begun)
        })
    }

    fn forget(&mut self, now: i64, limit: Exposure) {
        let oldest = oldest(now, limit);
        if self.hours.front().is_none_or(|hour| hour.number >= oldest) {
            return;
        }
        self.hours.retain(|hour| hour.number >= oldest);
        self.threads.retain(|_, thread| thread.last >= oldest);
    }

    /// The hour at hand, for whoever writes it down.
    pub(super) fn latest(&self) -> Option<&Hour> {
        self.hours.back()
    }

    /// Whether nothing is known any more.
    pub(super) fn is_forgotten(&self, now: i64, limit: Exposure) -> bool {
        let oldest = oldest(now, limit);
        self.hours.iter().all(|hour| hour.number < oldest)
    }

    /// All conversations that count now, and the most that one provider saw of them.
    pub(super) fn largest(&self, now: i64, limit: Exposure) -> (u64, u64) {
        let oldest = oldest(now, limit);
        let mut seen: BTreeMap<ProviderId, u64> = BTreeMap::new();
        let mut begun = 0;
        for hour in self.hours.iter().filter(|hour| hour.number >= oldest) {
            begun += hour.begun;
            for (provider, count) in &hour.seen {
                *seen.entry(*provider).or_default() += count;
            }
        }
        (begun, seen.into_values().max().unwrap_or_default())
    }
}

/// The first hour that counts.
pub(super) fn oldest(now: i64, limit: Exposure) -> i64 {
    now - i64::from(limit.days) * HOURS_OF_DAY + 1
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn providers(count: usize) -> Vec<ProviderId> {
        (0..count).map(|_| ProviderId::new(Timestamp::from_millis(0))).collect()
    }

    const HALF: Exposure = Exposure { percent: 50, days: 1 };

    #[test]
    fn conversations_stay_whole_and_count_once() {
        let [one, two] = providers(2).try_into().unwrap();
        let mut person = Person::default();
        for _ in 0..100 {
            assert!(person.show(7, one, HALF, 0));
        }
        assert_eq!(person.largest(0, HALF), (1, 1));
        assert_eq!(person.home(7), [one]);
        assert!(person.show(7, two, HALF, 0), "somebody else may help out");
        assert_eq!((person.home(7), person.largest(0, HALF)), (&[one, two][..], (1, 1)));
    }

    #[test]
    fn who_has_seen_its_share_sees_no_more() {
        let [one, two] = providers(2).try_into().unwrap();
        let mut person = Person::default();
        let shown = (0..50).filter(|thread| person.show(*thread, one, HALF, 0)).count();
        assert_eq!(shown, 10, "half of the twenty that nobody is held to a share before");
        assert!(person.show(3, one, HALF, 0), "what it has seen goes on");
        for thread in 100..111 {
            assert!(person.show(thread, two, HALF, 0));
        }
        assert!(person.show(200, one, HALF, 0), "there is more to share");
    }

    #[test]
    fn what_is_too_long_ago_does_not_count() {
        let [one, _] = providers(2).try_into().unwrap();
        let mut person = Person::default();
        for thread in 0..10 {
            assert!(person.show(thread, one, HALF, 0));
        }
        assert!(!person.show(10, one, HALF, 23));
        assert!(person.show(10, one, HALF, 24));
        assert_eq!(person.largest(24, HALF), (1, 1));
        assert!(person.home(0).is_empty() && !person.is_forgotten(24, HALF));
        assert!(person.is_forgotten(48, HALF));
    }

    proptest! {
        /// Whatever comes in whatever order, nobody ever holds more than the share: not in the window of any hour, and
        /// not after a restart.
        #[test]
        fn nobody_holds_more_than_the_share(
            steps in proptest::collection::vec((0_u64..40, 0_usize..3, 0_i64..3), 1..400),
            percent in 34_u32..90,
            again in 0_usize..400,
        ) {
            let all = providers(3);
            let limit = Exposure { percent, days: 1 };
            let mut person = Person::default();
            let mut now = 0;
            for (step, (thread, provider, hours)) in steps.into_iter().enumerate() {
                now += hours;
                if step == again {
                    person.threads.clear();
                }
                person.show(thread, all[provider], limit, now);
                for later in now..now + 25 {
                    let (begun, seen) = person.largest(later, limit);
                    prop_assert!(seen <= limit.most(begun), "{seen} of {begun} at {later}");
                }
            }
        }
    }
}
