//! Each control broken for real: its probe must turn red, for that reason and no other; and green without it.

use testkit::{Backend, each_backend};
use trust::{evidence::Reason, status::Outcome};

use crate::{front::Care, here::Here, outside, sound::quiet};

/// A sound installation whose `control` was just shown to hold: what turns red afterwards does so for its own reason.
/// Nothing else has planned runs, which would only take the machine's time and get into each other's way.
pub(crate) async fn sound(backend: Backend, control: &str) -> Here {
    sound_of(backend, &[control]).await
}

/// The same of several.
pub(crate) async fn sound_of(backend: Backend, controls: &[&str]) -> Here {
    let here = Here::start_for(backend, controls).await;
    for control in controls {
        here.until(control, "verified").await;
    }
    here
}

pub(crate) async fn red(here: &Here, control: &str, reason: Reason) {
    let ran = here.one(control).await;
    let found = (ran.outcome, ran.reason);
    assert_eq!(found, (Outcome::Fail, reason.says()), "{control} does not notice: {ran:#?}");
    assert_eq!(here.status(control), "failing");
}

/// The same of several controls that one run decides.
pub(crate) async fn all_red(here: &Here, wanted: &[(&str, Reason)]) {
    let all = here.run(Some(wanted[0].0)).await;
    for (control, reason) in wanted {
        let ran = all.iter().find(|ran| ran.control.as_str() == *control).unwrap();
        let found = (ran.outcome, ran.reason);
        assert_eq!(found, (Outcome::Fail, reason.says()), "{control} does not notice: {ran:#?}");
        assert_eq!(here.status(control), "failing");
    }
}

/// Without the sabotage the probe finds nothing; but the failure stays until planned runs have passed.
pub(crate) async fn healed(here: &Here, control: &str) {
    let ran = here.one(control).await;
    assert_eq!(ran.outcome, Outcome::Pass, "{ran:#?}");
    assert_eq!(here.status(control), "failing", "a run outside the schedule clears nothing");
}

/// The same of several controls that one run decides.
pub(crate) async fn all_healed(here: &Here, controls: &[&str]) {
    let all = here.run(Some(controls[0])).await;
    for control in controls {
        let ran = all.iter().find(|ran| ran.control.as_str() == *control).unwrap();
        assert_eq!(ran.outcome, Outcome::Pass, "{ran:#?}");
        assert_eq!(here.status(control), "failing", "a run outside the schedule clears nothing");
    }
}

