//! `probity verify`: 0 when everything holds, 1 on a mismatch, 2 when the file cannot be read.

use std::{io::Write as _, path::Path, process::ExitCode};

pub(crate) fn run(path: &Path, root: Option<&str>, json: bool) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return unreadable(path, &error.to_string()),
    };
    let report = match ledger::verify(&bytes, root) {
        Ok(report) => report,
        Err(error) => return unreadable(path, &error.to_string()),
    };
    let text = if json {
        serde_json::to_string_pretty(&report).unwrap_or_default()
    } else {
        report.to_string()
    };
    // A closed pipe is no mismatch.
    drop(writeln!(out, "{text}"));
    if report.ok { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn unreadable(path: &Path, why: &str) -> ExitCode {
    drop(writeln!(std::io::stderr(), "{} cannot be read as a bundle: {why}", path.display()));
    ExitCode::from(2)
}
