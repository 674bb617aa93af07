//! The reviewed list of tables against the live catalogue of both engines (invariants 1 and 6).

use std::collections::{BTreeMap, BTreeSet};

use domain::{Action, DataClass, OrgRole, Protocol, Secret, UserId};
use store::{Authority, NewInvitation, NewProvider, NewUser, NewWebhook, Owner, TABLES};
use testkit::{Backend, each_backend};

use crate::{
    content,
    fixture::{event, house, later},
    outside,
};

const LINT: &str = include_str!("lint.sql");

fn listed() -> BTreeSet<String> {
    TABLES
        .iter()
        .flat_map(|table| {
            table.columns.iter().map(|(column, _)| format!("{}.{column}", table.name))
        })
        .collect()
}

fn names(owner: Owner) -> Vec<&'static str> {
    TABLES.iter().filter(|table| table.owner == owner).map(|table| table.name).collect()
}

async fn live(backend: &Backend) -> BTreeSet<String> {
    let sql = if backend.is_postgres() {
        "select table_name || '.' || column_name from information_schema.columns where table_schema = 'public'"
    } else {
        "select m.name || '.' || c.name from sqlite_master m join pragma_table_info(m.name) c \
         where m.type = 'table' and m.name not like 'sqlite\\_%' escape '\\'"
    };
    outside::rows(backend, sql).await.into_iter().collect()
}

each_backend! {
    async fn every_column_is_on_the_reviewed_list(backend: Backend) {
        backend.open().await;
        let (live, listed) = (live(&backend).await, listed());
        let missing: Vec<_> = live.difference(&listed).collect();
        let gone: Vec<_> = listed.difference(&live).collect();
        assert!(missing.is_empty(), "not listed in schema.rs: {missing:?}");
        assert!(gone.is_empty(), "listed but not in the database: {gone:?}");
    }

    async fn sealed_columns_hold_ciphertext(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let deployment = store.deployment(Authority::SignIn).await.unwrap();
        let id = UserId::new(store.clock().now());
        let secret = Secret::new("canary password".to_owned());
        let password = deployment.passwords().unwrap().hash(id, &secret).unwrap();
        let mut write = deployment.write().await.unwrap();
        let email = "canary@example.org".to_owned();
        let new = NewUser { id, email, name: "Canary".into(), password: Some(password), operator: false };
        write.user_create(new).await.unwrap();
        write.commit(event(Action::UserCreate).personal("email", "canary@example.org")).await.unwrap();
        let mut write = store.write(&made.scope).await.unwrap();
        let invitation = NewInvitation {
            email: "canary@example.org".into(),
            role: OrgRole::Member,
            digest: [9; 32],
            expires: later(&store, 60),
        };
        write.invitation_create(invitation).await.unwrap();
        let provider = NewProvider {
            catalog: "custom".into(),
            name: "P".into(),
            protocol: Protocol::OpenAi,
            base_url: "https://x.example".into(),
            secret: Some(Secret::new("canary secret key".into())),
            models: vec![],
            region: None,
            allow_private: false,
            contract: None,
            contract_until: None,
            baa: None,
            terms: None,
        };
        write.provider_create(provider).await.unwrap();
        write.commit(event(Action::ProviderCreate).personal("name", "Canary")).await.unwrap();
        store.set_mail(Some("sender@example.org".to_owned()));
        let mut write = store.write(&made.scope).await.unwrap();
        let webhook = NewWebhook {
            name: "W".into(),
            url: Secret::new("https://x.example/canary".into()),
            host: "x.example".into(),
            secret: Secret::new("canary of a webhook".into()),
            allow_private: false,
        };
        let webhook = write.webhook_create(webhook).await.unwrap();
        write.webhook_test(webhook.id).await.unwrap();
        write.commit(event(Action::WebhookCreate)).await.unwrap();
        let mut write = deployment.write().await.unwrap();
        write.subscriber_ask("canary@example.org", &[7; 32]).await.unwrap();
        write.commit(event(Action::SubscriberAdd)).await.unwrap();
        let scope = content::caller(&store, &made).await;
        let input = content::file(&store, &scope, &made, None).await;
        content::batch(&store, &scope, &made, input.id).await;
        store.drain().await.unwrap();

        let canary = hex::encode("anary");
        let mut seen: BTreeMap<DataClass, usize> = BTreeMap::new();
        for (table, column, class) in store::sealed_columns() {
            for value in outside::bytes(&backend, table, column).await {
                assert!(value.starts_with("0101"), "{table}.{column} is not sealed");
                assert!(!value.contains(&canary), "{table}.{column} holds plain text");
                *seen.entry(class).or_default() += 1;
            }
        }
        let unseen: Vec<_> = DataClass::ALL
            .iter()
            .filter(|class| class.sealed() && !seen.contains_key(class))
            .collect();
        assert!(unseen.is_empty(), "the test wrote nothing of {unseen:?}");
    }
}

