//! What the client wishes of the provider: applied after the rules, so that it can only narrow what they allow.

use domain::{Catalogue, Price, Prices};
use llm::{Format, Wishes};

use crate::{plan::Candidate, routes::Route};

/// Why a wish excludes a candidate.
pub(crate) fn against(
    wishes: &Wishes,
    candidate: &Candidate,
    (inbound, catalogue): (Format, &Catalogue),
) -> Option<&'static str> {
    let route = &candidate.route;
    // Whoever chooses between providers itself is sent the same wishes, where they can be sent.
    let chooses = passed_on(wishes, route) && candidate.format() == inbound;
    if !chooses && !wishes.only.is_empty() && !named(route, &wishes.only) {
        return Some("not_wished");
    }
    if !chooses
        && !wishes.allow_fallbacks
        && !wishes.order.is_empty()
        && !named(route, &wishes.order)
    {
        return Some("not_wished");
    }
    if named(route, &wishes.ignore) {
        return Some("not_wished");
    }
    let terms = candidate.spoken().and_then(|spoken| spoken.terms_for(&candidate.model));
    if wishes.deny_training && terms.and_then(|terms| terms.trains) != Some(false) {
        return Some("wished_no_training");
    }
    if wishes.keep_nothing && terms.and_then(|terms| terms.retention_days) != Some(0) {
        return Some("wished_no_retention");
    }
    let prices = route.prices(catalogue, &candidate.model);
    // The dearest that it can become: nobody knows yet how long the request is in tokens.
    let dear = |most: Option<u64>, price: fn(&Price) -> Option<u64>| {
        let dearest = |prices: &Prices| {
            let rules = prices.rules.iter().filter_map(|rule| price(&rule.price));
            Some(rules.chain([price(&prices.base)?]).max().unwrap_or(u64::MAX))
        };
        let price = prices.as_deref().and_then(dearest);
        most.is_some_and(|most| price.is_none_or(|price| price > most))
    };
    let dear = dear(wishes.most_for_input, |price| price.input)
        || dear(wishes.most_for_output, |price| price.output);
    dear.then_some("wished_cheaper")
}

/// Whether a route that chooses again is sent the wishes: not where they name the route itself.
pub(crate) fn passed_on(wishes: &Wishes, route: &Route) -> bool {
    route.chooses() && !named(route, &wishes.only) && !named(route, &wishes.order)
}

/// Where the route stands in the order that is wished.
pub(crate) fn place(wishes: &Wishes, route: &Route) -> Option<u32> {
    let place = wishes.order.iter().position(|name| is_called(route, name))?;
    u32::try_from(place).ok()
}

fn named(route: &Route, names: &[String]) -> bool {
    names.iter().any(|name| is_called(route, name))
}

/// By its own name or the catalogue's.
fn is_called(route: &Route, name: &str) -> bool {
    route.name.eq_ignore_ascii_case(name) || route.catalog.eq_ignore_ascii_case(name)
}
