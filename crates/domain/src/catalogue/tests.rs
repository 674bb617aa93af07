//! What a file of the catalogue may say, and what is found in it.

use super::*;

const FILE: &str = r#"
id = "acme"
name = "Acme"
legal_entity = "Acme GmbH"
country = "DE"
family = "openai"
auth = "bearer"
noticed = "2026-11-20"

[[endpoints]]
id = "eu"
base_url = "https://eu.acme.example/v1"
region = "EU"
serves = ["chat", "embeddings"]

[[endpoints]]
id = "us"
base_url = "https://acme.example/v1"
region = "US"
serves = ["chat"]

[[postures]]
when = { contract = "zero-retention", serves = "chat" }
trains = false
retention_days = 0
set = { store = false }
source = "https://acme.example/zero"
read = "2026-11-20"

[[postures]]
when = { model = "labs-" }

[[postures]]
trains = false
retention_days = 30
source = "https://acme.example/terms"
read = "2026-11-20"

[[models]]
id = "acme-1"
can = ["tools"]
price = { input = 10, output = 40 }
prices = [{ above = 1000, input = 20 }]

[[models]]
id = "acme-embed"
serves = ["embeddings"]
output = ["embedding"]
"#;

fn parse(text: &str) -> Result<Catalogue, String> {
    Catalogue::parse([("acme", text)]).map_err(|error| error.to_string())
}

#[test]
fn a_file_is_found_again() {
    let catalogue = parse(FILE).unwrap();
    let acme = catalogue.provider("acme").unwrap();
    assert_eq!(acme.endpoints[0].base_url, "https://eu.acme.example/v1");
    let regions = acme.endpoints.iter().filter_map(|endpoint| endpoint.region.as_deref());
    assert_eq!(regions.collect::<Vec<_>>(), ["EU", "US"]);
    assert_eq!(acme.protocol(), Some(Protocol::OpenAi));
    assert_eq!(acme.chat_models().map(|model| &*model.id).collect::<Vec<_>>(), ["acme-1"]);
    let usage = crate::Usage { input: 1001, ..crate::Usage::default() };
    let prices = catalogue.prices("acme", "acme-1").unwrap();
    assert_eq!(prices.of(&usage, None), Some(20_020));
    assert!(catalogue.prices("acme", "acme-embed").is_none(), "unknown is not zero");
}

#[test]
fn the_posture_depends_on_the_use() {
    let catalogue = parse(FILE).unwrap();
    let acme = catalogue.provider("acme").unwrap();
    let of_model = |of: Use<'_>, model: &str| {
        let meant = |posture: &Posture| {
            posture.when.model.as_deref().is_none_or(|start| model.starts_with(start))
        };
        let mut postures = acme.postures_of(&of).map(|(_, posture)| posture);
        postures.find(|posture| meant(posture)).and_then(|posture| posture.retention_days)
    };
    let days = |of: Use<'_>| of_model(of, "acme-1");
    let of = Use { endpoint: "eu", serves: Some(Serves::Chat), ..Use::default() };
    assert_eq!(days(of), Some(30));
    assert_eq!(days(Use { contract: Some("zero-retention"), ..of }), Some(0));
    let embeddings =
        Use { contract: Some("zero-retention"), serves: Some(Serves::Embeddings), ..of };
    assert_eq!(days(embeddings), Some(30), "not covered by that contract");
    assert_eq!(of_model(of, "labs-2"), None, "nothing is known");
    assert_eq!(acme.general_posture().and_then(|posture| posture.retention_days), Some(30));
    assert_eq!(acme.postures.iter().filter(|posture| !posture.when.is_always()).count(), 2);
}

#[test]
fn what_this_version_cannot_call_has_no_protocol() {
    let changed = |from: &str, to: &str| {
        let catalogue = parse(&FILE.replacen(from, to, 1)).unwrap();
        catalogue.provider("acme").and_then(ProviderEntry::protocol)
    };
    assert_eq!(changed("\"openai\"", "\"gemini\""), None);
    assert_eq!(changed("\"bearer\"", "\"sigv4\""), None);
    assert_eq!(changed("\"openai\"", "\"rerank\""), Some(Protocol::Rerank));
    assert_eq!(changed("\"openai\"", "\"cohere\""), Some(Protocol::Cohere));
    let (from, to) = ("\"openai\"\nauth = \"bearer\"", "\"cohere\"\nauth = \"bearer\"");
    let ranks = FILE.replacen(from, to, 1).replacen("\"embeddings\"", "\"rerank\"", 2);
    let catalogue = parse(&ranks.replace("acme-embed", "acme-rank")).unwrap();
    assert_eq!(catalogue.provider("acme").unwrap().protocol(), Some(Protocol::Cohere));
    let (from, to) = ("https://eu.acme.example", "https://{region}.acme.example");
    assert_eq!(changed(from, to), Some(Protocol::OpenAi), "once somebody says which region");
    let open = parse(&FILE.replacen(from, to, 1)).unwrap();
    assert_eq!(open.provider("acme").unwrap().protocol_elsewhere(), None);
    let other = changed("region = \"EU\"", "family = \"anthropic\"\nauth = \"x-api-key\"");
    assert_eq!(other, Some(Protocol::Anthropic), "an address may have ways of its own");
    assert_eq!(changed("region = \"EU\"", "family = \"anthropic\""), None, "bearer is not its way");
}

#[test]
fn mistakes_are_named() {
    let refused = |from: &str, to: &str| {
        assert!(FILE.contains(from), "{from}");
        parse(&FILE.replacen(from, to, 1)).unwrap_err()
    };
    for (from, to, said) in [
        ("id = \"acme\"", "id = \"other\"", "file's name"),
        ("\"DE\"", "\"Germany\"", "country"),
        ("https://eu.", "http://eu.", "https"),
        ("example/v1\"\nregion = \"EU\"", "example/v1/\"\nregion = \"EU\"", "slash"),
        ("id = \"us\"", "id = \"eu\"", "twice"),
        ("contract = \"zero-retention\"", "endpoint = \"asia\"", "asia"),
        ("when = { model = \"labs-\" }", "condition = \"x\"", "ever looked at"),
        ("source = \"https://acme.example/terms\"", "", "source"),
        ("read = \"2026-11-20\"", "read = \"20.11.2026\"", "20.11.2026"),
        ("input = 10", "input = 0", "zero"),
        ("input = 10", "inptu = 10", "inptu"),
        ("price = { input = 10, output = 40 }", "", "not there"),
        ("serves = [\"embeddings\"]", "serves = [\"rerank\"]", "rerank"),
        ("id = \"acme-embed\"", "id = \"acme-1\"", "twice"),
        ("can = [\"tools\"]", "can = [\"fly\"]", "fly"),
        ("name = \"Acme\"", "name = \"Acme\"\nmotto = \"x\"", "motto"),
    ] {
        let text = refused(from, to);
        assert!(text.contains("acme.toml") && text.contains(said), "{to}: {text}");
    }
    assert!(parse(FILE.split("[[postures]]").next().unwrap()).is_err());
}
