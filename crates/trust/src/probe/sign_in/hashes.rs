//! IDN-01 and IDN-02: what lies in the database of every password, the one of whoever just signed in among them.

use domain::Result;
use store::StoredPasswords;

use crate::{
    evidence::{Reason, Verdict},
    probe::{Finding, Run},
    registry::ParamValue,
};

/// Characters of base64: 16 bytes of salt and 32 of hash.
const SALT: usize = 22;
const HASH: usize = 43;

pub(super) async fn run(cx: Run<'_>) -> Result<[Finding; 2]> {
    let stored = cx.site.inspector.stored_passwords().await?;
    let (root, recognised) = cx.site.inspector.holds_root_key().await?;
    let slow = is_slow(cx, &stored);
    // A form that guessers like, and passwords that another key opens, must not pass for what is wanted.
    let weak = |form: &str| StoredPasswords { forms: [form.to_owned()].into(), ..stored.clone() };
    let planted = ["argon2i$v=19$m=19456,t=2,p=1", "argon2id$v=19$m=4096,t=2,p=1", "bcrypt$12"]
        .iter()
        .all(|form| !is_slow(cx, &weak(form)));
    let judge = |control: &str, holds: bool, planted: bool| {
        let verdict = if holds {
            Verdict::held(planted, stored.all, stored.all, cx.floor(control))
        } else {
            Verdict::Fail(Reason::HashMismatch)
        };
        Finding::new(verdict, planted, (stored.all, stored.all))
    };
    let sealed = is_sealed(&stored, root);
    let opened = StoredPasswords { loose: 1, ..stored.clone() };
    let planted_key = recognised && !is_sealed(&opened, root) && !is_sealed(&stored, true);
    Ok([
        judge("IDN-01", slow, planted).measure("different salts", stored.salts, "salts"),
        judge("IDN-02", sealed, planted_key),
    ])
}

/// Whether all are Argon2id at least as slow as is published, each with a salt of its own.
fn is_slow(cx: Run<'_>, stored: &StoredPasswords) -> bool {
    let (memory, passes) = (least(cx, "memory_kib"), least(cx, "passes"));
    let long = stored.shortest.is_none_or(|(salt, hash)| salt >= SALT && hash >= HASH);
    let slow = |form: &String| {
        let Some(parameters) = form.strip_prefix("argon2id$v=19$") else { return false };
        let value = |name: &str| {
            let mut all = parameters.split(',').filter_map(|one| one.split_once('='));
            all.find(|(found, _)| *found == name).and_then(|(_, value)| value.parse::<f64>().ok())
        };
        value("m").is_some_and(|m| m >= memory) && value("t").is_some_and(|t| t >= passes)
    };
    stored.odd == 0 && stored.salts == stored.all && long && stored.forms.iter().all(slow)
}

/// Whether nothing but the deployment's own root key leads to any of them, and the database does not hold it.
const fn is_sealed(stored: &StoredPasswords, root: bool) -> bool {
    stored.odd == 0 && stored.loose == 0 && !root
}

/// What is published; without it, nothing is slow enough.
fn least(cx: Run<'_>, name: &str) -> f64 {
    match cx.param("IDN-01", name) {
        Some(ParamValue::Number(number)) => *number,
        _ => f64::INFINITY,
    }
}
