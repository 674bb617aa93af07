//! A sound installation turns green by itself, and only through what is in the log.

use std::sync::Arc;

use domain::{Catalogue, Clock};
use testkit::{Backend, each_backend};
use trust::{Trust, evidence::Reason, status::Outcome};

use crate::{front::Care, here::Here};

/// What a server that encrypts nothing itself and sends no letters has nothing to show for.
const OTHERWISE: [&str; 4] = ["ENC-01", "ENC-02", "ENC-03", "IDN-03"];

const ALL: [&str; 54] = [
    "APP-03", "APP-16", "APP-24", "AUD-01", "AUD-02", "BIL-03", "KEY-01", "KEY-02", "KEY-03",
    "KEY-06", "KEY-07", "KEY-10", "TEN-01", "TEN-04", "ENC-11", "ENC-16", "GW-01", "GW-02",
    "GW-03", "GW-04", "GW-05", "GW-06", "GW-07", "GW-08", "GW-09", "GW-10", "GW-11", "GW-12",
    "GW-13", "IDN-01", "IDN-02", "IDN-06", "IDN-08", "IDN-14", "IDN-15", "IDN-17", "IDN-21",
    "IDN-23", "IDN-24", "IDN-25", "IDN-26", "IDN-27", "IDN-28", "RET-03", "SUB-01", "SUB-02",
    "SUB-03", "SUB-04", "SUB-11", "SUB-15", "SUB-16", "SUB-17", "VUL-15", "VUL-16",
];

/// The files of a database server on another machine cannot be looked at.
fn visible(here: &Here) -> Vec<&'static str> {
    let seen = |control: &&str| !here.backend.is_postgres() || *control != "ENC-11";
    ALL.into_iter().filter(seen).collect()
}

/// Waits until every probe has had its first run, so that none runs beside what comes next.
pub(crate) async fn quiet(here: &Here) {
    for control in visible(here) {
        here.until(control, "verified").await;
    }
}

each_backend! {
    async fn every_control_is_verified_and_what_cannot_be_looked_at_is_not(backend: Backend) {
        let here = Here::start(backend).await;
        let visible = visible(&here);
        quiet(&here).await;
        let page = here.trust.page(Clock::system().now()).unwrap();
        let headline = if here.backend.is_postgres() {
            "53 verified · 0 failing · 5 not yet verified · 205 coming soon"
        } else {
            "54 verified · 0 failing · 4 not yet verified · 205 coming soon"
        };
        assert_eq!(page.headline, headline);
        assert!(page.log.is_some() && page.changes.len() == 1);
        let controls = page.areas.iter().flat_map(|area| &area.controls);
        for control in controls.filter(|control| control.status.name == "verified") {
            let evidence = control.evidence.as_ref().unwrap();
            assert!(evidence.planted_found && evidence.scheduled, "{}", control.id);
            assert!(evidence.subjects > 0, "{}", control.id);
        }
        // A run outside the schedule says the same and cannot make anything green.
        let ran = here.run(None).await;
        assert_eq!(ran.len(), ALL.len() + OTHERWISE.len(), "{ran:#?}");
        for ran in ran {
            let seen = visible.contains(&ran.control.as_str());
            let wanted = if seen { Outcome::Pass } else { Outcome::Inconclusive };
            assert_eq!((ran.outcome, ran.planted_found), (wanted, seen), "{ran:#?}");
        }
        here.end().await;
    }

    async fn evidence_outlives_a_restart(backend: Backend) {
        let here = Here::start(backend).await;
        for control in ["AUD-02", "TEN-04"] {
            here.until(control, "verified").await;
        }
        // More runs outside the schedule than are remembered push nothing out.
        for _ in 0..12 {
            here.run(Some("aud-02")).await;
        }
        assert_eq!(here.status("AUD-02"), "verified");
        let again = Trust::open(&here.store, Arc::new(Catalogue::default())).await.unwrap();
        let published = again.snapshot(Clock::system().now()).unwrap();
        for control in ["AUD-02", "TEN-04"] {
            let status = published.status(&control.parse().unwrap()).unwrap();
            assert!(status.is_verified(), "{control}: {status:?}");
        }
        assert_eq!(again.public_key(), here.trust.public_key());
        here.end().await;
    }

    async fn a_failure_is_looked_at_again_and_not_cancelled(backend: Backend) {
        let here = Here::start_with(backend, Care::Hints).await;
        here.until("TEN-04", "failing").await;
        let first = here.evidence("TEN-04").unwrap();
        assert!(first.scheduled && first.reason == Reason::BorderCrossed.says(), "{first:#?}");
        here.front.care(Care::Honest);
        let again = here.news("TEN-04", &first.id).await;
        assert_eq!((again.outcome, again.scheduled), (Outcome::Pass.as_str(), false));
        assert_eq!(here.status("TEN-04"), "failing");
        here.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_controls_with_a_probe_can_be_asked_for() {
    let here = Here::start(Backend::sqlite()).await;
    here.until("AUD-02", "verified").await;
    assert_eq!(here.run(Some("aud-02")).await.len(), 1);
    for nothing in ["APP-01", "AUD-99", "x"] {
        assert_eq!(here.refused(nothing).await.kind(), domain::Kind::NotFound, "{nothing}");
    }
    here.end().await;
}
