use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};

use super::*;

const FRAGMENTS: [&str; 3] = ["qZ7xWm2kVbT9rLp4Hs", "h3NfYc8Jd0aQeU6gXi", "R5tKo1vMzBw9CpSyLE"];

fn needles() -> Needles {
    Needles::new(FRAGMENTS)
}

fn text() -> String {
    format!(
        "Dear model, {} is what {} said of {}. Kind regards.",
        FRAGMENTS[0], FRAGMENTS[1], FRAGMENTS[2]
    )
}

fn found(bytes: &[u8]) -> Vec<usize> {
    let mut all: Vec<_> = needles().search(bytes).into_iter().map(|hit| hit.needle).collect();
    all.dedup();
    all
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_form_is_found() {
    let text = text();
    let utf16 =
        |order: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
    let percent: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let forms: [(&str, Vec<u8>); 10] = [
        ("raw", text.clone().into_bytes()),
        ("lower", text.to_lowercase().into_bytes()),
        ("upper", text.to_uppercase().into_bytes()),
        ("utf-16le", utf16(u16::to_le_bytes)),
        ("utf-16be", utf16(u16::to_be_bytes)),
        ("hex", hex::encode(&text).into_bytes()),
        ("percent", percent.into_bytes()),
        ("gzip", gzip(text.as_bytes())),
        ("zlib", zlib(text.as_bytes())),
        ("base64 of gzip", STANDARD.encode(gzip(text.as_bytes())).into_bytes()),
    ];
    for (name, bytes) in forms {
        let mut hidden = vec![0x55; 777];
        hidden.extend_from_slice(&bytes);
        hidden.extend_from_slice(&[0xaa; 333]);
        assert_eq!(found(&hidden), [0, 1, 2], "{name}");
    }
}

#[test]
fn base64_is_found_at_any_alignment() {
    for before in 0..6 {
        for after in 0..3 {
            let text = format!("{}{}{}", "x".repeat(before), FRAGMENTS[1], "y".repeat(after));
            for encoded in [
                STANDARD.encode(&text),
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&text),
            ] {
                assert_eq!(found(encoded.as_bytes()), [1], "{before} {after}");
            }
        }
    }
}

#[test]
fn nested_and_broken_streams_are_followed() {
    let text = text();
    let nested = gzip(&zlib(STANDARD.encode(&text).as_bytes()));
    assert_eq!(found(&nested), [0, 1, 2]);
    let mut long = text.clone();
    long.push_str(&"some more text that compresses well. ".repeat(200));
    let whole = gzip(long.as_bytes());
    assert_eq!(found(&whole[..whole.len() - 20]), [0, 1, 2], "a stream that breaks off");
}

#[test]
fn what_is_not_there_is_not_found() {
    let noise: Vec<u8> = (0u32..400_000)
        .flat_map(|at| Digest::of(&at.to_le_bytes()).as_bytes()[..4].to_vec())
        .collect();
    assert!(needles().search(&noise).is_empty());
    let half = &FRAGMENTS[0][..9];
    assert!(needles().search(half.as_bytes()).is_empty());
    assert!(Needles::new(Vec::<String>::new()).is_empty());
}

#[test]
fn files_are_read_whole_and_across_windows() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    // Across the edge of the first window.
    let mut large = vec![0x20; (8 << 20) - 7];
    large.extend_from_slice(FRAGMENTS[0].as_bytes());
    large.extend_from_slice(&[0x20; 100]);
    std::fs::write(deep.join("large"), &large).unwrap();
    std::fs::write(directory.path().join("clean"), b"nothing").unwrap();
    let place = Place::all(directory.path().to_owned());
    let report = scan_files(&[place.clone(), place], &needles());
    assert_eq!((report.files, report.bytes), (2, large.len() as u64 + 7));
    assert_eq!(report.dirty().len(), 1);
    assert!(report.hits.iter().all(|(path, hit)| path.ends_with("a/b/large") && hit.needle == 0));
    let future = domain::Timestamp::from_millis(4_000_000_000_000);
    let later = Place::since(directory.path().to_owned(), future);
    assert_eq!(scan_files(&[later], &needles()).files, 0);
    let gone = Place::all(directory.path().join("gone"));
    assert_eq!(scan_files(&[gone], &needles()), FilesReport::default());
}

#[test]
fn an_open_file_without_a_name_is_read_too() {
    use std::os::fd::AsRawFd as _;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text().as_bytes()).unwrap();
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let report = scan_files(&[Place::open_file(link.into())], &needles());
    assert_eq!((report.files, report.dirty().len()), (1, 1));
}

use crate::Digest;
