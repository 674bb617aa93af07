//! What a request costs: a function of everything that was used.

use serde::{Deserialize, Serialize};

use crate::{Provenance, Units, Usage};

macro_rules! components {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Prices in nano-US-dollars. A price that is missing is unknown, never zero.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Price {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<u64>,)*
        }

        impl Price {
            /// Every price that is known, by its name.
            pub fn known(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*]
                    .into_iter()
                    .filter_map(|(name, price)| Some((name, price?)))
            }

            /// Takes what `other` knows in place of what this one says.
            fn replace(&mut self, other: &Self) {
                $(self.$name = other.$name.or(self.$name);)*
            }

            /// Sets a price by its name; `false` when there is none of that name.
            fn set(&mut self, name: &str, price: u64) -> bool {
                match name {
                    $(stringify!($name) => self.$name = Some(price),)*
                    _ => return false,
                }
                true
            }
        }
    };
}

components! {
    /// Per token.
    input,
    /// Per input token that came out of the provider's cache.
    cache_read,
    /// Per input token that went into it.
    cache_write,
    /// The same, kept for an hour.
    cache_write_1h,
    /// Per token, reasoning included unless that has a price of its own.
    output,
    /// Per output token spent on reasoning.
    reasoning,
    /// Per token.
    image_input,
    /// Per token.
    image_output,
    /// Per token.
    audio_input,
    /// Per token.
    audio_output,
    /// Per request, whatever is in it.
    request,
    /// Per image made.
    image,
    /// Per character spoken.
    character,
    /// Per second heard.
    second,
}

impl Price {
    /// What `usage` costs, in nano-US-dollars; `None` when something was used whose price is unknown.
    /// A cache price that is not listed falls back to the input price.
    #[must_use]
    pub fn of(&self, usage: &Usage) -> Option<u64> {
        let part = |tokens: u64, price: Option<u64>| match tokens {
            0 => Some(0),
            tokens => price.map(|price| tokens.saturating_mul(price)),
        };
        let reasoning = usage.reasoning.min(usage.output);
        let parts = [
            part(usage.input, self.input)?,
            part(usage.cache_read, self.cache_read.or(self.input))?,
            part(usage.cache_write, self.cache_write.or(self.input))?,
            part(usage.output - reasoning, self.output)?,
            part(reasoning, self.reasoning.or(self.output))?,
            self.request.unwrap_or(0),
        ];
        // Nothing used and nothing known is not free either.
        self.known().next()?;
        Some(parts.into_iter().fold(0, u64::saturating_add))
    }
}

impl Price {
    /// What a request costs that is paid by more than its tokens, in nano-US-dollars; `None` when something was used
    /// whose price or count is unknown. Tokens of images and sound cost what other tokens do where they have no price
    /// of their own.
    #[must_use]
    pub fn of_all(&self, usage: &Usage, units: &Units) -> Option<u64> {
        let own = [self.image_input, self.image_output, self.audio_input, self.audio_output];
        let own = own.iter().any(Option::is_some);
        let by_tokens = own || self.input.is_some() || self.output.is_some();
        // Only the provider can count such tokens, and whoever is silent does not work for nothing.
        let unknown = match usage.provenance {
            Provenance::Reported => false,
            Provenance::Estimated => own,
            Provenance::Absent => by_tokens,
        };
        if unknown {
            return None;
        }
        // What is sold by the piece is not sold by the token as well.
        let nothing = Usage::default();
        let usage = if by_tokens { usage } else { &nothing };
        let part = |count: u64, price: Option<u64>| match count {
            0 => Some(0),
            count => price.map(|price| count.saturating_mul(price)),
        };
        // Listed, it has to be counted.
        let each = |count: Option<u64>, price: Option<u64>| match price {
            None => Some(0),
            Some(price) => count.map(|count| count.saturating_mul(price)),
        };
        let image_input = units.image_input.min(usage.input);
        let audio_input = units.audio_input.min(usage.input - image_input);
        let image_output = units.image_output.min(usage.output);
        let audio_output = units.audio_output.min(usage.output - image_output);
        let plain = Usage {
            input: usage.input - image_input - audio_input,
            output: usage.output - image_output - audio_output,
            ..*usage
        };
        let parts = [
            self.of(&plain)?,
            part(image_input, self.image_input.or(self.input))?,
            part(audio_input, self.audio_input.or(self.input))?,
            part(image_output, self.image_output.or(self.output))?,
            part(audio_output, self.audio_output.or(self.output))?,
            each(units.images, self.image)?,
            each(units.characters, self.character)?,
            each(units.milliseconds, self.second)?.div_ceil(1000),
            // One is in what was counted above.
            self.request.unwrap_or(0).saturating_mul(units.searches.unwrap_or(1).saturating_sub(1)),
        ];
        Some(parts.into_iter().fold(0, u64::saturating_add))
    }
}

