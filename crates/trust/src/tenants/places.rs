//! The providers that stand for some in certain places, as they are registered.

use std::time::Duration;

use domain::{DRILL, HealthAgreement, Protocol, Timestamp};

use crate::{
    probe::places::{
        ABROAD, ALMANAC, ALMSHOUSE, BAZAAR, BREAKWATER, BROKEN, CARED, CHOSEN, DOWN, DRAWS, EAST,
        FAILING, FAMILIES, FAR, INFIRMARY, LOST, NEAR, NEW, OUTSIDE, PARLOUR, PRICED, RELIEF,
        SEARCHES, SERVED, SICKBAY, SLOW, STUDIO, TALKS, UNPRICED, WEST,
    },
    wire::Abroad,
};

/// A provider that stands for one in a certain place.
pub(super) struct Place {
    pub(super) name: &'static str,
    /// The company whose country counts; `custom` for a server of the organization's own.
    pub(super) catalog: &'static str,
    pub(super) region: &'static str,
    pub(super) models: &'static [&'static str],
    pub(super) protocol: Protocol,
    pub(super) at: fn(&Abroad) -> &str,
    pub(super) agreed: Agreed,
}

/// Whether there is an agreement about health data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreed {
    Never,
    InForce,
    Ended,
}

impl Agreed {
    pub(super) fn agreement(self) -> Option<HealthAgreement> {
        let signed = Timestamp::from_millis(0);
        let until = (self == Self::Ended).then(|| signed.plus(Duration::from_secs(86_400)));
        (self != Self::Never).then_some(HealthAgreement { signed, until })
    }
}

/// Of the first organization: the first in line is the one that may not be asked, and then one that is down. The last
/// four are for health data.
pub(super) const PLACES: [Place; 14] = [
    Place {
        name: FAR,
        catalog: "custom",
        region: "US",
        models: &[SERVED, LOST],
        protocol: Protocol::OpenAi,
        at: |all| &all.far,
        agreed: Agreed::Never,
    },
    Place {
        name: DOWN,
        catalog: "custom",
        region: "DE",
        models: &[SERVED, LOST],
        protocol: Protocol::OpenAi,
        at: |all| &all.down,
        agreed: Agreed::Never,
    },
    serving(SERVED_ONLY, NEAR, "custom", "SE", |all| &all.near),
    serving(SERVED_ONLY, ABROAD, COMPANY, "CN", |all| &all.far),
    chosen(OUTSIDE, "custom", "US", |all| &all.far),
    chosen(SLOW, "custom", "SE", |all| &all.slow),
    chosen(FAILING, "custom", "SE", |all| &all.down),
    chosen(UNPRICED, "custom", "SE", |all| &all.near),
    // The catalogue knows prices of the sandbox.
    chosen(PRICED, "sandbox", "SE", |all| &all.near),
    serving(SERVED_ONLY, NEW, DRILL, "US", |all| &all.far),
    Place { agreed: Agreed::InForce, ..serving(CARING, SICKBAY, "sandbox", "SE", |all| &all.down) },
    Place {
        agreed: Agreed::InForce,
        ..serving(&[CARED], INFIRMARY, "sandbox", "SE", |all| &all.near)
    },
    serving(CARING, BAZAAR, "sandbox", "SE", |all| &all.far),
    Place { agreed: Agreed::Ended, ..serving(CARING, ALMSHOUSE, "sandbox", "SE", |all| &all.far) },
];

/// Of the second: two that share what one person says, one for each format, and partners for one thing only.
pub(super) fn more_places() -> Vec<Place> {
    let family = |(name, protocol): (&'static str, Protocol)| Place {
        protocol,
        ..serving(&[SERVED, BROKEN], name, "custom", "SE", |all| &all.near)
    };
    let mut all = vec![
        chosen(EAST, "custom", "SE", |all| &all.near),
        chosen(WEST, "custom", "SE", |all| &all.far),
    ];
    all.extend(FAMILIES.map(family));
    // The catalogue knows what models of the sandbox do.
    all.extend([
        serving(&[TALKS], BREAKWATER, "sandbox", "SE", |all| &all.down),
        serving(WORKS, PARLOUR, "sandbox", "SE", |all| &all.near),
        serving(&[DRAWS], STUDIO, "sandbox", "SE", |all| &all.images),
        serving(&[SEARCHES], ALMANAC, "sandbox", "SE", |all| &all.answers),
    ]);
    all
}

/// Of one that is there for most things.
const WORKS: &[&str] = &[TALKS, "sandbox-embed", "sandbox-rerank", "sandbox-moderation"];
const CARING: &[&str] = &[CARED, RELIEF];
const SERVED_ONLY: &[&str] = &[SERVED];

const fn serving(
    models: &'static [&'static str],
    name: &'static str,
    catalog: &'static str,
    region: &'static str,
    at: fn(&Abroad) -> &str,
) -> Place {
    let (protocol, agreed) = (Protocol::OpenAi, Agreed::Never);
    Place { name, catalog, region, models, protocol, at, agreed }
}

/// One of those that a choice is made among.
const fn chosen(
    name: &'static str,
    catalog: &'static str,
    region: &'static str,
    at: fn(&Abroad) -> &str,
) -> Place {
    serving(&[CHOSEN], name, catalog, region, at)
}
/// The company that one of the places stands for.
pub(super) const COMPANY: &str = "deepseek";
