//! The rights as decided are the rights as reviewed.

use std::collections::BTreeMap;

use identity::{ROLES, matrix};

/// The file is read by people: whoever changes a right changes it there too.
#[test]
fn every_pair_is_as_reviewed() {
    let reviewed: BTreeMap<&str, Vec<&str>> = include_str!("../permission_matrix.csv")
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(','))
        .map(|(permission, roles)| (permission, roles.split(' ').collect()))
        .collect();
    let decided: BTreeMap<&str, Vec<&str>> =
        matrix().into_iter().map(|row| (row.permission, row.roles)).collect();
    assert_eq!(decided, reviewed);
}

#[test]
fn a_stronger_role_has_every_right_of_a_weaker_one() {
    let ladders = [
        vec!["anonymous", "person", "operator"],
        vec!["organization.member", "organization.admin", "organization.owner"],
        vec![
            "organization.member",
            "project.viewer",
            "project.editor",
            "project.owner",
            "organization.admin",
        ],
        vec!["api_key.models", "api_key"],
    ];
    for row in matrix() {
        for ladder in &ladders {
            let held: Vec<_> = ladder.iter().map(|role| row.roles.contains(role)).collect();
            assert!(held.is_sorted(), "{} over {ladder:?}: {held:?}", row.permission);
        }
    }
}

#[test]
fn role_names_are_unique() {
    let mut names: Vec<_> = ROLES.iter().map(|role| role.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ROLES.len());
}
