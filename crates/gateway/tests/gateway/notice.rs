//! Sub-processors that were not there before: nothing reaches them before their notice has ended, or against an objection.

use std::time::Duration;

use domain::{
    Action, Catalogue, CatalogueState, Clock, Decision, Event, Protocol, Secret, StatedTerms,
    Timestamp,
};
use sandbox::{MODELS, Running, Sandbox};
use store::NewProvider;

use crate::house::{FORMATS, House, Told, error_code, quick, read, request, script};

const MODEL: &str = "sandbox-echo";
const DAY: Duration = Duration::from_secs(86_400);
const PRICE: &str = "input = 1000, output = 4000";

const NEWCOMER: &str = r#"
    id = "newcomer"
    name = "Newcomer"
    legal_entity = "Newcomer AB"
    country = "SE"
    family = "openai"
    auth = "bearer"
    [[endpoints]]
    id = "se"
    base_url = "https://models.newcomer.example/v1"
    region = "SE"
    serves = ["chat"]
    [[postures]]
    trains = false
    retention_days = 0
    source = "https://newcomer.example"
    read = "2026-11-20"
"#;

struct Two {
    house: House,
    clock: Clock,
    /// Where the newcomer's requests arrive.
    late: Running,
}

impl Two {
    /// A house with one provider from the beginning, and then a newcomer.
    async fn new() -> Self {
        let clock = Clock::frozen(Timestamp::from_millis(1_790_000_000_000));
        let start = || Sandbox::start(([127, 0, 0, 1], 0).into(), script());
        let (twin, late) = (start().await.unwrap(), start().await.unwrap());
        let house = House::at(quick(), twin, clock.clone()).await;
        let two = Self { house, clock, late };
        two.load(&[("newcomer", NEWCOMER)]).await;
        two.register("late", &two.late.base_url()).await;
        let near = two.house.twin.base_url();
        let own = ("SE", Some(StatedTerms::OWN));
        two.house.provider_on("early", Protocol::OpenAi, &near, &[MODEL], own).await;
        two
    }

    /// Puts another version of the catalogue in force, announced as a reload announces it.
    async fn load(&self, more: &[(&str, &str)]) {
        let sandbox = testkit::sandbox_file(MODELS, PRICE);
        let files = [("sandbox", sandbox.as_str())];
        let catalogue = Catalogue::parse(files.iter().chain(more).copied()).unwrap();
        testkit::announce(&self.house.store, &catalogue).await;
        self.house.catalogue.replace(catalogue, CatalogueState::default());
    }

    async fn register(&self, name: &str, base_url: &str) {
        let mut write = self.house.store.write(&self.house.owner).await.unwrap();
        let new = NewProvider {
            catalog: "newcomer".to_owned(),
            name: name.to_owned(),
            protocol: Protocol::OpenAi,
            base_url: base_url.to_owned(),
            secret: Some(Secret::new("twin-key".to_owned())),
            models: vec![MODEL.to_owned()],
            region: Some("SE".to_owned()),
            allow_private: true,
            contract: None,
            contract_until: None,
            baa: None,
            terms: Some(StatedTerms::OWN),
        };
        write.provider_create(new).await.unwrap();
        write.commit(Event::new(Action::ProviderCreate)).await.unwrap();
    }

    async fn decide(&self, decision: Option<Decision>) {
        let mut write = self.house.store.write(&self.house.owner).await.unwrap();
        write.subprocessor_decide("newcomer", decision).await.unwrap();
        write.commit(Event::new(Action::SubprocessorAccept)).await.unwrap();
    }

    async fn ask(&self, model: &str) -> Told {
        self.house.ask(FORMATS[0], &request(model, false)).await
    }

    async fn models(&self) -> usize {
        let asked = domain::RequestId::new(self.house.store.clock().now());
        let answer = self.house.gateway.models(&self.house.key, FORMATS[0], asked).await;
        let listed = read(answer).await.json();
        let listed = listed["data"].as_array().unwrap().iter();
        listed.filter(|model| model["id"] == MODEL).count()
    }

    fn arrived(&self) -> u64 {
        self.late.inspector().counters().requests
    }
}

#[tokio::test]
async fn a_newcomer_waits_for_its_notice_and_is_used_afterwards() {
    let two = Two::new().await;
    let told = two.ask(MODEL).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "early"), "{}", told.text);
    let receipt = two.house.receipt().await;
    assert_eq!(receipt["excluded"][0]["name"], "late");
    assert_eq!(receipt["excluded"][0]["reason"], "notice_period");
    assert_eq!(receipt["excluded"][0]["usable_from"], "2026-10-21T14:13:20Z");
    for format in FORMATS {
        let told = two.house.ask(format, &request(&format!("late/{MODEL}"), true)).await;
        assert_eq!(told.status, 403, "{}", told.text);
        assert_eq!(error_code(format, &told.json()), "no_allowed_provider");
        assert!(told.text.contains("late was announced"), "{}", told.text);
        assert!(told.text.contains("before 21 Oct 2026"), "{}", told.text);
    }
    two.clock.advance(30 * DAY - Duration::from_millis(1));
    assert_eq!(two.ask(&format!("late/{MODEL}")).await.status, 403);
    assert_eq!(two.arrived(), 0);
    two.clock.advance(Duration::from_millis(1));
    let told = two.ask(&format!("late/{MODEL}")).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "late"), "{}", told.text);
    assert_eq!(two.arrived(), 1);
}

#[tokio::test]
async fn consent_opens_and_objection_closes_at_once() {
    let two = Two::new().await;
    let late = format!("late/{MODEL}");
    two.decide(Some(Decision::Accepted { revision: 1 })).await;
    assert_eq!(two.ask(&late).await.status, 200);
    two.decide(None).await;
    assert_eq!(two.ask(&late).await.status, 403);
    two.clock.advance(31 * DAY);
    assert_eq!(two.ask(&late).await.status, 200);
    two.decide(Some(Decision::Objected)).await;
    let told = two.ask(&late).await;
    assert!(told.status == 403 && told.text.contains("objected to"), "{}", told.text);
    let told = two.ask(MODEL).await;
    assert_eq!(told.header("x-probity-provider"), "early");
    assert_eq!(two.house.receipt().await["excluded"][0]["reason"], "objected");
    assert_eq!(two.arrived(), 2);
}

#[tokio::test]
async fn what_is_not_announced_or_was_taken_away_is_refused_and_not_listed() {
    let two = Two::new().await;
    two.clock.advance(31 * DAY);
    assert_eq!(two.ask(&format!("late/{MODEL}")).await.status, 200);
    two.load(&[]).await;
    let told = two.ask(&format!("late/{MODEL}")).await;
    assert!(told.status == 403 && told.text.contains("never announced"), "{}", told.text);
    assert_eq!(two.models().await, 1, "the one from the beginning serves it");
    two.load(&[("newcomer", NEWCOMER)]).await;
    assert_eq!(two.ask(&format!("late/{MODEL}")).await.status, 403, "it waits again");
    assert_eq!(two.arrived(), 1);
}

#[tokio::test]
async fn a_model_that_only_a_newcomer_serves_is_not_listed() {
    let two = Two::new().await;
    let mut write = two.house.store.write(&two.house.owner).await.unwrap();
    for provider in write.providers_list().await.unwrap() {
        if provider.name == "early" {
            write.provider_remove(provider.id).await.unwrap();
        }
    }
    write.commit(Event::new(Action::ProviderRemove)).await.unwrap();
    assert_eq!(two.models().await, 0);
    two.decide(Some(Decision::Accepted { revision: 1 })).await;
    assert_eq!(two.models().await, 1);
}
