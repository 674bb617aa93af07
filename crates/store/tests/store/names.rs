//! The names that an organization has looked for: sealed, built once, and no more than what holds.

use domain::{Action, OrgRole};
use testkit::{Backend, each_backend};

use crate::fixture::{self, event, house};

async fn set(store: &store::Store, made: &fixture::House, names: &[&str], members: bool) {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut write = store.write(&made.scope).await.unwrap();
    write.directory_set(&names, members).await.unwrap();
    write.commit(event(Action::MaskingDirectorySet)).await.unwrap();
}

/// What the gateway would look for.
async fn known(store: &store::Store, made: &fixture::House) -> Vec<String> {
    let routing = store.routing(&made.scope).await.unwrap();
    let built = routing.directory.as_ref().map(|names| names.built(<[String]>::to_vec).unwrap());
    built.map(|names| names.to_vec()).unwrap_or_default()
}

each_backend! {
    async fn names_follow_what_is_given_and_who_is_a_member(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let other = house(&store, "globex").await;
        assert!(store.routing(&made.scope).await.unwrap().directory.is_none(), "nothing is paid for nothing");
        set(&store, &made, &["Anna Ek", "Bo Kvist"], false).await;
        assert_eq!(known(&store, &made).await, ["Anna Ek", "Bo Kvist"]);
        assert!(store.routing(&other.scope).await.unwrap().directory.is_none());
        let state = store.read(&made.scope).await.unwrap().directory_state().await.unwrap();
        assert_eq!((state.entries, state.members), (2, false));

        set(&store, &made, &["Bo Kvist"], true).await;
        assert_eq!(known(&store, &made).await, ["Bo Kvist", "acme Person"]);
        let joined = fixture::member(&store, &made, "ida", OrgRole::Member).await;
        assert_eq!(known(&store, &made).await.len(), 3, "who joins is known at once");
        let mut write = store.write(&made.scope).await.unwrap();
        write.member_remove(joined.actor().user().unwrap()).await.unwrap();
        write.commit(event(Action::MemberRemove)).await.unwrap();
        assert_eq!(known(&store, &made).await, ["Bo Kvist", "acme Person"]);

        set(&store, &made, &[], false).await;
        assert!(store.routing(&made.scope).await.unwrap().directory.is_none());
        assert_eq!(store.read(&made.scope).await.unwrap().directory_names().await.unwrap(), Vec::<String>::new());
        store.close().await.unwrap();
    }

    async fn names_are_built_again_only_when_they_change(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        set(&store, &made, &["Anna Ek"], false).await;
        let before = store.routing(&made.scope).await.unwrap();
        let before = before.directory.clone().unwrap();
        assert!(!before.is_built());
        before.built(<[String]>::to_vec).unwrap();
        assert!(before.is_built());
        assert!(before.built(|_| 0_u8).is_none(), "it is of one type");
        assert_eq!(format!("{before:?}"), "NameDirectory(…)");
        let mut write = store.write(&made.scope).await.unwrap();
        write.alias_set("fast", "gpt-x").await.unwrap();
        write.commit(event(Action::AliasSet)).await.unwrap();
        let routing = store.routing(&made.scope).await.unwrap();
        assert!(routing.aliases.contains_key("fast"), "this is another snapshot");
        assert!(routing.directory.as_ref().unwrap().is_built(), "of the same names");
        set(&store, &made, &["Anna Ekk"], false).await;
        assert!(!store.routing(&made.scope).await.unwrap().directory.as_ref().unwrap().is_built());
        store.close().await.unwrap();
    }
}
