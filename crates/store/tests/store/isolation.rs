//! One organization against another: nothing of a foreign one is seen, changed, or told from what does not exist.

use domain::{
    Action, AliasId, InvitationId, KeyId, OrgRole, ProjectId, ProjectRole, Protocol, ProviderId,
    RequestId, Secret, Timestamp, UserId,
};
use store::{NewInvitation, NewKey, NewProvider, Page, ProviderChange, Scope, Store, UsageFilter};
use testkit::{Backend, each_backend};

use crate::fixture::{House, event, house, key, later, member};

/// Ids to attack with: another organization's, or nobody's.
#[derive(Clone, Copy)]
struct Ids {
    project: ProjectId,
    key: KeyId,
    provider: ProviderId,
    alias: AliasId,
    invitation: InvitationId,
    user: UserId,
    request: RequestId,
}

fn nobody() -> Ids {
    let at = Timestamp::from_millis(1_700_000_000_000);
    Ids {
        project: ProjectId::new(at),
        key: KeyId::new(at),
        provider: ProviderId::new(at),
        alias: AliasId::new(at),
        invitation: InvitationId::new(at),
        user: UserId::new(at),
        request: RequestId::new(at),
    }
}

/// Fills a house with one of everything.
async fn furnish(store: &Store, house: &House) -> Ids {
    let (row, _) = key(store, house).await;
    let name = format!("{}-helper", house.organization.slug);
    let helper = member(store, house, &name, OrgRole::Member).await;
    let store::Principal::User { id: user, .. } = *helper.principal() else { panic!("a person") };
    let mut write = store.write(&house.scope).await.unwrap();
    let provider = NewProvider {
        catalog: "custom".into(),
        name: "P".into(),
        protocol: Protocol::OpenAi,
        base_url: "https://x.example".into(),
        secret: Some(Secret::new("sk-0123456789abcdef".into())),
        models: vec![],
        region: None,
        allow_private: false,
        contract: None,
        contract_until: None,
        baa: None,
        terms: None,
    };
    let provider = write.provider_create(provider).await.unwrap().id;
    let alias = write.alias_set("fast", "m").await.unwrap().id;
    let invitation = NewInvitation {
        email: format!("{}-guest@example.org", house.organization.slug),
        role: OrgRole::Member,
        digest: vault::sha256(house.organization.slug.as_bytes()),
        expires: later(store, 600),
    };
    let invitation = write.invitation_create(invitation).await.unwrap().id;
    write.grant_set(user, house.project.id, ProjectRole::Viewer).await.unwrap();
    write.commit(event(Action::ProviderCreate)).await.unwrap();
    let request = RequestId::new(store.clock().now());
    Ids { project: house.project.id, key: row.id, provider, alias, invitation, user, request }
}

fn said<T>(result: domain::Result<T>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("{:?} {} {error}", error.kind(), error.code()),
    }
}

/// Tries each call with `ids` as `scope`; every change is dropped.
async fn attack(
    store: &Store,
    scope: &Scope,
    mine: &House,
    ids: Ids,
) -> Vec<(&'static str, String)> {
    let mut heard = Vec::new();
    macro_rules! read { ($($name:ident($($argument:expr),*)),* $(,)?) => {$(
        let mut read = store.read(scope).await.unwrap();
        heard.push((stringify!($name), said(read.$name($($argument),*).await)));
        drop(read);
    )*}; }
    macro_rules! write { ($($name:ident($($argument:expr),*)),* $(,)?) => {$(
        let mut write = store.write(scope).await.unwrap();
        heard.push((stringify!($name), said(write.$name($($argument),*).await)));
        drop(write);
    )*}; }
    read!(
        project_fetch(ids.project),
        key_fetch(ids.key),
        provider_fetch(ids.provider),
        member_fetch(ids.user),
        receipt_fetch(ids.request),
    );
    write!(
        project_rename(ids.project, "mine"),
        project_archive(ids.project),
        key_revoke(ids.key),
        provider_change(ids.provider, ProviderChange::default()),
        provider_remove(ids.provider),
        alias_remove(ids.alias),
        invitation_revoke(ids.invitation),
        member_role_set(ids.user, OrgRole::Admin),
        member_remove(ids.user),
        grant_set(mine.owner, ids.project, ProjectRole::Owner),
        grant_set(ids.user, mine.project.id, ProjectRole::Owner),
        grant_remove(ids.user, ids.project),
        key_create(NewKey {
            project: Some(ids.project),
            name: "mine".into(),
            digest: [7; 32],
            handle: "handle".into(),
            last_four: "1234".into(),
            scopes: vec![],
            requests_per_minute: None,
            expires: None,
        }),
    );
    heard
}

