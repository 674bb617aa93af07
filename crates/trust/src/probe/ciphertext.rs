//! ENC-11: what is in the database cannot be read in its files.

use std::{fs::File, io::Read as _, path::PathBuf, sync::Arc};

use domain::Result;
use serde_json::json;

use super::{Finding, Findings, Run, off_thread, plant::Plant};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
    scan::{Needles, Place, scan_files},
};

/// Bytes of each file whose randomness is measured.
const MEASURED: u64 = 4 << 20;

/// Encrypted pages have all 8 bits of entropy per byte; text and tables have 4 to 6.
const LEAST_ENTROPY: f64 = 7.9;

/// Files shorter than this say too little.
const SHORTEST: usize = 16 << 10;

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let (site, house) = (cx.site, &cx.houses.first);
    let files: Vec<PathBuf> = site
        .inspector
        .database_files()
        .into_iter()
        // The shared-memory index of the journal holds page numbers only.
        .filter(|path| path.exists() && !path.to_string_lossy().ends_with("-shm"))
        .collect();
    if files.is_empty() {
        let verdict = Verdict::Inconclusive(Reason::Unreachable);
        let finding = Finding::new(verdict, false, (0, 0))
            .uncovered(["the files of a database server on another machine".to_owned()]);
        return Ok(vec![("ENC-11", finding)]);
    }
    let name = cx.seed.text("name", 20);
    let path = format!("/api/v1/projects/{}", house.project);
    let payload = Payload::Json(json!({"name": name}));
    site.client.send("PATCH", &path, Auth::Key(&house.admin_key), payload).await?.ok()?;
    let stored = stored(cx, &name).await?;
    let planted_text = cx.seed.text("planted", 20);
    let plant = Plant::put(site.inspector.data_dir(), &cx.seed.text("file", 12), &planted_text)?;
    let needles = Needles::new([name, planted_text]);
    let mut places: Vec<Place> = files.iter().cloned().map(Place::all).collect();
    places.push(Place::all(site.inspector.data_dir().to_owned()));
    let (report, entropies, plain) = off_thread({
        let (files, plain) = (files.clone(), plant.path());
        move || {
            let report = scan_files(&places, &needles);
            let entropies: Vec<_> = files.iter().map(entropy).collect();
            (report, entropies, entropy(&plain))
        }
    })
    .await?;
    let planted_at = plant.path();
    drop(plant);
    let found = report.hits.iter().any(|(_, hit)| hit.needle == 0);
    let planted = report.hits.iter().any(|(at, hit)| hit.needle == 1 && *at == planted_at)
        && plain.is_some_and(|plain| plain < LEAST_ENTROPY);
    let readable = entropies.iter().flatten().any(|bits| *bits < LEAST_ENTROPY);
    let (subjects, population) = (files.len() as u64, files.len() as u64);
    let verdict = if found || readable {
        Verdict::Fail(Reason::PlaintextFound)
    } else if !stored || !report.unreadable.is_empty() {
        // Nothing was shown if the name is not in the database at all.
        Verdict::Inconclusive(Reason::Unreachable)
    } else {
        Verdict::held(planted, subjects, population, cx.floor("ENC-11"))
    };
    let lowest = entropies.iter().flatten().fold(8.0_f64, |low, bits| low.min(*bits));
    let finding = Finding::new(verdict, planted, (subjects, population))
        .measure("bytes searched", report.bytes, "bytes")
        .measure("files searched", report.files, "files")
        .measure("lowest entropy", millibits(lowest), "thousandths of a bit per byte");
    Ok(vec![("ENC-11", finding)])
}

/// Whether the store shows the name where it belongs.
async fn stored(cx: Run<'_>, name: &str) -> Result<bool> {
    let needles = Arc::new(Needles::new([name]));
    let mut stored = false;
    cx.site
        .inspector
        .values(&mut |seen| {
            if (seen.table, seen.column) == ("project", "name") {
                stored |= !needles.search(seen.value).is_empty();
            }
        })
        .await?;
    Ok(stored)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 8000")]
fn millibits(bits: f64) -> u64 {
    (bits * 1000.0).clamp(0.0, 8000.0) as u64
}

/// Shannon entropy in bits per byte of the first part of a file; `None` when it is too short to tell.
/// Zeros at the end of a page that was never written are left out: they are not data.
fn entropy(path: &PathBuf) -> Option<f64> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MEASURED).read_to_end(&mut bytes).ok()?;
    let bytes: Vec<u8> = bytes
        .chunks(4096)
        .filter(|page| page.iter().any(|byte| *byte != 0))
        .flatten()
        .copied()
        .collect();
    if bytes.len() < SHORTEST {
        // A short file is judged by its words alone.
        return (!bytes.is_empty() && bytes.is_ascii()).then_some(0.0);
    }
    let mut counts = [0u32; 256];
    for byte in &bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let total = bytes.len() as f64;
    let parts = counts.iter().filter(|count| **count > 0).map(|count| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    });
    Some(parts.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(bytes: &[u8]) -> Option<f64> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        entropy(&file.path().to_owned())
    }

    #[test]
    fn ciphertext_is_told_from_text_and_tables() {
        let noise: Vec<u8> = (0u32..4096)
            .flat_map(|at| crate::Digest::of(&at.to_le_bytes()).as_bytes().to_vec())
            .collect();
        assert!(measured(&noise).unwrap() > LEAST_ENTROPY);
        let text = "a table of names and numbers, 1 2 3. ".repeat(2_000);
        assert!(measured(text.as_bytes()).unwrap() < 6.0);
        assert_eq!(measured(b"short text"), Some(0.0));
        assert_eq!(measured(&noise[..2_000]), None);
        assert_eq!(measured(&[]), None);
        assert_eq!(measured(&[0; 40_000]), None);
    }
}