/// Rows of the lint, with the list of tenants' tables filled in.
fn lint(backend: &Backend) -> Vec<String> {
    let quoted =
        |owner| names(owner).iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(",");
    let sql = LINT
        .replace("{tenant}", &quoted(Owner::Tenant))
        .replace("{deployment}", &quoted(Owner::Deployment));
    backend.database().sql(&sql).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_postgres_catalogue_is_clean() {
    let backend = Backend::postgres().await;
    assert_eq!(lint(&backend), Vec::<String>::new());
}

/// Every rule finds a planted defect.
#[tokio::test]
async fn the_lint_finds_what_it_looks_for() {
    for (defect, finding) in [
        ("create table stray (id uuid)", "unlisted_table|stray"),
        ("alter table member disable row level security", "rls_not_enabled|member"),
        ("alter table member no force row level security", "rls_not_forced|member"),
        (
            "alter table usage drop constraint usage_pkey; alter table usage alter column org_id drop not null",
            "org_id_nullable|usage",
        ),
        ("drop policy tenant on member", "policy_missing_or_odd|member"),
        ("alter policy tenant on member using (true)", "policy_missing_or_odd|member"),
        ("create policy more on member using (true)", "extra_permissive_policy|member"),
        (
            "alter table project add column u uuid references \"user\" (id)",
            "fk_without_org_id: project_u_fkey|project",
        ),
        ("create unique index bare on project (id)", "unique_without_org_id: bare|project"),
        ("create view v as select * from member", "view_not_security_invoker|v"),
        ("create materialized view mv as select 1", "matview|mv"),
        ("grant truncate on member to probity_app", "app_role_grant_truncate|member"),
        ("grant update on evidence to probity_app", "append_only_grant_update|evidence"),
        (
            "create function f() returns int security definer language sql as 'select 1'",
            "security_definer_function|f",
        ),
        ("alter table member owner to probity_app", "app_role_owns|member"),
        (
            "alter table audit_entry disable trigger audit_entry_update",
            "append_only_trigger_off|audit_entry",
        ),
    ] {
        let backend = Backend::postgres().await;
        backend.database().sql(defect);
        let found = lint(&backend);
        assert!(found.iter().any(|row| row == finding), "{defect}: {found:?}");
    }
}

#[tokio::test]
async fn sqlite_keys_and_references_carry_the_organization() {
    let backend = Backend::sqlite();
    backend.open().await;
    for table in names(Owner::Tenant) {
        let keys = format!(
            "select l.name || ':' || group_concat(c.name) from pragma_index_list('{table}') l \
             join pragma_index_info(l.name) c where l.\"unique\" group by l.name"
        );
        for index in outside::rows(&backend, &keys).await {
            assert!(index.contains(":org_id"), "{table}: {index}");
        }
        let references = format!(
            "select \"table\" || ':' || group_concat(\"from\") from pragma_foreign_key_list('{table}') group by id"
        );
        for reference in outside::rows(&backend, &references).await {
            let (to, columns) = reference.split_once(':').unwrap();
            // People belong to the deployment: a member refers to one by the id alone.
            assert!(to == "user" || columns.contains("org_id"), "{table}: {reference}");
        }
    }
}
