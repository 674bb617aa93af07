use std::collections::BTreeSet;

use domain::RoutingPolicy;

use super::*;

fn set<const N: usize>(all: [&str; N]) -> BTreeSet<String> {
    all.map(str::to_owned).into()
}

fn reasons(policy: &RoutingPolicy, terms: &Terms<'_>) -> Vec<&'static str> {
    egress_refusals(policy, terms, NOW).iter().map(|refusal| refusal.reason).collect()
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

const GOOD: Terms<'static> = Terms {
    provider: "mistral",
    own: false,
    chooses: false,
    country: Some("FR"),
    place: Some("EU"),
    trains: Some(false),
    retention_days: Some(30),
    baa: None,
};

#[test]
fn the_policies_hold_against_the_schema() {
    assert!(parsed(SCHEMA, POLICIES).is_some());
    let wrong = POLICIES.replace("allowsTraining", "allowsTraning");
    assert!(parsed(SCHEMA, &wrong).is_none(), "a misspelt attribute");
    let blind = POLICIES.replace("resource has trains && resource.trains", "resource.trains");
    assert!(parsed(SCHEMA, &blind).is_none(), "what may be unknown has to be asked for first");
}

#[test]
fn every_policy_has_words_and_every_word_a_policy() {
    let rules = rules().unwrap();
    let mut ids: Vec<_> = rules
        .policies
        .policies()
        .filter(|policy| policy.effect() == cedar_policy::Effect::Forbid)
        .map(|policy| policy.annotation("id").unwrap().to_owned())
        .collect();
    ids.sort();
    let mut known: Vec<_> = REFUSALS.iter().map(|refusal| refusal.reason.to_owned()).collect();
    known.sort();
    assert_eq!(ids, known);
}

#[test]
fn without_rules_only_training_is_refused() {
    let none = RoutingPolicy::default();
    assert!(reasons(&none, &GOOD).is_empty());
    assert!(
        reasons(&none, &Terms { place: None, retention_days: None, country: None, ..GOOD })
            .is_empty()
    );
    assert_eq!(reasons(&none, &Terms { trains: Some(true), ..GOOD }), ["training"]);
    assert_eq!(reasons(&none, &Terms { trains: None, ..GOOD }), ["training_unknown"]);
    let open = RoutingPolicy { allow_training: true, ..none };
    assert!(reasons(&open, &Terms { trains: Some(true), ..GOOD }).is_empty());
    assert!(reasons(&open, &Terms { trains: None, ..GOOD }).is_empty());
}

#[test]
fn retention_has_a_limit_and_unknown_is_beyond_it() {
    let month = RoutingPolicy { max_retention_days: Some(30), ..RoutingPolicy::default() };
    assert!(reasons(&month, &GOOD).is_empty());
    assert_eq!(reasons(&month, &Terms { retention_days: Some(31), ..GOOD }), ["retention"]);
    assert_eq!(reasons(&month, &Terms { retention_days: None, ..GOOD }), ["retention_unknown"]);
    let zero = RoutingPolicy { max_retention_days: Some(0), ..RoutingPolicy::default() };
    assert_eq!(reasons(&zero, &GOOD), ["retention"]);
    assert!(reasons(&zero, &Terms { retention_days: Some(0), ..GOOD }).is_empty());
}

#[test]
fn the_union_is_all_its_members_and_nothing_else() {
    let union = RoutingPolicy { regions: Some(set(["EU"])), ..RoutingPolicy::default() };
    for place in ["EU", "DE", "SE"] {
        assert!(reasons(&union, &Terms { place: Some(place), ..GOOD }).is_empty(), "{place}");
    }
    for place in ["US", "GB", "CH", "global", "eu-central-1"] {
        assert_eq!(reasons(&union, &Terms { place: Some(place), ..GOOD }), ["region"], "{place}");
    }
    assert_eq!(reasons(&union, &Terms { place: None, ..GOOD }), ["region_unknown"]);
    let germany = RoutingPolicy { regions: Some(set(["DE"])), ..RoutingPolicy::default() };
    assert_eq!(reasons(&germany, &GOOD), ["region"], "somewhere in the Union is not Germany");
    let nowhere = RoutingPolicy { regions: Some(set([])), ..RoutingPolicy::default() };
    assert_eq!(reasons(&nowhere, &GOOD), ["region"]);
}

#[test]
fn companies_are_ruled_out_by_country_and_by_name() {
    let rules = RoutingPolicy { deny_countries: set(["FR"]), ..RoutingPolicy::default() };
    assert_eq!(reasons(&rules, &GOOD), ["country"]);
    assert!(reasons(&rules, &Terms { country: Some("DE"), ..GOOD }).is_empty());
    assert_eq!(reasons(&rules, &Terms { country: None, ..GOOD }), ["country_unknown"]);
    assert!(reasons(&rules, &Terms { country: None, own: true, ..GOOD }).is_empty());
    let rules = RoutingPolicy { deny_providers: set(["mistral"]), ..RoutingPolicy::default() };
    assert_eq!(reasons(&rules, &GOOD), ["provider_denied"]);
    // Whoever sends requests on may send them to anybody.
    let on = Terms { chooses: true, ..GOOD };
    assert_eq!(reasons(&rules, &Terms { provider: "openrouter", ..on }), ["chooses"]);
    let countries = RoutingPolicy { deny_countries: set(["CN"]), ..RoutingPolicy::default() };
    assert_eq!(reasons(&countries, &on), ["country_unknown"]);
    assert!(reasons(&RoutingPolicy::default(), &on).is_empty());
    let rules = RoutingPolicy { only_providers: Some(set(["openai"])), ..RoutingPolicy::default() };
    assert_eq!(reasons(&rules, &GOOD), ["provider"]);
    assert!(reasons(&rules, &Terms { provider: "openai", ..GOOD }).is_empty());
}

#[test]
fn everything_that_speaks_against_it_is_said() {
    let rules = RoutingPolicy {
        max_retention_days: Some(7),
        regions: Some(set(["US"])),
        deny_countries: set(["FR"]),
        ..RoutingPolicy::default()
    };
    let all = reasons(&rules, &Terms { trains: None, ..GOOD });
    assert_eq!(all, ["training_unknown", "retention", "region", "country"]);
}

#[test]
fn health_data_goes_to_nobody_without_an_agreement_in_force() {
    let day = std::time::Duration::from_secs(86_400);
    let health =
        RoutingPolicy { health_data: true, allow_training: true, ..RoutingPolicy::default() };
    let since = |signed, until| Terms { baa: Some(HealthAgreement { signed, until }), ..GOOD };
    assert_eq!(reasons(&health, &GOOD), ["no_baa"]);
    assert!(reasons(&health, &since(NOW, None)).is_empty());
    assert!(reasons(&health, &since(NOW.minus(day), Some(NOW.plus(day)))).is_empty());
    assert_eq!(reasons(&health, &since(NOW.minus(day), Some(NOW))), ["no_baa"], "it is over");
    assert_eq!(reasons(&health, &since(NOW.plus(day), None)), ["no_baa"], "it is to come");
    // Whoever agreed does not train either, whatever the rules allow besides.
    let trains = Terms { trains: Some(true), ..since(NOW, None) };
    assert_eq!(reasons(&health, &trains), ["training"]);
    let silent = Terms { trains: None, ..since(NOW, None) };
    assert_eq!(reasons(&health, &silent), ["training_unknown"]);
    let own = Terms { own: true, country: None, ..GOOD };
    assert!(reasons(&health, &own).is_empty(), "nobody else receives it");
    assert!(reasons(&RoutingPolicy::default(), &GOOD).is_empty());
}

#[test]
fn a_project_cannot_take_back_that_there_is_health_data() {
    let whole = RoutingPolicy { health_data: true, ..RoutingPolicy::default() };
    let own = RoutingPolicy::default();
    assert!(whole.narrowed(&own).health_data && own.narrowed(&whole).health_data);
    assert!(!own.narrowed(&own).health_data);
}
