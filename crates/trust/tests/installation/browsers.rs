//! What browsers are made to do and told to keep, broken for real: see `sabotage`.

use testkit::{Backend, each_backend};
use trust::evidence::Reason;

use crate::{
    front::Care,
    sabotage::{all_healed, red, sound},
};

each_backend! {
    async fn pages_of_others_and_loose_pages_are_noticed(backend: Backend) {
        let here = sound(backend, "VUL-15").await;
        here.front.care(Care::Welcomes);
        red(&here, "VUL-15", Reason::ForeignRequest).await;
        here.front.care(Care::Loosens);
        red(&here, "VUL-16", Reason::PolicyLoose).await;
        here.front.care(Care::Honest);
        all_healed(&here, &["VUL-15", "VUL-16"]).await;
        here.end().await;
    }
}
