//! The last signed head of each log, in a file outside the database.
//!
//! A database that was set back to an older copy would sign other entries under the numbers it signed before.
//! The file remembers; a head that is older than it, or another of the same size, is not signed.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use domain::{Error, OrgId, Result};
use ledger::Hash;
use uuid::Uuid;

use crate::data_dir;

const NAME: &str = "audit-heads";
/// The file is written anew when this much was added to it; a line is about 160 bytes.
const COMPACT: usize = 4 << 20;

/// What was signed for one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) size: u64,
    pub(super) root: Hash,
}

pub(super) struct Heads {
    directory: PathBuf,
    deployment: Uuid,
    file: File,
    /// Bytes added since the file was written anew.
    added: usize,
    signed: BTreeMap<OrgId, Signed>,
}

impl Heads {
    /// Reads what was signed. A last line that a crash cut short is dropped; any other damage is an error.
    pub(super) fn open(directory: &Path, deployment: Uuid) -> Result<Self> {
        let path = directory.join(NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(&path, error)),
        };
        let mut signed = BTreeMap::new();
        let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        // What follows the last newline: nothing, or a line that was not finished.
        lines.pop();
        for line in lines {
            let (of, org, head) = parse(line).ok_or_else(|| unreadable(&path))?;
            if of != deployment {
                return Err(foreign(&path));
            }
            signed.insert(org, head);
        }
        // Written anew at every start: short, and without a torn end.
        let file = rewrite(directory, deployment, &signed)?;
        Ok(Self { directory: directory.to_owned(), deployment, file, added: 0, signed })
    }

    pub(super) fn of(&self, org: OrgId) -> Option<Signed> {
        self.signed.get(&org).copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (OrgId, Signed)> {
        self.signed.iter().map(|(org, head)| (*org, *head))
    }

    /// Writes down what was signed and committed; on return it is on the disk.
    pub(super) fn record(&mut self, heads: &[(OrgId, Signed)]) -> Result<()> {
        let mut text = String::new();
        for (org, head) in heads {
            text += &line(self.deployment, *org, head);
            self.signed.insert(*org, *head);
        }
        if self.added > COMPACT {
            self.file = rewrite(&self.directory, self.deployment, &self.signed)?;
            self.added = 0;
            return Ok(());
        }
        self.added += text.len();
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            // Half a line may be in the file now: the next record writes it anew.
            self.added = usize::MAX / 2;
            failed(&self.directory.join(NAME), error)
        })
    }
}

fn rewrite(directory: &Path, deployment: Uuid, signed: &BTreeMap<OrgId, Signed>) -> Result<File> {
    let text =
        signed.iter().fold(String::new(), |text, (org, head)| text + &line(deployment, *org, head));
    data_dir::replace(directory, NAME, text.as_bytes())?;
    append_to(&directory.join(NAME))
}

fn append_to(path: &Path) -> Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed(path, error))
}

/// `<check> <deployment> <organization> <size> <root>`; the check is the start of the SHA-256 of the rest.
fn line(deployment: Uuid, org: OrgId, head: &Signed) -> String {
    let mut text = format!("{deployment} {} {} {}", org.uuid(), head.size, hex::encode(head.root));
    let check = check(&text);
    text.insert_str(0, &check);
    text.push('\n');
    text
}

fn check(text: &str) -> String {
    let digest = hex::encode(vault::sha256(text.as_bytes()));
    format!("{} ", digest.get(..16).unwrap_or_default())
}

fn parse(line: &[u8]) -> Option<(Uuid, OrgId, Signed)> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, rest) = text.split_once(' ')?;
    if format!("{}{rest}", check(rest)) != text {
        return None;
    }
    let mut words = rest.split(' ');
    let deployment = words.next()?.parse().ok()?;
    let org = OrgId::from_uuid(words.next()?.parse().ok()?);
    let size = words.next()?.parse().ok()?;
    let root = hex::decode(words.next()?).ok()?.try_into().ok()?;
    Some((deployment, org, Signed { size, root }))
}

