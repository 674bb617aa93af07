//! When a message that did not arrive is tried again: soon, then ever later, for about three days.

use std::time::Duration;

use domain::Timestamp;
use store::Outgoing;

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// Seconds after the first, second, … attempt.
const WAITS: [u64; 9] =
    [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// When it is tried again; `None` when it is given up. What the other side asked for only makes it later.
pub(crate) fn next(
    message: &Outgoing,
    asked: Option<Duration>,
    now: Timestamp,
) -> Option<Timestamp> {
    let wait = WAITS.get(usize::try_from(message.attempts).ok()?)?;
    let wait = Duration::from_secs(*wait).max(asked.unwrap_or_default());
    let again = now.plus(wait);
    (again < message.ends).then_some(again)
}

#[cfg(test)]
mod tests {
    use domain::{MessageId, OrgId, Secret, Topic};
    use store::Cargo;

    use super::*;

    const DAY: u64 = 86_400;

    fn message(attempts: u32, ends_in: u64) -> Outgoing {
        let created = Timestamp::from_millis(0);
        let empty = || Secret::new(String::new());
        Outgoing {
            id: MessageId::new(created),
            org: OrgId::DEPLOYMENT,
            topic: Topic::Test,
            attempts,
            created,
            ends: created.plus(Duration::from_secs(ends_in)),
            cargo: Cargo::Letter { to: empty(), letter: empty() },
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let now = Timestamp::from_millis(0);
        let waits: Vec<_> = (0..10)
            .map(|attempts| next(&message(attempts, 4 * DAY), None, now))
            .map(|at| at.map(|at| at.since(now).as_secs()))
            .collect();
        assert_eq!(waits[0], Some(5));
        assert!(waits.windows(2).all(|pair| pair[1].is_none() || pair[0] < pair[1]));
        assert_eq!(waits[9], None, "nine tries after the first");
        let total: u64 = waits.iter().flatten().sum();
        assert!((3 * DAY..4 * DAY).contains(&total), "{total}");
    }

    #[test]
    fn what_is_asked_for_makes_it_later_and_the_end_stays() {
        let now = Timestamp::from_millis(0);
        let asked = Some(Duration::from_secs(90));
        assert_eq!(next(&message(0, DAY), asked, now), Some(now.plus(Duration::from_secs(90))));
        assert_eq!(next(&message(0, 60), asked, now), None, "too late to be of use");
    }
}
