//! A project's rules and a provider's terms as Cedar sees them. What is unknown is absent.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{Entity, EntityUid, RestrictedExpression};
use domain::{RoutingPolicy, Timestamp};

use super::Terms;
use crate::policies::uid;

type Attributes = HashMap<String, RestrictedExpression>;

/// A project under an id of its own, in `parents`: its organization, where that matters.
pub(crate) fn project(
    policy: &RoutingPolicy,
    id: &str,
    parents: HashSet<EntityUid>,
) -> Option<Entity> {
    let mut all = Attributes::new();
    let mut put = |name: &str, value| all.insert(name.to_owned(), value);
    put("allowsTraining", RestrictedExpression::new_bool(policy.allow_training));
    put("healthData", RestrictedExpression::new_bool(policy.health_data));
    put("deniedCountries", set(&policy.deny_countries));
    put("deniedProviders", set(&policy.deny_providers));
    if let Some(days) = policy.max_retention_days {
        put("maxRetentionDays", RestrictedExpression::new_long(days.into()));
    }
    if let Some(places) = policy.places() {
        put("places", set(&places));
    }
    if let Some(only) = &policy.only_providers {
        put("onlyProviders", set(only));
    }
    Entity::new(uid("Project", id)?, all, parents).ok()
}

pub(super) fn route(terms: &Terms<'_>, now: Timestamp) -> Option<Entity> {
    let mut all = Attributes::new();
    let mut put = |name: &str, value| all.insert(name.to_owned(), value);
    put("provider", text(terms.provider));
    put("own", RestrictedExpression::new_bool(terms.own));
    let agreed = terms.baa.is_some_and(|baa| baa.holds(now));
    put("agreedOnHealthData", RestrictedExpression::new_bool(agreed));
    put("chooses", RestrictedExpression::new_bool(terms.chooses));
    if let Some(country) = terms.country.filter(|_| !terms.chooses) {
        put("country", text(country));
    }
    if let Some(place) = terms.place {
        put("place", text(place));
    }
    if let Some(trains) = terms.trains {
        put("trains", RestrictedExpression::new_bool(trains));
    }
    if let Some(days) = terms.retention_days {
        put("retentionDays", RestrictedExpression::new_long(days.into()));
    }
    Entity::new(uid("Route", "asked")?, all, HashSet::new()).ok()
}

pub(super) fn action() -> Option<EntityUid> {
    uid("Action", "egress:send")
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn set(all: &BTreeSet<String>) -> RestrictedExpression {
    RestrictedExpression::new_set(all.iter().map(|one| text(one)))
}
