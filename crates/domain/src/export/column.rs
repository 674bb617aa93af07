//! Which column of a provider's export is what.

use std::collections::BTreeMap;

use super::Cached;

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What a column holds. The names are those of a mapping by hand.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Column { $($(#[$doc])* $name),* }

        impl Column {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|column| column.as_str() == text)
            }
        }
    };
}

columns! {
    /// A day, or the moment at which an hour or minute begins.
    Day = "day";
    /// When it ends: nothing may be longer than a day.
    End = "end";
    Model = "model";
    /// Input tokens; whether cached ones are among them follows from the rest.
    Input = "input";
    /// Input tokens with the cached ones among them.
    AllInput = "all_input";
    /// Input tokens without the cached ones.
    FreshInput = "fresh_input";
    CacheRead = "cache_read";
    CacheWrite = "cache_write";
    Output = "output";
    Requests = "requests";
    Cost = "cost";
    Currency = "currency";
    /// Of which kind the tokens of `quantity` are, in files with a row for each kind.
    Kind = "kind";
    Quantity = "quantity";
    /// What one of `quantity` is, such as `1K`.
    Unit = "unit";
}

/// A column as its name says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub column: Column,
    /// Of several that say the same, the least counts; equals are added up.
    pub rank: usize,
    /// What the name says about cached tokens.
    pub cached: Option<Cached>,
    /// The currency in its name.
    pub currency: Option<String>,
    /// The model is the cell's beginning, up to a comma.
    pub list: bool,
}

/// Names, the surest first. What stands behind `+` is a part: parts are added up.
const NAMES: &[(Column, &str)] = &[
    (
        Column::Day,
        "usage_date_utc date_utc usage_date date day start_time_iso starting_at start_time bucket_start_time \
         usage_start_date line_item_usage_start_date usage_start_time charge_period_start start_date start \
         timestamp aggregation_timestamp created_at created time",
    ),
    (
        Column::End,
        "end_time_iso ending_at end_time bucket_end_time usage_end_date line_item_usage_end_date usage_end_time \
         charge_period_end end_date",
    ),
    (
        Column::Model,
        "model model_version model_name model_id model_slug snapshot_id snapshot deployment_name deployment line_item",
    ),
    (
        Column::Input,
        "input_tokens usage_input_tokens input_token_count tokens_in tokens_input input",
    ),
    (
        Column::AllInput,
        "total_input_tokens prompt_tokens prompt_token_count tokens_prompt n_context_tokens_total context_tokens",
    ),
    (
        Column::FreshInput,
        "uncached_input_tokens usage_input_tokens_no_cache input_tokens_no_cache input_uncached_tokens \
         non_cached_input_tokens fresh_input_tokens prompt_cache_miss_tokens",
    ),
    (
        Column::CacheRead,
        "cache_read_input_tokens usage_input_tokens_cache_read input_tokens_cache_read cache_read_tokens cache_read \
         prompt_cache_hit_tokens input_cached_tokens cached_input_tokens cached_tokens tokens_cached \
         n_cached_context_tokens_total cached_content_token_count input_cache_read_tokens",
    ),
    (
        Column::CacheWrite,
        "cache_creation_input_tokens cache_creation_tokens cache_write_input_tokens cache_write_tokens cache_write \
         input_tokens_cache_write +cache_creation_ephemeral_5m_input_tokens +cache_creation_ephemeral_1h_input_tokens \
         +usage_input_tokens_cache_write_5m +usage_input_tokens_cache_write_1h +input_tokens_cache_write_5m \
         +input_tokens_cache_write_1h",
    ),
    (
        Column::Output,
        "output_tokens usage_output_tokens completion_tokens tokens_completion candidates_token_count \
         output_token_count generated_tokens n_generated_tokens_total total_output_tokens tokens_out tokens_output \
         output",
    ),
    (
        Column::Requests,
        "num_model_requests requests request_count num_requests n_requests model_requests api_requests total_requests \
         invocations calls",
    ),
    (
        Column::Cost,
        "cost_usd amount_value cost_in_billing_currency line_item_unblended_cost unblended_cost billed_cost \
         total_cost cost amount_usd pre_tax_cost effective_cost spend amount",
    ),
    (
        Column::Currency,
        "currency amount_currency currency_code billing_currency billing_currency_code line_item_currency_code",
    ),
    (
        Column::Kind,
        "token_type meter_name line_item_usage_type kind usage_type sku_description charge_description sku",
    ),
    (
        Column::Quantity,
        "quantity usage_quantity usage_amount line_item_usage_amount consumed_quantity pricing_quantity tokens \
         token_count",
    ),
    (Column::Unit, "unit unit_of_measure pricing_unit consumed_unit usage_unit"),
];

/// Names of cached tokens that are a part of the input tokens, wherever they were met.
const INCLUDED: &[&str] = &[
    "input_cached_tokens",
    "cached_input_tokens",
    "cached_tokens",
    "tokens_cached",
    "n_cached_context_tokens_total",
    "cached_content_token_count",
];

/// `lineItem/UsageStartDate` and `Line item usage start date` as `line_item_usage_start_date`.
pub(crate) fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len() + 4);
    let mut low = false;
    for letter in name.trim().chars().take(120) {
        if !letter.is_ascii_alphanumeric() {
            if !plain.is_empty() && !plain.ends_with('_') {
                plain.push('_');
            }
            low = false;
            continue;
        }
        if low && letter.is_ascii_uppercase() {
            plain.push('_');
        }
        low = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        plain.push(letter.to_ascii_lowercase());
    }
    plain.truncate(plain.trim_end_matches('_').len());
    plain
}

/// What a column is by its name; a name given by hand goes before all others.
pub(super) fn known(name: &str, by_hand: &BTreeMap<Column, String>) -> Option<Known> {
    let plain = plain(name);
    let none = |column, rank| Known { column, rank, cached: None, currency: None, list: false };
    let given = by_hand.iter().find(|(_, given)| given.trim() == name.trim());
    if let Some((column, _)) = given {
        return Some(none(*column, 0));
    }
    let found = NAMES.iter().find_map(|(column, names)| {
        // A column that was named by hand stands for all that could be it.
        let open = !by_hand.contains_key(column);
        let at = names.split_whitespace().position(|known| known.trim_start_matches('+') == plain);
        at.filter(|_| open).map(|at| (*column, names, at))
    });
    let Some((column, names, at)) = found else {
        let cost = !by_hand.contains_key(&Column::Cost);
        return currency_of(&plain)
            .filter(|_| cost)
            .map(|currency| Known { currency: Some(currency), ..none(Column::Cost, 0) });
    };
    let part = names.split_whitespace().nth(at).is_some_and(|name| name.starts_with('+'));
    let cached = (column == Column::CacheRead)
        .then(|| if INCLUDED.contains(&plain.as_str()) { Cached::Included } else { Cached::Apart });
    Some(Known {
        column,
        rank: if part { usize::MAX } else { at },
        cached,
        currency: currency_of(&plain),
        list: plain == "line_item",
    })
}

/// `cost_usd` and `amount_eur` name their currency.
fn currency_of(plain: &str) -> Option<String> {
    let rest = ["cost_", "total_cost_", "amount_", "spend_"]
        .iter()
        .find_map(|start| plain.strip_prefix(start))
        .filter(|rest| {
            ["usd", "eur", "gbp", "dkk", "sek", "nok", "chf", "pln", "cny", "jpy"].contains(rest)
        })?;
    Some(rest.to_ascii_uppercase())
}
