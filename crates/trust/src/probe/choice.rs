//! GW-04: requests that several providers could serve, which differ in place, price, speed and health. The signed
//! receipt of each must be the one in the log, tell what the twins know to be true, and let the choice be worked out again.

mod receipts;

use domain::Result;
use ledger::VerifierKey;

use super::{
    Finding, Findings, Run,
    routing::{Project, places::*},
};
use crate::evidence::{Reason, Verdict};
use receipts::{Receipt, altered_is_caught};

/// Requests whose receipts are checked.
const REQUESTS: usize = 12;

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let places = cx.site.visit().await;
    let rules = serde_json::json!({"regions": ["EU"]});
    let project = Project::with(cx, "choice-eu", rules).await?;
    // Each is asked once by name, so that something is known of all.
    for name in [SLOW, FAILING, UNPRICED, PRICED] {
        project.ask(cx, &format!("{name}/{CHOSEN}"), 1).await?;
    }
    let far = places.received().far;
    let told = project.ask(cx, CHOSEN, REQUESTS).await?;
    let sent_elsewhere = places.received().far > far;
    drop(places);
    let answered = told.iter().all(|told| told.status() == 200);
    let key = VerifierKey::parse(&cx.site.verifier).map_err(domain::Error::internal)?;
    let root = key.fingerprint();
    let (mut sound, mut caught) = (0, 0);
    for told in &told {
        let Some(receipt) = Receipt::fetch(cx, project.key(), told.request()).await? else {
            continue;
        };
        sound += u64::from(receipt.holds(cx, &root, told.by()).await?);
        caught += u64::from(altered_is_caught(receipt.text(), &root));
    }
    let all = told.len() as u64;
    let planted = caught == all && all > 0;
    let verdict = if sent_elsewhere {
        Verdict::Fail(Reason::SentElsewhere)
    } else if !answered {
        Verdict::Fail(Reason::NotAnswered)
    } else if sound < all {
        Verdict::Fail(Reason::ReceiptWrong)
    } else {
        Verdict::held(planted, sound, all, cx.floor("GW-04"))
    };
    let finding = Finding::new(verdict, planted, (sound, all))
        .measure("receipts that verify and whose choice follows", sound, "receipts")
        .measure("altered receipts that were noticed", caught, "receipts");
    Ok(vec![("GW-04", finding)])
}