each_backend! {
    async fn a_front_that_logs_bodies_is_noticed(backend: Backend) {
        let here = sound_of(backend, &["GW-01", "KEY-01"]).await;
        let log = here.backend.config.data_dir.join("access.log");
        here.front.care(Care::Logs(log.clone()));
        red(&here, "GW-01", Reason::ContentFound).await;
        // The session of whoever makes the key passes by as well.
        let secrets = [("KEY-01", Reason::SecretFound), ("IDN-21", Reason::SecretFound)];
        all_red(&here, &secrets).await;
        if !here.backend.is_postgres() {
            // The name of the project passes by as well.
            red(&here, "ENC-11", Reason::PlaintextFound).await;
        }
        here.front.care(Care::Honest);
        std::fs::remove_file(log).unwrap();
        healed(&here, "GW-01").await;
        healed(&here, "KEY-01").await;
        if !here.backend.is_postgres() {
            healed(&here, "ENC-11").await;
        }
        here.end().await;
    }

    async fn an_encrypted_copy_of_a_prompt_is_noticed(backend: Backend) {
        let here = sound(backend, "GW-01").await;
        here.front.care(Care::Invites);
        red(&here, "GW-01", Reason::ContentFound).await;
        // It is not in the records of usage.
        assert_eq!(here.one("GW-02").await.reason, Reason::Held.says());
        here.end().await;
    }

    async fn a_record_that_says_more_than_usage_is_noticed(backend: Backend) {
        let here = sound(backend, "GW-02").await;
        outside::run(&here, "alter table \"usage\" add column prompt_excerpt text").await;
        red(&here, "GW-02", Reason::ColumnUnlisted).await;
        outside::run(&here, "alter table \"usage\" drop column prompt_excerpt").await;
        healed(&here, "GW-02").await;
        here.front.care(Care::Labels);
        red(&here, "GW-02", Reason::ContentFound).await;
        here.end().await;
    }

    async fn a_cache_shared_by_organizations_is_noticed(backend: Backend) {
        let here = sound(backend, "TEN-04").await;
        here.front.care(Care::Caches);
        red(&here, "TEN-04", Reason::BorderCrossed).await;
        here.front.care(Care::Honest);
        healed(&here, "TEN-04").await;
        here.end().await;
    }

    async fn a_hint_that_something_exists_is_noticed(backend: Backend) {
        let here = sound(backend, "TEN-04").await;
        here.front.care(Care::Hints);
        red(&here, "TEN-04", Reason::BorderCrossed).await;
        here.front.care(Care::Honest);
        healed(&here, "TEN-04").await;
        here.end().await;
    }

    async fn a_key_that_is_kept_and_shown_again_is_noticed(backend: Backend) {
        let here = Here::start(backend).await;
        // The front names with the rights of whom it saw last: nobody else may be about.
        quiet(&here).await;
        here.front.care(Care::Names);
        red(&here, "KEY-01", Reason::SecretFound).await;
        red(&here, "KEY-02", Reason::SecretFound).await;
        here.front.care(Care::Honest);
        healed(&here, "KEY-01").await;
        healed(&here, "KEY-02").await;
        here.end().await;
    }

    async fn an_index_that_does_not_hold_the_hash_of_a_key_is_noticed(backend: Backend) {
        let here = sound(backend, "KEY-01").await;
        outside::misfile_keys(&here).await;
        red(&here, "KEY-01", Reason::HashMismatch).await;
        outside::file_keys_again(&here).await;
        healed(&here, "KEY-01").await;
        here.end().await;
    }

    async fn receipts_that_are_not_what_was_recorded_are_noticed(backend: Backend) {
        let here = sound(backend, "GW-04").await;
        outside::falsify_receipts(&here).await;
        red(&here, "GW-04", Reason::ReceiptWrong).await;
        outside::write_receipts_again(&here).await;
        healed(&here, "GW-04").await;
        here.end().await;
    }

    async fn rules_that_are_not_kept_are_noticed(backend: Backend) {
        let here = sound(backend, "GW-11").await;
        here.front.care(Care::Forgets);
        for control in ["GW-11", "GW-06", "SUB-16"] {
            red(&here, control, Reason::SentElsewhere).await;
        }
        here.front.care(Care::Honest);
        for control in ["GW-11", "GW-06", "SUB-16"] {
            healed(&here, control).await;
        }
        here.end().await;
    }

    async fn a_notice_that_never_leaves_is_noticed(backend: Backend) {
        let here = Here::start_with_mail(backend).await;
        here.until("SUB-04", "verified").await;
        let mailbox = here.mailbox.as_ref().unwrap();
        let letters = mailbox.letters();
        assert!(letters.iter().all(|one| one.to == "notices@example.org"), "to nobody else");
        assert!(letters.iter().any(|one| one.letter.contains("Subject: Test: changes of sub-processors")));
        // The hosts that letters and events went to are on the list.
        assert_eq!(here.one("SUB-01").await.reason, Reason::Held.says());
        outside::hold_letters_back(&here).await;
        red(&here, "SUB-04", Reason::NotTold).await;
        outside::let_letters_go(&here).await;
        healed(&here, "SUB-04").await;
        here.end().await;
    }

    async fn a_notice_that_no_receiver_is_told_is_noticed(backend: Backend) {
        let here = sound(backend, "SUB-04").await;
        let evidence = here.evidence("SUB-04").unwrap();
        assert!(format!("{evidence:?}").contains("no mail server is configured"), "{evidence:#?}");
        outside::run(&here, "update webhook set disabled_at = 1 where removed_at is null").await;
        red(&here, "SUB-04", Reason::NotTold).await;
        outside::run(&here, "update webhook set disabled_at = null").await;
        healed(&here, "SUB-04").await;
        here.end().await;
    }

    async fn a_newcomer_that_is_used_too_early_is_noticed(backend: Backend) {
        let here = sound(backend, "SUB-03").await;
        here.front.care(Care::Consents);
        red(&here, "SUB-03", Reason::SentElsewhere).await;
        here.front.care(Care::Honest);
        healed(&here, "SUB-03").await;
        here.end().await;
    }

    async fn a_notice_that_is_too_short_is_noticed(backend: Backend) {
        let here = sound(backend, "SUB-03").await;
        outside::run(
            &here,
            "insert into subprocessor (provider, revision, cause, sheet, announced_at, usable_from) \
             select 'hasty', 1, 'added', sheet, announced_at, announced_at + 13 * 86400000 \
             from subprocessor where provider = 'deepseek'",
        )
        .await;
        red(&here, "SUB-03", Reason::NoticeShort).await;
        here.end().await;
    }

    async fn a_company_that_is_left_out_of_the_list_is_noticed(backend: Backend) {
        let here = sound(backend, "SUB-02").await;
        here.front.care(Care::Hides);
        red(&here, "SUB-02", Reason::ListDiffers).await;
        here.front.care(Care::Honest);
        healed(&here, "SUB-02").await;
        here.end().await;
    }

    async fn a_list_that_is_dated_otherwise_than_the_log_is_noticed(backend: Backend) {
        let here = sound(backend, "SUB-17").await;
        here.front.care(Care::Dates);
        red(&here, "SUB-17", Reason::DateWrong).await;
        here.front.care(Care::Honest);
        healed(&here, "SUB-17").await;
        here.end().await;
    }

    async fn a_connection_to_nobody_on_the_list_is_noticed(backend: Backend) {
        let here = sound(backend, "SUB-01").await;
        here.call_a_stranger().await;
        red(&here, "SUB-01", Reason::UnlistedHost).await;
        outside::run(&here, "delete from egress_contact where id = 'stranger'").await;
        healed(&here, "SUB-01").await;
        here.end().await;
    }

    /// Three controls that share nothing, in one installation to save its start.
    async fn shares_strangers_and_broken_formats_are_noticed(backend: Backend) {
        let here = Here::start(backend).await;
        // Whoever visits the twins next takes down what arrived there.
        quiet(&here).await;
        here.call_a_place().await;
        red(&here, "GW-12", Reason::SentUnasked).await;
        healed(&here, "GW-12").await;
        here.front.care(Care::Omits);
        red(&here, "GW-13", Reason::AnswerInvalid).await;
        here.front.care(Care::Breaks);
        red(&here, "GW-13", Reason::NotAnswered).await;
        here.front.care(Care::Forgets);
        red(&here, "GW-05", Reason::ShareExceeded).await;
        here.front.care(Care::Honest);
        healed(&here, "GW-13").await;
        healed(&here, "GW-05").await;
        outside::show_all_to_one(&here).await;
        red(&here, "GW-05", Reason::ShareExceeded).await;
        here.end().await;
    }

    async fn requests_that_nobody_takes_over_are_noticed(backend: Backend) {
        let here = sound(backend, "GW-07").await;
        here.front.care(Care::Breaks);
        red(&here, "GW-07", Reason::NotAnswered).await;
        here.front.care(Care::Honest);
        healed(&here, "GW-07").await;
        here.end().await;
    }

    async fn a_word_added_on_the_way_is_noticed(backend: Backend) {
        let here = sound(backend, "GW-08").await;
        here.front.care(Care::Introduces);
        red(&here, "GW-08", Reason::SentMore).await;
        here.front.care(Care::Honest);
        healed(&here, "GW-08").await;
        here.end().await;
    }

    async fn another_conversation_and_a_name_in_a_request_are_noticed(backend: Backend) {
        let here = sound(backend, "APP-03").await;
        let evidence = here.evidence("APP-03").unwrap();
        for app in ["Chat Completions", "Gemini", "Batches", "The page on which models are tried"] {
            assert!(format!("{evidence:?}").contains(app), "{app} is missing: {evidence:#?}");
        }
        here.front.care(Care::Remembers);
        red(&here, "APP-03", Reason::SentMore).await;
        here.front.care(Care::Introduces);
        red(&here, "APP-03", Reason::SentMore).await;
        here.front.care(Care::Honest);
        healed(&here, "APP-03").await;
        here.end().await;
    }

    async fn a_log_without_its_walls_is_noticed(backend: Backend) {
        let here = sound(backend, "AUD-02").await;
        let walls = outside::tear_down(&here, "audit_entry").await;
        red(&here, "AUD-02", Reason::TamperSucceeded).await;
        outside::build_up(&here, "audit_entry", walls).await;
        healed(&here, "AUD-02").await;
        here.end().await;
    }

    async fn a_log_that_was_rewritten_is_noticed_and_discredits_everything(backend: Backend) {
        let here = sound_of(backend, &["AUD-01", "KEY-01"]).await;
        let walls = outside::tear_down(&here, "audit_entry").await;
        outside::rewrite_entries(&here).await;
        outside::build_up(&here, "audit_entry", walls).await;
        // The walls stand again: only the tree knows.
        assert_eq!(here.one("AUD-02").await.reason, Reason::Held.says());
        red(&here, "AUD-01", Reason::TreeBroken).await;
        assert_eq!(here.status("KEY-01"), "failing", "what a broken log says counts for nothing");
        here.end().await;
    }
}