/// Everything an owner can see.
async fn view(store: &Store, scope: &Scope) -> String {
    let page = Page::default();
    let mut read = store.read(scope).await.unwrap();
    let project = read.project_by_slug("main").await.unwrap().id;
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        read.organization().await.unwrap(),
        read.projects_list(&page).await.unwrap(),
        read.members_list(&page).await.unwrap(),
        read.keys_list(Some(project), &page).await.unwrap(),
        read.providers_list().await.unwrap(),
        read.aliases_list().await.unwrap(),
        read.invitations_list().await.unwrap(),
        read.grants_of_project(project).await.unwrap(),
        read.usage_summary(&UsageFilter::default()).await.unwrap(),
    )
}

each_backend! {
    async fn a_foreign_id_answers_as_one_that_does_not_exist(backend: Backend) {
        let store = backend.open().await;
        let (one, two) = (house(&store, "one").await, house(&store, "two").await);
        let ids = furnish(&store, &one).await;
        furnish(&store, &two).await;
        let before = view(&store, &one.scope).await;

        let foreign = attack(&store, &two.scope, &two, ids).await;
        let absent = attack(&store, &two.scope, &two, nobody()).await;
        assert_eq!(foreign, absent);
        for (call, heard) in &foreign {
            assert!(heard.starts_with("NotFound"), "{call}: {heard}");
        }
        let own = attack(&store, &one.scope, &one, ids).await;
        let refused: Vec<_> = own.iter().filter(|(_, heard)| heard != "done").collect();
        assert_eq!(refused.len(), 1, "only the receipt is not there: {refused:?}");
        assert_eq!(view(&store, &one.scope).await, before);
    }

    async fn lists_hold_nothing_foreign(backend: Backend) {
        let store = backend.open().await;
        let (one, two) = (house(&store, "one").await, house(&store, "two").await);
        let ids = furnish(&store, &one).await;
        let page = Page::default();
        let mut read = store.read(&two.scope).await.unwrap();
        assert_eq!(read.projects_list(&page).await.unwrap().data, vec![two.project.clone()]);
        assert_eq!(read.members_list(&page).await.unwrap().data.len(), 1);
        assert!(read.keys_list(Some(ids.project), &page).await.unwrap().data.is_empty());
        assert!(read.keys_list(None, &page).await.unwrap().data.is_empty());
        assert!(read.providers_list().await.unwrap().is_empty());
        assert!(read.aliases_list().await.unwrap().is_empty());
        assert!(read.invitations_list().await.unwrap().is_empty());
        assert!(read.grants_of_project(ids.project).await.unwrap().is_empty());
        assert!(read.grants_of_member(ids.user).await.unwrap().is_empty());
        let filter = UsageFilter { project: Some(ids.project), ..UsageFilter::default() };
        assert!(read.usage_list(&filter, &page).await.unwrap().data.is_empty());
        drop(read);
        assert!(store.routing(&two.scope).await.unwrap().providers.is_empty());
        assert_eq!(store.routing(&one.scope).await.unwrap().providers.len(), 1);
    }

    async fn work_that_is_broken_off_leaves_no_scope_behind(backend: Backend) {
        let store = backend.open().await;
        let (one, two) = (house(&store, "one").await, house(&store, "two").await);
        for round in 0..120u64 {
            let (victim, next) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
            let broken = async {
                let mut write = store.write(&victim.scope).await?;
                write.project_rename(victim.project.id, "broken").await?;
                write.projects_list(&Page::default()).await
            };
            drop(tokio::time::timeout(std::time::Duration::from_micros(round * 25), broken).await);
            let mut read = store.read(&next.scope).await.unwrap();
            let seen = read.projects_list(&Page::default()).await.unwrap().data;
            assert_eq!(seen, vec![next.project.clone()], "round {round}");
        }
    }
}

