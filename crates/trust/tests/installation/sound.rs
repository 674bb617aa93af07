//! A sound installation turns green by itself, and only through what is in the log.

use domain::Clock;
use testkit::Backend;
use trust::status::Outcome;

use crate::here::Here;

const ALL: [&str; 8] =
    ["AUD-01", "AUD-02", "KEY-01", "KEY-02", "TEN-04", "ENC-11", "GW-01", "GW-02"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_control_is_verified_on_sqlite() {
    let here = Here::start(Backend::sqlite()).await;
    for control in ALL {
        here.until(control, "verified").await;
    }
    let page = here.trust.page(Clock::system().now()).unwrap();
    assert_eq!(page.headline, "8 verified · 0 failing · 255 coming soon");
    assert!(page.log.is_some() && page.changes.len() == 1);
    let controls = page.areas.iter().flat_map(|area| &area.controls);
    for control in controls.filter(|control| control.status.name == "verified") {
        let evidence = control.evidence.as_ref().unwrap();
        assert!(evidence.planted_found && evidence.scheduled, "{}", control.id);
        assert!(evidence.subjects > 0, "{}", control.id);
    }
    // A run outside the schedule says the same and cannot make anything green.
    let ran = here.run(None).await;
    assert_eq!(ran.len(), 8, "{ran:#?}");
    assert!(ran.iter().all(|ran| ran.outcome == Outcome::Pass && ran.planted_found), "{ran:#?}");
    here.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_looked_at_stays_unverified_on_postgres() {
    let here = Here::start(Backend::postgres().await).await;
    for control in ALL.into_iter().filter(|control| *control != "ENC-11") {
        here.until(control, "verified").await;
    }
    assert_eq!(here.outcome("ENC-11").await, Outcome::Inconclusive);
    assert_eq!(here.status("ENC-11"), "not_yet_verified");
    here.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_outlives_a_restart() {
    let here = Here::start(Backend::sqlite()).await;
    for control in ["AUD-02", "TEN-04"] {
        here.until(control, "verified").await;
    }
    let catalogue = std::sync::Arc::new(domain::Catalogue::default());
    let again = trust::Trust::open(&here.store, catalogue).await.unwrap();
    let published = again.snapshot(Clock::system().now()).unwrap();
    for control in ["AUD-02", "TEN-04"] {
        let status = published.status(&control.parse().unwrap()).unwrap();
        assert!(status.is_verified(), "{control}: {status:?}");
    }
    assert_eq!(again.public_key(), here.trust.public_key());
    here.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_controls_with_a_probe_can_be_asked_for() {
    let here = Here::start(Backend::sqlite()).await;
    here.until("AUD-02", "verified").await;
    let ran = here.run(Some("aud-02")).await;
    assert_eq!(ran.len(), 1);
    here.end().await;
}
