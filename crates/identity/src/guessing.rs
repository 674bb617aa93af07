//! Guess budgets. What failed lately is counted in the store; what is being tried right now is counted here, so
//! that many attempts at once cannot slip through between counting and recording.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

type Index = Vec<u8>;

/// Attempts that are under way, by index.
#[derive(Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<HashMap<Index, u32>>>);

/// One attempt that is under way; ends when dropped.
pub(crate) struct Attempt {
    all: UnderWay,
    index: Index,
}

impl UnderWay {
    /// Begins an attempt and says how many of the same index are under way, this one included.
    pub(crate) fn begin(&self, index: &[u8]) -> (Attempt, u32) {
        let mut all = self.0.lock();
        let count = all.entry(index.to_vec()).or_default();
        *count = count.saturating_add(1);
        (Attempt { all: self.clone(), index: index.to_vec() }, *count)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut all = self.all.0.lock();
        if let Some(count) = all.get_mut(&self.index) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                all.remove(&self.index);
            }
        }
    }
}

/// The network an address is counted under: the address itself for IPv4, its /64 for IPv6, of which every
/// household has a whole one.
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_count_while_they_last() {
        let all = UnderWay::default();
        let (first, one) = all.begin(&[1]);
        let (second, two) = all.begin(&[1]);
        let (_other, other) = all.begin(&[2]);
        assert_eq!((one, two, other), (1, 2, 1));
        drop(first);
        assert_eq!(all.begin(&[1]).1, 2);
        drop(second);
        assert_eq!(all.0.lock().len(), 1, "what is over takes no memory");
    }

    #[test]
    fn neighbours_in_one_prefix_share_a_budget() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
