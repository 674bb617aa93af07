use super::*;

const IDS: &str = include_str!("../../../../controls/ids.txt");
const ONE: &str = r#"
id = "demo"
title = "Demo"
summary = "A demo."

[[control]]
id = "DM-01"
rev = 1
statement = "It holds."
why = "Because."
limits = "Nothing else."
reach = "deployment"
severity = "low"
owner = "security"
params.breach_hours = { value = 48, unit = "hours", direction = "lower_is_stronger" }
params.tls_min = { value = 1.3, unit = "version", direction = "higher_is_stronger" }

[[control.kind.probed.bindings]]
probe = "tree"
vantages = ["inside"]
cadence = "60s"
fresh = "3m"
hard = "6m"
build_bound = true
min_subjects = 1
population = "entries"
"#;

fn demo(text: &str) -> Result<Registry, RegistryError> {
    Registry::parse([("demo", text)])
}

#[test]
fn shipped_registry_holds_exactly_the_permanent_ids() {
    let registry = Registry::shipped().unwrap();
    let mut ids: Vec<_> = registry.controls().map(|control| control.id.to_string()).collect();
    ids.sort();
    let mut permanent: Vec<_> = IDS.lines().map(str::to_owned).collect();
    permanent.sort();
    assert_eq!(permanent.len(), 263);
    assert_eq!(ids, permanent);
    assert_eq!(registry.areas().len(), 18);
}

#[test]
fn shipped_sentences_are_fit_to_print() {
    let mut seen = std::collections::HashSet::new();
    for control in Registry::shipped().unwrap().controls() {
        let id = &control.id;
        for text in [&control.statement, &control.why, &control.limits] {
            assert!(text.ends_with('.'), "{id}: {text}");
            assert!(!text.contains("  ") && !text.contains('!'), "{id}: {text}");
        }
        assert!(control.statement.len() <= 180, "{id} is too long to be read");
        assert!(seen.insert(control.statement.clone()), "{id} repeats another");
        // Only sentences whose probe exists may claim to be checked.
        assert_eq!(control.bindings().is_empty(), control.how.is_none(), "{id}");
    }
}

#[test]
fn the_probed_controls_are_these() {
    let registry = Registry::shipped().unwrap();
    let mut probed: Vec<_> = registry
        .controls()
        .filter(|control| matches!(control.kind, Kind::Probed(_)))
        .map(|control| control.id.as_str().to_owned())
        .collect();
    probed.sort();
    let expected = [
        "APP-03", "APP-16", "APP-24", "AUD-01", "AUD-02", "BIL-03", "ENC-01", "ENC-02", "ENC-03",
        "ENC-11", "ENC-16", "GW-01", "GW-02", "GW-03", "GW-04", "GW-05", "GW-06", "GW-07", "GW-08",
        "GW-10", "GW-11", "GW-12", "GW-13", "IDN-01", "IDN-02", "IDN-03", "IDN-06", "IDN-08",
        "IDN-14", "IDN-15", "IDN-17", "IDN-21", "IDN-23", "IDN-24", "IDN-25", "IDN-26", "IDN-27",
        "IDN-28", "KEY-01", "KEY-02", "KEY-03", "KEY-06", "KEY-07", "KEY-10", "RET-03", "SUB-01",
        "SUB-02", "SUB-04", "SUB-11", "SUB-15", "SUB-16", "SUB-17", "TEN-01", "TEN-04", "VUL-15",
        "VUL-16",
    ];
    assert_eq!(probed, expected);
    let rest = registry.controls().filter(|control| control.bindings().is_empty());
    for control in rest {
        let Kind::Planned(planned) = &control.kind else { panic!("{}", control.id) };
        assert_eq!(planned.announced.to_string(), "2026-11-20", "{}", control.id);
    }
}

#[test]
fn published_form_round_trips() {
    let registry = Registry::shipped().unwrap();
    let again = Registry::from_json(registry.json()).unwrap();
    assert_eq!(again.digest(), registry.digest());
    assert_eq!(again.areas(), registry.areas());
}

#[test]
fn unknown_fields_repeated_ids_and_vacuous_probes_are_refused() {
    assert!(demo(ONE).is_ok());
    assert!(demo(&ONE.replace("rev = 1", "rev = 1\ncolour = \"green\"")).is_err());
    assert!(demo(&ONE.replace("build_bound", "waived = true\nbuild_bound")).is_err());
    assert!(demo(&ONE.replace("title =", "hidden = true\ntitle =")).is_err());
    assert!(demo(&ONE.replace("min_subjects = 1", "min_subjects = 0")).is_err());
    assert!(demo(&ONE.replace("fresh = \"3m\"", "fresh = \"30s\"")).is_err());
    assert!(demo(&ONE.replace("[\"inside\"]", "[]")).is_err());
    assert!(demo(&ONE.replace("DM-01", "dm1")).is_err());
    assert!(demo(&ONE.replace("rev = 1", "rev = 0")).is_err());
    let twice = format!("{ONE}\n[[control]]{}", ONE.split_once("[[control]]").unwrap().1);
    assert!(matches!(demo(&twice), Err(RegistryError::Control(_, "appears twice"))));
    assert!(Registry::parse([("other", ONE)]).is_err());
}

#[test]
fn weakening_is_told_from_strengthening() {
    let before = demo(ONE).unwrap();
    let told = |from: &str, to: &str| changes(&before, &demo(&ONE.replace(from, to)).unwrap());
    let is_weaker =
        |all: &[Change]| all.iter().any(|change| matches!(change, Change::Weakened { .. }));
    assert_eq!(told("nothing", "here"), []);
    assert!(is_weaker(&told("value = 48", "value = 72")));
    assert!(is_weaker(&told("value = 1.3", "value = 1.2")));
    assert!(is_weaker(&told("fresh = \"3m\"", "fresh = \"4m\"")));
    assert!(is_weaker(&told("build_bound = true", "build_bound = false")));
    let stronger = told("value = 48", "value = 24");
    assert!(matches!(stronger.as_slice(), [Change::Strengthened { .. }]));
    assert!(matches!(told("It holds.", "It still holds.").as_slice(), [Change::Reworded { .. }]));
    let gone = changes(&before, &Registry::parse([]).unwrap());
    assert!(matches!(gone.as_slice(), [Change::Retired { .. }]));
}

#[test]
fn spans_and_quarters_have_words() {
    assert_eq!("15m".parse::<Span>().unwrap().words(), "15 minutes");
    assert_eq!("60s".parse::<Span>().unwrap().words(), "minute");
    assert_eq!("1h".parse::<Span>().unwrap().words(), "hour");
    assert!("15".parse::<Span>().is_err() && "é".parse::<Span>().is_err());
    let quarter: Quarter = "2027-Q4".parse().unwrap();
    assert_eq!(quarter.words(), "fourth quarter of 2027");
    assert_eq!(quarter.end().unwrap().year(), 2028);
    assert!("2027-Q5".parse::<Quarter>().is_err());
}
