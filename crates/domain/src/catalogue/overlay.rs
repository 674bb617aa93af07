//! What an operator lays over the shipped catalogue: companies of their own, and corrections of those that are shipped.
//!
//! A correction has the same keys as the file it corrects and names only what is different. Endpoints, models and contracts
//! are told apart by `id`, companies behind a provider by `name`; a posture takes the place of the one with the same `when`,
//! a place of the one for the same `models`, and either comes first otherwise. `price = "unknown"` withdraws a price.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Catalogue, CatalogueError, ProviderEntry};

/// How a price is withdrawn.
const UNKNOWN: &str = "unknown";

/// Where a file stands, for whoever has to mend it.
fn overlay(stem: &str) -> String {
    format!("overlay {stem}.toml")
}

impl Catalogue {
    /// Parses the shipped files with the operator's on top, both as `(file stem, text)`. The first problem refuses the
    /// whole set.
    ///
    /// # Errors
    /// Says which file, and what is wrong with it.
    pub fn overlaid<'a>(
        shipped: impl IntoIterator<Item = (&'a str, &'a str)>,
        overlays: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CatalogueError> {
        let shipped: BTreeMap<_, _> = shipped.into_iter().collect();
        let mut catalogue = Self::parse(shipped.iter().map(|(stem, text)| (*stem, *text)))?;
        for (stem, text) in overlays {
            let file = || overlay(stem);
            let parse = |source| CatalogueError::Parse { file: file(), source };
            let entry = match shipped.get(stem) {
                None => toml::from_str(text).map_err(parse)?,
                Some(base) => {
                    let base = toml::from_str(base).map_err(parse)?;
                    let over = toml::from_str(text).map_err(parse)?;
                    let merged = Value::Table(merged(base, over));
                    ProviderEntry::deserialize(merged).map_err(parse)?
                }
            };
            catalogue.put(stem, entry, file)?;
        }
        Ok(catalogue)
    }

    /// The models that had a price in `before` and have none now, as `provider/model`: their cost is unknown from now
    /// on, which whoever runs the server has to be told.
    #[must_use]
    pub fn unpriced_since(&self, before: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        for (provider, prices) in &before.prices {
            let gone = prices.keys().filter(|model| self.prices(provider, model).is_none());
            lost.extend(gone.map(|model| format!("{provider}/{model}")));
        }
        lost.sort_unstable();
        lost
    }
}

fn merged(mut base: Table, over: Table) -> Table {
    for (key, value) in over {
        let value = match (key.as_str(), base.remove(&key), value) {
            (
                "endpoints" | "models" | "contracts",
                Some(Value::Array(base)),
                Value::Array(over),
            ) => by("id", base, over),
            ("subprocessors", Some(Value::Array(base)), Value::Array(over)) => {
                by("name", base, over)
            }
            ("postures", Some(Value::Array(base)), Value::Array(over)) => first("when", base, over),
            ("places", Some(Value::Array(base)), Value::Array(over)) => first("models", base, over),
            (_, _, value) => value,
        };
        base.insert(key, value);
    }
    base
}

/// Rows with the same name are corrected, others come behind.
fn by(name: &str, mut base: Vec<Value>, over: Vec<Value>) -> Value {
    for row in over {
        let same = |known: &&mut Value| row.get(name).is_some() && known.get(name) == row.get(name);
        match (base.iter_mut().find(same), row) {
            (Some(Value::Table(known)), Value::Table(row)) => {
                *known = corrected(std::mem::take(known), row);
            }
            (_, row) => base.push(row),
        }
    }
    Value::Array(base)
}

fn corrected(mut known: Table, row: Table) -> Table {
    if row.contains_key("price") {
        // Rules change a price: they go with the one they were about.
        known.remove("price");
        known.remove("prices");
    }
    let said = |(key, value): &(String, Value)| key != "price" || value.as_str() != Some(UNKNOWN);
    known.extend(row.into_iter().filter(said));
    known
}

