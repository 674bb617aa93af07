//! Projects, members, grants, invitations and aliases of one organization.

use std::time::Duration;

use domain::{Action, Kind, OrgRole, ProjectRole};
use store::{Authority, NewInvitation, NewProject, Page};
use testkit::{Backend, each_backend};

use crate::fixture::{event, house, key, later, member, person, presented, refusal};

each_backend! {
    async fn projects_are_listed_found_renamed_and_archived(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let (_, text) = key(&store, &made).await;
        let mut write = store.write(&made.scope).await.unwrap();
        backend.clock.advance(Duration::from_millis(5));
        let new = NewProject { name: "Side".into(), slug: "side".into() };
        let side = write.project_create(new.clone()).await.unwrap();
        write.project_rename(side.id, "Beside").await.unwrap();
        write.commit(event(Action::ProjectCreate)).await.unwrap();

        let mut read = store.read(&made.scope).await.unwrap();
        let first = read.projects_list(&Page::first(1)).await.unwrap();
        assert_eq!(first.data, vec![made.project.clone()]);
        let rest = read.projects_list(&Page { after: first.next, limit: 1 }).await.unwrap();
        assert_eq!((rest.data[0].name.as_str(), rest.next), ("Beside", None));
        assert_eq!(read.project_by_slug("side").await.unwrap().id, side.id);
        drop(read);

        let mut write = store.write(&made.scope).await.unwrap();
        assert_eq!(refusal(write.project_create(new).await), (Kind::Conflict, "slug_taken"));
        drop(write);
        let mut write = store.write(&made.scope).await.unwrap();
        write.project_archive(made.project.id).await.unwrap();
        write.commit(event(Action::ProjectArchive)).await.unwrap();
        let mut read = store.read(&made.scope).await.unwrap();
        assert!(read.project_fetch(made.project.id).await.unwrap().archived.is_some());
        assert_eq!(
            refusal(store.api_key(&presented(&text))),
            (Kind::Unauthenticated, "key_revoked")
        );
    }

    async fn members_come_change_and_go(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let scope = member(&store, &made, "bob", OrgRole::Member).await;
        assert_eq!(scope.org_role(), Some(OrgRole::Member));
        let mut read = store.read(&made.scope).await.unwrap();
        let mut members = read.members_list(&Page::default()).await.unwrap().data;
        // Ids of one millisecond have no order.
        members.sort_by(|left, right| left.email.cmp(&right.email));
        let seen: Vec<_> = members.iter().map(|row| (row.email.as_str(), row.role)).collect();
        assert_eq!(
            seen,
            vec![("acme@example.org", OrgRole::Owner), ("bob@example.org", OrgRole::Member)]
        );
        let bob = members[1].user;
        drop(read);

        let mut write = store.write(&made.scope).await.unwrap();
        assert_eq!(
            refusal(write.member_add(bob, OrgRole::Admin).await),
            (Kind::Conflict, "already_member")
        );
        drop(write);
        let mut write = store.write(&made.scope).await.unwrap();
        let last = (Kind::Conflict, "last_owner");
        assert_eq!(refusal(write.member_role_set(made.owner, OrgRole::Admin).await), last);
        assert_eq!(refusal(write.member_remove(made.owner).await), last);
        write.member_role_set(bob, OrgRole::Owner).await.unwrap();
        write.grant_set(bob, made.project.id, ProjectRole::Viewer).await.unwrap();
        write.member_role_set(made.owner, OrgRole::Admin).await.unwrap();
        write.commit(event(Action::MemberRoleChange).on_user(bob)).await.unwrap();

        let mut write = store.write(&made.scope).await.unwrap();
        write.member_role_set(made.owner, OrgRole::Owner).await.unwrap();
        write.member_remove(bob).await.unwrap();
        write.commit(event(Action::MemberRemove).on_user(bob)).await.unwrap();
        let deployment = store.deployment(Authority::Sweep).await.unwrap();
        let mut read = deployment.read().await.unwrap();
        assert!(read.organizations_of(bob).await.unwrap().is_empty());
    }

    async fn a_grant_gives_one_role_in_one_project(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let scope = member(&store, &made, "bob", OrgRole::Member).await;
        assert_eq!(scope.project_role(made.project.id), None);
        assert_eq!(made.scope.project_role(made.project.id), Some(ProjectRole::Owner));
        let (bob, session) = {
            let mut read = store.read(&made.scope).await.unwrap();
            let rows = read.members_list(&Page::default()).await.unwrap().data;
            let bob = rows.iter().find(|row| row.email.starts_with("bob")).unwrap().user;
            drop(read);
            (bob, crate::fixture::sign_in(&store, bob).await)
        };
        let mut write = store.write(&made.scope).await.unwrap();
        write.grant_set(bob, made.project.id, ProjectRole::Viewer).await.unwrap();
        write.grant_set(bob, made.project.id, ProjectRole::Editor).await.unwrap();
        assert_eq!(write.grants_of_project(made.project.id).await.unwrap().len(), 1);
        write.commit(event(Action::GrantCreate).on_user(bob)).await.unwrap();
        let scope = store.enter(&session, "acme").await.unwrap();
        assert_eq!(scope.project_role(made.project.id), Some(ProjectRole::Editor));

        let (eve, _) = person(&store, "eve", false).await;
        let mut write = store.write(&made.scope).await.unwrap();
        assert_eq!(
            refusal(write.grant_set(eve, made.project.id, ProjectRole::Viewer).await).0,
            Kind::NotFound
        );
        drop(write);
        let mut write = store.write(&made.scope).await.unwrap();
        write.grant_remove(bob, made.project.id).await.unwrap();
        assert_eq!(
            refusal(write.grant_remove(bob, made.project.id).await),
            (Kind::NotFound, "not_found")
        );
    }

    async fn an_invitation_is_accepted_once(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let (bob, _) = person(&store, "bob", false).await;
        let mut write = store.write(&made.scope).await.unwrap();
        let new = NewInvitation {
            email: "Bob@example.org".into(),
            role: OrgRole::Admin,
            digest: [1; 32],
            expires: later(&store, 60),
        };
        write.invitation_create(new.clone()).await.unwrap();
        write.invitation_create(NewInvitation { digest: [2; 32], ..new.clone() }).await.unwrap();
        write.commit(event(Action::MemberInvite)).await.unwrap();
        let mut read = store.read(&made.scope).await.unwrap();
        let open = read.invitations_list().await.unwrap();
        assert_eq!((open.len(), open[0].email.as_str()), (1, "bob@example.org"));
        drop(read);

        let deployment = store.deployment(Authority::SignIn).await.unwrap();
        let mut write = deployment.write().await.unwrap();
        let gone = (Kind::NotFound, "link_invalid");
        assert_eq!(refusal(write.invitation_accept(&[1; 32], bob).await), gone);
        let accepted = write.invitation_accept(&[2; 32], bob).await.unwrap();
        assert_eq!((accepted.organization, accepted.role), (made.organization.clone(), OrgRole::Admin));
        assert_eq!(refusal(write.invitation_accept(&[2; 32], bob).await), gone);
        write.commit(event(Action::MemberJoin).on_user(bob)).await.unwrap();
        let mut read = deployment.read().await.unwrap();
        assert_eq!(read.organizations_of(bob).await.unwrap().len(), 1);
        drop(read);

        let mut write = store.write(&made.scope).await.unwrap();
        let late = NewInvitation { email: "eve@example.org".into(), digest: [3; 32], ..new };
        let late = write.invitation_create(late).await.unwrap();
        write.invitation_revoke(late.id).await.unwrap();
        assert!(write.invitations_list().await.unwrap().is_empty());
        write.commit(event(Action::InvitationRevoke)).await.unwrap();
        let mut read = deployment.read().await.unwrap();
        assert_eq!(refusal(read.invitation_by_digest(&[3; 32]).await), gone);
    }

    async fn an_organization_is_renamed(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let mut write = store.write(&made.scope).await.unwrap();
        write.organization_rename("Acme & Sons").await.unwrap();
        write.commit(event(Action::OrganizationChange)).await.unwrap();
        let mut read = store.read(&made.scope).await.unwrap();
        assert_eq!(read.organization().await.unwrap().name, "Acme & Sons");
    }

    async fn a_list_refuses_a_cursor_of_another(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let mut read = store.read(&made.scope).await.unwrap();
        let page = Page { after: Some(made.owner.to_string()), limit: 5 };
        assert_eq!(
            refusal(read.projects_list(&page).await),
            (Kind::Invalid, "invalid_cursor")
        );
    }
}
