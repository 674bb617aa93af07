//! `probity verify`: 0 when everything holds, 1 on a mismatch, 2 when the file cannot be read.

use std::{fmt::Display, io::Write as _, path::Path, process::ExitCode};

use serde::Serialize;

pub(crate) fn run(path: &Path, root: Option<&str>, json: bool) -> ExitCode {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return unreadable(path, &error),
    };
    // A receipt and an audit export name their formats; whatever does not is looked at as a trust bundle, file by file.
    if let Ok(report) = ledger::verify_receipt(&bytes, root) {
        return show(&report, report.ok, json);
    }
    if let Ok(report) = ledger::verify(&bytes, root) {
        return show(&report, report.ok, json);
    }
    match trust::bundle::verify(&bytes, root) {
        Ok(report) => show(&report, report.ok, json),
        Err(_) => {
            unreadable(path, &"neither a receipt, an audit export nor a trust bundle, or damaged")
        }
    }
}

fn show(report: &(impl Display + Serialize), ok: bool, json: bool) -> ExitCode {
    let text = if json {
        serde_json::to_string_pretty(report).unwrap_or_default()
    } else {
        report.to_string()
    };
    // A closed pipe is no mismatch.
    drop(writeln!(std::io::stdout().lock(), "{text}"));
    if ok { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn unreadable(path: &Path, why: &dyn Display) -> ExitCode {
    drop(writeln!(std::io::stderr(), "{} cannot be read: {why}", path.display()));
    ExitCode::from(2)
}
