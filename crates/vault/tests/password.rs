//! Passwords: sealed, bound to their user, and always as slow.

use std::time::{Duration, Instant};

use domain::{Secret, Timestamp, UserId};
use vault::{DataKey, Passwords};

fn user() -> UserId {
    UserId::new(Timestamp::from_millis(1))
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[test]
fn only_the_right_password_of_the_right_user_matches() {
    let passwords = Passwords::new(DataKey::generate([1; 16]).unwrap()).ok().unwrap();
    let (ada, bob) = (user(), user());
    let sealed = passwords.hash(ada, &secret("correct horse battery")).unwrap();
    assert!(passwords.verify(ada, &secret("correct horse battery"), Some(&sealed)));
    assert!(!passwords.verify(ada, &secret("correct horse batterY"), Some(&sealed)));
    assert!(!passwords.verify(ada, &secret(""), Some(&sealed)));
    assert!(!passwords.verify(bob, &secret("correct horse battery"), Some(&sealed)));
    assert!(!passwords.verify(ada, &secret("correct horse battery"), None));
    assert!(!passwords.verify(ada, &secret("correct horse battery"), Some(b"junk")));

    let other_pepper = Passwords::new(DataKey::generate([1; 16]).unwrap()).ok().unwrap();
    assert!(!other_pepper.verify(ada, &secret("correct horse battery"), Some(&sealed)));
}

#[test]
fn nothing_of_the_hash_is_in_clear() {
    let passwords = Passwords::new(DataKey::generate([1; 16]).unwrap()).ok().unwrap();
    let sealed = passwords.hash(user(), &secret("correct horse battery")).unwrap();
    let text = String::from_utf8_lossy(&sealed).into_owned();
    assert!(!text.contains("argon2") && !text.contains("horse"));
    assert_eq!(vault::key_id_of(&sealed), Some([1; 16]));
}

#[test]
fn over_long_passwords_never_match_their_prefix() {
    let passwords = Passwords::new(DataKey::generate([1; 16]).unwrap()).ok().unwrap();
    let ada = user();
    assert!(passwords.hash(ada, &secret(&"x".repeat(257))).is_err());
    let sealed = passwords.hash(ada, &secret(&"x".repeat(256))).unwrap();
    assert!(passwords.verify(ada, &secret(&"x".repeat(256)), Some(&sealed)));
    assert!(!passwords.verify(ada, &secret(&"x".repeat(257)), Some(&sealed)));
}

/// The gap between "no such account" and "wrong password" is far below one run of Argon2.
#[test]
fn an_absent_account_costs_one_run_too() {
    let passwords = Passwords::new(DataKey::generate([1; 16]).unwrap()).ok().unwrap();
    let ada = user();
    let sealed = passwords.hash(ada, &secret("correct horse battery")).unwrap();
    let run = |stored: Option<&[u8]>, attempt: &str| {
        let attempt = secret(attempt);
        let start = Instant::now();
        assert!(!passwords.verify(ada, &attempt, stored));
        start.elapsed()
    };
    let junk: Option<&[u8]> = Some(b"junk");
    let cases = [(Some(sealed.as_slice()), "wrong"), (None, "wrong"), (junk, "wrong"), (None, "")];
    // Interleaved, and the fastest of each: what else the machine does hits all cases alike, and in enough rounds
    // each is undisturbed once.
    let mut fastest = [Duration::MAX; 4];
    let alike = |fastest: &[Duration; 4]| {
        let [wrong, others @ ..] = *fastest;
        others.iter().all(|other| *other * 2 > wrong && wrong * 2 > *other)
    };
    for round in 0..40 {
        if round >= 3 && alike(&fastest) {
            break;
        }
        for (best, (stored, attempt)) in fastest.iter_mut().zip(cases) {
            *best = run(stored, attempt).min(*best);
        }
    }
    assert!(alike(&fastest), "{fastest:?}");
}
