//! House rules that the compiler does not know: who may import whom, what may not enter the tree, how long a file may be.
//! Everything is read from `cargo metadata` and from files as text.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .unwrap()
}

/// The plan's edge list. A new edge is a design decision: it needs a record in `docs/adr/`.
fn allowed_edges() -> BTreeMap<&'static str, Vec<&'static str>> {
    BTreeMap::from([
        ("domain", vec![]),
        ("ledger", vec!["domain"]),
        ("llm", vec!["domain"]),
        ("pii", vec!["domain"]),
        ("vault", vec!["domain", "egress"]),
        ("egress", vec!["domain"]),
        ("store", vec!["domain", "vault", "ledger", "egress"]),
        ("identity", vec!["domain", "vault", "store", "egress"]),
        ("courier", vec!["domain", "vault", "store", "egress"]),
        ("gateway", vec!["domain", "identity", "llm", "pii", "vault", "store", "egress"]),
        ("workspace", vec!["domain", "gateway", "identity", "llm", "store", "egress"]),
        ("governance", vec!["domain", "identity", "vault", "ledger", "store", "egress"]),
        ("sandbox", vec!["domain", "llm"]),
        ("trust", vec!["domain", "vault", "ledger", "store", "egress", "sandbox"]),
        ("web", vec!["domain", "store", "identity", "gateway", "workspace", "governance", "trust"]),
        ("bench", vec![]),
    ])
}

fn dependencies(metadata: &Metadata, kind: DependencyKind) -> Vec<(String, String)> {
    metadata
        .packages
        .iter()
        .flat_map(|package| {
            package
                .dependencies
                .iter()
                .filter(move |dependency| dependency.kind == kind)
                .map(|dependency| (package.name.to_string(), dependency.name.clone()))
        })
        .collect()
}

#[test]
fn imports_follow_the_plan() {
    let metadata = metadata();
    let ours: BTreeSet<String> =
        metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let allowed = allowed_edges();
    let wrong: Vec<_> = dependencies(&metadata, DependencyKind::Normal)
        .into_iter()
        .filter(|(from, to)| ours.contains(to) && !matches!(from.as_str(), "probity" | "testkit"))
        .filter(|(from, to)| {
            !allowed.get(from.as_str()).is_some_and(|list| list.contains(&to.as_str()))
        })
        .collect();
    assert!(wrong.is_empty(), "imports that the plan does not name: {wrong:?}");
}

#[test]
fn the_test_kit_never_ships() {
    let shipped: Vec<_> = dependencies(&metadata(), DependencyKind::Normal)
        .into_iter()
        .filter(|(_, to)| to == "testkit")
        .collect();
    assert!(shipped.is_empty(), "testkit is for dev-dependencies only: {shipped:?}");
}

#[test]
fn each_kind_of_library_stays_in_its_room() {
    let rooms: [(&[&str], &[&str]); 5] = [
        (&["sea-orm", "sea-orm-migration", "sqlx", "libsqlite3-sys"], &["store"]),
        (&["axum", "askama", "tower-http"], &["web", "testkit"]),
        (&["argon2"], &["vault"]),
        (&["redis"], &["gateway"]),
        (&["hyper", "hyper-util"], &["egress", "web", "sandbox", "bench", "testkit", "probity"]),
    ];
    let all = dependencies(&metadata(), DependencyKind::Normal);
    for (libraries, homes) in rooms {
        let strays: Vec<_> = all
            .iter()
            .filter(|(from, to)| {
                libraries.contains(&to.as_str()) && !homes.contains(&from.as_str())
            })
            .collect();
        assert!(strays.is_empty(), "{libraries:?} belong in {homes:?}: {strays:?}");
    }
}

/// What is really built. The lock file and `cargo metadata` also list optional packages that nothing switches on.
fn tree(options: &[&str]) -> String {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--offline", "--prefix=none"])
        .args(options)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8(tree.stdout).unwrap()
}

