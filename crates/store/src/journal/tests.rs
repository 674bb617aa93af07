use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use domain::{
    KeyId, Kind, ProjectId, Protocol, Provenance, ProviderId, RequestId, Timestamp, Usage,
};
use proptest::prelude::*;
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
    // The first holds the intent that is still open, the last is being written.
    assert_eq!(house.segments().len(), 2);
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
    #![proptest_config(ProptestConfig::with_cases(64))]

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

const CHILD: &str = "PROBITY_JOURNAL_CHILD";

/// Not a test of its own: the process that is killed. It tells every acknowledged step on its standard output.
#[test]
fn child_process() {
    let Some(told) = std::env::var_os(CHILD) else { return };
    let told = told.into_string().unwrap();
    let (first, path) = told.split_once(' ').unwrap();
    let first: u64 = first.parse().unwrap();
    let (path, root) = House::at(Path::new(path));
    let journal = Journal::open(&path, &root).unwrap();
    let mut out = std::io::stdout().lock();
    for number in first.. {
        journal.intent(&intent(number)).unwrap();
        writeln!(out, "\nintent {number}").unwrap();
        if let Some(earlier) = number.checked_sub(5).filter(|earlier| *earlier >= first)
            && earlier % 4 != 0
        {
            journal.settle(&settlement(earlier)).unwrap();
            writeln!(out, "\nsettle {earlier}").unwrap();
        }
        if number % 50 == 49
            && let Some((org, count)) = journal.waiting().first()
        {
            let batch = journal.oldest(*org, *count);
            for settled in &batch {
                let whole = settled.settlement.status == 200;
                writeln!(out, "\nrow {} {whole}", settled.intent.request.uuid().as_u128()).unwrap();
            }
            out.flush().unwrap();
            journal.swept(*org, batch.len());
        }
        out.flush().unwrap();
    }
}

/// Steps the child acknowledged before it was killed after `lines` lines.
fn run_and_kill(house: &House, first: u64, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "journal::tests::child_process", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{first} {}", house.directory.path().display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told: Vec<String> = output.by_ref().take(lines).map(|line| line.unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died it had already written; the last line may be torn itself.
    told.extend(output.map_while(std::result::Result::ok));
    assert!(told.len() >= lines, "the child ended by itself");
    told
}

#[test]
fn kill_9_loses_and_doubles_nothing() {
    let house = House::new();
    let mut database: BTreeMap<RequestId, bool> = BTreeMap::new();
    let mut first = 0;
    for round in 0..10 {
        let told = run_and_kill(&house, first, 150 + round * 137);
        let mut intended = BTreeSet::new();
        let mut settled = BTreeSet::new();
        for line in &told {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["intent", number] => drop(intended.insert(number.parse::<u64>().unwrap())),
                ["settle", number] => drop(settled.insert(number.parse::<u64>().unwrap())),
                ["row", number, whole] => {
                    let request = RequestId::from_uuid(Uuid::from_u128(number.parse().unwrap()));
                    let earlier = database.insert(request, whole == "true");
                    assert!(earlier.is_none_or(|earlier| earlier == (whole == "true")));
                }
                _ => {}
            }
        }
        let journal = house.open();
        for (request, whole) in waiting(&journal) {
            let earlier = database.insert(request, whole);
            assert!(earlier.is_none_or(|earlier| earlier == whole), "{request} changed");
        }
        sweep(&journal);
        drop(journal);
        assert!(waiting(&house.open()).is_empty());
        for &number in &intended {
            let row = database.get(&request(number)).copied();
            let row = row.unwrap_or_else(|| panic!("request {number} was lost"));
            assert!(row || !settled.contains(&number), "the settlement of {number} was lost");
        }
        let last = *intended.last().unwrap();
        // One more may have been written without being told.
        assert!(database.len() as u64 <= last + 2, "{} rows for {last}", database.len());
        first = last + 2;
    }
}
