//! Sub-processors: what an organization decides, and what that leaves behind.

use domain::{Decision, Gate};
use identity::Verdict;
use store::{AuditFilter, Page, Scope};
use testkit::{Backend, each_backend};

use crate::{
    house::{House, code},
    providers::{acme, openai},
};

async fn acts(house: &House, scope: &Scope) -> Vec<String> {
    house.store.drain().await.unwrap();
    let mut read = house.store.read(scope).await.unwrap();
    let listed = read.audit_list(&AuditFilter::default(), &Page::first(4)).await.unwrap();
    listed.data.into_iter().map(|row| row.action).collect()
}

each_backend! {
    async fn registering_a_provider_is_consent_and_an_objection_stands(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let one = async || {
            let all = house.identity.subprocessors_list(&scope).await.unwrap();
            all.into_iter().find(|one| one.listing.provider == "openai").unwrap()
        };
        assert!(one().await.decided.is_none() && !one().await.registered);
        let made = house.identity.provider_create(&scope, openai()).await.unwrap();
        let known = one().await;
        assert_eq!(known.decided.unwrap().decision, Decision::Accepted { revision: 1 });
        assert!(known.registered && known.gate == Gate::Open);
        house.identity.subprocessor_decide(&scope, "openai", Verdict::Object).await.unwrap();
        assert_eq!(one().await.gate, Gate::Objected);
        let effects = house.identity.routing_effects(&scope, None).await.unwrap();
        assert_eq!(effects[0].refusals[0].reason, "objected");
        let again = house.identity.provider_create(&scope, openai()).await;
        assert_eq!(code(again), "objected", "a credential does not overrule an objection");
        house.identity.subprocessor_withdraw(&scope, "openai").await.unwrap();
        assert_eq!(code(house.identity.provider_create(&scope, openai()).await), "ok");
        let acts = acts(&house, &scope).await;
        assert_eq!(
            acts,
            ["provider.create", "subprocessor.withdraw", "subprocessor.object", "provider.create"]
        );
        house.identity.provider_remove(&scope, made.id).await.unwrap();
    }

    async fn nobody_decides_about_what_is_not_there_or_for_others(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let (identity, verdict) = (&house.identity, Verdict::Accept);
        assert_eq!(code(identity.subprocessor_decide(&scope, "nobody", verdict).await), "not_found");
        assert_eq!(code(identity.subprocessor_withdraw(&scope, "openai").await), "not_found");
        let listed = identity.subprocessors_list(&scope).await.unwrap();
        assert!(listed.iter().all(|one| one.listing.provider != domain::DRILL));
        assert_eq!(code(identity.subprocessor_decide(&scope, "openai", verdict).await), "ok");
    }
}
