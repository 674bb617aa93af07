//! What must never happen, in Cedar, and what would make it happen.

pub(crate) struct Property {
    pub(crate) name: &'static str,
    /// Forbids exactly what must never be allowed.
    pub(crate) never: &'static str,
}

pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) instead_of: &'static str,
    pub(crate) stands: &'static str,
    /// The name of the property that it breaks.
    pub(crate) breaks: &'static str,
}

const KEYS_STAY: &str = "no key touches what is another organization's or project's";
const SCOPES: &str = "a key does nothing that its scopes do not name";
const PEOPLE_STAY: &str = "nobody touches what is another organization's";
const FACTOR: &str = "what admins, owners and operators do takes a second factor";
const VIEWERS: &str = "viewers and plain members never write";
const NOBODY: &str = "nobody does anything without signing in";
const TRAINING: &str =
    "nothing goes to a provider that trains without opt-in, and no health data ever";
const PLACES: &str = "nothing leaves the allowed places";
const HEALTH: &str = "health data goes to nobody else without an agreement";
const TERMS: &str = "nothing goes where it is kept for too long or to whom is ruled out";

pub(crate) const PROPERTIES: &[Property] = &[
    Property {
        name: KEYS_STAY,
        never: r#"
            forbid (principal is ApiKey, action, resource is Organization);
            forbid (principal is ApiKey, action, resource is Project)
            unless { resource == principal.project && resource in principal.organization };
            forbid (principal is AdminKey, action, resource is Organization)
            unless { resource == principal.organization };
            forbid (principal is AdminKey, action, resource is Project)
            unless { resource in principal.organization };
        "#,
    },
    Property {
        name: SCOPES,
        never: r#"
            forbid (principal is ApiKey, action, resource)
            unless {
              action == Action::"public" ||
              (action == Action::"inference" && principal.scopes.contains(KeyScope::"inference")) ||
              (action == Action::"models.read" && !principal.scopes.isEmpty())
            };
            forbid (principal is AdminKey, action, resource)
            when {
              action in
                [Action::"inference", Action::"models.read", Action::"admin_keys.manage",
                 Action::"deployment.manage"]
            };
        "#,
    },
    Property {
        name: PEOPLE_STAY,
        never: r#"
            forbid (principal is Person, action, resource is Organization);
            forbid (principal is Person, action, resource is Project);
            forbid (principal is Member, action, resource is Organization)
            unless { resource == principal.organization };
            forbid (principal is Member, action, resource is Project)
            unless { resource in principal.organization };
        "#,
    },
    Property {
        name: FACTOR,
        // By name: a permission in the wrong group is found too.
        never: r#"
            forbid (principal is Person, action == Action::"deployment.manage", resource)
            unless { principal.strong };
            forbid (principal is Member, action, resource)
            when {
              !principal.strong &&
              [Action::"organization.manage", Action::"members.manage", Action::"projects.manage",
               Action::"providers.manage", Action::"budgets.manage", Action::"audit.read",
               Action::"admin_keys.manage", Action::"grants.manage", Action::"deployment.manage"]
                .contains(action)
            };
            forbid (principal is Member, action, resource is Project)
            when {
              !principal.strong &&
              !(principal.views.contains(resource) || principal.edits.contains(resource) ||
                principal.owns.contains(resource))
            };
        "#,
    },
    Property {
        name: VIEWERS,
        never: r#"
            forbid (principal is Member, action, resource is Project)
            when {
              principal.role == OrgRole::"member" &&
              !principal.edits.contains(resource) && !principal.owns.contains(resource)
            }
            unless {
              [Action::"project.read", Action::"usage.read", Action::"keys.read"].contains(action)
            };
            forbid (principal is Member, action, resource is Organization)
            when { principal.role == OrgRole::"member" }
            unless {
              [Action::"organization.read", Action::"members.read", Action::"projects.read",
               Action::"providers.read"].contains(action)
            };
        "#,
    },
    Property {
        name: NOBODY,
        never: r#"
            forbid (principal is Anonymous, action, resource) unless { action == Action::"public" };
        "#,
    },
    Property {
        name: TRAINING,
        never: r#"
            forbid (principal is Project, action == Action::"egress:send", resource is Route)
            when { !principal.allowsTraining || principal.healthData }
            unless { resource has trains && !resource.trains };
        "#,
    },
    Property {
        name: PLACES,
        never: r#"
            forbid (principal is Project, action == Action::"egress:send", resource is Route)
            when { principal has places }
            unless { resource has place && principal.places.contains(resource.place) };
        "#,
    },
    Property {
        name: HEALTH,
        never: r#"
            forbid (principal is Project, action == Action::"egress:send", resource is Route)
            when { principal.healthData }
            unless { resource.own || resource.agreedOnHealthData };
        "#,
    },
    Property {
        name: TERMS,
        never: r#"
            forbid (principal is Project, action == Action::"egress:send", resource is Route)
            when { principal has maxRetentionDays }
            unless { resource has retentionDays && resource.retentionDays <= principal.maxRetentionDays };
            forbid (principal is Project, action == Action::"egress:send", resource is Route)
            when {
              principal.deniedProviders.contains(resource.provider) ||
              (principal has onlyProviders && !principal.onlyProviders.contains(resource.provider)) ||
              (resource has country && principal.deniedCountries.contains(resource.country))
            };
        "#,
    },
];

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a key is not held to its project",
        instead_of: "unless { resource == principal.project && resource in principal.organization }",
        stands: "unless { resource in principal.organization }",
        breaks: KEYS_STAY,
    },
    Mutant {
        name: "the border of admin keys is gone",
        instead_of: "forbid (principal is AdminKey, action, resource is Project)\nunless { resource in principal.organization };",
        stands: "forbid (principal is AdminKey, action, resource is Project)\nwhen { false };",
        breaks: KEYS_STAY,
    },
    Mutant {
        name: "any scope will do",
        instead_of: "when { principal.scopes.contains(KeyScope::\"inference\") }",
        stands: "unless { principal.scopes.isEmpty() }",
        breaks: SCOPES,
    },
    Mutant {
        name: "a grant reaches into another organization",
        instead_of: "forbid (principal is Member, action in Action::\"project\", resource is Project)\nunless { resource in principal.organization };",
        stands: "forbid (principal is Member, action in Action::\"project\", resource is Project)\nwhen { false };",
        breaks: PEOPLE_STAY,
    },
    Mutant {
        name: "admins of projects need no second factor",
        instead_of: "when { principal.strong && (",
        stands: "when { true && (",
        breaks: FACTOR,
    },
    Mutant {
        name: "operators need no second factor",
        instead_of: "forbid (principal is Person, action in Action::\"second_factor\", resource)\nunless { principal.strong };",
        stands: "forbid (principal is Person, action in Action::\"second_factor\", resource)\nwhen { false };",
        breaks: FACTOR,
    },
    Mutant {
        name: "whoever views may edit",
        instead_of: "when { principal.edits.contains(resource) || principal.owns.contains(resource) };",
        stands: "when { principal.edits.contains(resource) || principal.views.contains(resource) };",
        breaks: VIEWERS,
    },
    Mutant {
        name: "opt-in counts for health data",
        instead_of: "(!principal.allowsTraining || principal.healthData)",
        stands: "!principal.allowsTraining",
        breaks: TRAINING,
    },
    Mutant {
        name: "not to say is not to train",
        instead_of: "unless { resource has trains || (principal.allowsTraining && !principal.healthData) };",
        stands: "unless { true };",
        breaks: TRAINING,
    },
    Mutant {
        name: "an unknown place is an allowed one",
        instead_of: "when { principal has places }\nunless { resource has place };",
        stands: "when { principal has places && resource has place && false };",
        breaks: PLACES,
    },
    Mutant {
        name: "health data needs no agreement",
        instead_of: "!resource.own && !resource.agreedOnHealthData",
        stands: "!resource.own && resource.agreedOnHealthData",
        breaks: HEALTH,
    },
    Mutant {
        name: "a day too long is not too long",
        instead_of: "resource.retentionDays > principal.maxRetentionDays",
        stands: "resource.retentionDays > principal.maxRetentionDays + 1",
        breaks: TERMS,
    },
];
