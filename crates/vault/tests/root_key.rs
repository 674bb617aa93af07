//! The root key's file.

use std::{fs, os::unix::fs::PermissionsExt as _};

use domain::Kind;
use vault::{Key, RootKey};

#[test]
fn a_created_key_loads_again_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    let created = RootKey::create(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");

    let loaded = RootKey::load(&path).ok().unwrap();
    assert_eq!(loaded.fingerprint(), created.fingerprint());
    assert_eq!(loaded.fingerprint().len(), 16);
    let wrapped = created.wrap("org", &Key::from_bytes([4; 32])).unwrap();
    assert_eq!(loaded.unwrap("org", &wrapped).ok().unwrap().expose(), &[4; 32]);
    assert_eq!(loaded.derive("database").expose(), created.derive("database").expose());
    assert_ne!(loaded.derive("database").expose(), created.derive("journal").expose());
}

#[test]
fn an_existing_file_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    let first = RootKey::create(&path).ok().unwrap();
    let refusal = RootKey::create(&path).err().unwrap();
    assert_eq!((refusal.kind(), refusal.code()), (Kind::Conflict, "root_key_exists"));
    assert_eq!(RootKey::load(&path).ok().unwrap().fingerprint(), first.fingerprint());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    RootKey::create(&path).ok().unwrap();
    for mode in [0o640, 0o604, 0o660, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(RootKey::load(&path).err().unwrap().code(), "root_key_exposed", "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(RootKey::load(&path).is_ok());
}

#[test]
fn missing_damaged_and_foreign_files_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    assert_eq!(RootKey::load(&path).err().unwrap().code(), "root_key_missing");
    assert_eq!(RootKey::load(folder.path()).err().unwrap().kind(), Kind::Invalid);
    let nowhere = folder.path().join("absent").join("root.key");
    assert_eq!(RootKey::create(&nowhere).err().unwrap().code(), "root_key_unwritable");

    RootKey::create(&path).ok().unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    let swapped = whole.replacen(&whole[19..20], if &whole[19..20] == "0" { "1" } else { "0" }, 1);
    let too_long = format!("{whole}{whole}");
    for text in ["", "hello", &whole[..40], &whole[..whole.len() - 3], &swapped, &too_long] {
        fs::write(&path, text).unwrap();
        let refusal = RootKey::load(&path).err().unwrap();
        assert_eq!(refusal.code(), "root_key_damaged");
        assert!(!refusal.to_string().contains(&whole[19..40]), "the key is not in the message");
    }
}

#[test]
fn another_root_key_is_told_from_a_damaged_value() {
    let folder = tempfile::tempdir().unwrap();
    let one = RootKey::create(&folder.path().join("one")).ok().unwrap();
    let two = RootKey::create(&folder.path().join("two")).ok().unwrap();
    let mut wrapped = one.wrap("org|1", &Key::generate().unwrap()).unwrap();
    assert_eq!(two.unwrap("org|1", &wrapped).err().unwrap().code(), "wrong_key");
    assert_eq!(one.unwrap("org|2", &wrapped).err().unwrap().code(), "sealed_value_refused");
    *wrapped.last_mut().unwrap() ^= 1;
    assert_eq!(one.unwrap("org|1", &wrapped).err().unwrap().code(), "sealed_value_refused");
    assert_ne!(one.fingerprint(), two.fingerprint());
}
