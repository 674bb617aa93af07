//! Catalogues for houses that need prices.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use domain::Catalogue;
use store::{CatalogueVersion, Store};

/// What new sub-processors have to wait in tests.
pub const NOTICE: Duration = Duration::from_secs(30 * 86_400);

/// Puts what is new in a catalogue on the register, as a start does; the first time nothing has to wait.
///
/// # Panics
/// When the store is out of order.
pub async fn announce(store: &Store, catalogue: &Catalogue) {
    let version = CatalogueVersion { catalogue, overlays: &BTreeMap::new(), notice: NOTICE };
    store.catalogue_announce(version).await.expect("a register");
}

/// What the sandbox can be asked for besides conversations.
const TASKS: &str = "\"embeddings\", \"rerank\", \"moderation\", \"images\", \"image-edits\", \
    \"transcription\", \"translation\", \"speech\", \"realtime\"";

/// What the models of the entry `able` can do; of those of other entries nothing is known.
const ABLE: &str = "can = [\"tools\", \"json-schema\", \"reasoning\", \"stream\"]\n\
    input = [\"text\", \"image\"]\ncontext = 200000";

/// What an answer of the entry `voice` can be at most.
const VOICE: &str = "context = 1000\noutput_limit = 100";

/// A provider that takes its key as Azure does.
const AZURE: (&str, &str) = (
    "azure",
    r#"
    id = "azure"
    name = "Azure"
    legal_entity = "The operator"
    country = "ZZ"
    family = "azure"
    auth = "api-key"
    token = { url = "TOKENS/{tenant}/oauth2/v2.0/token", scope = "https://cognitiveservices.azure.com/.default" }
    [[endpoints]]
    id = "default"
    base_url = "http://127.0.0.1/openai/v1"
    serves = ["chat", "responses"]
    [[postures]]
    trains = false
    retention_days = 0
    source = "catalog/azure.toml"
    read = "2026-11-20"
"#,
);

/// A provider whose models and prices nobody knows.
const VOYAGE: (&str, &str) = (
    "voyage",
    r#"
    id = "voyage"
    name = "Voyage"
    legal_entity = "The operator"
    country = "ZZ"
    family = "rerank"
    auth = "bearer"
    [[endpoints]]
    id = "default"
    base_url = "http://127.0.0.1/voyage/v1"
    serves = ["embeddings", "rerank"]
    [[postures]]
    trains = false
    retention_days = 0
    source = "catalog/voyage.toml"
    read = "2026-11-20"
"#,
);

/// A host that wants a service account's token, and speaks two formats.
const VERTEX: (&str, &str) = (
    "vertex",
    r#"
    id = "vertex"
    name = "Vertex"
    legal_entity = "The operator"
    country = "ZZ"
    family = "gemini"
    auth = "google-service-account"
    token = { url = "TOKENS/token", scope = "https://www.googleapis.com/auth/cloud-platform" }
    [[endpoints]]
    id = "default"
    base_url = "TOKENS"
    serves = ["chat", "messages"]
    [[postures]]
    trains = false
    retention_days = 0
    source = "catalog/vertex.toml"
    read = "2026-11-20"
"#,
);

/// A host that wants an API key's token.
const WATSONX: (&str, &str) = (
    "watsonx",
    r#"
    id = "watsonx"
    name = "watsonx"
    legal_entity = "The operator"
    country = "ZZ"
    family = "watsonx"
    auth = "ibm-iam"
    token = { url = "TOKENS/identity/token" }
    [[endpoints]]
    id = "default"
    base_url = "http://127.0.0.1/ml/v1"
    serves = ["chat"]
    [[postures]]
    trains = false
    retention_days = 0
    source = "catalog/watsonx.toml"
    read = "2026-11-20"
"#,
);

/// Hosts that make images only, in ways of their own.
const STABILITY: (&str, &str) = (
    "stability",
    r#"
    id = "stability"
    name = "Stability"
    legal_entity = "The operator"
    country = "ZZ"
    family = "stability"
    auth = "bearer"
    [[endpoints]]
    id = "default"
    base_url = "http://127.0.0.1"
    serves = ["images", "image-edits"]
    [[postures]]
    trains = false
    retention_days = 0
    source = "catalog/stability.toml"
    read = "2026-11-20"
    [[models]]
    id = "stable-image-core"
    serves = ["images"]
    price = { image = 30000000 }
"#,
);

