//! The one tar (ustar) that holds given files: fixed owner, mode and time, so that no byte is free.

use super::Unreadable;

const BLOCK: usize = 512;
type File = (String, Vec<u8>);

pub(super) fn write(files: &[File]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, data) in files {
        out.extend_from_slice(&header(name, data.len()));
        out.extend_from_slice(data);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// Names are ours and short. Sizes from 8 GiB on do not fit and give a file that no reader accepts.
fn header(name: &str, size: usize) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    let mut field = |text: &str, width: usize| {
        let end = block.len() + width;
        block.extend(text.bytes().take(width));
        block.resize(end, 0);
    };
    field(name, 100);
    field("0000644", 8);
    field("0000000", 8);
    field("0000000", 8);
    field(&format!("{size:011o}"), 12);
    field("00000000000", 12);
    // The checksum is taken over the block with spaces in its place.
    field("        ", 8);
    field("0", 1);
    field("", 100);
    field("ustar", 6);
    field("00", 2);
    field("", 247);
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    let sum = format!("{sum:06o}\0 ");
    block.splice(148..156, sum.bytes());
    block
}

pub(super) fn read(mut bytes: &[u8]) -> Result<Vec<File>, Unreadable> {
    let mut files: Vec<File> = Vec::new();
    loop {
        if bytes.len() == 2 * BLOCK && bytes.iter().all(|byte| *byte == 0) {
            return Ok(files);
        }
        let (name, data, rest) = next(bytes)?;
        if files.iter().any(|(known, _)| *known == name) {
            return Err(Unreadable(format!("{name} comes twice")));
        }
        files.push((name, data.to_vec()));
        bytes = rest;
    }
}

fn next(bytes: &[u8]) -> Result<(String, &[u8], &[u8]), Unreadable> {
    let damaged = || Unreadable::new("not a tar file as Probity writes it, or cut short");
    let (block, rest) = bytes.split_at_checked(BLOCK).ok_or_else(damaged)?;
    let name = block.get(..100).and_then(|name| name.split(|byte| *byte == 0).next());
    let name = name.and_then(|name| std::str::from_utf8(name).ok()).ok_or_else(damaged)?;
    let size = block.get(124..135).and_then(|size| std::str::from_utf8(size).ok());
    let size = size.and_then(|size| usize::from_str_radix(size, 8).ok()).ok_or_else(damaged)?;
    if block != header(name, size) {
        return Err(damaged());
    }
    let (data, rest) = rest.split_at_checked(size).ok_or_else(damaged)?;
    let pad = size.next_multiple_of(BLOCK) - size;
    let (pad, rest) = rest.split_at_checked(pad).ok_or_else(damaged)?;
    if pad.iter().any(|byte| *byte != 0) {
        return Err(damaged());
    }
    Ok((name.to_owned(), data, rest))
}
