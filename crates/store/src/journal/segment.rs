//! The files of the journal: `<number>.log`, each with the key of the run that wrote it, wrapped by the root key.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use domain::{Error, Result};
use vault::{DataKey, Key, RootKey, Series};

use super::record::{self, Record};

const MAGIC: &[u8; 8] = b"PRBJRNL2";
const CONTEXT: &str = "usage journal";
const ID: usize = 16;
/// Magic, frame, key id, wrapped key.
const HEAD_BYTES: usize = 8 + 8 + ID + 106;

/// The key of one run and the head that every segment of the run starts with.
pub(super) struct RunKey {
    pub(super) series: Series,
    head: Vec<u8>,
}

impl RunKey {
    pub(super) fn generate(root: &RootKey) -> Result<Self> {
        let (id, key) = (vault::random::<ID>()?, Key::generate()?);
        let mut payload = id.to_vec();
        payload.extend_from_slice(&root.wrap(CONTEXT, &key)?);
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&record::frame(&payload)?);
        Ok(Self { series: Series::new(&DataKey::from_key(id, key), &record::AAD)?, head })
    }
}

/// A segment that is being written.
pub(super) struct Segment {
    pub(super) number: u64,
    /// Shared with the thread that flushes it.
    pub(super) file: Arc<File>,
    /// Bytes that are whole records.
    pub(super) length: u64,
    /// A failed write left a part of a record behind.
    torn: bool,
}

impl Segment {
    /// Creates segment `number`, durable from its head on.
    pub(super) fn create(directory: &Path, number: u64, run: &RunKey) -> Result<Self> {
        let path = path(directory, number);
        let made = (|| {
            let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
            (&file).write_all(&run.head)?;
            file.sync_data()?;
            File::open(directory)?.sync_all()?;
            Ok(file)
        })();
        match made {
            Ok(file) => {
                let length = run.head.len() as u64;
                Ok(Self { number, file: Arc::new(file), length, torn: false })
            }
            Err(error) => {
                // The next attempt takes another number; a rest without a whole head is removed at the next start.
                let _ = fs::remove_file(&path);
                Err(unwritable(error))
            }
        }
    }

    /// Takes back the rest of a failed write, if there is one.
    pub(super) fn mend(&mut self) -> Result<()> {
        if self.torn {
            self.file.set_len(self.length).map_err(unwritable)?;
            self.torn = false;
        }
        Ok(())
    }

    /// Appends one record with one `write`. After an error nothing of it remains.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.mend()?;
        if let Err(error) = (&*self.file).write_all(bytes) {
            self.torn = self.file.set_len(self.length).is_err();
            return Err(unwritable(error));
        }
        self.length = self.length.saturating_add(bytes.len() as u64);
        Ok(())
    }
}

/// The numbers of the segments that are there, in order.
pub(super) fn list(directory: &Path) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory).map_err(unwritable)? {
        let name = entry.map_err(unwritable)?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".log"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:020}.log"))
}

/// Removes a segment nobody needs. Left behind, it would be read again and change nothing.
pub(super) fn remove(directory: &Path, number: u64) {
    if let Err(error) = fs::remove_file(path(directory, number)) {
        tracing::warn!(number, %error, "a segment of the usage journal could not be removed");
    }
}

/// The records of segment `number`. Only the last segment may end in the middle of a record, where a crash
/// tore it: it is cut there. No record was written to a segment before its head was on the disk.
pub(super) fn read(
    directory: &Path,
    number: u64,
    last: bool,
    root: &RootKey,
) -> Result<Vec<Record>> {
    let path = path(directory, number);
    let bytes = fs::read(&path).map_err(unwritable)?;
    if bytes.len() < HEAD_BYTES {
        return Ok(Vec::new());
    }
    let head = bytes.strip_prefix(MAGIC).and_then(record::unframe);
    let (head, mut rest) = head.ok_or_else(|| damaged(&path))?;
    let key = run_key(head, root).ok_or_else(|| damaged(&path))?;
    let mut records = Vec::new();
    while let Some((payload, after)) = record::unframe(rest) {
        records.push(record::decode(payload, &key).map_err(|_| damaged(&path))?);
        rest = after;
    }
    if !rest.is_empty() {
        if !last {
            return Err(damaged(&path));
        }
        tracing::warn!(
            number,
            bytes = rest.len(),
            "the usage journal ended in the middle of a record"
        );
        cut(&path, bytes.len() - rest.len()).map_err(unwritable)?;
    }
    Ok(records)
}

fn run_key(head: &[u8], root: &RootKey) -> Option<DataKey> {
    let (id, wrapped) = head.split_first_chunk::<ID>()?;
    Some(DataKey::from_key(*id, root.unwrap(CONTEXT, wrapped).ok()?))
}

fn cut(path: &Path, length: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length as u64)?;
    file.sync_all()
}

fn damaged(path: &Path) -> Error {
    Error::invalid(format!(
        "The usage journal {} is damaged. Restore it from a backup; or move it away to start without the requests that only it remembers.",
        path.display()
    ))
    .with_code("journal_damaged")
}

/// The error of a journal that cannot be written: the gateway refuses requests it could not account for.
pub(super) fn unwritable(error: io::Error) -> Error {
    let full = matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    );
    let refusal = if full {
        Error::unavailable("The disk is full: nothing was written. Free some space and try again.")
            .with_code("disk_full")
    } else {
        Error::unavailable("The usage journal cannot be written.").with_code("journal_unwritable")
    };
    refusal.with_source(error)
}
