//! Contracts, terms, doors and places where data lies, each broken for real: see `sabotage`.

use testkit::{Backend, each_backend};
use trust::evidence::Reason;

use crate::{
    front::Care,
    outside,
    sabotage::{healed, red, sound},
};

each_backend! {
    async fn a_free_tier_that_is_let_in_is_noticed(backend: Backend) {
        let here = sound(backend, "GW-09").await;
        here.front.care(Care::Signs);
        red(&here, "GW-09", Reason::GateOpen).await;
        here.front.care(Care::Honest);
        healed(&here, "GW-09").await;
        let walls = outside::forget_contracts(&here).await;
        red(&here, "GW-09", Reason::GateOpen).await;
        outside::remember_contracts(&here, walls).await;
        healed(&here, "GW-09").await;
        outside::run(&here, "update provider set contract = 'standard' where name = 'Handshake'").await;
        outside::route_anew(&here).await;
        red(&here, "GW-09", Reason::GateOpen).await;
        here.end().await;
    }

    async fn training_an_ended_contract_and_a_missing_opt_out_are_noticed(backend: Backend) {
        let here = sound(backend, "GW-10").await;
        here.front.care(Care::Forgets);
        red(&here, "GW-10", Reason::SentElsewhere).await;
        here.front.care(Care::Prolongs);
        red(&here, "GW-10", Reason::SentElsewhere).await;
        here.front.care(Care::Honest);
        healed(&here, "GW-10").await;
        // Its terms no longer say that anything is to be set.
        let told = "update provider set catalog = 'custom', contract = 'own', \
            terms = '{\"trains\":false,\"retention_days\":0}' where name like 'opted-openai-%'";
        outside::run(&here, told).await;
        outside::route_anew(&here).await;
        red(&here, "GW-10", Reason::TermsIgnored).await;
        here.end().await;
    }

    async fn a_door_that_is_open_to_other_machines_is_noticed(backend: Backend) {
        let here = sound(backend, "GW-03").await;
        let door = here.open_door().await;
        red(&here, "GW-03", Reason::OpenDoor).await;
        drop(door);
        healed(&here, "GW-03").await;
        here.end().await;
    }

    async fn data_that_lies_elsewhere_is_noticed(backend: Backend) {
        let here = sound(backend, "SUB-15").await;
        let honest = std::fs::read_to_string(&here.mounts).unwrap();
        let moved = "999 1 0:99 / / rw - nfs4 files.example:/export rw,addr=198.51.100.7\n";
        std::fs::write(&here.mounts, format!("{honest}{moved}")).unwrap();
        red(&here, "SUB-15", Reason::StoredElsewhere).await;
        std::fs::write(&here.mounts, honest).unwrap();
        healed(&here, "SUB-15").await;
        if here.backend.is_postgres() {
            outside::run(&here, "create foreign data wrapper far").await;
            let server = "create server far foreign data wrapper far options (host '198.51.100.7')";
            outside::run(&here, server).await;
            red(&here, "SUB-15", Reason::StoredElsewhere).await;
        }
        here.end().await;
    }

    async fn usage_that_can_be_removed_is_noticed(backend: Backend) {
        let here = sound(backend, "RET-03").await;
        let walls = outside::tear_down(&here, "usage").await;
        red(&here, "RET-03", Reason::GateOpen).await;
        outside::build_up(&here, "usage", walls).await;
        healed(&here, "RET-03").await;
        outside::run(&here, "alter table \"usage\" add column prompt_excerpt text").await;
        red(&here, "RET-03", Reason::ColumnUnlisted).await;
        here.end().await;
    }

    async fn tokens_that_nobody_reported_are_noticed(backend: Backend) {
        let here = sound(backend, "BIL-03").await;
        outside::pad_usage(&here).await;
        red(&here, "BIL-03", Reason::CountDiffers).await;
        outside::stop_padding(&here).await;
        healed(&here, "BIL-03").await;
        here.end().await;
    }

    async fn a_partner_that_hears_of_what_it_is_not_there_for_is_noticed(backend: Backend) {
        let here = sound(backend, "APP-16").await;
        here.front.care(Care::Paints);
        red(&here, "APP-16", Reason::UsedOtherwise).await;
        here.front.care(Care::Honest);
        healed(&here, "APP-16").await;
        // Whoever answers out of the web is asked to speak as well.
        let told = "update provider set models = '[\"sandbox-search\",\"sandbox-speech\"]' where name = 'Almanac'";
        outside::run(&here, told).await;
        outside::route_anew(&here).await;
        red(&here, "APP-16", Reason::UsedOtherwise).await;
        here.end().await;
    }

    async fn health_data_without_an_agreement_is_noticed(backend: Backend) {
        let here = sound(backend, "APP-24").await;
        here.front.care(Care::Forgets);
        red(&here, "APP-24", Reason::SentElsewhere).await;
        here.front.care(Care::Honest);
        healed(&here, "APP-24").await;
        outside::run(&here, "update provider set baa_signed = 0 where name = 'Bazaar'").await;
        outside::route_anew(&here).await;
        red(&here, "APP-24", Reason::SentElsewhere).await;
        here.end().await;
    }

    async fn a_contact_without_a_connection_is_noticed(backend: Backend) {
        let here = sound(backend, "SUB-11").await;
        here.front.care(Care::Lends);
        red(&here, "SUB-11", Reason::Unconnected).await;
        here.front.care(Care::Honest);
        healed(&here, "SUB-11").await;
        outside::run(&here, "update egress_contact set first_at = first_at - 34560000000").await;
        red(&here, "SUB-11", Reason::Unconnected).await;
        here.end().await;
    }
}
