//! Organizations, invitations, members.

use std::time::Duration;

use domain::{Kind, OrgRole, ProjectRole};
use identity::{Config, OrganizationCreators};
use store::Page;
use testkit::{Backend, each_backend};

use crate::house::{DAY, House, PASSWORD, code, nobody, secret};

each_backend! {
    async fn whoever_founds_an_organization_owns_it(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let made = house.identity.organization_create(&operator, "Acme B.V.", None).await.unwrap();
        assert_eq!((made.slug.as_str(), made.name.as_str()), ("acme-b-v", "Acme B.V."));
        let scope = house.identity.enter(&operator, "acme-b-v").await.unwrap();
        assert_eq!(scope.org_role(), Some(OrgRole::Owner));
        let mine = house.identity.organizations_list(&operator).await.unwrap();
        assert_eq!(mine.len(), 1);
        let create = async |slug| {
            code(house.identity.organization_create(&operator, "Other", Some(slug)).await)
        };
        assert_eq!(create("acme-b-v").await, "slug_taken");
        assert_eq!(create("API").await, "invalid_slug");
        house.identity.organization_rename(&scope, "Acme").await.unwrap();
        assert_eq!(house.identity.organization(&scope).await.unwrap().name, "Acme");
    }

    async fn who_may_found_organizations_is_the_operators_choice(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, scope) = house.organization(&operator, "acme").await;
        let bob = house.member(&scope, "bob", OrgRole::Member).await;
        for (organization_creators, expected) in [
            (OrganizationCreators::Operators, "forbidden"),
            (OrganizationCreators::Everybody, "ok"),
        ] {
            let config = Config { organization_creators, ..Config::default() };
            let identity = house.configured(config).await;
            assert_eq!(identity.may_create_organizations(&bob), expected == "ok");
            let created = identity.organization_create(&bob, "Bob", Some("bobs")).await;
            assert_eq!(code(created), expected);
        }
    }

    async fn an_outsider_cannot_tell_an_organization_from_none(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, acme) = house.organization(&operator, "acme").await;
        let (_, _) = house.organization(&operator, "globex").await;
        let bob = house.member(&acme, "bob", OrgRole::Owner).await;
        let foreign = house.identity.enter(&bob, "globex").await.unwrap_err();
        let absent = house.identity.enter(&bob, "initech").await.unwrap_err();
        assert_eq!(foreign.to_string(), absent.to_string());
        assert_eq!((foreign.kind(), foreign.code()), (absent.kind(), absent.code()));
    }

    async fn an_invitation_lets_one_person_in_once(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (organization, scope) = house.organization(&operator, "acme").await;
        let invite = async |email| {
            house.identity.invitation_create(&scope, email, OrgRole::Admin).await.unwrap()
        };
        let invited = invite("Bob@Example.org").await;
        let (shown, into) = house.identity.invitation_show(&invited.token).await.unwrap();
        assert_eq!((shown.email.as_str(), into.id), ("bob@example.org", organization.id));
        assert_eq!(house.identity.invitations_list(&scope).await.unwrap().len(), 1);

        let join = async |token| {
            house.identity.invitation_accept_as_new(token, "Bob", secret(PASSWORD)).await
        };
        let (signed_in, accepted) = join(&invited.token).await.unwrap();
        assert_eq!(accepted.role, OrgRole::Admin);
        assert_eq!(code(join(&invited.token).await), "link_invalid");
        assert!(house.identity.invitations_list(&scope).await.unwrap().is_empty());
        let bob = house.session(&signed_in).await;
        assert_eq!(house.inside(&scope, &bob).await.org_role(), Some(OrgRole::Admin));

        let again = invite("bob@example.org").await;
        assert_eq!(code(join(&again.token).await), "email_taken");
        assert_eq!(
            code(house.identity.invitation_accept(&bob, &again.token).await),
            "already_member"
        );
    }

    async fn an_account_that_exists_joins_by_signing_in(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, acme) = house.organization(&operator, "acme").await;
        let (_, globex) = house.organization(&operator, "globex").await;
        let bob = house.member(&acme, "bob", OrgRole::Member).await;
        let invited = house
            .identity
            .invitation_create(&globex, "bob@example.org", OrgRole::Owner)
            .await
            .unwrap();
        let accepted = house.identity.invitation_accept(&bob, &invited.token).await.unwrap();
        assert_eq!(
            (accepted.organization.slug.as_str(), accepted.role),
            ("globex", OrgRole::Owner)
        );
        let roles: Vec<_> = house.identity.organizations_list(&bob).await.unwrap();
        let roles: Vec<_> = roles.iter().map(|(org, role)| (org.slug.as_str(), *role)).collect();
        assert_eq!(roles.len(), 2);
        assert!(
            roles.contains(&("acme", OrgRole::Member))
                && roles.contains(&("globex", OrgRole::Owner))
        );
    }

    async fn invitations_end(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, scope) = house.organization(&operator, "acme").await;
        let invite = async || {
            house
                .identity
                .invitation_create(&scope, "bob@example.org", OrgRole::Member)
                .await
                .unwrap()
        };
        let show = async |token| code(house.identity.invitation_show(token).await);

        let replaced = invite().await;
        let revoked = invite().await;
        assert_eq!(show(&replaced.token).await, "link_invalid", "the next one replaces it");
        house.identity.invitation_revoke(&scope, revoked.invitation.id).await.unwrap();
        assert_eq!(show(&revoked.token).await, "link_invalid");
        let twice = house.identity.invitation_revoke(&scope, revoked.invitation.id).await;
        assert_eq!(twice.unwrap_err().kind(), Kind::NotFound);

        let old = invite().await;
        house.clock.advance(7 * DAY - Duration::from_secs(1));
        assert_eq!(show(&old.token).await, "ok");
        house.clock.advance(Duration::from_secs(1));
        assert_eq!(show(&old.token).await, "link_invalid");
        let late =
            house.identity.invitation_accept_as_new(&old.token, "Bob", secret(PASSWORD)).await;
        assert_eq!(code(late), "link_invalid");
        let email = house.identity.invitation_create(&scope, "bob", OrgRole::Member).await;
        assert_eq!(code(email), "invalid_email");
    }

    async fn nobody_gives_or_takes_a_role_above_their_own(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let admin = house.member(&owner, "admin", OrgRole::Admin).await;
        let bob = house.member(&owner, "bob", OrgRole::Member).await;
        let admin_scope = house.inside(&owner, &admin).await;
        let admin_key = house.admin_key(&owner).await;
        let key_scope = house.identity.api_key(admin_key.text.expose()).unwrap();
        for scope in [&admin_scope, &key_scope] {
            let invite = async |role| {
                code(house.identity.invitation_create(scope, "new@example.org", role).await)
            };
            let set = async |person, role| {
                code(house.identity.member_role_change(scope, person, role).await)
            };
            assert_eq!(invite(OrgRole::Owner).await, "role_above_own");
            assert_eq!(invite(OrgRole::Admin).await, "ok");
            assert_eq!(set(bob.user(), OrgRole::Owner).await, "role_above_own");
            assert_eq!(set(operator.user(), OrgRole::Member).await, "role_above_own");
            assert_eq!(set(bob.user(), OrgRole::Admin).await, "ok");
            assert_eq!(set(bob.user(), OrgRole::Member).await, "ok");
            assert_eq!(set(nobody(), OrgRole::Member).await, "not_found");
            let removed = house.identity.member_remove(scope, operator.user()).await;
            assert_eq!(code(removed), "role_above_own");
        }
    }

    async fn an_organization_always_has_an_owner(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let me = operator.user();
        let step_down =
            async || code(house.identity.member_role_change(&owner, me, OrgRole::Admin).await);
        assert_eq!(step_down().await, "last_owner");
        assert_eq!(code(house.identity.member_remove(&owner, me).await), "last_owner");
        let second = house.member(&owner, "second", OrgRole::Owner).await;
        assert_eq!(step_down().await, "ok");
        let second_scope = house.inside(&owner, &second).await;
        let left = house.identity.member_remove(&second_scope, second.user()).await;
        assert_eq!(code(left), "last_owner");
    }

    async fn a_removed_member_is_out_at_once_and_without_grants_when_back(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let project = house.project(&owner, "app").await;
        let bob = house.member(&owner, "bob", OrgRole::Member).await;
        let give =
            async |role| house.identity.grant_set(&owner, bob.user(), project.id, role).await;
        give(ProjectRole::Editor).await.unwrap();
        house.identity.member_remove(&owner, bob.user()).await.unwrap();
        assert_eq!(code(house.identity.enter(&bob, "acme").await), "not_found");
        assert!(house.identity.organizations_list(&bob).await.unwrap().is_empty());
        assert_eq!(code(give(ProjectRole::Viewer).await), "not_found");

        let invited = house
            .identity
            .invitation_create(&owner, "bob@example.org", OrgRole::Member)
            .await
            .unwrap();
        house.identity.invitation_accept(&bob, &invited.token).await.unwrap();
        let scope = house.inside(&owner, &bob).await;
        assert_eq!(scope.project_role(project.id), None);
    }

    async fn members_may_leave_but_not_remove_each_other(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let bob = house.member(&owner, "bob", OrgRole::Member).await;
        let eve = house.member(&owner, "eve", OrgRole::Member).await;
        let scope = house.inside(&owner, &bob).await;
        let list = house.identity.members_list(&scope, &Page::default()).await.unwrap();
        assert_eq!(list.data.len(), 3);
        assert_eq!(code(house.identity.member_remove(&scope, eve.user()).await), "forbidden");
        assert_eq!(code(house.identity.member_remove(&scope, bob.user()).await), "ok");
        assert_eq!(code(house.identity.enter(&bob, "acme").await), "not_found");
    }
}
