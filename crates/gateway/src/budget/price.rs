//! What a request may cost at most.

use domain::{Model, Price, Prices};
use llm::{Head, Task};

/// Bytes of the body to one token of input, at least: more tokens than any script in common use needs.
const BYTES_PER_TOKEN: u64 = 2;

/// Output below which an answer is of no use: less money than for this, and the request is refused. Also the least that
/// every format accepts as a limit.
const LEAST_OUTPUT: u64 = 16;

/// The most that one attempt may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Worst {
    /// Everything but the output, in nano-units.
    fixed: u64,
    /// Of one token of output, of every answer that was asked for.
    per_token: u64,
    /// Tokens of output for each answer.
    output: u64,
    /// Whether the provider must be told of `output`, because nothing else limits it.
    tell: bool,
}

impl Worst {
    /// `None` when a price is unknown: it is not zero. `usual` limits answers that neither the request nor the catalogue
    /// limits; all in tokens.
    pub(crate) fn of(
        prices: &Prices,
        model: Option<&Model>,
        head: &Head,
        (body_bytes, usual): (u64, u64),
    ) -> Option<Self> {
        let input = body_bytes.div_ceil(BYTES_PER_TOKEN);
        let input = model.and_then(|model| model.context).map_or(input, |most| input.min(most));
        if head.task == Some(Task::Realtime) {
            return Self::of_session(prices, model?);
        }
        if let Some(task) = head.task {
            // What is made, heard or searched is only counted afterwards: nobody can say before what it costs at most.
            let ranks = matches!(task, Task::Rerank | Task::RerankV2);
            let fixed = dearest(prices, |price| {
                // Ranking has the price of a request for each search, of which there may be several.
                let single = !ranks || price.request.is_none();
                let token = price.input.filter(|_| task.is_text() && single)?;
                Some(token.saturating_mul(input).saturating_add(price.request.unwrap_or(0)))
            })?;
            return Some(Self { fixed, per_token: 0, output: 0, tell: false });
        }
        let known = [head.max_output, model.and_then(|model| model.output_limit)];
        let known = known.into_iter().flatten().min();
        let fixed = dearest(prices, |price| {
            let cached = [price.cache_read, price.cache_write, price.cache_write_1h];
            let token = cached
                .into_iter()
                .flatten()
                .max()
                .max(price.input)
                .filter(|_| price.input.is_some())?;
            Some(token.saturating_mul(input).saturating_add(price.request.unwrap_or(0)))
        })?;
        let token = dearest(prices, |price| Some(price.output?.max(price.reasoning.unwrap_or(0))))?;
        Some(Self {
            fixed,
            per_token: token.saturating_mul(head.choices.max(1)),
            output: known.unwrap_or(usual),
            tell: known.is_none(),
        })
    }

    /// Of one answer in a session: everything that the model can read, and everything that it can say.
    fn of_session(prices: &Prices, model: &Model) -> Option<Self> {
        let read = dearest(prices, |price| {
            let others =
                [price.audio_input, price.image_input, price.cache_read, price.cache_write];
            price.input.map(|input| others.into_iter().flatten().fold(input, u64::max))
        })?;
        let said =
            dearest(prices, |price| Some(price.output?.max(price.audio_output.unwrap_or(0))))?;
        let fixed = read
            .saturating_mul(model.context?)
            .saturating_add(said.saturating_mul(model.output_limit?));
        // All of it or nothing: a session is not told how much it may say.
        Some(Self { fixed, per_token: 0, output: 0, tell: false })
    }

    pub(crate) const fn full(&self) -> u64 {
        self.with(self.output)
    }

    /// What must be left for an answer that is of some use.
    pub(crate) fn least(&self) -> u64 {
        self.with(self.output.min(LEAST_OUTPUT))
    }

    const fn with(&self, output: u64) -> u64 {
        self.fixed.saturating_add(self.per_token.saturating_mul(output))
    }

    /// Tokens of output that `amount` is enough for, when the provider must be told.
    pub(crate) fn limit(&self, amount: u64) -> Option<u64> {
        let whole = amount >= self.full();
        if whole {
            return self.tell.then_some(self.output);
        }
        Some(amount.saturating_sub(self.fixed).checked_div(self.per_token).unwrap_or(self.output))
    }

