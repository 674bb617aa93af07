//! What holds of the policies for every caller, thing and rule there could be: proved by a solver, not tried on examples.
//!
//! A property is a ceiling: a policy set that allows everything but what must never happen. It holds when whatever our
//! policies allow, the ceiling allows too. Every mutant is a way to break the policies, and has to be found.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

mod properties;
mod solver;

use std::{collections::BTreeSet, str::FromStr as _};

use cedar_policy::{PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::{
    CedarSymCompiler, CompiledPolicy, CompiledPolicySet, solver::LocalSolver,
};

use properties::{MUTANTS, PROPERTIES};

const SCHEMA: &str = include_str!("../../policies/schema.cedarschema");
const RIGHTS: &str = include_str!("../../policies/rights.cedar");
const EGRESS: &str = include_str!("../../policies/egress.cedar");

/// What an organization could add: a `forbid` only.
const ADDED: &str = r#"
    forbid (principal is Member, action in Action::"write", resource) unless { principal.role == OrgRole::"owner" };
    forbid (principal is ApiKey, action, resource) when { !principal.scopes.contains(KeyScope::"models.read") };
    forbid (principal is Project, action == Action::"egress:send", resource is Route)
    unless { resource has country && resource.country == "DE" };
"#;

struct Prover {
    schema: Schema,
    compiler: CedarSymCompiler<LocalSolver>,
}

impl Prover {
    fn new() -> Self {
        let schema = Schema::from_str(SCHEMA).unwrap();
        Self { schema, compiler: CedarSymCompiler::new(solver::started()).unwrap() }
    }

    fn kinds_of_requests(&self) -> Vec<RequestEnv> {
        self.schema.request_envs().collect()
    }

    fn compiled(&self, policies: &PolicySet, kind: &RequestEnv) -> CompiledPolicySet {
        CompiledPolicySet::compile(policies, kind, &self.schema).unwrap()
    }

    /// The kinds of requests in which something is allowed by `policies` and not by `ceiling`.
    async fn beyond(&mut self, policies: &str, ceiling: &str) -> Vec<String> {
        let (policies, ceiling) = (set(policies), set(ceiling));
        let mut found = Vec::new();
        for kind in self.kinds_of_requests() {
            let (below, above) = (self.compiled(&policies, &kind), self.compiled(&ceiling, &kind));
            if !self.compiler.check_implies_opt(&below, &above).await.unwrap() {
                found.push(named(&kind));
            }
        }
        found
    }

    /// The policies that some request makes fail.
    async fn failing(&mut self, policies: &str) -> Vec<String> {
        let policies = set(policies);
        let mut found = Vec::new();
        for kind in self.kinds_of_requests() {
            for policy in policies.policies() {
                let compiled = CompiledPolicy::compile(policy, &kind, &self.schema).unwrap();
                if !self.compiler.check_never_errors_opt(&compiled).await.unwrap() {
                    found.push(policy.annotation("id").unwrap().to_owned());
                }
            }
        }
        found
    }
}

fn named(kind: &RequestEnv) -> String {
    format!("{} {}", kind.principal(), kind.action().id().unescaped())
}

fn set(policies: &str) -> PolicySet {
    PolicySet::from_str(policies).unwrap()
}

/// Everything that decides: what is decided apart is proved together.
fn all() -> String {
    [RIGHTS, EGRESS].join("\n")
}

/// Everything but what must never happen.
fn ceiling(never: &str) -> String {
    ["permit (principal, action, resource);", never].join("\n")
}

#[tokio::test]
async fn every_property_holds() {
    let mut prover = Prover::new();
    assert!(prover.kinds_of_requests().len() > 100, "every caller with every permission");
    for property in PROPERTIES {
        let found = prover.beyond(&all(), &ceiling(property.never)).await;
        assert!(found.is_empty(), "{}: {found:?}", property.name);
    }
}

#[tokio::test]
async fn every_mutant_is_found() {
    let mut prover = Prover::new();
    for mutant in MUTANTS {
        let broken = all().replacen(mutant.instead_of, mutant.stands, 1);
        assert_ne!(broken, all(), "{}: what it changes is not there", mutant.name);
        let property = PROPERTIES.iter().find(|one| one.name == mutant.breaks).unwrap();
        let found = prover.beyond(&broken, &ceiling(property.never)).await;
        assert!(!found.is_empty(), "{} does not break that {}", mutant.name, property.name);
    }
}

/// A policy set that allows nothing has every property. What anybody of a kind may do is what people have reviewed.
#[tokio::test]
async fn whoever_should_be_allowed_something_can_be() {
    let mut prover = Prover::new();
    let policies = set(&all());
    let mut allowed = BTreeSet::new();
    for kind in prover.kinds_of_requests() {
        let compiled = prover.compiled(&policies, &kind);
        if !prover.compiler.check_always_denies_opt(&compiled).await.unwrap() {
            allowed.insert(named(&kind));
        }
    }
    let mut reviewed: BTreeSet<String> = include_str!("../permission_matrix.csv")
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(','))
        .flat_map(|(permission, roles)| {
            roles.split(' ').map(move |role| format!("{} {permission}", kind_of(role)))
        })
        .collect();
    reviewed.extend(["ApiKey models.read", "Project egress:send"].map(str::to_owned));
    assert_eq!(allowed, reviewed);
}

/// What a role of the published matrix is to the policies.
fn kind_of(role: &str) -> &'static str {
    match role {
        "anonymous" => "Anonymous",
        "person" | "operator" => "Person",
        "api_key" | "api_key.models" => "ApiKey",
        "admin_key" => "AdminKey",
        role if role.starts_with("organization.") || role.starts_with("project.") => "Member",
        other => panic!("{other} is no role of the matrix"),
    }
}

/// An organization's own policies only narrow: whatever is allowed with a `forbid` more was allowed before.
#[tokio::test]
async fn a_forbid_more_only_narrows_and_a_permit_more_is_found() {
    let mut prover = Prover::new();
    let base = all();
    let narrowed = [base.as_str(), ADDED].join("\n");
    assert_eq!(prover.beyond(&narrowed, &base).await, Vec::<String>::new());
    assert!(!prover.beyond(&base, &narrowed).await.is_empty(), "it does narrow");
    let widened =
        [&base, r#"permit (principal is Member, action == Action::"audit.read", resource);"#];
    assert_eq!(prover.beyond(&widened.join("\n"), &base).await, ["Member audit.read"]);
}

/// Rights and egress are evaluated apart: together they say the same.
#[tokio::test]
async fn rights_and_egress_do_not_meddle_with_each_other() {
    let mut prover = Prover::new();
    let together = set(&all());
    let apart = [(set(RIGHTS), false), (set(EGRESS), true)];
    for kind in prover.kinds_of_requests() {
        let leaving = kind.action().id().unescaped() == "egress:send";
        let (alone, _) = apart.iter().find(|(_, egress)| *egress == leaving).unwrap();
        let (first, second) = (prover.compiled(&together, &kind), prover.compiled(alone, &kind));
        assert!(prover.compiler.check_equivalent_opt(&first, &second).await.unwrap());
    }
}

/// Cedar passes over a policy that fails, a `forbid` too: none can.
#[tokio::test]
async fn no_policy_fails_on_anything() {
    let mut prover = Prover::new();
    assert_eq!(prover.failing(&all()).await, Vec::<String>::new());
    let late = "resource.retentionDays > principal.maxRetentionDays + 1";
    let failing = all().replace("resource.retentionDays > principal.maxRetentionDays", late);
    assert_eq!(prover.failing(&failing).await, ["retention"], "a sum has an end");
}