/// Rows for the same take the place of those that were, others come first: the first that fits counts.
fn first(of: &str, mut base: Vec<Value>, over: Vec<Value>) -> Value {
    let mut first = Vec::new();
    for row in over {
        match base.iter_mut().find(|known| known.get(of) == row.get(of)) {
            Some(known) => *known = row,
            None => first.push(row),
        }
    }
    first.append(&mut base);
    Value::Array(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = r#"
        id = "acme"
        name = "Acme"
        legal_entity = "Acme SAS"
        country = "FR"
        family = "openai"
        auth = "bearer"
        [[endpoints]]
        id = "eu"
        base_url = "https://eu.acme.example/v1"
        region = "EU"
        serves = ["chat"]
        [[postures]]
        trains = false
        retention_days = 30
        source = "https://acme.example"
        read = "2026-11-20"
        [[models]]
        id = "acme-1"
        context = 1000
        price = { input = 10, output = 40 }
        prices = [{ above = 100, input = 20 }]
        [[models]]
        id = "acme-2"
        price = { input = 1, output = 4 }
    "#;

    fn laid(text: &str) -> Result<Catalogue, CatalogueError> {
        Catalogue::overlaid([("acme", SHIPPED)], [("acme", text)])
    }

    #[test]
    fn a_correction_changes_what_it_names_and_nothing_else() {
        let before = Catalogue::parse([("acme", SHIPPED)]).unwrap();
        let after = laid(
            r#"
            legal_entity = "Acme SE"
            [[endpoints]]
            id = "us"
            base_url = "https://us.acme.example/v1"
            region = "US"
            serves = ["chat"]
            [[postures]]
            when = { contract = "ours" }
            trains = false
            retention_days = 0
            source = "contract of 3 Nov 2026"
            read = "2026-11-03"
            [[contracts]]
            id = "ours"
            expires = "2027-11-02"
            [[models]]
            id = "acme-2"
            price = { input = 2, output = 8 }
            [[models]]
            id = "acme-3"
            [[subprocessors]]
            name = "Cloud Ltd"
            country = "IE"
            purpose = "hosting"
            "#,
        )
        .unwrap();
        let (was, is) = (before.provider("acme").unwrap(), after.provider("acme").unwrap());
        assert_eq!(is.legal_entity.as_deref(), Some("Acme SE"));
        assert_eq!((is.endpoints.len(), is.models.len(), is.postures.len()), (2, 3, 2));
        assert_eq!(is.endpoints[0], was.endpoints[0]);
        assert_eq!(is.models[0], was.models[0]);
        assert!(is.contract_end("ours").is_some() && is.contract_end("standard").is_none());
        assert!(is.has_contract("standard") && !was.has_contract("ours"));
        assert!(is.contracts().contains("ours") && is.postures[1] == was.postures[0]);
        let price = |of: &Catalogue| of.prices("acme", "acme-2").map(|prices| prices.base.input);
        assert_eq!((price(&before), price(&after)), (Some(Some(1)), Some(Some(2))));
        assert!(after.unpriced_since(&before).is_empty());
    }

    #[test]
    fn a_price_is_withdrawn_with_its_rules_and_that_is_said() {
        let before = Catalogue::parse([("acme", SHIPPED)]).unwrap();
        let after = laid("[[models]]\nid = \"acme-1\"\nprice = \"unknown\"").unwrap();
        assert!(after.prices("acme", "acme-1").is_none());
        assert_eq!(after.provider("acme").unwrap().models[0].context, Some(1000));
        assert_eq!(after.unpriced_since(&before), ["acme/acme-1"]);
    }

    #[test]
    fn a_new_posture_for_the_same_use_takes_the_place_of_the_old() {
        let after = laid("[[postures]]\ntrains = true\nsource = \"x\"\nread = \"2026-11-21\"");
        let after = after.unwrap();
        let general = after.provider("acme").unwrap().general_posture().unwrap().clone();
        assert_eq!((general.trains, general.retention_days), (Some(true), None));
    }

    #[test]
    fn mistakes_are_named_with_file_and_field() {
        for (text, said) in [
            ("motto = \"x\"", "motto"),
            ("country = \"France\"", "France"),
            ("[[models]]\nid = \"acme-1\"\nprice = { input = 0 }", "zero"),
            ("[[models]]\nid = \"acme-1\"\nprice = { inptu = 1 }", "inptu"),
            ("[[models]]\nid = \"acme-1\"\ncontext = \"long\"", "context"),
            ("name = ", "line 1"),
            ("id = \"other\"", "file's name"),
            ("[[contracts]]\nid = \"Ours 2026\"", "names no contract"),
            ("[[contracts]]\nid = \"ours\"\nexpires = \"soon\"", "expires"),
            ("free_models = [\"\"]", "every model a free one"),
            (
                "[[endpoints]]\nid = \"us\"\nbase_url = \"http://us.example\"\nserves = [\"chat\"]",
                "https",
            ),
        ] {
            let error = laid(text).unwrap_err();
            let all = match &error {
                CatalogueError::Parse { source, .. } => format!("{error} {source}"),
                CatalogueError::Content { .. } => error.to_string(),
            };
            assert!(all.contains("overlay acme.toml") && all.contains(said), "{text}: {all}");
        }
        let error = Catalogue::overlaid([], [("new", "id = \"new\"")]).unwrap_err();
        assert!(error.to_string().contains("overlay new.toml"), "{error}");
    }
}
