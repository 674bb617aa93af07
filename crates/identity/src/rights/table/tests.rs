use std::collections::BTreeSet;

use domain::Rule;

use super::*;

#[test]
fn every_standing_has_a_place_of_its_own() {
    let places: Vec<_> = standings().into_iter().map(place).collect();
    assert_eq!(places, (0..34).collect::<Vec<_>>());
    let table = table().unwrap();
    assert_eq!(table.rights.len(), 34 * Permission::ALL.len());
    assert_eq!(table.covered.len(), 8);
}

/// Each permission stands at its place in the list, by which its answers are found.
#[test]
fn permissions_are_numbered_as_they_are_listed() {
    for (at, permission) in Permission::ALL.iter().enumerate() {
        assert_eq!(*permission as usize, at);
    }
    for (at, scope) in KeyScope::ALL.iter().enumerate() {
        assert_eq!(*scope as usize, at);
    }
}

fn group(rule: Rule) -> &'static str {
    match rule {
        Rule::Public => "anybody",
        Rule::SignedIn => "person",
        Rule::Operator => "operator",
        Rule::Org(OrgRole::Member) => "organization.member",
        Rule::Org(OrgRole::Admin) => "organization.admin",
        Rule::Org(OrgRole::Owner) => "organization.owner",
        Rule::Project(ProjectRole::Viewer) => "project.viewer",
        Rule::Project(ProjectRole::Editor) => "project.editor",
        Rule::Project(ProjectRole::Owner) => "project.owner",
        Rule::Inference => "key",
    }
}

/// The schema puts each permission into the group of its rule and knows no action that is not one.
#[test]
fn the_groups_of_the_schema_are_the_rules_of_the_permissions() {
    let rules = parsed(crate::policies::SCHEMA, POLICIES).unwrap();
    let actions = rules.schema.action_entities().unwrap();
    let groups = |action: &EntityUid| -> BTreeSet<String> {
        actions.ancestors(action).unwrap().map(|one| one.id().unescaped().to_owned()).collect()
    };
    for permission in Permission::ALL {
        let rule = permission.rule();
        let of = groups(&uid("Action", permission.as_str()).unwrap());
        let (name, asks) = (permission.as_str(), rule.asks_for_second_factor());
        assert!(of.contains(group(rule)), "{name}: {of:?}");
        assert_eq!(of.contains("second_factor"), asks, "{name}");
        assert_eq!(of.contains("organization"), matches!(rule, Rule::Org(_)), "{name}");
        assert_eq!(of.contains("project"), matches!(rule, Rule::Project(_)), "{name}");
    }
    let known: BTreeSet<_> = Permission::ALL
        .iter()
        .map(|permission| permission.as_str())
        .chain(KeyScope::ALL.iter().map(|scope| scope.as_str()))
        .chain(["egress:send"])
        .collect();
    let named: BTreeSet<_> = rules
        .schema
        .actions()
        .filter(|action| rules.schema.resources_for_action(action).unwrap().next().is_some())
        .map(|action| action.id().unescaped().to_owned())
        .collect();
    assert_eq!(named, known.into_iter().map(str::to_owned).collect());
}

/// What cannot be evaluated allows nothing, and what nobody permits is refused.
#[test]
fn policies_that_do_not_hold_give_no_table() {
    assert!(worked_out(&POLICIES.replace("principal.operator", "principal.operater")).is_none());
    assert!(worked_out(&POLICIES.replace("\"unseen\"", "\"hidden\"")).is_none());
    let nothing = worked_out("").unwrap();
    assert!(nothing.rights.iter().all(Result::is_err) && !nothing.covered.contains(&true));
}

#[test]
fn a_key_that_calls_models_may_list_them_and_not_the_reverse() {
    let table = table().unwrap();
    let covers = |held: &[KeyScope], wanted| table.covers(|one| held.contains(&one), wanted);
    let (calls, models) = (KeyScope::Inference, KeyScope::ModelsRead);
    assert!(covers(&[calls], calls) && covers(&[calls], models) && covers(&[models], models));
    assert!(!covers(&[models], calls) && !covers(&[], calls) && !covers(&[], models));
    assert!(covers(&[models, calls], calls));
}
