//! A tar (ustar) of a few small files, all alike in owner, mode and time.

use domain::{Error, Result};

const BLOCK: usize = 512;

/// Files by name, in order.
pub(super) type Files = Vec<(String, Vec<u8>)>;

pub(super) fn write(files: &Files) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, data) in files {
        out.extend_from_slice(&header(name, data.len()));
        out.extend_from_slice(data);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

fn header(name: &str, size: usize) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    let mut field = |text: &str, width: usize| {
        let end = block.len() + width;
        block.extend(text.bytes().take(width));
        block.resize(end, 0);
    };
    for (text, width) in [
        (name, 100),
        ("0000644", 8),
        ("0000000", 8),
        ("0000000", 8),
        (&format!("{size:011o}"), 12),
        ("00000000000", 12),
        // The checksum is taken over spaces in its place.
        ("        ", 8),
        ("0", 1),
        ("", 100),
        ("ustar", 6),
        ("00", 2),
        ("", 247),
    ] {
        field(text, width);
    }
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block.splice(148..156, format!("{sum:06o}\0 ").bytes());
    block
}

/// The files of a bundle. There is exactly one way to write it; no other is accepted.
///
/// # Errors
/// `Invalid` with code `unreadable`.
pub(super) fn read(bytes: &[u8]) -> Result<Files> {
    let files = parse(bytes)?;
    if write(&files) == bytes { Ok(files) } else { Err(damaged()) }
}

pub(super) fn damaged() -> Error {
    Error::invalid("Not a bundle of this kind, or cut short.").with_code("unreadable")
}

fn parse(mut bytes: &[u8]) -> Result<Files> {
    let mut files = Files::new();
    loop {
        let (block, rest) = bytes.split_at_checked(BLOCK).ok_or_else(damaged)?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(files);
        }
        let text = |from: usize, to: usize| {
            let field = block.get(from..to)?.split(|byte| *byte == 0).next()?;
            std::str::from_utf8(field).ok()
        };
        let name = text(0, 100).ok_or_else(damaged)?.to_owned();
        let size = text(124, 135).and_then(|size| usize::from_str_radix(size, 8).ok());
        let size = size.ok_or_else(damaged)?;
        if block != header(&name, size) || files.iter().any(|(known, _)| *known == name) {
            return Err(damaged());
        }
        let (data, rest) = rest.split_at_checked(size).ok_or_else(damaged)?;
        let (_, rest) =
            rest.split_at_checked(size.next_multiple_of(BLOCK) - size).ok_or_else(damaged)?;
        files.push((name, data.to_vec()));
        bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_round_trip_and_damage_is_noticed() {
        let files = vec![("a".to_owned(), b"one".to_vec()), ("b/c".to_owned(), vec![7; 1_000])];
        let bytes = write(&files);
        assert_eq!(read(&bytes).unwrap(), files);
        assert!(read(&bytes[..bytes.len() - 1_025]).is_err());
        let mut changed = bytes.clone();
        changed[3] = b'x';
        assert!(read(&changed).is_err());
        for at in [512 + 3, bytes.len() - 1] {
            let mut padded = bytes.clone();
            padded[at] ^= 1;
            assert!(read(&padded).is_err(), "what fills the blocks counts as well");
        }
        assert!(read(&[bytes.as_slice(), b"x"].concat()).is_err());
        assert!(read(b"").is_err());
    }
}
