//! Projects and who works in them.

use domain::{OrgRole, ProjectId, ProjectRole, Timestamp};
use identity::KeyScope;
use store::Page;
use testkit::{Backend, each_backend};

use crate::house::{House, code, nobody};

each_backend! {
    async fn members_see_the_projects_they_have_a_role_in(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let (first, second) =
            (house.project(&owner, "first").await, house.project(&owner, "second").await);
        let viewer = house.granted(&owner, "viewer", &second, ProjectRole::Viewer).await;
        let seen = async |scope| {
            let list = house.identity.projects_list(scope, &Page::default()).await.unwrap();
            list.data.into_iter().map(|project| project.slug).collect::<Vec<_>>()
        };
        assert_eq!(seen(&owner).await, ["first", "second"]);
        assert_eq!(seen(&viewer).await, ["second"]);
        assert!(house.identity.project_fetch(&viewer, second.id).await.is_ok());
        assert!(house.identity.project_by_slug(&viewer, "second").await.is_ok());

        let made_up = ProjectId::new(Timestamp::from_millis(1));
        let fetch =
            async |id| house.identity.project_fetch(&viewer, id).await.unwrap_err().to_string();
        assert_eq!(fetch(first.id).await, fetch(made_up).await);
        let by_slug = async |slug| {
            house.identity.project_by_slug(&viewer, slug).await.unwrap_err().to_string()
        };
        assert_eq!(by_slug("first").await, by_slug("made-up").await);
    }

    async fn projects_are_named_renamed_and_archived(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let create = async |name, slug| house.identity.project_create(&owner, name, slug).await;
        let project = create("My App", None).await.unwrap();
        assert_eq!(project.slug, "my-app");
        assert_eq!(code(create("Other", Some("my-app")).await), "slug_taken");
        assert_eq!(code(create("", Some("other")).await), "invalid_name");
        house.identity.project_rename(&owner, project.id, "Our App").await.unwrap();
        assert_eq!(house.identity.project_fetch(&owner, project.id).await.unwrap().name, "Our App");

        let key = house.key(&owner, &project, &[KeyScope::Inference]).await;
        assert!(house.identity.api_key(key.text.expose()).is_ok());
        house.identity.project_archive(&owner, project.id).await.unwrap();
        assert_eq!(code(house.identity.api_key(key.text.expose())), "key_revoked");
        assert_eq!(code(house.identity.project_archive(&owner, project.id).await), "not_found");
        let late = house
            .identity
            .key_create(&owner, project.id, crate::house::new_key(&[KeyScope::Inference]))
            .await;
        assert_eq!(code(late), "not_found");
    }

    async fn an_owner_of_a_project_decides_who_works_in_it(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let project = house.project(&owner, "app").await;
        let lead = house.granted(&owner, "lead", &project, ProjectRole::Owner).await;
        let editor = house.granted(&owner, "editor", &project, ProjectRole::Editor).await;
        let bob = house.member(&owner, "bob", OrgRole::Member).await;
        let give = async |scope, person, role| {
            code(house.identity.grant_set(scope, person, project.id, role).await)
        };
        assert_eq!(give(&editor, bob.user(), ProjectRole::Viewer).await, "forbidden");
        assert_eq!(give(&lead, bob.user(), ProjectRole::Viewer).await, "ok");
        assert_eq!(give(&lead, bob.user(), ProjectRole::Editor).await, "ok");
        assert_eq!(give(&lead, nobody(), ProjectRole::Viewer).await, "not_found");
        let role = async || house.inside(&owner, &bob).await.project_role(project.id);
        assert_eq!(role().await, Some(ProjectRole::Editor));
        assert_eq!(house.identity.grants_list(&editor, project.id).await.unwrap().len(), 3);
        assert_eq!(house.identity.member_grants(&owner, bob.user()).await.unwrap().len(), 1);
        house.identity.grant_remove(&lead, bob.user(), project.id).await.unwrap();
        assert_eq!(role().await, None);
        let twice = house.identity.grant_remove(&lead, bob.user(), project.id).await;
        assert_eq!(code(twice), "not_found");
    }
}
