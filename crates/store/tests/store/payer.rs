//! Budgets of members: whose they are, and what their keys cost together.

use domain::{Action, BudgetOf, KeyId, Kind, OrgRole, Payer, Period, ProjectId, UserId};
use store::{NewKey, NewProject, Scope, Store};
use testkit::{Backend, each_backend};

use crate::{
    budget::{serve, set, spent},
    fixture::{self, House, event, house, presented, refusal},
    outside,
};

const MAKERS: &str =
    "select case when created_by is null then 'nobody' else 'somebody' end from key_index";

fn user(scope: &Scope) -> UserId {
    scope.actor().user().unwrap()
}

/// A key that `maker` makes, as whoever presents it. Without a project, it is an admin key.
async fn key(store: &Store, maker: &Scope, project: Option<ProjectId>) -> Scope {
    let made = vault::api_key::generate("pbk").unwrap();
    let mut write = store.write(maker).await.unwrap();
    let new = NewKey {
        project,
        name: "A key".to_owned(),
        digest: made.digest,
        handle: made.handle.clone(),
        last_four: made.last_four.clone(),
        scopes: Vec::new(),
        requests_per_minute: None,
        expires: None,
    };
    write.key_create(new).await.unwrap();
    write.commit(event(Action::KeyCreate)).await.unwrap();
    store.api_key(&presented(&made.text)).unwrap()
}

async fn project(store: &Store, house: &House) -> ProjectId {
    let mut write = store.write(&house.scope).await.unwrap();
    let new = NewProject { name: "Other".to_owned(), slug: "other".to_owned() };
    let project = write.project_create(new).await.unwrap().id;
    write.commit(event(Action::ProjectCreate)).await.unwrap();
    project
}

fn id(scope: &Scope) -> KeyId {
    scope.key().unwrap()
}

