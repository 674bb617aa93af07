//! Every change leaves one event, and nobody's details are in what cannot be erased.

use std::collections::BTreeMap;

use domain::{OrgRole, ProjectRole};
use identity::{KeyScope, ProviderEdit, ProviderEntry};
use store::{AuditFilter, AuditRow, Authority, Page, Scope};
use testkit::{Backend, each_backend};

use crate::house::{House, OTHER_PASSWORD, PASSWORD, code, home, secret};

fn everything() -> Page {
    Page::first(Page::MOST)
}

async fn log(house: &House, scope: &Scope) -> Vec<AuditRow> {
    house.store.drain().await.unwrap();
    let mut read = house.store.read(scope).await.unwrap();
    let mut rows = read.audit_list(&AuditFilter::default(), &everything()).await.unwrap().data;
    rows.sort_by_key(|row| row.seq);
    rows
}

async fn spine(house: &House) -> Vec<AuditRow> {
    house.store.drain().await.unwrap();
    let deployment = house.store.deployment(Authority::Sweep).await.unwrap();
    let mut read = deployment.read().await.unwrap();
    let mut rows = read.audit_list(&AuditFilter::default(), &everything()).await.unwrap().data;
    rows.sort_by_key(|row| row.seq);
    rows
}

/// Runs every use-case that changes an organization.
async fn a_busy_day(house: &House, owner: &Scope) {
    let identity = &house.identity;
    identity.organization_rename(owner, "Acme Holding").await.unwrap();
    let project = house.project(owner, "app").await;
    identity.project_rename(owner, project.id, "Payroll").await.unwrap();
    let bob = house.member(owner, "bob", OrgRole::Member).await;
    identity.member_role_change(owner, bob.user(), OrgRole::Admin).await.unwrap();
    identity.grant_set(owner, bob.user(), project.id, ProjectRole::Editor).await.unwrap();
    identity.grant_remove(owner, bob.user(), project.id).await.unwrap();
    let invited =
        identity.invitation_create(owner, "eve@example.org", OrgRole::Member).await.unwrap();
    identity.invitation_revoke(owner, invited.invitation.id).await.unwrap();
    let key = house.key(owner, &project, &[KeyScope::Inference]).await;
    let of = (domain::BudgetOf::Key(key.key.id), domain::Period::Day);
    let budget = identity.budget_set(owner, of, 5).await.unwrap();
    identity.budget_remove(owner, budget.id).await.unwrap();
    identity.key_revoke(owner, key.key.id).await.unwrap();
    let admin_key = house.admin_key(owner).await;
    identity.key_revoke(owner, admin_key.key.id).await.unwrap();
    let entry = ProviderEntry {
        catalog: "openai".to_owned(),
        name: Some("Grace's account".to_owned()),
        secret: Some(secret("sk-proj-secret-credential")),
        ..ProviderEntry::default()
    };
    let provider = identity.provider_create(owner, entry).await.unwrap();
    let edit = ProviderEdit { name: Some("Ours".to_owned()), ..ProviderEdit::default() };
    identity.provider_change(owner, provider.id, edit).await.unwrap();
    identity.provider_remove(owner, provider.id).await.unwrap();
    let alias = identity.alias_set(owner, "smart", "gpt-5.4").await.unwrap();
    identity.alias_remove(owner, alias.id).await.unwrap();
    identity.member_remove(owner, bob.user()).await.unwrap();
    identity.project_archive(owner, project.id).await.unwrap();
}

each_backend! {
    async fn every_change_of_an_organization_is_one_event_in_its_log(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        a_busy_day(&house, &owner).await;
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for row in log(&house, &owner).await {
            *counts.entry(row.action).or_default() += 1;
        }
        let expected = [
            ("admin_key.create", 1), ("admin_key.revoke", 1), ("alias.remove", 1), ("alias.set", 1),
            ("budget.remove", 1), ("budget.set", 1),
            ("grant.create", 1), ("grant.revoke", 1), ("invitation.revoke", 1), ("key.create", 1),
            ("key.revoke", 1), ("member.invite", 2), ("member.join", 1), ("member.remove", 1),
            ("member.role_change", 1), ("organization.change", 1), ("organization.create", 1),
            ("project.archive", 1), ("project.change", 1), ("project.create", 1),
            ("provider.change", 1), ("provider.create", 1), ("provider.remove", 1),
        ];
        let expected = expected.map(|(action, count)| (action.to_owned(), count));
        assert_eq!(counts, BTreeMap::from(expected));
    }

    async fn a_refused_change_leaves_none(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let before = log(&house, &owner).await.len();
        let bob = house.identity.invitation_create(&owner, "not an address", OrgRole::Member).await;
        assert_eq!(code(bob), "invalid_email");
        let alone = house.identity.member_remove(&owner, operator.user()).await;
        assert_eq!(code(alone), "last_owner");
        let same = house.identity.member_role_change(&owner, operator.user(), OrgRole::Owner).await;
        assert_eq!(code(same), "ok", "nothing to do");
        assert_eq!(log(&house, &owner).await.len(), before);
    }

    async fn the_accounts_own_events_are_in_the_spine(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.password_operator().await;
        let signed_in = house.sign_in("operator@example.org", PASSWORD, home()).await.unwrap();
        let other = house.session(&signed_in).await;
        house.identity.sign_out(&other).await.unwrap();
        drop(house.sign_in("operator@example.org", "wrong", home()).await);
        drop(house.sign_in("nobody@example.org", "wrong", home()).await);
        let (current, new) = (secret(PASSWORD), secret(OTHER_PASSWORD));
        let changed = house.identity.password_change(&operator, current, new, home()).await.unwrap();
        let fresh = house.session(&changed).await;
        house.identity.sign_out_everywhere(&fresh).await.unwrap();

        let rows = spine(&house).await;
        let told: Vec<_> = rows
            .iter()
            .map(|row| row.action.as_str())
            .filter(|action| ["operator", "session", "user"].iter().any(|of| action.starts_with(of)))
            .collect();
        assert_eq!(
            told,
            [
                "operator_link.create", "operator.create", "session.create", "session.end",
                "session.refuse", "session.refuse", "user.password_change", "session.end",
            ]
        );
        let refused: Vec<_> = rows.iter().filter(|row| row.action == "session.refuse").collect();
        assert_eq!(refused[0].facts, refused[1].facts, "an absent account looks the same");
        assert_eq!(refused[0].personal["address"], "192.0.2.1");
        assert_ne!(refused[0].personal["email_index"], refused[1].personal["email_index"]);
    }

    async fn what_cannot_be_erased_names_nobody(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        a_busy_day(&house, &owner).await;
        drop(house.sign_in("bob@example.org", "wrong", home()).await);
        drop(house.sign_in("bob@example.org", PASSWORD, home()).await);
        let mut rows = log(&house, &owner).await;
        rows.extend(spine(&house).await);
        for row in &rows {
            let kept = format!("{:?} {:?}", row.facts, row.targets);
            let people = ["example.org", "bob", "Ada", "Grace", "Payroll", "Acme", "192.0.2", "sk-", "usr_"];
            for text in people {
                assert!(!kept.contains(text), "{text} in {}: {kept}", row.action);
            }
        }
        let named = |action: &str| {
            rows.iter().find(|row| row.action == action).map(|row| row.personal.clone()).unwrap()
        };
        assert_eq!(named("provider.create")["name"], "Grace's account");
        assert_eq!(named("member.invite")["email"], "bob@example.org");
        assert_eq!(named("member.join")["name"], "bob");
        assert_eq!(named("project.change")["name"], "Payroll");
    }
}
