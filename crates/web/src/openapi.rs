//! The API description, OpenAPI 3.1, made from the route table and the schemas of the types that handlers use.

use std::collections::BTreeMap;

use domain::{Permission, Rule};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{RouteInfo, Surface};

/// A type's schema, ready to be asked for.
#[derive(Clone, Copy, Debug)]
pub struct SchemaOf {
    name: fn() -> String,
    own: fn() -> RefOr<Schema>,
    parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl SchemaOf {
    #[must_use]
    pub fn of<T: ToSchema + PartialSchema>() -> Self {
        Self { name: || T::name().into_owned(), own: T::schema, parts: T::schemas }
    }
}

/// What an endpoint answers with.
#[derive(Clone, Copy, Debug)]
pub enum Answers {
    Nothing,
    One(SchemaOf),
    /// `{"data": […], "next": null}`.
    List(SchemaOf),
    /// A file of this media type.
    File(&'static str),
}

/// What the description says about an endpoint.
#[derive(Clone, Debug)]
pub struct Operation {
    pub summary: &'static str,
    /// Names and meanings of the query's fields.
    pub query: Vec<(&'static str, &'static str)>,
    pub body: Option<SchemaOf>,
    /// The media type of a body that is a file.
    pub sends: Option<&'static str>,
    pub status: u16,
    pub answers: Answers,
}

impl Operation {
    #[must_use]
    pub const fn new(summary: &'static str) -> Self {
        Self {
            summary,
            query: Vec::new(),
            body: None,
            sends: None,
            status: 200,
            answers: Answers::Nothing,
        }
    }

    #[must_use]
    pub const fn sends(mut self, kind: &'static str) -> Self {
        self.sends = Some(kind);
        self
    }

    #[must_use]
    pub fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Some(SchemaOf::of::<T>());
        self
    }

    #[must_use]
    pub fn gives<T: ToSchema>(mut self) -> Self {
        self.answers = Answers::One(SchemaOf::of::<T>());
        self
    }

    #[must_use]
    pub fn creates<T: ToSchema>(mut self) -> Self {
        self.status = 201;
        self.gives::<T>()
    }

    #[must_use]
    pub fn lists<T: ToSchema>(mut self) -> Self {
        self.answers = Answers::List(SchemaOf::of::<T>());
        self.query.push(("after", "The `next` of the part before"));
        self.query.push(("limit", "Rows at most, up to 500"));
        self
    }

    #[must_use]
    pub const fn removes(mut self) -> Self {
        self.status = 204;
        self
    }

    #[must_use]
    pub const fn file(mut self, kind: &'static str) -> Self {
        self.answers = Answers::File(kind);
        self
    }

    #[must_use]
    pub fn query(mut self, name: &'static str, meaning: &'static str) -> Self {
        self.query.push((name, meaning));
        self
    }
}

/// The whole document.
#[must_use]
pub(crate) fn document(table: &[RouteInfo]) -> Value {
    let mut schemas = BTreeMap::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in table.iter().filter(|route| route.surface == Surface::Api) {
        let Some(operation) = &route.operation else { continue };
        let described = describe(route, operation, &mut schemas);
        paths.entry(route.path).or_default().insert(route.method.to_lowercase(), described);
    }
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Probity control plane",
            "version": crate::VERSION,
            "description": "Errors are problem details (RFC 9457) with a stable `code`. Lists are `{\"data\": [], \"next\": null}`; give `next` as `after`. An id of another organization answers like one that does not exist.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "adminKey": { "type": "http", "scheme": "bearer", "description": "An admin key of the organization" },
                "session": { "type": "apiKey", "in": "cookie", "name": "__Host-probity", "description": "The session cookie of the pages; named probity-session over plain HTTP on loopback" },
            },
        },
    })
}

fn describe(
    route: &RouteInfo,
    operation: &Operation,
    schemas: &mut BTreeMap<String, Value>,
) -> Value {
    let mut described = json!({
        "summary": operation.summary,
        "operationId": operation_id(route),
        "parameters": parameters(route, operation),
        "x-permission": route.permission.as_str(),
        "responses": {
            operation.status.to_string(): answer(operation, schemas),
            "default": {
                "description": "A problem",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            },
        },
    });
    if let Some(body) = operation.body {
        let schema = reference(body, schemas);
        put(
            &mut described,
            "requestBody",
            json!({ "required": true, "content": { "application/json": { "schema": schema } } }),
        );
    }
    if let Some(kind) = operation.sends {
        put(&mut described, "requestBody", json!({ "required": true, "content": { kind: {} } }));
    }
    if let Some(security) = security(route.permission) {
        put(&mut described, "security", security);
    }
    described
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn security(permission: Permission) -> Option<Value> {
    match permission.rule() {
        Rule::Public => None,
        _ => Some(json!([{ "adminKey": [] }, { "session": [] }])),
    }
}

/// `GET /api/v1/keys/{key}` is `get_keys_key`.
fn operation_id(route: &RouteInfo) -> String {
    let path = route.path.trim_start_matches("/api/v1/").trim_start_matches("/api/");
    let words: String = path
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
        .collect();
    let words: Vec<_> = words.split('_').filter(|word| !word.is_empty()).collect();
    format!("{}_{}", route.method.to_lowercase(), words.join("_"))
}

fn parameters(route: &RouteInfo, operation: &Operation) -> Vec<Value> {
    let in_path =
        route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let one = |name: &str, place: &str, meaning: &str| json!({ "name": name, "in": place, "required": place == "path", "description": meaning, "schema": { "type": "string" } });
    in_path
        .map(|name| one(name, "path", "Id, or short name where the thing has one"))
        .chain(operation.query.iter().map(|(name, meaning)| one(name, "query", meaning)))
        .collect()
}

fn answer(operation: &Operation, schemas: &mut BTreeMap<String, Value>) -> Value {
    match operation.answers {
        Answers::Nothing => json!({ "description": "Done" }),
        Answers::File(kind) => json!({ "description": "The file", "content": { kind: {} } }),
        Answers::One(schema) => {
            let schema = reference(schema, schemas);
            json!({ "description": "The thing", "content": { "application/json": { "schema": schema } } })
        }
        Answers::List(schema) => {
            let items = reference(schema, schemas);
            let list = json!({
                "type": "object",
                "required": ["data", "next"],
                "properties": {
                    "data": { "type": "array", "items": items },
                    "next": { "type": ["string", "null"], "description": "Give it as `after` for the next part" },
                },
            });
            json!({ "description": "A part of the list", "content": { "application/json": { "schema": list } } })
        }
    }
}

/// Puts a schema and everything it mentions among the components, and points there.
fn reference(schema: SchemaOf, schemas: &mut BTreeMap<String, Value>) -> Value {
    let name = (schema.name)();
    let mut parts = vec![(name.clone(), (schema.own)())];
    (schema.parts)(&mut parts);
    for (name, part) in parts {
        schemas.entry(name).or_insert_with(|| serde_json::to_value(part).unwrap_or_default());
    }
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "code", "request"],
        "properties": {
            "type": { "type": "string", "const": "about:blank" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What went wrong and what to do; never content" },
            "code": { "type": "string", "description": "Stable; programs may match on it" },
            "request": { "type": "string", "description": "The request's id, for questions about it" },
        },
    })
}
