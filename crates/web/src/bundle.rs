//! `/trust/bundle`: what stands behind the trust page, as files, for a reader who wants to check it without this server.

use std::collections::BTreeSet;

use domain::{Error, Result, Timestamp};
use serde_json::json;
use store::{Authority, Evidence, EvidenceFilter, Page};
use trust::{Digest, dsse::Envelope, evidence::PAYLOAD_TYPE};

use crate::App;

/// The newest signed results, at most.
const RESULTS: usize = 1_000;

const README: &str = "What stands behind the trust page.

snapshot.dsse.json    the status of every control, signed by this server
registry.json         the controls; its SHA-256 is the snapshot's `registry`
evidence/*.dsse.json  the newest signed results of probes; the SHA-256 of each file is what the log holds
checkpoint.txt        the newest signed head of the log, a C2SP signed note
keys.json             the public Ed25519 keys, in hex

Every *.dsse.json is a DSSE envelope. The signature covers the bytes
\"DSSEv1 \" + len(type) + \" \" + type + \" \" + len(payload) + \" \" + payload
with lengths in decimal and the payload decoded from base64.
A result counts only for the revision and the build that it names, while it is fresh.
";

/// The whole file, a tar.
///
/// # Errors
/// `Unavailable` when the database is.
pub(crate) async fn bundle(app: &App, now: Timestamp) -> Result<Vec<u8>> {
    let published = app.trust.snapshot(now)?;
    let rows = results(app).await?;
    let probers: BTreeSet<_> = rows.iter().map(|row| row.signer.clone()).collect();
    let keys = json!({
        "server": Digest::from_bytes(app.trust.public_key()).to_string(),
        "probers": probers,
        "log": app.store.log_fingerprint()?,
    });
    let mut tar = Tar::new(now);
    tar.add("README.txt", README.as_bytes());
    tar.add("snapshot.dsse.json", &published.envelope);
    tar.add("registry.json", app.trust.registry().json());
    tar.add("keys.json", keys.to_string().as_bytes());
    if let Some(log) = &published.snapshot.log {
        tar.add("checkpoint.txt", log.note.as_bytes());
    }
    for row in &rows {
        tar.add(&format!("evidence/{}.dsse.json", row.id), &envelope(row)?.to_bytes()?);
    }
    Ok(tar.finish())
}

async fn results(app: &App) -> Result<Vec<Evidence>> {
    let mut read = app.store.deployment(Authority::Sweep).await?.read().await?;
    let controls: BTreeSet<_> =
        app.trust.registry().controls().map(|control| control.id.to_string()).collect();
    let mut page = Page::first(Page::MOST);
    let mut rows = Vec::new();
    loop {
        let listed = read.evidence_list(&EvidenceFilter::default(), &page).await?;
        // Schedules are kept beside results; they are no results.
        rows.extend(listed.data.into_iter().filter(|row| controls.contains(&row.control)));
        match listed.next {
            Some(next) if rows.len() < RESULTS => page.after = Some(next),
            _ => break,
        }
    }
    rows.truncate(RESULTS);
    Ok(rows)
}

/// The envelope again, byte for byte as it was signed.
fn envelope(row: &Evidence) -> Result<Envelope> {
    let damaged = |_| Error::internal("a signer's key in the evidence cannot be read");
    let key: Digest = row.signer.parse().map_err(damaged)?;
    Ok(Envelope::of_parts(PAYLOAD_TYPE, &row.body, key.as_bytes(), &row.signature))
}

/// A ustar archive of plain files.
struct Tar {
    bytes: Vec<u8>,
    /// Seconds since 1970, in octal.
    at: String,
}

const BLOCK: usize = 512;

impl Tar {
    fn new(now: Timestamp) -> Self {
        Self { bytes: Vec::new(), at: format!("{:011o}", now.as_millis() / 1_000) }
    }

    fn add(&mut self, name: &str, content: &[u8]) {
        let mut head = [0u8; BLOCK];
        put(&mut head, 0, name.as_bytes());
        put(&mut head, 100, b"0000644\0");
        put(&mut head, 108, b"0000000\0");
        put(&mut head, 116, b"0000000\0");
        put(&mut head, 124, format!("{:011o}", content.len()).as_bytes());
        put(&mut head, 136, self.at.as_bytes());
        put(&mut head, 148, b"        ");
        put(&mut head, 156, b"0");
        put(&mut head, 257, b"ustar\x0000");
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut head, 148, format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}

fn put(head: &mut [u8; BLOCK], at: usize, text: &[u8]) {
    if let Some(place) = head.get_mut(at..at + text.len()) {
        place.copy_from_slice(text);
    }
}
