//! Every kind of caller, as the store mints it, has exactly the rights of the published matrix.

use domain::{Kind, OrgRole, Permission, ProjectId, ProjectRole, Rule, Timestamp};
use identity::{KeyScope, Who, decide, matrix};
use store::{Scope, Session};
use testkit::{Backend, each_backend};

use crate::house::House;

/// A caller of each kind, under the name the matrix has for it.
struct Cast {
    scopes: Vec<(&'static str, Scope)>,
    operator: Session,
    person: Session,
    own: ProjectId,
    foreign: Vec<ProjectId>,
}

async fn cast(house: &House) -> Cast {
    let operator = house.operator().await;
    let (_, owner) = house.organization(&operator, "acme").await;
    let (_, elsewhere) = house.organization(&operator, "globex").await;
    let project = house.project(&owner, "app").await;
    let sibling = house.project(&owner, "sibling").await;
    let other = house.project(&elsewhere, "app").await;
    let person = house.member(&owner, "member", OrgRole::Member).await;
    let admin = house.member(&owner, "admin", OrgRole::Admin).await;
    let key = house.key(&owner, &project, &[KeyScope::Inference]).await;
    let models = house.key(&owner, &project, &[KeyScope::ModelsRead]).await;
    let admin_key = house.admin_key(&owner).await;
    let of = |text: &str| house.identity.api_key(text).unwrap();
    let scopes = vec![
        ("organization.member", house.inside(&owner, &person).await),
        ("organization.admin", house.inside(&owner, &admin).await),
        ("project.viewer", house.granted(&owner, "viewer", &project, ProjectRole::Viewer).await),
        ("project.editor", house.granted(&owner, "editor", &project, ProjectRole::Editor).await),
        ("project.owner", house.granted(&owner, "lead", &project, ProjectRole::Owner).await),
        ("api_key", of(key.text.expose())),
        ("api_key.models", of(models.text.expose())),
        ("admin_key", of(admin_key.text.expose())),
        ("organization.owner", owner),
    ];
    let made_up = ProjectId::new(Timestamp::from_millis(1));
    let foreign = vec![sibling.id, other.id, made_up];
    Cast { scopes, operator, person, own: project.id, foreign }
}

each_backend! {
    async fn every_role_has_the_rights_of_the_matrix(backend: Backend) {
        let house = House::new(backend).await;
        let cast = cast(&house).await;
        let mut callers: Vec<(&str, Who<'_>)> =
            cast.scopes.iter().map(|(name, scope)| (*name, Who::Scope(scope))).collect();
        callers.push(("operator", Who::Session(&cast.operator)));
        callers.push(("person", Who::Session(&cast.person)));
        callers.push(("anonymous", Who::Anonymous));
        assert_eq!(callers.len(), identity::ROLES.len());
        for row in matrix() {
            let permission =
                *Permission::ALL.iter().find(|one| one.as_str() == row.permission).unwrap();
            for (name, who) in &callers {
                let decided = decide(*who, permission, Some(cast.own)).is_ok();
                assert_eq!(decided, row.roles.contains(name), "{name} and {}", row.permission);
            }
        }
    }

    async fn a_foreign_project_is_as_absent_as_a_made_up_one(backend: Backend) {
        let house = House::new(backend).await;
        let cast = cast(&house).await;
        let about_projects = |rule| matches!(rule, Rule::Project(_) | Rule::Inference);
        for (name, scope) in &cast.scopes {
            if ["organization.admin", "organization.owner", "admin_key"].contains(name) {
                continue;
            }
            for permission in Permission::ALL.iter().filter(|one| about_projects(one.rule())) {
                let answers: Vec<_> = cast
                    .foreign
                    .iter()
                    .map(|project| decide(scope, *permission, Some(*project)).unwrap_err())
                    .map(|error| (error.kind(), error.code(), error.to_string()))
                    .collect();
                assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{name}: {answers:?}");
                let people_never_call =
                    *permission == Permission::Inference && !name.starts_with("api");
                let kind = if people_never_call { Kind::Forbidden } else { Kind::NotFound };
                assert_eq!(answers[0].0, kind, "{name} and {}", permission.as_str());
            }
        }
    }

    /// Admins may do everything in every project of theirs; a project that is not theirs is not found when looked for.
    async fn an_admins_reach_ends_at_the_organization(backend: Backend) {
        let house = House::new(backend).await;
        let cast = cast(&house).await;
        for (name, scope) in &cast.scopes {
            if !["organization.admin", "organization.owner", "admin_key"].contains(name) {
                continue;
            }
            assert!(
                house.identity.project_fetch(scope, cast.foreign[0]).await.is_ok(),
                "a sibling"
            );
            let page = store::Page::default();
            for project in &cast.foreign[1..] {
                let missing = [
                    house.identity.project_fetch(scope, *project).await.map(drop),
                    house.identity.keys_list(scope, *project, &page).await.map(drop),
                    house.identity.grants_list(scope, *project).await.map(drop),
                    house.identity.project_rename(scope, *project, "Mine").await,
                    house.identity.project_archive(scope, *project).await,
                    house
                        .identity
                        .key_create(scope, *project, crate::house::new_key(&[KeyScope::Inference]))
                        .await
                        .map(drop),
                    house
                        .identity
                        .grant_set(scope, cast.person.user(), *project, ProjectRole::Owner)
                        .await
                        .map(drop),
                ];
                for result in missing {
                    assert_eq!(result.unwrap_err().kind(), Kind::NotFound, "{name}");
                }
            }
        }
    }

    async fn about_no_project_in_particular_nothing_is_hidden(backend: Backend) {
        let house = House::new(backend).await;
        let cast = cast(&house).await;
        let (_, member) =
            cast.scopes.iter().find(|(name, _)| *name == "organization.member").unwrap();
        let refused = decide(member, Permission::UsageRead, None).unwrap_err();
        assert_eq!(refused.kind(), Kind::Forbidden);
        let outside = decide(&cast.operator, Permission::UsageRead, None).unwrap_err();
        assert_eq!(outside.kind(), Kind::NotFound);
    }

    async fn a_right_that_is_taken_is_gone_with_the_next_request(backend: Backend) {
        let house = House::new(backend).await;
        let cast = cast(&house).await;
        let (_, owner) =
            cast.scopes.iter().find(|(name, _)| *name == "organization.owner").unwrap();
        let (person, _) = house.strong(&cast.person).await;
        let set = async |role| {
            house.identity.member_role_change(owner, person.user(), role).await.unwrap();
            house.inside(owner, &person).await
        };
        let promoted = set(OrgRole::Admin).await;
        assert!(decide(&promoted, Permission::AuditRead, None).is_ok());
        let demoted = set(OrgRole::Member).await;
        let refused = decide(&demoted, Permission::AuditRead, None).unwrap_err();
        assert_eq!(refused.kind(), Kind::Forbidden);
    }
}
