//! Who gets in and what they may do, each broken for real: see `sabotage`.

use testkit::{Backend, each_backend};
use trust::evidence::Reason;

use crate::{
    front::Care,
    here::Here,
    outside,
    sabotage::{all_healed, all_red, healed, red, sound, sound_of},
};

each_backend! {
    async fn a_cookie_that_scripts_can_read_is_noticed(backend: Backend) {
        let here = sound(backend, "IDN-23").await;
        here.front.care(Care::Bares);
        red(&here, "IDN-23", Reason::CookieOpen).await;
        here.front.care(Care::Honest);
        healed(&here, "IDN-23").await;
        here.end().await;
    }

    async fn a_session_that_outlives_the_browser_is_noticed(backend: Backend) {
        let here = sound(backend, "IDN-25").await;
        here.front.care(Care::Lingers);
        red(&here, "IDN-25", Reason::CookieLasts).await;
        here.front.care(Care::Honest);
        healed(&here, "IDN-25").await;
        here.end().await;
    }

    async fn sessions_that_never_end_are_noticed(backend: Backend) {
        let here = sound(backend, "IDN-24").await;
        outside::run(&here, "update session set seen_at = seen_at + 1000000000").await;
        red(&here, "IDN-24", Reason::StillAccepted).await;
        outside::run(&here, "update session set seen_at = seen_at - 1000000000").await;
        healed(&here, "IDN-24").await;
        here.end().await;
    }

    async fn codes_that_hold_for_longer_or_open_twice_are_noticed(backend: Backend) {
        // Those who sign in with passwords do so beside it.
        let here = Here::start_with_mail_for(backend, &["IDN-03", "IDN-23"]).await;
        for control in ["IDN-03", "IDN-01", "IDN-23"] {
            here.until(control, "verified").await;
        }
        let mailbox = here.mailbox.as_ref().unwrap();
        assert!(mailbox.letters().is_empty(), "nobody is written to who does not exist");
        outside::run(&here, "update sign_in_code set expires_at = expires_at + 100000000").await;
        outside::forget_letters(&here).await;
        red(&here, "IDN-03", Reason::CodeAccepted).await;
        outside::run(&here, "update sign_in_code set expires_at = expires_at - 100000000").await;
        outside::forget_letters(&here).await;
        healed(&here, "IDN-03").await;
        outside::forget_letters(&here).await;
        outside::allow_codes_twice(&here).await;
        red(&here, "IDN-03", Reason::CodeAccepted).await;
        outside::allow_codes_once(&here).await;
        here.end().await;
    }

    async fn a_policy_that_is_not_kept_is_noticed(backend: Backend) {
        let here = sound(backend, "IDN-17").await;
        outside::forget_policies(&here).await;
        red(&here, "IDN-17", Reason::GateOpen).await;
        outside::keep_policies(&here).await;
        healed(&here, "IDN-17").await;
        here.end().await;
    }

    async fn a_viewer_who_can_do_more_is_noticed(backend: Backend) {
        let here = sound(backend, "IDN-26").await;
        let raise = "update member set role = 'admin' where user_id in \
            (select user_id from \"grant\" where role = 'viewer')";
        outside::run(&here, raise).await;
        let differ = Reason::RightsDiffer;
        let wanted = [("IDN-26", differ), ("IDN-28", differ), ("IDN-27", Reason::RoleExceeded)];
        all_red(&here, &wanted).await;
        // The admin among them has no grant.
        let lower = "update member set role = 'member' where role = 'admin' and user_id in \
            (select user_id from \"grant\")";
        outside::run(&here, lower).await;
        all_healed(&here, &["IDN-26", "IDN-27", "IDN-28"]).await;
        here.end().await;
    }

    async fn a_key_that_lives_on_and_a_silent_log_are_noticed(backend: Backend) {
        let here = sound(backend, "KEY-06").await;
        here.front.care(Care::Retains);
        let wanted = [("KEY-06", Reason::StillAccepted), ("KEY-07", Reason::NotLogged)];
        all_red(&here, &wanted).await;
        here.front.care(Care::Silences);
        red(&here, "KEY-07", Reason::NotLogged).await;
        here.front.care(Care::Reveals);
        let wanted = [("KEY-03", Reason::SecretFound), ("KEY-10", Reason::SecretFound)];
        all_red(&here, &wanted).await;
        here.front.care(Care::Honest);
        all_healed(&here, &["KEY-03", "KEY-06", "KEY-07", "KEY-10"]).await;
        here.end().await;
    }

    async fn a_table_that_nobody_listed_is_noticed(backend: Backend) {
        let here = sound(backend, "TEN-01").await;
        outside::run(&here, "create table stray (id integer)").await;
        red(&here, "TEN-01", Reason::BoundaryMissing).await;
        outside::run(&here, "drop table stray").await;
        healed(&here, "TEN-01").await;
        if here.backend.is_postgres() {
            outside::run(&here, "alter table member no force row level security").await;
        } else {
            outside::run(&here, "create unique index bare on project (id)").await;
        }
        red(&here, "TEN-01", Reason::BoundaryMissing).await;
        here.end().await;
    }

    async fn guesses_without_end_and_without_a_trace_are_noticed(backend: Backend) {
        let here = sound(backend, "IDN-06").await;
        here.front.care(Care::Snubs);
        all_red(&here, &[("IDN-06", Reason::GuessedOn), ("IDN-08", Reason::NotLogged)]).await;
        here.front.care(Care::Honest);
        all_healed(&here, &["IDN-06", "IDN-08"]).await;
        here.end().await;
    }

    async fn passwords_and_addresses_that_lie_open_are_noticed(backend: Backend) {
        let here = sound_of(backend, &["IDN-01", "ENC-16"]).await;
        outside::copy_addresses(&here).await;
        red(&here, "ENC-16", Reason::PlaintextFound).await;
        let phc = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
        let hex = hex::encode(phc);
        let value = if here.backend.is_postgres() { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") };
        outside::run(&here, &format!("update \"user\" set password = {value} where password is not null")).await;
        let wrong = Reason::HashMismatch;
        all_red(&here, &[("IDN-01", wrong), ("IDN-02", wrong)]).await;
        here.end().await;
    }

    async fn an_owner_who_needs_no_second_factor_is_noticed(backend: Backend) {
        let here = sound(backend, "IDN-14").await;
        outside::run(&here, "update session set second_at = 1 where second_at is null").await;
        red(&here, "IDN-14", Reason::GateOpen).await;
        outside::run(&here, "update session set second_at = null where second_at = 1").await;
        healed(&here, "IDN-14").await;
        here.end().await;
    }

    async fn a_code_that_counts_twice_is_noticed(backend: Backend) {
        let here = sound(backend, "IDN-15").await;
        for step in forgetting(here.backend.is_postgres()) {
            outside::run(&here, step).await;
        }
        red(&here, "IDN-15", Reason::CodeAccepted).await;
        let drop = if here.backend.is_postgres() {
            "drop trigger forget on authenticator"
        } else {
            "drop trigger forget"
        };
        outside::run(&here, drop).await;
        healed(&here, "IDN-15").await;
        here.end().await;
    }
}

/// Which code was taken last is forgotten at once.
fn forgetting(on_postgres: bool) -> &'static [&'static str] {
    if on_postgres {
        return &[
            "create function forget() returns trigger language plpgsql as \
             $$ begin new.last_step := 0; return new; end $$",
            "create trigger forget before update on authenticator for each row execute function forget()",
        ];
    }
    &["create trigger forget after update on authenticator when new.last_step > 0 begin \
       update authenticator set last_step = 0 where user_id = new.user_id; end"]
}
