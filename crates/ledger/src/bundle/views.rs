//! The same entries for people and for other programs: `audit.csv` and `ocsf.jsonl`.
//! Both follow from the entries alone, so that a verifier can write them again and compare.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{BundledDisclosure, line};
use crate::{Entry, EntryError, json::canonical, tree::leaf_hash};

type File = (String, Vec<u8>);

const COLUMNS: &str =
    "seq,time,action,outcome,actor_kind,actor,subject,targets,request,facts,personal,leaf_hash\r\n";

pub(super) fn files(
    entries: &[Entry],
    leaves: &[Vec<u8>],
    disclosures: &[BundledDisclosure],
) -> Result<[File; 2], EntryError> {
    let mut personal: BTreeMap<u64, Map<String, Value>> = BTreeMap::new();
    for BundledDisclosure { seq, disclosed } in disclosures {
        personal.entry(*seq).or_default().insert(disclosed.name.clone(), disclosed.value.clone());
    }
    let mut csv = COLUMNS.to_owned();
    let mut ocsf = String::new();
    for (entry, leaf) in entries.iter().zip(leaves) {
        let hash = hex::encode(leaf_hash(leaf));
        let personal = personal.remove(&entry.seq).unwrap_or_default();
        csv += &row(entry, &personal, &hash)?;
        ocsf += &line(&event(entry, personal, &hash))?;
    }
    Ok([("audit.csv".to_owned(), csv.into_bytes()), ("ocsf.jsonl".to_owned(), ocsf.into_bytes())])
}

fn row(entry: &Entry, personal: &Map<String, Value>, hash: &str) -> Result<String, EntryError> {
    let targets: Vec<_> =
        entry.targets.iter().map(|target| format!("{}:{}", target.kind, target.id)).collect();
    let fields = [
        entry.seq.to_string(),
        entry.t.rfc3339(),
        entry.action.clone(),
        text_of(&entry.outcome),
        entry.actor.kind.as_str().to_owned(),
        who(entry).unwrap_or_default(),
        entry.subject.as_ref().map(|subject| subject.pid.clone()).unwrap_or_default(),
        targets.join(" "),
        entry.req.clone().unwrap_or_default(),
        object(&entry.facts)?,
        object(personal)?,
        hash.to_owned(),
    ];
    Ok(fields.map(|field| quoted(&field)).join(",") + "\r\n")
}

fn who(entry: &Entry) -> Option<String> {
    entry.actor.pid.clone().or_else(|| entry.actor.id.clone())
}

fn text_of(value: &impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}

fn object(map: &Map<String, Value>) -> Result<String, EntryError> {
    if map.is_empty() {
        return Ok(String::new());
    }
    canonical(&Value::from(map.clone())).map_err(|_| EntryError::Inexact)
}

/// RFC 4180, and a leading apostrophe where a spreadsheet would see a formula.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    if formula || field.contains([',', '"', '\r', '\n']) {
        format!("\"{guard}{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

fn event(entry: &Entry, personal: Map<String, Value>, hash: &str) -> Value {
    let failed = entry.outcome == domain::Outcome::Failure;
    json!({
        "activity_id": entry.activity_id,
        "category_uid": entry.class_uid / 1000,
        "class_uid": entry.class_uid,
        "type_uid": u64::from(entry.class_uid) * 100 + u64::from(entry.activity_id),
        "severity_id": 1,
        "status_id": if failed { 2 } else { 1 },
        "time": entry.t,
        "metadata": {
            "version": "1.9.0-dev",
            "profiles": ["record_integrity"],
            "product": { "name": "Probity", "vendor_name": "Probity" },
            "event_code": entry.action,
            "log_name": entry.log,
            "sequence": entry.seq,
            "uid": entry.id,
        },
        "actor": { "user": { "type": entry.actor.kind.as_str(), "uid": who(entry) } },
        "attestation": {
            "chain_uid": entry.log,
            "fingerprint": { "algorithm": "SHA-256", "algorithm_id": 3, "value": hash },
        },
        "unmapped": {
            "facts": entry.facts,
            "personal": personal,
            "request": entry.req,
            "subject": entry.subject,
            "targets": entry.targets,
        },
    })
}
