//! The journal on its own: what it keeps, what it refuses, what it takes back.

mod crash;
mod properties;

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write as _,
    time::{Duration, Instant},
};

use domain::{
    KeyId, Kind, ProjectId, Protocol, Provenance, ProviderId, RequestId, Timestamp, Usage,
};
use uuid::Uuid;

use super::*;

struct House {
    directory: tempfile::TempDir,
    root: RootKey,
}

impl House {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = RootKey::create(&directory.path().join("root.key")).unwrap();
        Self { directory, root }
    }

    fn at(path: &Path) -> (PathBuf, RootKey) {
        (path.to_owned(), RootKey::load(&path.join("root.key")).unwrap())
    }

    fn open(&self) -> Journal {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Journal> {
        Journal::open(self.directory.path(), &self.root)
    }

    fn segments(&self) -> Vec<PathBuf> {
        let journal = self.directory.path().join(DIRECTORY);
        let mut files: Vec<_> =
            std::fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn last(&self) -> PathBuf {
        self.segments().pop().unwrap()
    }
}

fn org(number: u64) -> OrgId {
    OrgId::from_uuid(Uuid::from_u128(u128::from(number) + 1))
}

fn request(number: u64) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(u128::from(number)))
}

fn intent(number: u64) -> Intent {
    Intent {
        request: request(number),
        org: org(number % 3),
        project: ProjectId::from_uuid(Uuid::from_u128(7)),
        key: KeyId::from_uuid(Uuid::from_u128(8)),
        provider: ProviderId::from_uuid(Uuid::from_u128(9)),
        model: "model-of-the-provider".to_owned(),
        requested_model: "alias".to_owned(),
        protocol: Protocol::OpenAi,
        started: Timestamp::from_millis(1_000),
        streaming: true,
        reserved_nano: None,
    }
}

fn settlement(number: u64) -> Settlement {
    Settlement {
        request: request(number),
        ended: Timestamp::from_millis(2_000),
        usage: Usage { input: number, provenance: Provenance::Reported, ..Usage::default() },
        cost_nano: Some(number),
        currency: Some("USD".to_owned()),
        status: 200,
        error_code: None,
        first_token_ms: Some(12),
        attempts: 1,
        receipt_json: "{\"candidates\":1}".to_owned(),
    }
}

/// Everything that waits for the database, by request: whether it was settled or interrupted.
fn waiting(journal: &Journal) -> BTreeMap<RequestId, bool> {
    let mut all = BTreeMap::new();
    for (org, count) in journal.waiting() {
        for settled in journal.oldest(org, count) {
            let whole = settled.settlement.status == 200;
            assert!(all.insert(settled.intent.request, whole).is_none(), "twice");
        }
    }
    all
}

fn sweep(journal: &Journal) {
    for (org, count) in journal.waiting() {
        journal.swept(org, count);
    }
}

#[test]
fn what_was_noted_survives_and_what_was_left_is_interrupted() {
    let house = House::new();
    let journal = house.open();
    for number in 0..4 {
        journal.intent(&intent(number)).unwrap();
    }
    journal.settle(&settlement(1)).unwrap();
    drop(journal);

    for _ in 0..2 {
        let journal = house.open();
        let expected = (0..4).map(|number| (request(number), number == 1)).collect();
        assert_eq!(waiting(&journal), expected);
        let left = &journal.oldest(org(0), 1)[0];
        assert_eq!(left.settlement, Settlement::interrupted(&intent(0)));
        assert_eq!(left.settlement.usage.provenance, Provenance::Absent);
        let whole = &journal.oldest(org(1), 1)[0];
        assert_eq!((&whole.intent, &whole.settlement), (&intent(1), &settlement(1)));
    }
}

#[test]
fn what_is_in_the_database_does_not_come_back() {
    let house = House::new();
    let journal = house.open();
    for number in 0..6 {
        journal.intent(&intent(number)).unwrap();
    }
    (0..5).for_each(|number| journal.settle(&settlement(number)).unwrap());
    sweep(&journal);
    assert!(waiting(&journal).is_empty());
    drop(journal);

    let journal = house.open();
    assert_eq!(waiting(&journal), BTreeMap::from([(request(5), false)]));
    sweep(&journal);
    journal.close().unwrap();
    assert_eq!(house.segments(), Vec::<PathBuf>::new());
    assert!(waiting(&house.open()).is_empty());
}

#[test]
fn the_last_intent_and_the_first_settlement_count() {
    let house = House::new();
    let journal = house.open();
    journal.intent(&intent(1)).unwrap();
    let other = Intent { model: "another".to_owned(), ..intent(1) };
    journal.intent(&other).unwrap();
    journal.settle(&settlement(1)).unwrap();
    journal.settle(&Settlement { status: 500, ..settlement(1) }).unwrap();
    assert_eq!(journal.intent(&intent(1)).unwrap_err().kind(), Kind::Internal);
    assert_eq!(journal.settle(&settlement(2)).unwrap_err().kind(), Kind::Internal);
    for journal in [journal, house.open()] {
        let settled = &journal.oldest(org(1), 9)[0];
        assert_eq!((&settled.intent, settled.settlement.status), (&other, 200));
    }
}

#[test]
fn full_segments_are_left_behind_and_removed_when_nobody_needs_them() {
    let house = House::new();
    let journal = house.open();
    journal.intent(&intent(1_000)).unwrap();
    for number in 0..100 {
        journal.intent(&intent(number)).unwrap();
        journal.settle(&settlement(number)).unwrap();
    }
    assert!(house.segments().len() > 5);
    sweep(&journal);
    // The intent that is still open has moved from the first segment to the last.
    assert_eq!(house.segments().len(), 1);
    journal.settle(&settlement(1_000)).unwrap();
    sweep(&journal);
    assert_eq!(house.segments().len(), 1);
    drop(journal);
    assert!(waiting(&house.open()).is_empty());
}

