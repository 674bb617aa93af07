//! What differs between two registries. A weakening stays visible on the page for twelve months.

use serde::{Deserialize, Serialize};

use super::{Control, ControlId, Kind, Registry};

/// One difference that a reader should know of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    Added {
        control: ControlId,
    },
    /// The control is gone or retired.
    Retired {
        control: ControlId,
    },
    /// It is verified from now on; it was only planned.
    Shipped {
        control: ControlId,
    },
    /// It was verified and is only planned or only attested from now on, or checked less strictly.
    Weakened {
        control: ControlId,
        what: String,
    },
    Strengthened {
        control: ControlId,
        what: String,
    },
    Reworded {
        control: ControlId,
    },
}

/// What somebody who knew `before` must be told about `after`, in the order of the page.
#[must_use]
pub fn changes(before: &Registry, after: &Registry) -> Vec<Change> {
    let mut all = Vec::new();
    for control in after.controls() {
        match before.control(&control.id) {
            None => all.push(Change::Added { control: control.id.clone() }),
            Some(old) => compare(old, control, &mut all),
        }
    }
    let gone = before.controls().filter(|old| after.control(&old.id).is_none());
    all.extend(gone.map(|old| Change::Retired { control: old.id.clone() }));
    all
}

fn compare(old: &Control, new: &Control, all: &mut Vec<Change>) {
    let control = || new.id.clone();
    if old == new {
        return;
    }
    let known = all.len();
    if new.retired.is_some() && old.retired.is_none() {
        all.push(Change::Retired { control: control() });
    }
    let (was, is) = (strength(&old.kind), strength(&new.kind));
    if is < was {
        all.push(Change::Weakened { control: control(), what: "how it is verified".to_owned() });
    } else if was == 0 && is > 0 {
        all.push(Change::Shipped { control: control() });
    }
    for (name, before) in &old.params {
        let what = |now: &str| format!("{name}: {} → {now}", before.value);
        match new.params.get(name) {
            None => all.push(Change::Weakened { control: control(), what: what("none") }),
            Some(now) if now.weaker_than(before) => {
                let what = what(&now.value.to_string());
                all.push(Change::Weakened { control: control(), what });
            }
            Some(now) if now.value != before.value => {
                let what = what(&now.value.to_string());
                all.push(Change::Strengthened { control: control(), what });
            }
            Some(_) => {}
        }
    }
    clocks(old, new, all);
    if all.len() == known {
        all.push(Change::Reworded { control: control() });
    }
}

/// Longer clocks, fewer subjects and fewer vantages promise less.
fn clocks(old: &Control, new: &Control, all: &mut Vec<Change>) {
    let pairs = old.bindings().iter().filter_map(|before| {
        Some((before, new.bindings().iter().find(|now| now.probe == before.probe)?))
    });
    for (before, now) in pairs {
        let weaker = now.cadence > before.cadence
            || now.fresh > before.fresh
            || now.hard > before.hard
            || now.min_subjects < before.min_subjects
            || (before.build_bound && !now.build_bound)
            || !now.vantages.is_superset(&before.vantages);
        if weaker {
            let what = format!("how the {} probe is run", now.probe);
            all.push(Change::Weakened { control: new.id.clone(), what });
        }
    }
}

const fn strength(kind: &Kind) -> u8 {
    match kind {
        Kind::Planned(_) => 0,
        Kind::Attested(_) => 1,
        Kind::Enforced(_) | Kind::Probed(_) => 2,
    }
}