/// A value that is moved to another row or organization does not open.
#[tokio::test]
async fn a_moved_ciphertext_does_not_open() {
    let backend = Backend::postgres().await;
    let store = backend.open().await;
    let (one, two) = (house(&store, "one").await, house(&store, "two").await);
    furnish(&store, &one).await;
    furnish(&store, &two).await;
    backend
        .database()
        .sql("update provider p set secret = q.secret from provider q where p.org_id <> q.org_id");
    for scope in [&one.scope, &two.scope] {
        let error = store.routing(scope).await.unwrap_err();
        assert_eq!(error.kind(), domain::Kind::Internal);
    }
}

/// What the database itself refuses to the application's role, whatever statement a defect may let through.
#[tokio::test]
async fn the_database_repeats_the_isolation() {
    let backend = Backend::postgres().await;
    let store = backend.open().await;
    let (one, two) = (house(&store, "one").await, house(&store, "two").await);
    furnish(&store, &one).await;
    furnish(&store, &two).await;
    let database = backend.database();
    let (one, two) = (one.organization.id.uuid(), two.organization.id.uuid());
    let tenants = store::TABLES.iter().filter(|table| table.owner == store::Owner::Tenant);
    for table in tenants.map(|table| table.name) {
        let count = format!("select count(*) from \"{table}\"");
        assert_eq!(database.sql_as_app(&count).as_deref(), Ok("0"), "{table} without a scope");
        let scoped = format!(
            "set app.org = '{two}'; select count(*) from \"{table}\" where org_id = '{one}'"
        );
        assert_eq!(database.sql_as_app(&scoped).as_deref(), Ok("0"), "{table} of another");
    }
    let scoped = |sql: &str| database.sql_as_app(&format!("set app.org = '{two}'; {sql}"));
    let changed = scoped(&format!(
        "with hit as (update project set name = 'x' where org_id = '{one}' returning 1) select count(*) from hit"
    ));
    assert_eq!(changed.as_deref(), Ok("0"));
    let gone = scoped(&format!(
        "with hit as (delete from alias where org_id = '{one}' returning 1) select count(*) from hit"
    ));
    assert_eq!(gone.as_deref(), Ok("0"));
    let foreign = database.sql(&format!("select id from project where org_id = '{one}'"));
    let refused = |sql: &str, why: &str| {
        let heard = scoped(sql).expect_err(sql);
        assert!(heard.contains(why), "{sql}: {heard}");
    };
    let alias = "gen_random_uuid(), 'x', 'y', 0, 0";
    refused(&format!("insert into alias values ('{one}', {alias})"), "row-level security");
    refused(
        &format!(
            "insert into api_key (org_id, id, project_id, name, handle, last_four, scopes, created_at) \
             values ('{two}', gen_random_uuid(), '{foreign}', 'n', 'h', 'f', '', 0)"
        ),
        "foreign key",
    );
    refused("truncate alias", "permission denied");
    refused("alter table alias disable row level security", "must be owner");
    refused("create table t (id int)", "permission denied");
    refused("set role probity_owner", "permission denied");
    refused("update evidence set body = ''", "permission denied");
    refused("delete from usage", "permission denied");
}