/// How urgent a request is, as the provider sells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Batch,
    Flex,
    Priority,
}

/// Other prices under a condition. What a rule does not list stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Rule")]
pub struct PriceRule {
    /// Holds for requests with more input tokens than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    #[serde(flatten)]
    pub price: Price,
}

#[derive(Deserialize)]
struct Rule {
    above: Option<u64>,
    tier: Option<Tier>,
    #[serde(flatten)]
    prices: std::collections::BTreeMap<String, u64>,
}

impl TryFrom<Rule> for PriceRule {
    type Error = String;

    fn try_from(rule: Rule) -> Result<Self, String> {
        let mut price = Price::default();
        for (name, value) in rule.prices {
            if !price.set(&name, value) {
                return Err(format!("unknown price `{name}`"));
            }
        }
        if rule.above.is_none() && rule.tier.is_none() {
            return Err("a price rule needs `above` or `tier`".to_owned());
        }
        Ok(Self { above: rule.above, tier: rule.tier, price })
    }
}

/// All prices of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    pub base: Price,
    /// The first that holds counts.
    pub rules: Vec<PriceRule>,
}

impl Prices {
    /// The prices of a request with `input` tokens.
    #[must_use]
    pub fn at(&self, input: u64, tier: Option<Tier>) -> Price {
        let holds = |rule: &&PriceRule| {
            rule.above.is_none_or(|above| input > above)
                && rule.tier.is_none_or(|wanted| tier == Some(wanted))
        };
        let mut price = self.base;
        if let Some(rule) = self.rules.iter().find(holds) {
            price.replace(&rule.price);
        }
        price
    }

    /// What `usage` costs, in nano-US-dollars; `None` when a price is unknown.
    #[must_use]
    pub fn of(&self, usage: &Usage, tier: Option<Tier>) -> Option<u64> {
        self.at(usage.input_total(), tier).of(usage)
    }