    /// What all the output costs.
    pub(crate) const fn of_output(&self) -> u64 {
        self.per_token.saturating_mul(self.output)
    }
}

/// The highest of `cost` over the prices that may hold, whatever the length turns out to be; `None` when one is unknown.
fn dearest(prices: &Prices, cost: impl Fn(&Price) -> Option<u64>) -> Option<u64> {
    let longer = prices.rules.iter().filter_map(|rule| rule.above);
    let at = std::iter::once(0).chain(longer.map(|above| above.saturating_add(1)));
    let costs: Option<Vec<u64>> = at.map(|input| cost(&prices.at(input, None))).collect();
    costs?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use domain::PriceRule;
    use llm::Format;

    use super::*;

    fn head(members: &str) -> Head {
        let body = format!("{{\"model\":\"m\",\"messages\":[]{members}}}");
        llm::head(Format::OpenAiChat, body.as_bytes()).unwrap()
    }

    fn prices() -> Prices {
        let base =
            Price { input: Some(10), output: Some(40), cache_read: Some(1), ..Price::default() };
        Prices { base, rules: Vec::new() }
    }

    fn model(output_limit: u64) -> Model {
        let text = format!("{{\"id\":\"m\",\"context\":1000,\"output_limit\":{output_limit}}}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_worst_is_everything_at_the_dearest() {
        let worst = Worst::of(&prices(), None, &head(",\"max_tokens\":100"), (30, 500)).unwrap();
        assert_eq!((worst.full(), worst.least()), (150 + 4000, 150 + 640));
        assert_eq!(worst.limit(worst.full()), None, "the request says it itself");
        assert_eq!(worst.limit(150 + 40 * 20 + 7), Some(20));
        let two = Worst::of(&prices(), None, &head(",\"max_tokens\":100,\"n\":2"), (30, 500));
        assert_eq!(two.unwrap().full(), 150 + 8000);
        let above = PriceRule {
            above: Some(200),
            tier: None,
            price: Price { input: Some(20), cache_write: Some(25), ..Price::default() },
        };
        let long = Prices { rules: vec![above], ..prices() };
        let worst = Worst::of(&long, None, &head(",\"max_tokens\":100"), (30, 500)).unwrap();
        assert_eq!(worst.full(), 15 * 25 + 4000);
    }

    #[test]
    fn what_limits_the_output_is_the_request_else_the_catalogue_else_the_house() {
        let full = |head: &Head, model: Option<&Model>| {
            let worst = Worst::of(&prices(), model, head, (0, 500)).unwrap();
            (worst.full() / 40, worst.limit(worst.full()))
        };
        let (silent, hundred) = (head(""), head(",\"max_tokens\":100"));
        assert_eq!(full(&hundred, Some(&model(300))), (100, None));
        assert_eq!(full(&hundred, Some(&model(50))), (50, None));
        assert_eq!(full(&silent, Some(&model(300))), (300, None));
        assert_eq!(full(&silent, None), (500, Some(500)), "the provider is told");
        let worst = Worst::of(&prices(), Some(&model(1)), &silent, (1 << 30, 500)).unwrap();
        assert_eq!(worst.full(), 10 * 1000 + 40, "no input is longer than the model reads");
    }

    #[test]
    fn an_unknown_price_is_not_zero() {
        for base in [
            Price { output: None, ..prices().base },
            Price { input: None, ..prices().base },
            Price::default(),
        ] {
            let prices = Prices { base, rules: Vec::new() };
            assert_eq!(Worst::of(&prices, None, &head(""), (10, 10)), None, "{base:?}");
        }
        let free = Price { input: Some(0), output: Some(0), ..Price::default() };
        let free = Prices { base: free, rules: Vec::new() };
        let worst = Worst::of(&free, None, &head(",\"max_tokens\":9"), (10, 10)).unwrap();
        assert_eq!((worst.full(), worst.limit(0)), (0, None), "known to be free is free");
    }
}