#[test]
fn tests_switch_on_nothing_that_a_build_without_them_lacks() {
    let features = |edges: &str| -> BTreeSet<String> {
        let text = tree(&["--edges", edges, "--format={p} {f}"]);
        text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    };
    let (without, with) = (features("normal,build"), features("normal,build,dev"));
    let other: Vec<_> = without.difference(&with).collect();
    assert!(other.is_empty(), "`./dev up` would build these anew after `./dev test`: {other:?}");
}

#[test]
fn banned_packages_are_not_built() {
    let text = tree(&["--format={p}"]);
    let names: BTreeSet<&str> =
        text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains("aws-lc-rs") && names.len() > 100, "the graph was read");
    // One TLS stack, one place for HTTP clients: these slip in through default features.
    for banned in ["ring", "native-tls", "openssl", "reqwest", "rusqlite"] {
        assert!(!names.contains(banned), "{banned} must not be built");
    }
}

#[test]
fn the_tree_stays_small() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let count = lock.lines().filter(|line| line.starts_with("name = ")).count();
    assert!(count <= 600, "{count} locked packages; the aim is 600");
}

fn sources() -> Vec<PathBuf> {
    fn walk(dir: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir()
                && !["target", "node_modules", ".cache", "var", ".git"].contains(&name.as_str())
            {
                walk(&path, into);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                into.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for part in ["crates", "bench", "fuzz"] {
        let dir = root().join(part);
        if dir.exists() {
            walk(&dir, &mut found);
        }
    }
    found
}

/// Files that may be longer than 500 lines, with their reason. The list may only shrink.
const LONG_FILES: [&str; 1] = [
    // Made-up data for every page of the gallery.
    "crates/web/examples/gallery/samples.rs",
];

#[test]
fn files_stay_readable() {
    let root = root();
    let long: Vec<_> = sources()
        .into_iter()
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            (lines > 500 && !LONG_FILES.contains(&name.as_str())).then_some((name, lines))
        })
        .collect();
    assert!(long.is_empty(), "files over 500 lines: {long:?}");
}

#[test]
fn every_crate_says_what_it_is() {
    for package in metadata().packages {
        for target in &package.targets {
            if target.is_lib() || target.is_bin() {
                let text = fs::read_to_string(&target.src_path).unwrap();
                assert!(text.starts_with("//!"), "{} needs a paragraph of //!", target.src_path);
            }
        }
    }
}

#[test]
fn nothing_is_left_for_nobody() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let left: Vec<_> = sources()
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.lines().any(|line| {
                marks.iter().any(|mark| {
                    line.contains(&format!("{mark}:")) || line.contains(&format!("{mark} "))
                }) && !line.contains('#')
            })
        })
        .collect();
    assert!(left.is_empty(), "a mark for later needs an issue number: {left:?}");
}

#[test]
fn every_invariant_names_a_guard_that_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(text.lines().count() < 300, "ARCHITECTURE.md stays under 300 lines");
    let mut code = String::new();
    for path in sources() {
        code.push_str(&fs::read_to_string(path).unwrap());
    }
    let section = text.split("## Invariants").nth(1).expect("an Invariants section");
    let section = section.split("\n## ").next().unwrap();
    let invariants: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    assert_eq!(invariants.len(), 13);
    for invariant in invariants {
        let guards = invariant.split("Guard:").nth(1).expect("each invariant names its guard");
        let names: Vec<&str> = guards.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no guard: {invariant}");
        for name in names {
            let exists = if name.contains('/') {
                root().join(name).exists()
            } else {
                let function = name.rsplit("::").next().unwrap();
                code.contains(&format!("fn {function}"))
                    || code.contains(&format!("each_backend!({function}"))
                    || code.contains(&format!("    {function},"))
            };
            assert!(exists, "the guard {name} does not exist");
        }
    }
}