    /// The same for a request that is paid by more than its tokens.
    #[must_use]
    pub fn of_all(&self, usage: &Usage, units: &Units, tier: Option<Tier>) -> Option<u64> {
        self.at(usage.input_total(), tier).of_all(usage, units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        Price { input: Some(10), cache_read: Some(1), output: Some(40), ..Price::default() }
    }

    #[test]
    fn every_part_of_the_usage_has_its_price() {
        let usage = Usage {
            input: 100,
            cache_read: 50,
            cache_write: 20,
            output: 30,
            reasoning: 10,
            ..Usage::default()
        };
        assert_eq!(price().of(&usage), Some(1000 + 50 + 200 + 1200));
        let thinking = Price { reasoning: Some(5), request: Some(7), ..price() };
        assert_eq!(thinking.of(&usage), Some(1000 + 50 + 200 + 800 + 50 + 7));
    }

    #[test]
    fn what_is_unknown_is_not_free() {
        let one = |input, output| Usage { input, output, ..Usage::default() };
        assert_eq!(Price::default().of(&one(0, 0)), None);
        assert_eq!(Price { output: None, ..price() }.of(&one(5, 1)), None);
        assert_eq!(Price { output: None, ..price() }.of(&one(5, 0)), Some(50), "embeddings");
        assert_eq!(price().of(&Usage { reasoning: 9, ..one(1, 2) }), Some(90), "odd counts");
    }

    #[test]
    fn images_sound_and_searches_have_prices_of_their_own() {
        let silent = Usage::default();
        let said = |input, output| Usage {
            input,
            output,
            provenance: Provenance::Reported,
            ..Usage::default()
        };
        let image = Price { image: Some(30), ..Price::default() };
        let two = Units { images: Some(2), ..Units::default() };
        assert_eq!(image.of_all(&silent, &two), Some(60));
        assert_eq!(image.of_all(&silent, &Units::default()), None, "not counted is not none");
        let second = Price { second: Some(100_000), ..Price::default() };
        let heard = Units { milliseconds: Some(1_500), ..Units::default() };
        assert_eq!(second.of_all(&silent, &heard), Some(150_000));
        assert_eq!(second.of_all(&said(9, 9), &heard), Some(150_000), "not by the token as well");
        let search = Price { request: Some(7), ..Price::default() };
        let three = Units { searches: Some(3), ..Units::default() };
        assert_eq!(search.of_all(&silent, &three), Some(21));
        assert_eq!(search.of_all(&silent, &Units::default()), Some(7));
        let drawn = Price {
            input: Some(5),
            image_input: Some(8),
            image_output: Some(30),
            ..Price::default()
        };
        let units = Units { image_input: 4, image_output: 10, ..Units::default() };
        assert_eq!(drawn.of_all(&said(10, 10), &units), Some(6 * 5 + 4 * 8 + 10 * 30));
        assert_eq!(drawn.of_all(&said(10, 10), &Units::default()), None, "output without a price");
        let guessed = Usage { provenance: Provenance::Estimated, ..said(10, 0) };
        assert_eq!(drawn.of_all(&guessed, &units), None, "nobody else can count images in tokens");
        assert_eq!(price().of_all(&guessed, &Units::default()), Some(100));
        assert_eq!(price().of_all(&silent, &Units::default()), None);
    }

    #[test]
    fn the_first_rule_that_holds_changes_what_it_lists() {
        let rule = |above, tier, input| PriceRule {
            above,
            tier,
            price: Price { input: Some(input), ..Price::default() },
        };
        let prices = Prices {
            base: price(),
            rules: vec![
                rule(Some(200), Some(Tier::Batch), 4),
                rule(Some(200), None, 20),
                rule(None, Some(Tier::Batch), 5),
            ],
        };
        let input = |tokens, tier| prices.at(tokens, tier).input;
        assert_eq!(input(200, None), Some(10));
        assert_eq!(input(201, None), Some(20));
        assert_eq!(input(201, Some(Tier::Batch)), Some(4));
        assert_eq!(input(1, Some(Tier::Batch)), Some(5));
        assert_eq!(prices.at(201, None).output, Some(40));
        let usage = Usage { input: 150, cache_read: 60, ..Usage::default() };
        assert_eq!(prices.of(&usage, None), Some(150 * 20 + 60), "the cache counts as input");
    }

    #[test]
    fn a_rule_knows_its_keys() {
        let read =
            |text: &str| toml::from_str::<PriceRule>(text).map_err(|error| error.to_string());
        assert_eq!(read("above = 5\ninput = 1").unwrap().price.input, Some(1));
        assert!(read("above = 5\ninputt = 1").unwrap_err().contains("inputt"));
        assert!(read("input = 1").unwrap_err().contains("above"));
        let text = serde_json::to_string(&read("tier = \"flex\"\ninput = 1").unwrap()).unwrap();
        assert_eq!(text, r#"{"tier":"flex","input":1}"#);
    }
}
