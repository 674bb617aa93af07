//! What is not paid, not agreed any more or not the company's receives nothing, whatever happens to the others.

use std::time::Duration;

use domain::{
    Catalogue, CatalogueState, Clock, HealthAgreement, Protocol, RoutingPolicy, StatedTerms,
    Timestamp,
};
use sandbox::{MODELS, Running, Sandbox};
use store::{NewProvider, ProviderChange};

use crate::house::{FORMATS, House, Told, error_code, provider, quick, request, script};

const MODEL: &str = "sandbox-echo";
const PRICE: &str = "input = 1000, output = 4000";
const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);

/// A house with two twins, the second behind providers that something is wrong with.
struct Two {
    house: House,
    clock: Clock,
    other: Running,
}

impl Two {
    async fn new() -> Self {
        let clock = Clock::frozen(NOW);
        let start = || Sandbox::start(([127, 0, 0, 1], 0).into(), script());
        let (twin, other) = (start().await.unwrap(), start().await.unwrap());
        let house = House::at(quick(), twin, clock.clone()).await;
        Self { house, clock, other }
    }

    fn new_provider(&self, name: &str) -> NewProvider {
        let about = ("SE", Some(StatedTerms::OWN));
        let models = vec![MODEL.to_owned()];
        NewProvider { models, ..provider(name, Protocol::OpenAi, &self.other.base_url(), about) }
    }

    async fn ask(&self, model: &str) -> Told {
        self.house.ask(FORMATS[0], &request(model, false)).await
    }

    async fn refused(&self, model: &str, says: &str) {
        for format in FORMATS {
            let told = self.house.ask(format, &request(model, true)).await;
            assert_eq!(told.status, 403, "{}", told.text);
            assert_eq!(error_code(format, &told.json()), "no_allowed_provider");
            assert!(told.text.contains(says), "{}", told.text);
        }
        assert_eq!(self.arrived(), 0);
    }

    fn arrived(&self) -> u64 {
        self.other.inspector().counters().requests
    }
}

#[tokio::test]
async fn a_route_ends_with_its_contract_and_comes_back_with_a_new_one() {
    let two = Two::new().await;
    let until = Some(NOW.plus(DAY));
    let leased = NewProvider { contract_until: until, ..two.new_provider("leased") };
    let leased = two.house.register(leased).await;
    let near = two.house.twin.base_url();
    let own = ("SE", Some(StatedTerms::OWN));
    two.house.provider_on("kept", Protocol::OpenAi, &near, &[MODEL], own).await;
    assert_eq!(two.ask(&format!("leased/{MODEL}")).await.status, 200);
    two.clock.advance(DAY - Duration::from_millis(1));
    assert_eq!(two.ask(&format!("leased/{MODEL}")).await.status, 200);
    assert_eq!(two.arrived(), 2);
    two.clock.advance(Duration::from_millis(1));
    let told = two.ask(&format!("leased/{MODEL}")).await;
    assert_eq!(told.status, 403, "{}", told.text);
    assert!(
        told.text.contains("leased is under a contract that ended on 22 Sep 2026"),
        "{}",
        told.text
    );
    let told = two.ask(MODEL).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "kept"), "{}", told.text);
    let receipt = two.house.receipt().await;
    assert_eq!(receipt["excluded"][0]["name"], "leased");
    assert_eq!(receipt["excluded"][0]["reason"], "contract_ended");
    assert_eq!(two.arrived(), 2);
    let mut write = two.house.store.write(&two.house.owner).await.unwrap();
    let change = ProviderChange { contract_until: Some(None), ..ProviderChange::default() };
    write.provider_change(leased, change).await.unwrap();
    write.commit(domain::Event::new(domain::Action::ProviderChange)).await.unwrap();
    assert_eq!(two.ask(&format!("leased/{MODEL}")).await.status, 200);
}

