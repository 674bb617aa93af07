//! The catalogue that the binary carries.

use domain::{Catalogue, Error, Result};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

pub(crate) fn load() -> Result<Catalogue> {
    Catalogue::parse(FILES.iter().copied()).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_parses_and_prices_are_not_zero() {
        let catalogue = load().unwrap();
        assert!(
            catalogue.provider("openai").is_some() && catalogue.provider("anthropic").is_some()
        );
        for provider in catalogue.providers() {
            assert_eq!(provider.country.len(), 2, "{}", provider.id);
            for model in &provider.models {
                if let Some(price) = model.price {
                    assert!(price.input > 0 && price.output > 0, "{}/{}", provider.id, model.id);
                }
            }
        }
    }
}
