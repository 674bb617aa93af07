//! ENC-16: one e-mail address is invited twice, and looked for in everything that is stored: it must be there twice once
//! opened, sealed differently, and nowhere as it reads or as a plain hash.

use std::collections::BTreeSet;

use domain::Result;
use serde_json::json;

use super::{Finding, Findings, Run, household::text, off_thread, plant::Plant};
use crate::{
    client::Payload,
    evidence::{Reason, Verdict},
    scan::{Needles, Place, scan_files},
};

const CONTROL: &str = "ENC-16";
/// How often the address is invited.
const TIMES: u64 = 2;

/// What all stored values together showed.
#[derive(Default)]
struct Seen {
    /// Values that open to the address.
    opened: u64,
    /// Sealed addresses, and those of them that are alike.
    sealed: BTreeSet<Vec<u8>>,
    alike: u64,
    plain: bool,
    hashed: bool,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let word = |what: &str| cx.seed.text(what, 16).to_lowercase();
    let email = format!("{}@{}.example", word("mailbox"), word("host"));
    invite(cx, &email).await?;
    let planted_text = cx.seed.text("planted", 40);
    let needles = Needles::new([&email, &word("mailbox"), &planted_text]);
    let mut seen = Seen::default();
    let inspector = &cx.site.inspector;
    let coverage = inspector.values(&mut |value| seen.look(&email, &needles, &value)).await?;
    let plant = Plant::put(inspector.data_dir(), &cx.seed.text("file", 12), &planted_text)?;
    let files = inspector.database_files().into_iter().chain([inspector.data_dir().to_owned()]);
    let places: Vec<Place> = files.map(Place::all).collect();
    let report = off_thread(move || scan_files(&places, &needles)).await?;
    let at = plant.path();
    drop(plant);
    seen.plain |= report.hits.iter().any(|(_, hit)| hit.needle < 2);
    let found = report.hits.iter().any(|(path, hit)| hit.needle == 2 && *path == at);
    // A column that holds the address, and one that holds its hash, look like what they are.
    let mut careless = Seen::default();
    let hash = vault::sha256(email.as_bytes());
    for value in [email.as_bytes(), hash.as_slice()] {
        let value = store::Seen { table: "planted", column: "email", value, opened: false };
        careless.look(&email, &Needles::new([&email]), &value);
    }
    let planted = found && careless.plain && careless.hashed && seen.opened >= TIMES;
    let (subjects, population) = (seen.sealed.len() as u64, seen.sealed.len() as u64 + seen.alike);
    let verdict = if seen.plain {
        Verdict::Fail(Reason::PlaintextFound)
    } else if seen.hashed {
        Verdict::Fail(Reason::HashMismatch)
    } else if seen.alike > 0 {
        Verdict::Fail(Reason::PlaintextFound)
    } else if coverage.unopened > 0 {
        Verdict::Inconclusive(Reason::Unreachable)
    } else {
        Verdict::held(planted, subjects, population, cx.floor(CONTROL))
    };
    let finding = Finding::new(verdict, planted, (subjects, population))
        .measure("values searched", coverage.values, "values")
        .measure("files searched", report.files, "files")
        .measure("places where the address opens", seen.opened, "values");
    Ok(vec![(CONTROL, finding)])
}

/// Invites the address, takes that back, and does both again: two rows for one address.
async fn invite(cx: Run<'_>, email: &str) -> Result<()> {
    let owner = cx.houses.second.owner(&cx.site.client);
    for _ in 0..TIMES {
        let new = Payload::Json(json!({"email": email, "role": "member"}));
        let made = owner.ask("POST", "/api/v1/invitations", new).await?;
        let path = format!("/api/v1/invitations/{}", text(&made, "id"));
        owner.end(&path).await?;
    }
    Ok(())
}

impl Seen {
    fn look(&mut self, email: &str, needles: &Needles, seen: &store::Seen<'_>) {
        let address = seen.column == "email";
        if seen.opened {
            self.opened += u64::from(address && seen.value == email.as_bytes());
            return;
        }
        let hits = needles.search(seen.value);
        self.plain |= hits.iter().any(|hit| hit.needle < 2);
        let hash = vault::sha256(email.as_bytes());
        let hex = hex::encode(hash);
        self.hashed |= seen.value == hash || seen.value == hex.as_bytes();
        if address && !self.sealed.insert(seen.value.to_vec()) {
            self.alike += 1;
        }
    }
}