#[tokio::test]
async fn what_was_put_below_the_api_is_not_asked() {
    let two = Two::new().await;
    let unknown = Some("nobodys-2025".to_owned());
    two.house.register(NewProvider { contract: unknown, ..two.new_provider("unknown") }).await;
    let away = "https://models.example.org/v1".to_owned();
    two.house
        .register(NewProvider { base_url: away, allow_private: false, ..two.new_provider("away") })
        .await;
    two.refused(&format!("unknown/{MODEL}"), "a contract that the catalogue does not know").await;
    two.refused(&format!("away/{MODEL}"), "an address that is not the company's").await;
}

#[tokio::test]
async fn a_contract_of_the_catalogue_ends_on_its_day_and_free_variants_are_left_out() {
    let two = Two::new().await;
    let free = "free_models = [\"-echo\"]\n        [[endpoints]]";
    let contract = "[[contracts]]\n id = \"our-2026\"\n expires = \"2026-09-21\"\n [[postures]]";
    let sandbox = testkit::sandbox_file(MODELS, PRICE).replacen("[[postures]]", contract, 1);
    let load = |text: &str| {
        let catalogue = Catalogue::parse([("sandbox", text)]).unwrap();
        two.house.catalogue.replace(catalogue, CatalogueState::default());
    };
    load(&sandbox);
    let ours = Some("our-2026".to_owned());
    two.house.register(NewProvider { contract: ours, ..two.new_provider("ours") }).await;
    two.house.register(two.new_provider("usual")).await;
    assert_eq!(two.ask(&format!("ours/{MODEL}")).await.status, 200);
    two.clock.advance(DAY);
    let told = two.ask(&format!("ours/{MODEL}")).await;
    assert!(told.text.contains("ended on 21 Sep 2026"), "{}", told.text);
    assert_eq!(two.ask(&format!("usual/{MODEL}")).await.status, 200);
    load(&sandbox.replacen("[[endpoints]]", free, 1));
    let told = two.ask(&format!("usual/{MODEL}")).await;
    assert_eq!(told.status, 403, "{}", told.text);
    assert!(told.text.contains("usual is a free tier"), "{}", told.text);
    assert_eq!(two.arrived(), 2);
}

#[tokio::test]
async fn health_data_goes_where_an_agreement_is_in_force_and_nowhere_else() {
    let two = Two::new().await;
    let baa = HealthAgreement { signed: NOW.plus(DAY), until: Some(NOW.plus(2 * DAY)) };
    two.house
        .register(NewProvider {
            catalog: "sandbox".to_owned(),
            contract: Some("standard".to_owned()),
            ..two.new_provider("none")
        })
        .await;
    let near = NewProvider {
        catalog: "sandbox".to_owned(),
        contract: Some("standard".to_owned()),
        base_url: two.house.twin.base_url(),
        baa: Some(baa),
        ..two.new_provider("agreed")
    };
    two.house.register(near).await;
    let health = RoutingPolicy { health_data: true, ..RoutingPolicy::default() };
    two.house.rules(true, &health).await;
    let says = "has no business associate agreement in force";
    two.refused(&format!("agreed/{MODEL}"), says).await;
    two.refused(&format!("none/{MODEL}"), "have the agreement recorded with the provider").await;
    two.clock.advance(DAY);
    let told = two.ask(MODEL).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "agreed"), "{}", told.text);
    let receipt = two.house.receipt().await;
    let excluded = receipt["excluded"].as_array().unwrap();
    let none = excluded.iter().find(|one| one["name"] == "none").unwrap();
    assert_eq!(none["reason"], "no_baa");
    assert_eq!(receipt["masking"]["mode"], "detect");
    two.refused(&format!("none/{MODEL}"), says).await;
    two.clock.advance(DAY);
    two.refused(MODEL, says).await;
    // Whoever is not marked is not held to it.
    two.house.rules(true, &RoutingPolicy::default()).await;
    assert_eq!(two.ask(&format!("none/{MODEL}")).await.status, 200);
}