const REPLICATE: (&str, &str) = (
    "replicate",
    r#"
    id = "replicate"
    name = "Replicate"
    legal_entity = "The operator"
    country = "ZZ"
    family = "replicate"
    auth = "bearer"
    [[endpoints]]
    id = "default"
    base_url = "http://127.0.0.1/v1"
    serves = ["images"]
    [[postures]]
    trains = false
    retention_days = 0
    source = "catalog/replicate.toml"
    read = "2026-11-20"
"#,
);

/// Each of `models` at `price`, as the catalogue's files write it: `input = 1000, output = 4000`. Images, recordings and
/// speech have prices of their own.
///
/// # Panics
/// When the price is not one.
#[must_use]
pub fn sandbox_catalogue(models: &[&str], price: &str) -> Catalogue {
    sandboxes_catalogue(&[("sandbox", price)], models)
}

/// The same with several entries, each with its own price for all of `models`.
///
/// # Panics
/// When a price is not one.
#[must_use]
pub fn sandboxes_catalogue(entries: &[(&str, &str)], models: &[&str]) -> Catalogue {
    catalogue(entries, models, &[])
}

/// The same with providers that are shown who asks in ways of their own: Azure, Vertex AI and
/// watsonx; and with two that make images only. `tokens` is where
/// they exchange credentials, and where the second one is, such as `http://127.0.0.1:8000`.
///
/// # Panics
/// When a price is not one.
#[must_use]
pub fn families_catalogue(entries: &[(&str, &str)], models: &[&str], tokens: &str) -> Catalogue {
    let at = |(id, text): (&'static str, &str)| (id, text.replace("TOKENS", tokens));
    let others = [AZURE, VERTEX, VOYAGE, WATSONX, STABILITY, REPLICATE].map(at);
    let others: Vec<_> = others.iter().map(|(id, text)| (*id, text.as_str())).collect();
    catalogue(entries, models, &others)
}

fn catalogue(entries: &[(&str, &str)], models: &[&str], others: &[(&str, &str)]) -> Catalogue {
    let texts: Vec<(&str, String)> =
        entries.iter().map(|(id, price)| (*id, entry(id, models, price))).collect();
    let files = texts.iter().map(|(id, text)| (*id, text.as_str())).chain(others.iter().copied());
    Catalogue::parse(files).expect("a valid catalogue")
}

/// The sandbox of [`sandbox_catalogue`] as the text of its file.
#[must_use]
pub fn sandbox_file(models: &[&str], price: &str) -> String {
    entry("sandbox", models, price)
}

fn entry(id: &str, models: &[&str], price: &str) -> String {
    let mut text = format!(
        r#"
        id = "{id}"
        name = "Sandbox"
        legal_entity = "The operator"
        country = "ZZ"
        family = "openai"
        auth = "none"
        [[endpoints]]
        id = "default"
        base_url = "http://127.0.0.1/v1"
        serves = ["chat", {TASKS}]
        [[postures]]
        trains = false
        retention_days = 0
        source = "catalog/sandbox.toml"
        read = "2026-11-20"
    "#
    );
    let able = match id {
        "able" => ABLE,
        "voice" => VOICE,
        _ => "",
    };
    for model in models {
        let (serves, price) = about(model, price);
        writeln!(
            text,
            "[[models]]\nid = \"{model}\"\nserves = [{serves}]\n{able}\nprice = {{ {price} }}"
        )
        .expect("memory");
    }
    text
}

/// What a model of the sandbox is for, and what it costs. Those that go wrong do so wherever they are asked.
fn about<'a>(model: &str, price: &'a str) -> (String, &'a str) {
    let faults = ["error", "flaky", "slow", "cut", "reset", "stall", "malformed", "no-usage"];
    let (serves, price) = match model.trim_start_matches("sandbox-") {
        "embed" => ("\"embeddings\"", price),
        "rerank" => ("\"rerank\"", price),
        "moderation" => ("\"moderation\"", price),
        "draw" => ("\"images\", \"image-edits\"", "image = 40000000"),
        "transcribe" => ("\"transcription\", \"translation\"", "second = 100000"),
        "speech" => ("\"speech\"", "character = 15000"),
        name if faults.iter().any(|fault| name.starts_with(fault)) => {
            return (format!("\"chat\", {TASKS}"), price);
        }
        _ => ("\"chat\", \"realtime\"", price),
    };
    (serves.to_owned(), price)
}
