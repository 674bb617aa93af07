//! A sealed value opens in its own place under its own key, and nowhere else.

use domain::{OrgId, Timestamp};
use proptest::prelude::*;
use vault::{Aad, DataKey, Key, key_id_of, open, seal};

/// Another organization with every call: the rest of the id is random.
fn org(millis: i64) -> OrgId {
    OrgId::new(Timestamp::from_millis(millis))
}

fn key(id: u8) -> DataKey {
    DataKey::from_key([id; 16], Key::from_bytes([9; 32]))
}

proptest! {
    #[test]
    fn sealed_values_open_again(plain in proptest::collection::vec(any::<u8>(), 0..300)) {
        let place = Aad { org: org(1), table: "providers", column: "secret", row: b"row" };
        let sealed = seal(&key(1), &place, &plain).unwrap();
        prop_assert_eq!(sealed.len(), plain.len() + 58);
        prop_assert_eq!(key_id_of(&sealed), Some([1; 16]));
        let opened = open(&key(1), &place, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
    }

    #[test]
    fn any_flipped_bit_is_refused(
        plain in proptest::collection::vec(any::<u8>(), 0..60),
        at in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let place = Aad { org: org(1), table: "providers", column: "secret", row: b"row" };
        let mut sealed = seal(&key(1), &place, &plain).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(open(&key(1), &place, &sealed).is_err());
    }

    #[test]
    fn any_cut_is_refused(keep in 0usize..80) {
        let place = Aad { org: org(1), table: "t", column: "c", row: b"row" };
        let sealed = seal(&key(1), &place, &[5; 22]).unwrap();
        prop_assume!(keep < sealed.len());
        prop_assert!(open(&key(1), &place, &sealed[..keep]).is_err());
        prop_assert!(keep >= 58 || key_id_of(&sealed[..keep]).is_none());
    }

    #[test]
    fn wrapped_keys_refuse_any_flipped_bit(at in any::<proptest::sample::Index>(), bit in 0u8..8) {
        let kek = Key::from_bytes([3; 32]);
        let key = DataKey::generate([1; 16]).unwrap();
        let mut wrapped = key.wrap_with(&kek, "org|email").unwrap();
        let at = at.index(wrapped.len());
        wrapped[at] ^= 1 << bit;
        prop_assert!(DataKey::unwrap([1; 16], &kek, "org|email", &wrapped, &key.commitment()).is_err());
    }
}

#[test]
fn a_value_moved_elsewhere_is_refused() {
    let home = Aad { org: org(1), table: "users", column: "email", row: b"one" };
    let sealed = seal(&key(1), &home, b"ada@example.org").unwrap();
    let elsewhere = [
        Aad { org: org(1), ..home },
        Aad { table: "members", ..home },
        Aad { column: "name", ..home },
        Aad { row: b"two", ..home },
        Aad { table: "user", column: "semail", ..home },
        Aad { column: "emailo", row: b"ne", ..home },
    ];
    assert!(open(&key(1), &home, &sealed).is_ok());
    for place in elsewhere {
        let refusal = open(&key(1), &place, &sealed).err().unwrap();
        assert_eq!(refusal.code(), "sealed_value_refused");
    }
}

#[test]
fn another_key_is_refused_even_under_the_same_id() {
    let place = Aad { org: org(1), table: "users", column: "email", row: b"one" };
    let sealed = seal(&key(1), &place, b"ada@example.org").unwrap();
    let same_id = DataKey::from_key([1; 16], Key::from_bytes([8; 32]));
    assert!(open(&same_id, &place, &sealed).is_err());
    assert!(open(&key(2), &place, &sealed).is_err());
    // The id is authenticated too: relabelling a value does not let the same key bytes open it.
    let relabelled = [&sealed[..2], &[2; 16], &sealed[18..]].concat();
    assert!(open(&key(2), &place, &relabelled).is_err());
}

#[test]
fn sealing_twice_gives_different_bytes() {
    let place = Aad { org: org(1), table: "users", column: "email", row: b"one" };
    assert_ne!(seal(&key(1), &place, b"x").unwrap(), seal(&key(1), &place, b"x").unwrap());
}

#[test]
fn data_keys_unwrap_only_as_themselves() {
    let (kek, other) = (Key::generate().unwrap(), Key::generate().unwrap());
    let key = DataKey::generate([1; 16]).unwrap();
    let wrapped = key.wrap_with(&kek, "email").unwrap();
    let unwrap = |id, kek, context, commitment: &[u8]| {
        DataKey::unwrap(id, kek, context, &wrapped, commitment).err().map(|error| error.code())
    };
    let committed = key.commitment();
    assert_eq!(unwrap([1; 16], &kek, "email", &committed), None);
    assert_eq!(unwrap([1; 16], &other, "email", &committed), Some("wrong_key"));
    assert_eq!(unwrap([2; 16], &kek, "email", &committed), Some("sealed_value_refused"));
    assert_eq!(unwrap([1; 16], &kek, "name", &committed), Some("sealed_value_refused"));
    assert_eq!(unwrap([1; 16], &kek, "email", &[0; 16]), Some("wrong_key"));
    assert_eq!(unwrap([1; 16], &kek, "email", &[]), Some("wrong_key"));

    let place = Aad { org: org(1), table: "t", column: "c", row: b"r" };
    let sealed = seal(&key, &place, b"value").unwrap();
    let again = DataKey::unwrap([1; 16], &kek, "email", &wrapped, &committed).ok().unwrap();
    assert_eq!(open(&again, &place, &sealed).unwrap().as_slice(), b"value");
}
