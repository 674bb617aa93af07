//! The rights as the policies of `policies/rights.cedar` give them: Cedar is asked once about every standing and every
//! permission, and a decision is a look-up. What is proved of the policies is what is looked up.

use std::sync::OnceLock;

use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, EntityUid, Request};
use domain::{OrgRole, Permission, ProjectRole};

use super::{Denial, Standing, world};
use crate::{
    KeyScope,
    policies::{Rules, parsed, uid},
};

const POLICIES: &str = include_str!("../../policies/rights.cedar");

pub(super) type Answer = Result<(), Denial>;

/// Every answer. `None` when the policies cannot be evaluated: then nothing is allowed to anybody.
pub(super) fn table() -> Option<&'static Table> {
    static TABLE: OnceLock<Option<Table>> = OnceLock::new();
    TABLE.get_or_init(|| worked_out(POLICIES)).as_ref()
}

pub(super) struct Table {
    /// One row for each standing, in the order of [`place`], with an answer for each permission.
    rights: Vec<Answer>,
    /// For each set of scopes that a key may have, whether it covers each scope that may be wanted.
    covered: Vec<bool>,
}

impl Table {
    pub(super) fn answer(&self, standing: Standing, permission: Permission) -> Answer {
        self.rights.get(cell(standing, permission)).copied().unwrap_or(Err(Denial::Rank))
    }

    /// Whether a key with the `held` scopes may do what takes `wanted`.
    pub(super) fn covers(&self, held: impl Fn(KeyScope) -> bool, wanted: KeyScope) -> bool {
        let held = KeyScope::ALL.iter().filter(|scope| held(**scope));
        let held = held.fold(0, |all, scope| all | 1 << *scope as usize);
        let place = held * KeyScope::ALL.len() + wanted as usize;
        self.covered.get(place).copied().unwrap_or(false)
    }
}

/// Asks Cedar about everything.
fn worked_out(policies: &str) -> Option<Table> {
    let rules = parsed(crate::policies::SCHEMA, policies)?;
    let asking = Asking { rules, things: world::things()? };
    let permissions = asking.questions(Permission::ALL.iter().map(|one| one.as_str()))?;
    let scopes = asking.questions(KeyScope::ALL.iter().map(|one| one.as_str()))?;
    let standings = standings();
    let mut verdicts = Vec::new();
    for (at, standing) in standings.iter().enumerate() {
        if place(*standing) != at {
            return None;
        }
        let caller = asking.world(world::of_standing(*standing)?)?;
        for permission in &permissions {
            verdicts.push(asking.verdict(&caller, permission)?);
        }
    }
    let mut rights = Vec::new();
    for standing in standings {
        for permission in Permission::ALL {
            rights.push(explained(&verdicts, standing, *permission)?);
        }
    }
    let mut covered = Vec::new();
    for set in 0..1 << KeyScope::ALL.len() {
        let held: Vec<_> =
            KeyScope::ALL.iter().copied().filter(|one| set & 1 << *one as usize != 0).collect();
        let key = asking.world(world::of_key(true, &held)?)?;
        for wanted in &scopes {
            covered.push(asking.verdict(&key, wanted)?.is_ok());
        }
    }
    Some(Table { rights, covered })
}

/// Every standing there is, in the order of their places.
fn standings() -> Vec<Standing> {
    let both = [false, true];
    let mut all = vec![Standing::Anonymous, Standing::AdminKey];
    for operator in both {
        all.extend(both.map(|strong| Standing::Person { operator, strong }));
    }
    for own in both {
        all.extend(both.map(|inference| Standing::ApiKey { own, inference }));
    }
    let granted = || [None].into_iter().chain(ProjectRole::ALL.iter().copied().map(Some));
    for role in OrgRole::ALL.iter().copied() {
        for project in granted() {
            all.extend(both.map(|strong| Standing::Member { role, project, strong }));
        }
    }
    all
}

/// Where a standing's row is.
fn place(standing: Standing) -> usize {
    let two = |first: bool, second: bool| usize::from(first) * 2 + usize::from(second);
    match standing {
        Standing::Anonymous => 0,
        Standing::AdminKey => 1,
        Standing::Person { operator, strong } => 2 + two(operator, strong),
        Standing::ApiKey { own, inference } => 6 + two(own, inference),
        Standing::Member { role, project, strong } => {
            let granted = project.map_or(0, |given| given as usize + 1);
            let of_role = role as usize * (ProjectRole::ALL.len() + 1) + granted;
            10 + of_role * 2 + usize::from(strong)
        }
    }
}

/// Where the answer about a standing and a permission is.
fn cell(standing: Standing, permission: Permission) -> usize {
    place(standing) * Permission::ALL.len() + permission as usize
}

/// What Cedar says of it. If it allows the same to the same caller after a second factor, that is all that is missing.
fn explained(verdicts: &[Answer], standing: Standing, permission: Permission) -> Option<Answer> {
    let verdict = *verdicts.get(cell(standing, permission))?;
    let strong = *verdicts.get(cell(with_second_factor(standing), permission))?;
    Some(if verdict.is_err() && strong.is_ok() { Err(Denial::SecondFactor) } else { verdict })
}

/// The same caller after a second factor.
fn with_second_factor(standing: Standing) -> Standing {
    match standing {
        Standing::Person { operator, .. } => Standing::Person { operator, strong: true },
        Standing::Member { role, project, .. } => Standing::Member { role, project, strong: true },
        other => other,
    }
}

struct Asking {
    rules: Rules,
    /// What callers ask about.
    things: Vec<Entity>,
}

struct Question {
    action: EntityUid,
    about: EntityUid,
}

/// A caller with everything they may ask about.
struct World {
    caller: EntityUid,
    entities: Entities,
}

impl Asking {
    fn questions(&self, actions: impl Iterator<Item = &'static str>) -> Option<Vec<Question>> {
        let question = |action| {
            let action = uid("Action", action)?;
            let about = world::asked_about(&self.rules.schema, &action)?;
            Some(Question { action, about })
        };
        actions.map(question).collect()
    }

    fn world(&self, caller: Entity) -> Option<World> {
        let name = caller.uid();
        let entities = self.things.iter().cloned().chain([caller]);
        let entities = Entities::from_entities(entities, Some(&self.rules.schema)).ok()?;
        Some(World { caller: name, entities })
    }

    fn verdict(&self, world: &World, question: &Question) -> Option<Answer> {
        let (caller, action) = (world.caller.clone(), question.action.clone());
        let about = question.about.clone();
        let schema = Some(&self.rules.schema);
        let request = Request::new(caller, action, about, Context::empty(), schema);
        let response =
            Authorizer::new().is_authorized(&request.ok()?, &self.rules.policies, &world.entities);
        if response.diagnostics().errors().next().is_some() {
            return None;
        }
        if response.decision() == Decision::Allow {
            return Some(Ok(()));
        }
        let mut denial = Denial::Rank;
        for policy in response.diagnostics().reason() {
            match self.rules.policies.annotation(policy, "denial") {
                Some("sign_in") => denial = Denial::SignIn,
                Some("unseen") => denial = Denial::Unseen,
                Some(_) => return None,
                None => {}
            }
        }
        Some(Err(denial))
    }
}

#[cfg(test)]
mod tests;