#[test]
fn records_are_sealed() {
    let house = House::new();
    house.open().intent(&intent(1)).unwrap();
    let bytes = std::fs::read(house.last()).unwrap();
    assert!(bytes.len() > 300);
    for plain in ["model", "alias", "intent", "Intent", "openai"] {
        assert!(!bytes.windows(plain.len()).any(|part| part == plain.as_bytes()), "{plain}");
    }
    let other = House::new();
    let error = Journal::open(house.directory.path(), &other.root).err().unwrap();
    assert_eq!(error.code(), "journal_damaged");
}

#[test]
fn a_full_disk_refuses_the_request_and_recovers() {
    let house = House::new();
    let journal = house.open();
    journal.intent(&intent(1)).unwrap();
    wait_until(|| !journal.shared.state.lock().dirty);
    let full = Arc::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let real = std::mem::replace(&mut journal.shared.state.lock().active.file, full);

    let error = journal.intent(&intent(2)).unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "disk_full"));
    assert_eq!(journal.settle(&settlement(1)).unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(waiting(&journal), BTreeMap::from([(request(1), true)]), "kept in memory");

    // A write that got half-way leaves half a record, which must not end up in the middle of the file.
    (&*real).write_all(b"half a record").unwrap();
    journal.shared.state.lock().active.file = real;
    journal.intent(&intent(3)).unwrap();
    drop(journal);
    let expected = BTreeMap::from([(request(1), false), (request(3), false)]);
    assert_eq!(waiting(&house.open()), expected);
}

#[test]
fn after_a_failed_flush_everything_is_written_anew() {
    let house = House::new();
    let journal = house.open();
    journal.intent(&intent(1)).unwrap();
    journal.intent(&intent(2)).unwrap();
    journal.settle(&settlement(2)).unwrap();
    // Takes every write, forgets it, and cannot be flushed.
    let forgetful = Arc::new(OpenOptions::new().write(true).open("/dev/null").unwrap());
    journal.shared.state.lock().active.file = forgetful;
    journal.intent(&intent(3)).unwrap();
    let first = house.segments();
    wait_until(|| house.segments() != first && house.segments().len() == 1);
    wait_until(|| journal.intent(&intent(4)).is_ok());
    drop(journal);
    let expected = (1..5).map(|number| (request(number), number == 2)).collect();
    assert_eq!(waiting(&house.open()), expected);
}

#[test]
fn written_records_are_flushed_soon() {
    let house = House::new();
    let journal = house.open();
    for number in 0..5 {
        journal.intent(&intent(number)).unwrap();
        let written = Instant::now();
        wait_until(|| !journal.shared.state.lock().dirty);
        assert!(written.elapsed() < Duration::from_millis(100), "{:?}", written.elapsed());
    }
}

fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited too long");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn memory_has_an_end() {
    let house = House::new();
    let journal = house.open();
    for number in 0..MOST_WAITING as u64 {
        journal.intent(&intent(number)).unwrap();
    }
    let error = journal.intent(&intent(9_999_999)).unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "usage_backlog"));
    journal.settle(&settlement(0)).unwrap();
    sweep(&journal);
    journal.intent(&intent(9_999_999)).unwrap();
}

#[test]
fn damage_before_the_end_refuses_to_start() {
    let house = House::new();
    let journal = house.open();
    (0..30).for_each(|number| journal.intent(&intent(number)).unwrap());
    drop(journal);
    let segments = house.segments();
    assert!(segments.len() > 1);
    let mut bytes = std::fs::read(&segments[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segments[0], bytes).unwrap();
    assert_eq!(house.try_open().err().unwrap().code(), "journal_damaged");
}

#[test]
fn a_segment_that_was_never_begun_is_ignored() {
    let house = House::new();
    house.open().intent(&intent(1)).unwrap();
    let directory = house.directory.path().join(DIRECTORY);
    for number in [50, 51] {
        File::create(segment::path(&directory, number)).unwrap().write_all(b"PRBJ").unwrap();
    }
    assert_eq!(waiting(&house.open()), BTreeMap::from([(request(1), false)]));
}

#[test]
fn the_end_of_a_request_is_kept_as_long_as_its_beginning() {
    let house = House::new();
    let journal = house.open();
    journal.intent(&intent(0)).unwrap();
    journal.intent(&intent(300)).unwrap();
    // Settled and swept in a later segment, while the first is kept by the other.
    let first = journal.shared.state.lock().active.number;
    for number in (1..).take_while(|_| journal.shared.state.lock().active.number == first) {
        journal.intent(&intent(number * 3 + 1)).unwrap();
    }
    journal.settle(&settlement(0)).unwrap();
    journal.swept(org(0), 1);
    drop(journal);
    let again = waiting(&house.open());
    assert!(again.get(&request(0)).is_none_or(|whole| *whole), "it changed its mind");
    assert_eq!(again.get(&request(300)), Some(&false));
}

/// After a power cut the length may be on the disk and the bytes not.
#[test]
fn a_record_of_zeros_at_the_end_is_cut() {
    let house = House::new();
    house.open().intent(&intent(1)).unwrap();
    let mut bytes = std::fs::read(house.last()).unwrap();
    bytes.extend_from_slice(&record::frame(&[7; 300]).unwrap()[..8]);
    bytes.extend_from_slice(&[0; 300]);
    std::fs::write(house.last(), bytes).unwrap();
    for _ in 0..2 {
        assert_eq!(waiting(&house.open()), BTreeMap::from([(request(1), false)]));
    }
}
