//! Who may say what may be spent, and by whom.

use domain::{BudgetId, BudgetOf, OrgRole, Period, ProjectId, ProjectRole, UserId};
use identity::KeyScope;
use testkit::{Backend, each_backend};

use crate::house::{House, code};

const MONTH: (BudgetOf, Period) = (BudgetOf::Organization, Period::Month);

each_backend! {
    async fn admins_set_budgets_and_viewers_see_those_of_their_project(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let identity = &house.identity;
        let project = house.project(&owner, "app").await;
        let elsewhere = house.project(&owner, "other").await;
        let key = house.key(&owner, &project, &[KeyScope::Inference]).await.key.id;
        identity.budget_set(&owner, MONTH, 100).await.unwrap();
        for of in [BudgetOf::Project(project.id), BudgetOf::Key(key), BudgetOf::Project(elsewhere.id)] {
            identity.budget_set(&owner, (of, Period::Day), 10).await.unwrap();
        }
        assert_eq!(identity.budgets_list(&owner).await.unwrap().len(), 4);

        let viewer = house.granted(&owner, "vera", &project, ProjectRole::Viewer).await;
        let seen = identity.budgets_of_project(&viewer, project.id).await.unwrap();
        let mut seen: Vec<_> = seen.into_iter().map(|one| one.of).collect();
        seen.sort();
        assert_eq!(seen, [BudgetOf::Project(project.id), BudgetOf::Key(key)]);
        assert_eq!(code(identity.budgets_of_project(&viewer, elsewhere.id).await), "not_found");
        assert_eq!(code(identity.budgets_list(&viewer).await), "forbidden");
        assert_eq!(code(identity.budget_set(&viewer, MONTH, 1).await), "forbidden");
        let admin = house.member(&owner, "admin", OrgRole::Admin).await;
        let admin = house.inside(&owner, &admin).await;
        let changed = identity.budget_set(&admin, MONTH, 1).await.unwrap();
        assert_eq!(identity.budget_fetch(&admin, changed.id).await.unwrap().limit_nano, 1);
        assert_eq!(code(identity.budget_remove(&viewer, changed.id).await), "forbidden");
        identity.budget_remove(&admin, changed.id).await.unwrap();
        assert_eq!(code(identity.budget_remove(&admin, changed.id).await), "not_found");
    }

    async fn admins_set_budgets_of_members_who_see_their_own(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let (_, other) = house.organization(&operator, "globex").await;
        let identity = &house.identity;
        let mara = house.member(&owner, "mara", OrgRole::Member).await;
        let theirs = (BudgetOf::User(mara.user()), Period::Month);
        let inside = house.inside(&owner, &mara).await;
        assert_eq!(code(identity.budget_set(&inside, theirs, 9).await), "forbidden", "not by themselves");
        assert_eq!(code(identity.budget_set(&other, theirs, 9).await), "not_found", "nobody of theirs");
        let nobody = (BudgetOf::User(UserId::new(house.store.clock().now())), Period::Month);
        assert_eq!(code(identity.budget_set(&owner, nobody, 9).await), "not_found");
        let set = identity.budget_set(&owner, theirs, 9).await.unwrap();
        identity.budget_set(&owner, MONTH, 100).await.unwrap();

        let seen = identity.budgets_of_member(&inside, mara.user()).await.unwrap();
        assert_eq!(seen, std::slice::from_ref(&set), "their own, and nothing else");
        assert_eq!(identity.budgets_of_member(&owner, mara.user()).await.unwrap(), seen);
        let neighbour = house.member(&owner, "nils", OrgRole::Member).await;
        let neighbour = house.inside(&owner, &neighbour).await;
        assert_eq!(code(identity.budgets_of_member(&neighbour, mara.user()).await), "forbidden");
        assert!(identity.budgets_of_member(&other, mara.user()).await.unwrap().is_empty());

        identity.member_remove(&owner, mara.user()).await.unwrap();
        assert_eq!(code(identity.budget_set(&owner, theirs, 8).await), "not_found", "they have left");
        assert_eq!(identity.budget_fetch(&owner, set.id).await.unwrap(), set, "it goes on holding");
        identity.budget_remove(&owner, set.id).await.unwrap();
    }

    async fn only_what_lives_here_can_have_a_budget(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let (_, other) = house.organization(&operator, "globex").await;
        let identity = &house.identity;
        let project = house.project(&owner, "app").await;
        let key = house.key(&owner, &project, &[KeyScope::Inference]).await.key.id;
        let admin_key = house.admin_key(&owner).await.key.id;
        let set = async |scope, of| code(identity.budget_set(scope, (of, Period::Day), 1).await);
        assert_eq!(set(&other, BudgetOf::Project(project.id)).await, "not_found");
        assert_eq!(set(&other, BudgetOf::Key(key)).await, "not_found");
        let now = house.store.clock().now();
        assert_eq!(set(&owner, BudgetOf::Project(ProjectId::new(now))).await, "not_found");
        assert_eq!(set(&owner, BudgetOf::Key(admin_key)).await, "not_found", "it calls no model");
        assert_eq!(set(&owner, BudgetOf::Key(key)).await, "ok");
        assert_eq!(code(identity.budget_set(&owner, MONTH, u64::MAX).await), "invalid_budget");
        assert_eq!(code(identity.budget_fetch(&owner, BudgetId::new(now)).await), "not_found");
        identity.key_revoke(&owner, key).await.unwrap();
        assert_eq!(set(&owner, BudgetOf::Key(key)).await, "not_found", "revoked");
        identity.project_archive(&owner, project.id).await.unwrap();
        assert_eq!(set(&owner, BudgetOf::Project(project.id)).await, "not_found", "archived");
        assert_eq!(identity.budgets_list(&owner).await.unwrap().len(), 1);
    }
}
