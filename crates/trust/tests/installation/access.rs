//! Who gets in and what they may do, each broken for real: see `sabotage`.

use testkit::{Backend, each_backend};
use trust::evidence::Reason;

use crate::{
    front::Care,
    outside,
    sabotage::{all_healed, all_red, healed, red, sound},
};

each_backend! {
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

}
