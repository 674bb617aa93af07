//! The structs, `probity doctor` and docs/configuration.md name the same settings with the same defaults.

use std::collections::BTreeMap;

use figment::{Figment, error::Kind};

use super::Config;

const DOCUMENT: &str = include_str!("../../../../docs/configuration.md");

/// The keys that the struct knows at `place`; none when it holds a value. Serde names them when it refuses another.
fn known(place: &str) -> &'static [&'static str] {
    let figment = Figment::new().merge((format!("{place}not-a-key"), true));
    match figment.extract::<Config>().unwrap_err().kind {
        Kind::UnknownField(_, keys) => keys,
        _ => &[],
    }
}

/// Every key of the configuration, section and all.
fn keys() -> Vec<String> {
    let below = |key: &&str| {
        let inner = known(&format!("{key}."));
        let whole: Vec<_> = inner.iter().map(|name| format!("{key}.{name}")).collect();
        if whole.is_empty() { vec![(*key).to_owned()] } else { whole }
    };
    let mut keys: Vec<_> = known("").iter().flat_map(below).collect();
    keys.sort_unstable();
    keys
}

/// Key and default of each row of the document's tables.
fn documented() -> BTreeMap<String, String> {
    let cell = |text: &str| text.trim().trim_matches('`').to_owned();
    DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let mut cells = line.split('|').skip(1).map(cell);
            let key = cells.next().unwrap();
            let default = cells.next().unwrap();
            let (unit, meaning) = (cells.next().unwrap(), cells.next().unwrap());
            assert!(!unit.is_empty() && meaning.ends_with('.'), "{line}");
            (key, default)
        })
        .collect()
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let said = documented();
    assert_eq!(said.keys().cloned().collect::<Vec<_>>(), keys());
    for (key, value) in Config::default().rows() {
        let default = said[key].as_str();
        let none = matches!(default, "none" | "empty");
        assert_eq!(if none { "" } else { default }, value, "{key}");
    }
}

#[test]
fn doctor_shows_every_setting() {
    let mut shown: Vec<_> = Config::default().rows().into_iter().map(|(key, _)| key).collect();
    shown.sort_unstable();
    assert_eq!(shown, keys());
}

/// What is said of settings in this file; nothing when they are in order.
fn refused(text: &str) -> String {
    use figment::providers::{Format as _, Toml};
    let config: Config = Figment::new().merge(Toml::string(text)).extract().unwrap();
    config.check().map(|()| String::new()).unwrap_or_else(|error| error.message().to_owned())
}

#[test]
fn a_listener_that_others_reach_is_encrypted_or_behind_named_proxies() {
    const OPEN: &str = "listen = \"0.0.0.0:8080\"\n";
    let said = |more: &str| refused(&format!("{OPEN}{more}"));
    assert!(said("").contains("nothing encrypts"));
    assert_eq!(said("[tls]\nmode = \"self_signed\""), "");
    let behind = "[web]\ntrusted_proxies = [\"10.0.0.7\"]";
    assert!(said(behind).contains("public_url"), "it must be known how people come in");
    assert!(said(&format!("public_url = \"http://ai.example\"\n{behind}")).contains("https://"));
    assert_eq!(said(&format!("public_url = \"https://ai.example\"\n{behind}")), "");
    let everybody = "public_url = \"https://ai.example\"\n[web]\ntrusted_proxies = [\"0.0.0.0/0\"]";
    assert!(said(everybody).contains("everybody"));
}

#[test]
fn settings_of_tls_that_contradict_themselves_are_refused() {
    assert_eq!(refused("[tls]\nmode = \"self_signed\"\nhttp_redirect = \"127.0.0.1:8081\""), "");
    for (settings, says) in [
        ("[tls]\nmode = \"files\"", "tls.certificate and tls.key"),
        ("[tls]\nmode = \"files\"\nkey = \"key.pem\"", "tls.certificate and tls.key"),
        ("[tls]\ncertificate = \"a.pem\"\nkey = \"key.pem\"", "set tls.mode to files"),
        ("[tls]\nhttp_redirect = \"127.0.0.1:8081\"", "leads nowhere"),
        ("public_url = \"http://ai.example\"\n[tls]\nmode = \"self_signed\"", "https://"),
        (
            "listen = \"0.0.0.0:8443\"\n[tls]\nmode = \"self_signed\"\nhttp_redirect = \"0.0.0.0:8080\"",
            "needs public_url",
        ),
    ] {
        assert!(refused(settings).contains(says), "{settings}: {}", refused(settings));
    }
}
