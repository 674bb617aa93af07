//! Whatever happens in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Intent(u64),
    Settle(u64),
    /// Records the waiting requests of one organization in the "database".
    Sweep(u64, usize),
    /// The process ends without a goodbye and a new one starts.
    Crash,
    /// The process ends after a goodbye and a new one starts.
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0u64..40).prop_map(Step::Intent),
        8 => (0u64..40).prop_map(Step::Settle),
        3 => (0u64..3, 1usize..8).prop_map(|(org, most)| Step::Sweep(org, most)),
        1 => Just(Step::Crash),
        1 => Just(Step::Close),
    ];
    proptest::collection::vec(step, 1..160)
}

/// What an accountant with a good memory would say.
#[derive(Default)]
struct Model {
    open: BTreeSet<RequestId>,
    settled: BTreeMap<RequestId, bool>,
    database: BTreeMap<RequestId, bool>,
}

impl Model {
    fn crash(&mut self) {
        let left = std::mem::take(&mut self.open);
        self.settled.extend(left.into_iter().map(|request| (request, false)));
    }

    /// What waits after a start may hold requests that are in the database; never any other.
    fn agrees(&self, journal: &Journal) {
        let mut waiting = waiting(journal);
        for (request, whole) in &self.database {
            if let Some(again) = waiting.remove(request) {
                assert_eq!(again, *whole, "the journal changed its mind");
            }
        }
        assert_eq!(waiting, self.settled);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_order_of_events_loses_and_doubles_nothing(steps in steps()) {
        let house = House::new();
        let mut journal = house.open();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Intent(number) if !model.known(number) => {
                    journal.intent(&intent(number)).unwrap();
                    model.open.insert(request(number));
                }
                Step::Settle(number) if model.open.remove(&request(number)) => {
                    journal.settle(&settlement(number)).unwrap();
                    model.settled.insert(request(number), true);
                }
                Step::Intent(_) | Step::Settle(_) => {}
                Step::Sweep(number, most) => {
                    let batch = journal.oldest(org(number), most);
                    for settled in &batch {
                        let request = settled.intent.request;
                        let whole = model.settled.remove(&request);
                        prop_assert!(whole.is_some() || model.database.contains_key(&request));
                        model.database.extend(whole.map(|whole| (request, whole)));
                    }
                    journal.swept(org(number), batch.len());
                }
                Step::Crash | Step::Close => {
                    if matches!(step, Step::Close) {
                        journal.close().unwrap();
                    }
                    drop(journal);
                    model.crash();
                    journal = house.open();
                    model.agrees(&journal);
                }
            }
        }
        drop(journal);
        model.crash();
        model.agrees(&house.open());
        model.agrees(&house.open());
    }

    #[test]
    fn cut_at_any_byte_exactly_the_whole_records_remain(
        numbers in proptest::collection::vec((0u64..8, any::<bool>()), 1..9),
        cut in any::<prop::sample::Index>(),
    ) {
        let house = House::new();
        let journal = house.open();
        let mut ends = Vec::new();
        let mut open = BTreeSet::new();
        for (number, settle) in numbers {
            let before = journal.shared.state.lock().active.length;
            if settle && open.contains(&number) {
                journal.settle(&settlement(number)).unwrap();
            } else if !settle && open.insert(number) {
                journal.intent(&intent(number)).unwrap();
            }
            let after = journal.shared.state.lock().active.length;
            if after > before {
                ends.push((after, number, settle));
            }
        }
        drop(journal);
        prop_assert_eq!(house.segments().len(), 1);
        let length = std::fs::metadata(house.last()).unwrap().len();
        let cut = cut.index(usize::try_from(length).unwrap() + 1) as u64;
        OpenOptions::new().write(true).open(house.last()).unwrap().set_len(cut).unwrap();

        let mut expected = BTreeMap::new();
        for (_, number, settle) in ends.into_iter().filter(|(end, ..)| *end <= cut) {
            expected.insert(request(number), settle);
        }
        prop_assert_eq!(&waiting(&house.open()), &expected);
        prop_assert_eq!(&waiting(&house.open()), &expected);
    }

    #[test]
    fn one_flipped_bit_never_invents_anything(position in any::<prop::sample::Index>(), bit in 0u8..8) {
        let house = House::new();
        let journal = house.open();
        (0..4).for_each(|number| journal.intent(&intent(number)).unwrap());
        journal.settle(&settlement(2)).unwrap();
        drop(journal);
        let mut bytes = std::fs::read(house.last()).unwrap();
        let at = position.index(bytes.len());
        bytes[at] ^= 1 << bit;
        std::fs::write(house.last(), bytes).unwrap();
        match house.try_open() {
            Err(error) => prop_assert_eq!(error.code(), "journal_damaged"),
            Ok(journal) => {
                let found = waiting(&journal);
                prop_assert!(found.len() <= 4);
                for (number, (found, whole)) in found.into_iter().enumerate() {
                    prop_assert_eq!(found, request(number as u64));
                    prop_assert!(!whole || number == 2);
                }
            }
        }
    }
}

impl Model {
    fn known(&self, number: u64) -> bool {
        let request = request(number);
        self.open.contains(&request)
            || self.settled.contains_key(&request)
            || self.database.contains_key(&request)
    }
}
