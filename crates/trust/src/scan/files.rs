//! Reading files and directories through the needles.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use domain::Timestamp;

use super::{Hit, Needles};

/// Bytes read at a time.
const WINDOW: usize = 8 << 20;

/// Bytes of one window that are read again with the next, so that nothing hides on the edge.
const OVERLAP: usize = 256 << 10;

/// Directories are followed this deep.
const DEEPEST: u8 = 12;

/// Somewhere to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A file, or a directory with everything in it.
    pub path: PathBuf,
    /// Only files written since then; everything when `None`.
    pub since: Option<Timestamp>,
    /// A link of `/proc` to an open file that may have no name any more: read what it points to.
    pub follow: bool,
}

impl Place {
    /// Everything in `path`.
    #[must_use]
    pub const fn all(path: PathBuf) -> Self {
        Self { path, since: None, follow: false }
    }

    /// What was written in `path` since `at`.
    #[must_use]
    pub const fn since(path: PathBuf, at: Timestamp) -> Self {
        Self { path, since: Some(at), follow: false }
    }

    /// The open file behind a link of `/proc`.
    #[must_use]
    pub const fn open_file(path: PathBuf) -> Self {
        Self { path, since: None, follow: true }
    }
}

/// What a scan looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesReport {
    pub files: u64,
    pub bytes: u64,
    /// Files and directories that exist and could not be read.
    pub unreadable: Vec<PathBuf>,
    pub hits: BTreeSet<(PathBuf, Hit)>,
}

impl FilesReport {
    fn read(&mut self, path: &Path, needles: &Needles) {
        match file(path, needles) {
            Ok((bytes, hits)) => {
                self.files += 1;
                self.bytes += bytes;
                self.hits.extend(hits.into_iter().map(|hit| (path.to_owned(), hit)));
            }
            // Temporary files come and go while we look.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => self.unreadable.push(path.to_owned()),
        }
    }

    /// The files in which anything was found.
    #[must_use]
    pub fn dirty(&self) -> BTreeSet<&Path> {
        self.hits.iter().map(|(path, _)| path.as_path()).collect()
    }
}

/// Searches `places` for `needles`. Blocking: call it where blocking is allowed.
#[must_use]
pub fn scan_files(places: &[Place], needles: &Needles) -> FilesReport {
    let mut report = FilesReport::default();
    let mut seen = BTreeSet::new();
    for place in places {
        let found = place.path.canonicalize();
        let nameless = place.follow && found.is_err();
        let path = found.unwrap_or_else(|_| place.path.clone());
        if nameless {
            // The name is gone, the file is not.
            report.read(&place.path, needles);
            continue;
        }
        visit(&path, place.since, DEEPEST, needles, &mut report, &mut seen);
    }
    report
}

fn visit(
    path: &Path,
    since: Option<Timestamp>,
    deeper: u8,
    needles: &Needles,
    report: &mut FilesReport,
    seen: &mut BTreeSet<PathBuf>,
) {
    // A link is not followed: what it points to is somewhere else's business.
    let about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        // Temporary files come and go while we look.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(_) => return report.unreadable.push(path.to_owned()),
    };
    if about.is_dir() {
        let Ok(entries) = fs::read_dir(path) else {
            return report.unreadable.push(path.to_owned());
        };
        if deeper > 0 {
            for entry in entries.flatten() {
                visit(&entry.path(), since, deeper - 1, needles, report, seen);
            }
        }
    } else if about.is_file() && written_since(&about, since) && seen.insert(path.to_owned()) {
        report.read(path, needles);
    }
}

fn written_since(about: &fs::Metadata, since: Option<Timestamp>) -> bool {
    let Some(since) = since else { return true };
    // File systems round; a file that may have been written is read.
    let since = since.minus(Duration::from_secs(2));
    let age = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    age.is_none_or(|at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX) >= since.as_millis())
}

fn file(path: &Path, needles: &Needles) -> std::io::Result<(u64, BTreeSet<Hit>)> {
    let mut file = File::open(path)?;
    let (mut total, mut hits) = (0, BTreeSet::new());
    let mut window = Vec::new();
    loop {
        let kept = window.len().saturating_sub(OVERLAP);
        window.drain(..kept);
        let read = (&mut file).take(WINDOW as u64).read_to_end(&mut window)?;
        if read == 0 {
            return Ok((total, hits));
        }
        total += read as u64;
        hits.extend(needles.search(&window));
    }
}
