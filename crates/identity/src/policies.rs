//! Cedar policies, parsed and checked against the one schema. Whatever is wrong with them, nothing is allowed by them.

use std::str::FromStr as _;

use cedar_policy::{
    EntityId, EntityTypeName, EntityUid, PolicySet, Schema, ValidationMode, Validator,
};

/// What every policy may speak of.
pub(crate) const SCHEMA: &str = include_str!("../policies/schema.cedarschema");

pub(crate) struct Rules {
    pub(crate) schema: Schema,
    pub(crate) policies: PolicySet,
}

/// The policies, if each of them holds against the schema.
pub(crate) fn parsed(schema: &str, policies: &str) -> Option<Rules> {
    let schema = Schema::from_str(schema).ok()?;
    let policies = PolicySet::from_str(policies).ok()?;
    let checked = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
    checked.validation_passed().then_some(Rules { schema, policies })
}

/// The name of an entity, such as `Project::"asked"`.
pub(crate) fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let kind: EntityTypeName = kind.parse().ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}
