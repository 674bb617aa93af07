//! The evidence bundle as anybody gets it: it verifies without this installation, and not after a change.

use std::time::Duration;

use testkit::{Backend, each_backend};
use trust::bundle::{Report, verify};

use crate::{front::Care, here::Here};

/// The bundle that the page offers once it is as `wanted`: each is handed out for some seconds, and a probe that reads
/// every page may have asked for it early.
async fn fetched(here: &Here, wanted: impl Fn(&Report) -> bool) -> Vec<u8> {
    let root = here.store.log_fingerprint().unwrap();
    let (mut fetched, mut tries) = (Vec::new(), 0);
    loop {
        let bundle = here.get("/trust/bundle").await;
        if bundle != fetched {
            let report = verify(&bundle, Some(&root)).unwrap();
            assert!(report.ok, "{report}");
            if wanted(&report) {
                return bundle;
            }
            assert!(tries < 9, "{report}");
            (fetched, tries) = (bundle, tries + 1);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

each_backend! {
    async fn what_is_behind_the_page_verifies_offline_and_not_when_changed(backend: Backend) {
        let here = Here::start(backend).await;
        for control in ["AUD-02", "KEY-01", "TEN-04"] {
            here.until(control, "verified").await;
        }
        let bundle = fetched(&here, |report| report.evidence >= 3).await;
        assert!(!verify(&bundle, Some(&"0".repeat(64))).unwrap().ok, "another key");
        for at in (0..bundle.len()).step_by(bundle.len() / 101) {
            let mut changed = bundle.clone();
            changed[at] ^= 0x20;
            // Damaged beyond reading, or read and found out.
            assert!(!verify(&changed, None).is_ok_and(|report| report.ok), "byte {at}");
        }
        // A failure stands in it as well.
        here.front.care(Care::Hints);
        here.run(Some("TEN-04")).await;
        fetched(&here, |report| report.headline.contains(" · 1 failing")).await;
        here.end().await;
    }
}
