//! Two organizations with a person and a project each.

use domain::{
    Action, Event, First, KeyId, Kind, OrgRole, Proofs, Protocol, ProviderId, RequestId, Result,
    Secret, Timestamp, UserId,
};
use store::{
    Authority, Intent, NewKey, NewOrganization, NewProject, NewSession, NewUser, Organization,
    Project, Scope, Session, Store,
};

pub(crate) struct House {
    pub(crate) organization: Organization,
    pub(crate) project: Project,
    pub(crate) owner: UserId,
    pub(crate) session: Session,
    pub(crate) scope: Scope,
}

pub(crate) fn event(action: Action) -> Event {
    Event::new(action)
}

/// A person, signed in.
pub(crate) async fn person(store: &Store, name: &str, operator: bool) -> (UserId, Session) {
    let deployment = store.deployment(Authority::Bootstrap).await.unwrap();
    let mut write = deployment.write().await.unwrap();
    let user = write
        .user_create(NewUser {
            id: UserId::new(store.clock().now()),
            email: format!("{name}@example.org"),
            name: format!("{name} Person"),
            password: None,
            operator,
        })
        .await
        .unwrap();
    write.commit(event(Action::UserCreate).on_user(user.id)).await.unwrap();
    (user.id, sign_in(store, user.id).await)
}

pub(crate) async fn sign_in(store: &Store, user: UserId) -> Session {
    let token = vault::random_token().unwrap();
    let deployment = store.deployment(Authority::SignIn).await.unwrap();
    let mut write = deployment.write().await.unwrap();
    let digest = vault::sha256(token.expose().as_bytes());
    let expires = later(store, 3600);
    let proofs = Proofs::of(First::Password, store.clock().now());
    write
        .session_create(NewSession { user, digest, expires, proofs, lasting: false })
        .await
        .unwrap();
    write.commit(event(Action::SessionCreate).on_user(user)).await.unwrap();
    store.session(&token).await.unwrap()
}

pub(crate) fn later(store: &Store, seconds: u64) -> Timestamp {
    store.clock().now().plus(std::time::Duration::from_secs(seconds))
}

/// An organization named `slug` with its owner `slug@example.org` and a project `main`.
pub(crate) async fn house(store: &Store, slug: &str) -> House {
    let (owner, session) = person(store, slug, false).await;
    let deployment = store.deployment(Authority::Account(&session)).await.unwrap();
    let mut write = deployment.write().await.unwrap();
    let new = NewOrganization { name: format!("The {slug}"), slug: slug.to_owned(), owner };
    let organization = write.organization_create(new).await.unwrap();
    write.commit(event(Action::OrganizationCreate)).await.unwrap();
    let scope = store.enter(&session, slug).await.unwrap();
    let mut write = store.write(&scope).await.unwrap();
    let new = NewProject { name: "Main".to_owned(), slug: "main".to_owned() };
    let project = write.project_create(new).await.unwrap();
    write.commit(event(Action::ProjectCreate).on("project", project.id)).await.unwrap();
    House { organization, project, owner, session, scope }
}

/// Adds a person to the house and enters as them.
pub(crate) async fn member(store: &Store, house: &House, name: &str, role: OrgRole) -> Scope {
    let (user, session) = person(store, name, false).await;
    let mut write = store.write(&house.scope).await.unwrap();
    write.member_add(user, role).await.unwrap();
    write.commit(event(Action::MemberJoin).on_user(user)).await.unwrap();
    store.enter(&session, &house.organization.slug).await.unwrap()
}

/// A key of the house's project, with the text a client presents.
pub(crate) async fn key(store: &Store, house: &House) -> (store::Key, Secret<String>) {
    let made = vault::api_key::generate("pbk").unwrap();
    let mut write = store.write(&house.scope).await.unwrap();
    let key = write
        .key_create(NewKey {
            project: Some(house.project.id),
            name: "A key".to_owned(),
            digest: made.digest,
            handle: made.handle.clone(),
            last_four: made.last_four.clone(),
            scopes: vec!["inference".to_owned()],
            requests_per_minute: Some(60),
            expires: None,
        })
        .await
        .unwrap();
    write.commit(event(Action::KeyCreate).on("key", key.id)).await.unwrap();
    (key, made.text.clone())
}

pub(crate) fn presented(text: &Secret<String>) -> vault::api_key::PresentedKey {
    vault::api_key::parse("pbk", text.expose()).unwrap()
}

/// The kind and code of an expected error.
pub(crate) fn refusal<T>(result: Result<T>) -> (Kind, &'static str) {
    match result {
        Ok(_) => panic!("this had to be refused"),
        Err(error) => (error.kind(), error.code()),
    }
}

/// A request of the house that is about to be sent.
pub(crate) fn intent(store: &Store, house: &House) -> Intent {
    Intent {
        request: RequestId::new(store.clock().now()),
        org: house.organization.id,
        project: house.project.id,
        key: KeyId::from_uuid(uuid::Uuid::from_u128(1)),
        provider: ProviderId::from_uuid(uuid::Uuid::from_u128(2)),
        model: "large-model".to_owned(),
        requested_model: "default".to_owned(),
        protocol: Protocol::Anthropic,
        started: store.clock().now(),
        streaming: true,
        reserved_nano: None,
    }
}