/// The refusal to go on from a database that is older than what was signed.
pub(super) fn rolled_back(directory: &Path, origin: &str, signed: &Signed, found: u64) -> Error {
    Error::invalid(format!(
        "The database is older than its audit log: {origin} has {found} entries in it, but {} were signed before ({}). \
         It was restored from an old copy or changed from outside. Restore a newer copy of the database. \
         If those entries are lost for good, move that file away: everybody who kept a checkpoint of this log will notice.",
        signed.size,
        directory.join(NAME).display(),
    ))
    .with_code("log_rolled_back")
}

/// The refusal to go on from a database whose log says something else than what was signed.
pub(super) fn forked(directory: &Path, origin: &str, signed: &Signed) -> Error {
    Error::invalid(format!(
        "The audit log {origin} in the database is not the one that was signed at {} entries ({}): it was changed from outside. \
         Restore the database from a copy made before the change.",
        signed.size,
        directory.join(NAME).display(),
    ))
    .with_code("log_forked")
}

fn unreadable(path: &Path) -> Error {
    Error::invalid(format!(
        "{} is damaged: it remembers which heads of the audit log were signed. Restore it from a backup of the data directory; \
         without one, move it away, and compare the log with a checkpoint kept elsewhere.",
        path.display()
    ))
    .with_code("log_journal_damaged")
}

fn foreign(path: &Path) -> Error {
    Error::invalid(format!(
        "{} belongs to another database than the one in store.url: each data directory goes with one database. \
         Point store.url at that database again, or choose an empty data directory.",
        path.display()
    ))
    .with_code("log_foreign")
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!(
        "{} cannot be written; nothing is signed until it can.",
        path.display()
    ))
    .with_code("log_journal_failed")
    .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(size: u64) -> Signed {
        Signed { size, root: [u8::try_from(size % 256).unwrap(); 32] }
    }

    #[test]
    fn what_was_recorded_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (OrgId::DEPLOYMENT, OrgId::from_uuid(Uuid::from_u128(7)));
        let deployment = Uuid::from_u128(1);
        let mut heads = Heads::open(dir.path(), deployment).unwrap();
        heads.record(&[(a, head(1)), (b, head(5))]).unwrap();
        heads.record(&[(a, head(2))]).unwrap();
        drop(heads);
        // A crash in the middle of a line.
        let path = dir.path().join(NAME);
        let mut text = fs::read(&path).unwrap();
        text.extend_from_slice(b"0123456789abcdef 000");
        fs::write(&path, &text).unwrap();
        let heads = Heads::open(dir.path(), deployment).unwrap();
        assert_eq!((heads.of(a), heads.of(b)), (Some(head(2)), Some(head(5))));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn damage_and_other_deployments_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut heads = Heads::open(dir.path(), Uuid::from_u128(1)).unwrap();
        heads.record(&[(OrgId::DEPLOYMENT, head(1))]).unwrap();
        let code = |deployment| {
            Heads::open(dir.path(), Uuid::from_u128(deployment)).err().map(|error| error.code())
        };
        assert_eq!(code(2), Some("log_foreign"));
        let path = dir.path().join(NAME);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(" 1 ", " 2 ")).unwrap();
        assert_eq!(code(1), Some("log_journal_damaged"));
    }

    #[test]
    fn a_long_file_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut heads = Heads::open(dir.path(), Uuid::from_u128(1)).unwrap();
        heads.record(&[(OrgId::DEPLOYMENT, head(8))]).unwrap();
        heads.added = COMPACT + 1;
        heads.record(&[(OrgId::DEPLOYMENT, head(9))]).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join(NAME)).unwrap().lines().count(), 1);
        heads.record(&[(OrgId::DEPLOYMENT, head(10))]).unwrap();
        drop(heads);
        let heads = Heads::open(dir.path(), Uuid::from_u128(1)).unwrap();
        assert_eq!(heads.of(OrgId::DEPLOYMENT), Some(head(10)));
    }
}
