//! `kill -9` of a process that writes.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use super::*;

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
        .args([
            "--exact",
            "journal::tests::crash::child_process",
            "--nocapture",
            "--test-threads=1",
        ])
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
