//! Where something was found, and what remains when findings overlap.

use crate::Kind;

/// Byte offsets into the text that was scanned, on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Finding {
    pub(crate) fn new(kind: Kind, start: usize, end: usize) -> Self {
        Self { kind, start, end }
    }
}

/// Sorts and keeps what does not overlap: structured before names, the longest span before shorter ones,
/// and among equals the one that was found first.
pub(crate) fn settle(text: &str, found: &mut Vec<Finding>) {
    found.retain(|one| one.start < one.end && text.get(one.start..one.end).is_some());
    if found.len() < 2 {
        return;
    }
    let mut ranked: Vec<(usize, Finding)> = found.drain(..).enumerate().collect();
    ranked.sort_by_key(|(at, one)| {
        (!one.kind.is_structured(), usize::MAX - (one.end - one.start), one.start, *at)
    });
    let mut taken = std::collections::BTreeMap::new();
    for (_, one) in ranked {
        let before = taken.range(..one.end).next_back();
        if before.is_none_or(|(_, earlier): (&usize, &Finding)| earlier.end <= one.start) {
            taken.insert(one.start, one);
        }
    }
    found.extend(taken.into_values());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(list: &[(Kind, usize, usize)]) -> Vec<(Kind, usize, usize)> {
        let mut found = list.iter().map(|(kind, a, b)| Finding::new(*kind, *a, *b)).collect();
        settle("abcdefghijklmnopqrstuvwxyzæ", &mut found);
        found.iter().map(|one| (one.kind, one.start, one.end)).collect()
    }

    #[test]
    fn the_longest_stays_and_structure_comes_before_names() {
        let (person, email, phone) = (Kind::Person, Kind::Email, Kind::Phone);
        assert_eq!(settled(&[(phone, 3, 6), (email, 0, 5)]), [(email, 0, 5)]);
        assert_eq!(settled(&[(person, 0, 20), (email, 5, 9)]), [(email, 5, 9)]);
        assert_eq!(settled(&[(email, 9, 12), (person, 0, 3)]), [(person, 0, 3), (email, 9, 12)]);
        assert_eq!(settled(&[(email, 0, 4), (phone, 0, 4)]), [(email, 0, 4)]);
        assert_eq!(settled(&[(email, 0, 4), (phone, 4, 8)]).len(), 2);
    }

    #[test]
    fn what_is_no_span_of_the_text_is_dropped() {
        assert!(settled(&[(Kind::Email, 4, 4), (Kind::Email, 5, 99)]).is_empty());
        assert!(settled(&[(Kind::Email, 20, 27)]).is_empty(), "27 is inside a character");
    }
}
