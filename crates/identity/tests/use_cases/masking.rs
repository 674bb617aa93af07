//! What becomes of personal data: who decides it, and that a project can only be stricter.

use domain::{Masking, MaskingMode, OrgRole};
use testkit::{Backend, each_backend};

use crate::{
    house::{House, code},
    providers::acme,
};

fn set(mode: MaskingMode, except: &[&str]) -> Masking {
    let except = except.iter().map(|&kind| kind.to_owned()).collect();
    Masking { mode, except, names: false }
}

each_backend! {
    async fn a_project_strengthens_what_its_organization_sets(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let project = Some(house.identity.project_create(&scope, "Lab", None).await.unwrap().id);
        let in_force = async || house.identity.masking_in_force(&scope, project).await.unwrap();
        assert_eq!(in_force().await, Masking::default(), "nobody set anything");
        let mask = set(MaskingMode::Mask, &["card"]);
        house.identity.masking_set(&scope, project, mask.clone()).await.unwrap();
        assert_eq!(in_force().await, mask);
        let detect = set(MaskingMode::Detect, &["email"]);
        house.identity.masking_set(&scope, None, detect.clone()).await.unwrap();
        assert_eq!(in_force().await, set(MaskingMode::Mask, &[]), "what only one leaves alone is not");
        assert_eq!(house.identity.masking(&scope, project).await.unwrap(), mask, "kept as it was set");
        house.identity.masking_set(&scope, None, set(MaskingMode::Block, &[])).await.unwrap();
        assert_eq!(in_force().await.mode, MaskingMode::Block);
        house.identity.masking_set(&scope, None, Masking::default()).await.unwrap();
        assert_eq!(in_force().await, mask);
        let wrong = house.identity.masking_set(&scope, project, set(MaskingMode::Mask, &["emial"]));
        assert_eq!(code(wrong.await), "invalid_kind");
    }

    async fn members_read_the_setting_and_admins_change_it(backend: Backend) {
        let house = House::new(backend).await;
        let owner = acme(&house).await;
        let member = house.member(&owner, "reader", OrgRole::Member).await;
        let member = house.inside(&owner, &member).await;
        assert_eq!(code(house.identity.masking(&member, None).await), "ok");
        let mask = || set(MaskingMode::Mask, &[]);
        assert_eq!(code(house.identity.masking_set(&member, None, mask()).await), "forbidden");
        let admin = house.member(&owner, "admin", OrgRole::Admin).await;
        let admin = house.inside(&owner, &admin).await;
        assert_eq!(code(house.identity.masking_set(&admin, None, mask()).await), "ok");
    }
}
