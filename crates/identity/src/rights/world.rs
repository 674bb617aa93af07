//! Callers as Cedar sees them, each with an organization, a project that is asked about and another one.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entity, EntityUid, RestrictedExpression, Schema};
use domain::{OrgRole, ProjectRole, RoutingPolicy};

use super::Standing;
use crate::{KeyScope, egress, policies::uid};

type Attributes = Vec<(&'static str, RestrictedExpression)>;

/// What an action is about: the one of its kind that is asked about.
pub(super) fn asked_about(schema: &Schema, action: &EntityUid) -> Option<EntityUid> {
    uid(&schema.resources_for_action(action)?.next()?.to_string(), "asked")
}

/// Everything that callers ask about.
pub(super) fn things() -> Option<Vec<Entity>> {
    let within = HashSet::from([uid("Organization", "asked")?]);
    // Where its requests go is decided elsewhere.
    let rules = RoutingPolicy::default();
    Some(vec![
        Entity::new_no_attrs(uid("Installation", "asked")?, HashSet::new()),
        Entity::new_no_attrs(uid("Organization", "asked")?, HashSet::new()),
        egress::entities::project(&rules, "asked", within.clone())?,
        egress::entities::project(&rules, "other", within)?,
    ])
}

pub(super) fn of_standing(standing: Standing) -> Option<Entity> {
    match standing {
        Standing::Anonymous => caller("Anonymous", Vec::new()),
        Standing::Person { operator, strong } => {
            caller("Person", vec![("operator", yes(operator)), ("strong", yes(strong))])
        }
        Standing::Member { role, project, strong } => member(role, project, strong),
        Standing::ApiKey { own, inference } => {
            of_key(own, if inference { &[KeyScope::Inference] } else { &[KeyScope::ModelsRead] })
        }
        Standing::AdminKey => caller("AdminKey", vec![("organization", organization()?)]),
    }
}

/// A key with these scopes; `own` says whether the project that is asked about is its own.
pub(super) fn of_key(own: bool, scopes: &[KeyScope]) -> Option<Entity> {
    let project = project(if own { "asked" } else { "other" })?;
    let scopes: Option<Vec<_>> =
        scopes.iter().map(|scope| refers("KeyScope", scope.as_str())).collect();
    caller(
        "ApiKey",
        vec![
            ("organization", organization()?),
            ("project", project),
            ("scopes", RestrictedExpression::new_set(scopes?)),
        ],
    )
}

fn member(role: OrgRole, granted: Option<ProjectRole>, strong: bool) -> Option<Entity> {
    let asked = project("asked")?;
    let granted_as =
        |role| RestrictedExpression::new_set((granted == Some(role)).then(|| asked.clone()));
    caller(
        "Member",
        vec![
            ("organization", organization()?),
            ("role", refers("OrgRole", role.as_str())?),
            ("strong", yes(strong)),
            ("views", granted_as(ProjectRole::Viewer)),
            ("edits", granted_as(ProjectRole::Editor)),
            ("owns", granted_as(ProjectRole::Owner)),
        ],
    )
}

fn caller(kind: &str, attributes: Attributes) -> Option<Entity> {
    let attributes: HashMap<_, _> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid(kind, "caller")?, attributes, HashSet::new()).ok()
}

fn yes(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

fn refers(kind: &str, id: &str) -> Option<RestrictedExpression> {
    Some(RestrictedExpression::new_entity_uid(uid(kind, id)?))
}

fn organization() -> Option<RestrictedExpression> {
    refers("Organization", "asked")
}

fn project(id: &str) -> Option<RestrictedExpression> {
    refers("Project", id)
}
