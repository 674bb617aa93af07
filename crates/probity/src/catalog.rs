//! The catalogue that the binary carries.

use domain::{Catalogue, Error, Result};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

pub(crate) fn load() -> Result<Catalogue> {
    Catalogue::parse(FILES.iter().copied()).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The companies that the register promises, the sandbox and Vertex beside Gemini.
    const PROMISED: usize = 34 + 2;

    #[test]
    fn every_promised_provider_is_there() {
        let catalogue = load().unwrap();
        let ids: Vec<&str> = catalogue.providers().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids.len(), PROMISED, "{ids:?}");
        let callable = catalogue.providers().filter(|entry| entry.callable().next().is_some());
        assert!(callable.count() >= 20);
    }

    #[test]
    fn a_conversation_has_an_input_and_an_output_price_or_none() {
        let catalogue = load().unwrap();
        for provider in catalogue.providers() {
            for (model, price) in provider.chat_models().map(|model| (&model.id, model.price)) {
                let whole =
                    price.is_none_or(|price| price.input.is_some() && price.output.is_some());
                assert!(whole, "{}/{model}: half a price", provider.id);
            }
        }
    }

    #[test]
    fn what_is_said_of_terms_can_be_looked_up() {
        for provider in load().unwrap().providers().filter(|entry| entry.id != "sandbox") {
            for posture in &provider.postures {
                let source = posture.source.as_deref().unwrap_or("https://");
                assert!(source.starts_with("https://"), "{}: {source}", provider.id);
            }
        }
    }
}