each_backend! {
    async fn only_members_get_a_budget_and_they_keep_it(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let other = house(&store, "globex").await;
        let member = fixture::member(&store, &made, "mara", OrgRole::Member).await;
        let of = BudgetOf::User(user(&member));
        let first = set(&store, &made, of, 10).await;
        set(&store, &made, BudgetOf::User(made.owner), 20).await;
        set(&store, &made, BudgetOf::Organization, 30).await;
        let again = set(&store, &made, of, 11).await;
        assert_eq!((again.id, again.of, again.limit_nano), (first.id, of, 11), "the same, with another limit");
        let mut read = store.read(&made.scope).await.unwrap();
        assert_eq!(read.budgets_list().await.unwrap().len(), 3);
        let theirs = read.budgets_of_member(user(&member)).await.unwrap();
        assert_eq!(theirs, std::slice::from_ref(&again));
        assert!(read.budgets_of_project(made.project.id).await.unwrap().is_empty());
        drop(read);
        assert!(store.routing(&made.scope).await.unwrap().budgets.contains(&again));

        // Somebody of another organization, and nobody.
        for stranger in [other.owner, UserId::new(store.clock().now())] {
            let mut write = store.write(&made.scope).await.unwrap();
            let refused = write.budget_set(BudgetOf::User(stranger), Period::Day, 1).await;
            assert_eq!(refusal(refused), (Kind::NotFound, "not_found"));
        }
        let mut foreign = store.read(&other.scope).await.unwrap();
        assert!(foreign.budgets_of_member(user(&member)).await.unwrap().is_empty());
        drop(foreign);

        let mut write = store.write(&made.scope).await.unwrap();
        write.member_remove(user(&member)).await.unwrap();
        write.commit(event(Action::MemberRemove)).await.unwrap();
        assert!(store.routing(&made.scope).await.unwrap().budgets.contains(&again), "for the keys they left");
        let mut write = store.write(&made.scope).await.unwrap();
        assert_eq!(refusal(write.budget_set(of, Period::Day, 1).await), (Kind::NotFound, "not_found"));
    }

    async fn a_row_is_one_payers(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        set(&store, &made, BudgetOf::Project(made.project.id), 10).await;
        set(&store, &made, BudgetOf::User(made.owner), 10).await;
        let double = "update budget set user_id = (select user_id from budget where user_id is not null) \
             where project_id is not null";
        let refused = outside::refused(&backend, made.organization.id, double).await;
        assert!(refused.contains("check constraint"), "{refused}");
        let nobody = "update budget set user_id = id where user_id is not null";
        let refused = outside::refused(&backend, made.organization.id, nobody).await;
        assert!(refused.contains("foreign key"), "{refused}");
        let twice = "insert into budget (org_id, id, user_id, period, limit_nano, changed_at, told_percent) \
             select org_id, org_id, user_id, period, 1, 1, 0 from budget where user_id is not null";
        let refused = outside::refused(&backend, made.organization.id, twice).await;
        assert!(refused.contains("unique"), "{refused}");
    }

    async fn a_key_says_who_made_it(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let (row, text) = fixture::key(&store, &made).await;
        let payer = Payer { project: made.project.id, user: Some(made.owner), key: row.id };
        assert_eq!(store.api_key(&presented(&text)).unwrap().payer(), Some(payer));
        let admin = key(&store, &made.scope, None).await;
        assert_eq!((admin.payer(), made.scope.payer()), (None, None));
        let of_nobody = key(&store, &admin, Some(made.project.id)).await.payer().unwrap();
        assert_eq!(of_nobody.user, None);
        store.close().await.unwrap();
        let again = backend.open().await;
        assert_eq!(again.api_key(&presented(&text)).unwrap().payer(), Some(payer));
    }

    async fn what_all_keys_of_a_member_cost_is_theirs(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let elsewhere = project(&store, &made).await;
        let member = fixture::member(&store, &made, "mara", OrgRole::Member).await;
        let admin = key(&store, &made.scope, None).await;
        let theirs = key(&store, &member, Some(made.project.id)).await;
        let more = key(&store, &member, Some(elsewhere)).await;
        let owners = key(&store, &made.scope, Some(made.project.id)).await;
        let nobodys = key(&store, &admin, Some(made.project.id)).await;
        let of = BudgetOf::User(user(&member));
        serve(&store, &made, id(&theirs), Some(1));
        serve(&store, &made, id(&more), Some(20));
        serve(&store, &made, id(&owners), Some(300));
        serve(&store, &made, id(&nobodys), Some(4_000));
        assert_eq!(spent(&store, &made, of).await, (4_321, 21), "as soon as it is over");
        store.drain().await.unwrap();
        assert_eq!(spent(&store, &made, of).await, (4_321, 21), "in the database");
        assert_eq!(spent(&store, &made, BudgetOf::User(made.owner)).await.1, 300);
        serve(&store, &made, id(&more), Some(50_000));
        assert_eq!(spent(&store, &made, of).await, (54_321, 50_021), "in both");
        store.drain().await.unwrap();
        let span = Period::Month.span(store.clock().now());
        let spending = store.spending(&made.scope).await.unwrap();
        serve(&store, &made, id(&theirs), Some(600_000));
        let waiting: Vec<_> = spending.waiting().into_iter().map(|(_, spent)| spent).collect();
        let [late] = waiting.as_slice() else { panic!("{waiting:?}") };
        assert_eq!((late.nano, late.payer), (600_000, theirs.payer().unwrap()), "while somebody looks");
        for (of, sum) in [(of, 50_021), (BudgetOf::User(made.owner), 300), (BudgetOf::Organization, 54_321)] {
            assert_eq!(spending.recorded_here(of, span).await.unwrap(), sum, "{of:?}");
        }
    }

    /// As an installation of before finds itself after the update.
    async fn keys_of_before_know_who_made_them(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let (row, text) = fixture::key(&store, &made).await;
        let admin = key(&store, &made.scope, None).await;
        key(&store, &admin, Some(made.project.id)).await;
        set(&store, &made, BudgetOf::Key(row.id), 10).await;
        set(&store, &made, BudgetOf::Organization, 20).await;
        store.close().await.unwrap();
        for step in before(&backend) {
            outside::rows(&backend, &step).await;
        }
        let store = backend.open().await;
        let payer = store.api_key(&presented(&text)).unwrap().payer().unwrap();
        assert_eq!(payer.user, Some(made.owner));
        let mut makers = outside::rows(&backend, MAKERS).await;
        makers.sort();
        assert_eq!(makers, ["nobody", "somebody", "somebody"]);
        let mut read = store.read(&made.scope).await.unwrap();
        let mut all: Vec<_> = read.budgets_list().await.unwrap().iter().map(|one| one.of).collect();
        all.sort();
        assert_eq!(all, [BudgetOf::Organization, BudgetOf::Key(row.id)]);
    }
}

/// Takes back what the migration did.
fn before(backend: &Backend) -> Vec<String> {
    let index = "create unique index budget_organization on budget (org_id, period) \
         where project_id is null and key_id is null";
    let mut steps =
        vec!["drop index api_key_created_by", "alter table key_index drop column created_by"];
    if backend.is_postgres() {
        steps.extend(["alter table budget drop column user_id", index]);
    } else {
        // A column with a reference cannot be dropped there.
        let without = "pragma foreign_keys = off; drop index budget_user; drop index budget_organization; \
             create table bare as select * from budget; drop table budget; \
             create table budget (org_id blob not null, id blob not null, project_id blob, key_id blob, \
             period text not null, limit_nano integer not null, changed_at integer not null, told_from integer, \
             told_percent integer not null, primary key (org_id, id)) strict; \
             insert into budget select org_id, id, project_id, key_id, period, limit_nano, changed_at, told_from, \
             told_percent from bare; drop table bare";
        steps.extend([without, index]);
    }
    steps.push("delete from seaql_migrations where version = 'm0015_payer'");
    steps.into_iter().map(str::to_owned).collect()
}
