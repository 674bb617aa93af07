//! GW-01 and GW-02: random text goes through the data plane in every way, and nothing of it stays.

mod paths;
mod records;

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc, time::Duration};

use domain::{Result, Timestamp};
use store::Coverage;

use super::{Finding, Findings, Run, off_thread, plant::Plant};
use crate::{
    evidence::{Reason, Verdict},
    scan::{FilesReport, Needles, Place, scan_files},
};
use paths::Travelled;

pub(super) use records::unlisted;

/// How long logs may take to reach the disk.
const SETTLED: Duration = Duration::from_secs(2);

/// The pieces of text of one request: several, so that cutting it up hides nothing.
const PIECES: usize = 6;

/// What the search through the store found.
struct Stored {
    coverage: Coverage,
    content: bool,
    /// Values known to be there, one readable and one sealed, were seen.
    sees: bool,
    records: records::Records,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let started = cx.site.clock.now();
    let before = written(cx.site.server_pid);
    let travelled = paths::travel(cx).await;
    let due = travelled.iter().filter(|path| path.recorded);
    let due: Vec<&str> = due.filter_map(|path| path.request.as_deref()).collect();
    let recorded = cx.houses.first.recorded(&cx.site.client, &due);
    // Which records are missing, the search itself says.
    let (_, ()) = tokio::join!(recorded, tokio::time::sleep(SETTLED));
    let pieces: Vec<String> = travelled.iter().flat_map(|path| path.pieces.clone()).collect();
    let needles = Arc::new(Needles::new(&pieces));
    let stored = search_store(cx, &needles, &travelled).await?;
    let (report, planted_at) = search_files(cx, &pieces, started).await?;
    let written = written(cx.site.server_pid).zip(before).map(|(after, before)| after - before);
    let content = content(cx, &travelled, &stored, &report, (&planted_at, pieces.len()), written);
    Ok(vec![("GW-01", content), ("GW-02", records::judge(cx, &stored))])
}

fn content(
    cx: Run<'_>,
    travelled: &[Travelled],
    stored: &Stored,
    report: &FilesReport,
    (planted_at, pieces): (&PathBuf, usize),
    written: Option<u64>,
) -> Finding {
    let found_in_files = report.hits.iter().any(|(_, hit)| hit.needle < pieces);
    let planted_in_file =
        report.hits.iter().any(|(at, hit)| hit.needle == pieces && at == planted_at);
    let planted = planted_in_file && stored.sees;
    let own = cx.site.inspector.data_dir();
    let blocked = report.unreadable.iter().any(|path| path.starts_with(own));
    let done = travelled.iter().filter(|path| path.as_meant).count() as u64;
    let population = travelled.len() as u64;
    let verdict = if found_in_files || stored.content {
        Verdict::Fail(Reason::ContentFound)
    } else if blocked || stored.coverage.unopened > 0 {
        Verdict::Inconclusive(Reason::Unreachable)
    } else {
        Verdict::held(planted, done, population, cx.floor("GW-01"))
    };
    let astray = travelled.iter().filter(|path| !path.as_meant);
    let mut uncovered: BTreeSet<String> =
        astray.map(|path| format!("the path {}", path.name)).collect();
    uncovered.extend(stored.coverage.closed.iter().cloned());
    uncovered.insert("the journal of the operating system, swap and core dumps".to_owned());
    let finding = Finding::new(verdict, planted, (done, population))
        .measure("pieces of text sent", pieces as u64, "pieces")
        .measure("files searched", report.files, "files")
        .measure("bytes searched", report.bytes, "bytes")
        .measure("values searched", stored.coverage.values, "values")
        .measure("sealed values opened", stored.coverage.opened, "values")
        .uncovered(uncovered);
    match written {
        Some(bytes) => finding.measure("written by the server meanwhile", bytes, "bytes"),
        None => finding,
    }
}

/// Every value of the database, sealed ones opened.
async fn search_store(
    cx: Run<'_>,
    needles: &Arc<Needles>,
    travelled: &[Travelled],
) -> Result<Stored> {
    let house = &cx.houses.first;
    let (readable, sealed) = (Needles::new([&house.key_name]), Needles::new([&house.email]));
    let columns = cx.site.inspector.columns(records::TABLE).await?;
    let mut records = records::Records::new(columns, travelled);
    let (mut content, mut sees_readable, mut sees_sealed) = (false, false, false);
    let coverage = cx
        .site
        .inspector
        .values(&mut |seen| {
            let hit = !needles.search(seen.value).is_empty();
            content |= hit;
            match (seen.table, seen.opened) {
                ("api_key", false) => sees_readable |= !readable.search(seen.value).is_empty(),
                ("user", true) => sees_sealed |= !sealed.search(seen.value).is_empty(),
                (records::TABLE, _) => records.see(seen.column, seen.value, hit),
                _ => {}
            }
        })
        .await?;
    Ok(Stored { coverage, content, sees: sees_readable && sees_sealed, records })
}

/// Every file the server may have written, and one that was planted among them.
async fn search_files(
    cx: Run<'_>,
    pieces: &[String],
    started: Timestamp,
) -> Result<(FilesReport, PathBuf)> {
    let data_dir = cx.site.inspector.data_dir().to_owned();
    let planted_text = cx.seed.text("planted", 24);
    let plant = Plant::put(&data_dir, &cx.seed.text("file", 12), &planted_text)?;
    let mut places: Vec<Place> =
        cx.site.inspector.database_files().into_iter().map(Place::all).collect();
    places.push(Place::all(data_dir));
    places.extend(cx.site.places.iter().cloned().map(Place::all));
    places.push(Place::since(std::env::temp_dir(), started));
    places.extend(open_files(cx.site.server_pid).into_iter().map(Place::open_file));
    let needles = Needles::new(pieces.iter().chain([&planted_text]));
    let report = off_thread(move || scan_files(&places, &needles)).await?;
    let planted_at = plant.path();
    drop(plant);
    Ok((report, planted_at))
}

/// The regular files a process has open for writing, as links of `/proc`: also those without a name.
fn open_files(pid: u32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let writable = |number: &str| {
        let about = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
        let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|text| u32::from_str_radix(text.trim(), 8).ok());
        // O_ACCMODE: 0 is for reading only.
        flags.is_none_or(|flags| flags & 3 != 0)
    };
    entries
        .flatten()
        .filter(|entry| writable(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| fs::metadata(path).is_ok_and(|about| about.is_file()))
        .collect()
}

/// Bytes a process has sent to the disk so far.
fn written(pid: u32) -> Option<u64> {
    let about = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    about.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn files_open_for_writing_are_known_and_others_are_not() {
        let written_to = tempfile::NamedTempFile::new().unwrap();
        let read_from = tempfile::NamedTempFile::new().unwrap();
        let mut nameless = tempfile::tempfile().unwrap();
        nameless.write_all(b"x").unwrap();
        let reader = fs::File::open(read_from.path()).unwrap();
        let (_file, read_path) = read_from.into_parts();
        drop(_file);
        let open = open_files(std::process::id());
        let targets: Vec<_> = open.iter().filter_map(|path| fs::read_link(path).ok()).collect();
        assert!(targets.iter().any(|path| path == written_to.path()));
        assert!(targets.iter().any(|path| path.to_string_lossy().ends_with("(deleted)")));
        let read_path: &std::path::Path = read_path.as_ref();
        assert!(!targets.iter().any(|path| path == read_path));
        drop(reader);
        assert!(written(std::process::id()).is_some());
        assert!(open_files(u32::MAX).is_empty());
    }
}
