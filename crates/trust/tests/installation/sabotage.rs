//! Each control broken for real: its probe must turn red.

use testkit::Backend;
use trust::status::Outcome;

use crate::{front::Care, here::Here};

async fn sqlite() -> Here {
    let here = Here::start(Backend::sqlite()).await;
    // The boot runs, so that they do not mix with the sabotage.
    here.until("KEY-02", "verified").await;
    here.until("GW-02", "verified").await;
    here
}

async fn red(here: &Here, control: &str) {
    assert_eq!(here.outcome(control).await, Outcome::Fail, "{control} does not notice");
    assert_eq!(here.status(control), "failing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_that_logs_bodies_is_noticed() {
    let here = sqlite().await;
    let log = here.backend.config.data_dir.join("access.log");
    here.front.care(Care::Logs(log.clone()));
    red(&here, "GW-01").await;
    // The name of the project and the key pass by as well.
    red(&here, "ENC-11").await;
    red(&here, "KEY-01").await;
    here.front.care(Care::Honest);
    std::fs::remove_file(log).unwrap();
    assert_eq!(here.outcome("GW-01").await, Outcome::Pass);
    assert_eq!(here.status("GW-01"), "failing", "a run outside the schedule clears nothing");
    here.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_copy_of_a_prompt_is_noticed() {
    let here = sqlite().await;
    here.front.care(Care::Invites);
    red(&here, "GW-01").await;
    here.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_shared_by_organizations_is_noticed() {
    let here = sqlite().await;
    here.front.care(Care::Caches);
    red(&here, "TEN-04").await;
    here.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_kept_and_shown_again_is_noticed() {
    let here = sqlite().await;
    here.front.care(Care::Names);
    red(&here, "KEY-01").await;
    red(&here, "KEY-02").await;
    here.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lost_its_walls_or_its_truth_is_noticed() {
    let here = Here::start(Backend::postgres().await).await;
    for control in ["AUD-01", "AUD-02", "GW-02"] {
        here.until(control, "verified").await;
    }
    let database = here.backend.database();
    database.sql("alter table \"usage\" add column prompt_excerpt text");
    assert_eq!(here.outcome("GW-02").await, Outcome::Fail);
    database.sql("alter table audit_entry disable trigger all");
    database.sql("grant update, delete on audit_entry to public");
    red(&here, "AUD-02").await;
    database.sql(
        "update audit_entry set leaf = leaf || '\\x20'::bytea, \
         leaf_hash = sha256('\\x00'::bytea || leaf || '\\x20'::bytea)",
    );
    assert_eq!(here.outcome("AUD-01").await, Outcome::Fail);
    // A log that is not whole discredits all evidence.
    assert_eq!(here.status("KEY-01"), "failing");
    here.end().await;
}
