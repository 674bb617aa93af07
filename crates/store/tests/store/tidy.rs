//! What the compiler cannot see: statements are made in one place.

use std::path::{Path, PathBuf};

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Lines outside `allowed` files that hold one of `words`.
fn offences(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    let mut offences = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        if allowed.iter().any(|allowed| name.starts_with(allowed)) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) && !line.trim_start().starts_with("//")
            {
                offences.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    offences
}

#[test]
fn every_statement_on_an_entity_is_made_in_tenant_rs() {
    let words = [
        "::find()",
        "find_by_id",
        "update_many(",
        "delete_many(",
        "delete_by_id",
        "::insert_many(",
        "Entity::insert(",
        ".save(",
        "Entity::update(",
        "Entity::delete(",
        "find_related",
        "find_with_related",
    ];
    let offences = offences(&words, &["tenant.rs"]);
    assert!(
        offences.is_empty(),
        "the organization filter is missing here:\n{}",
        offences.join("\n")
    );
}

#[test]
fn raw_statements_are_few_and_known() {
    let words = ["_raw(", "execute_unprepared", "Statement::from", "sqlx::query", "raw_sql"];
    let allowed =
        ["engine.rs", "tenant.rs", "migrate.rs", "migration.rs", "audit/attack.rs", "inspect"];
    let offences = offences(&words, &allowed);
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}
