//! A catalogue with one provider, the sandbox, for houses that need prices.

use std::fmt::Write as _;

use domain::Catalogue;

/// Each of `models` at `price`, as the catalogue's files write it: `input = 1000, output = 4000`.
///
/// # Panics
/// When the price is not one.
#[must_use]
pub fn sandbox_catalogue(models: &[&str], price: &str) -> Catalogue {
    let mut text = r#"
        id = "sandbox"
        name = "Sandbox"
        legal_entity = "The operator"
        country = "ZZ"
        family = "openai"
        auth = "none"
        [[endpoints]]
        id = "default"
        base_url = "http://127.0.0.1/v1"
        serves = ["chat"]
        [[postures]]
        trains = false
        retention_days = 0
        source = "catalog/sandbox.toml"
        read = "2026-11-20"
    "#
    .to_owned();
    for model in models {
        writeln!(text, "[[models]]\nid = \"{model}\"\nprice = {{ {price} }}").expect("memory");
    }
    Catalogue::parse([("sandbox", text.as_str())]).expect("a valid catalogue")
}
