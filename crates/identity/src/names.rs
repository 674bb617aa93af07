//! Names and slugs that people choose.

use domain::{Error, Result};

const NAME_CHARS: usize = 80;
const SLUG_BYTES: usize = 40;

/// Slugs that would collide with paths or mislead.
const RESERVED: &[&str] = &[
    "account",
    "admin",
    "api",
    "assets",
    "audit",
    "dpa",
    "healthz",
    "help",
    "invitations",
    "login",
    "logout",
    "metrics",
    "new",
    "operator",
    "organizations",
    "privacy",
    "probity",
    "projects",
    "readyz",
    "safe",
    "settings",
    "sign-in",
    "sign-out",
    "static",
    "status",
    "subprocessors",
    "support",
    "system",
    "trust",
    "v1",
    "v1beta",
    "v2",
    "well-known",
    "www",
];

/// A name for people to read: trimmed, one line, at most 80 characters. `what` begins the sentence of a refusal.
///
/// # Errors
/// `Invalid` with code `invalid_name`.
pub(crate) fn name(what: &str, text: &str) -> Result<String> {
    let text = text.trim();
    let fits = (1..=NAME_CHARS).contains(&text.chars().count());
    if fits && !text.chars().any(unprintable) {
        return Ok(text.to_owned());
    }
    Err(Error::invalid(format!("{what} needs a name of 1 to {NAME_CHARS} characters on one line."))
        .with_code("invalid_name"))
}

/// A name with its slug; without one given, it is made from the name.
///
/// # Errors
/// `Invalid` with code `invalid_name` or `invalid_slug`.
pub(crate) fn named(what: &str, given: &str, slug: Option<&str>) -> Result<(String, String)> {
    let name = name(what, given)?;
    let slug = match slug.map(str::trim).filter(|slug| !slug.is_empty()) {
        Some(given) => self::slug(given)?,
        None => slug_from(&name).ok_or_else(|| {
            Error::invalid("No short name can be made from this name. Enter one.")
                .with_code("invalid_slug")
        })?,
    };
    Ok((name, slug))
}

/// Control characters, and those that turn or hide text around them.
fn unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// A slug as it appears in addresses: lower-case letters, digits and single hyphens, from a letter to a letter
/// or digit, 2 to 40 of them, none of the reserved words.
///
/// # Errors
/// `Invalid` with code `invalid_slug`.
pub(crate) fn slug(text: &str) -> Result<String> {
    let text = text.trim();
    let refuse = |why: &'static str| Err(Error::invalid(why).with_code("invalid_slug"));
    let starts = text.starts_with(|first: char| first.is_ascii_lowercase());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let well_formed = (2..=SLUG_BYTES).contains(&text.len()) && starts && text.bytes().all(plain);
    if !well_formed || text.ends_with('-') || text.contains("--") {
        return refuse(
            "A short name has 2 to 40 lower-case letters, digits and single hyphens, and starts with a letter.",
        );
    }
    if RESERVED.contains(&text) {
        return refuse("This short name is reserved. Choose another.");
    }
    Ok(text.to_owned())
}

/// A slug made from a name, for when none is given; `None` when nothing usable is left of it.
#[must_use]
pub fn slug_from(name: &str) -> Option<String> {
    let mut made = String::new();
    for character in name.trim().chars().flat_map(char::to_lowercase) {
        if character.is_ascii_lowercase() || (character.is_ascii_digit() && !made.is_empty()) {
            made.push(character);
        } else if !made.is_empty() && !made.ends_with('-') {
            made.push('-');
        }
    }
    made.truncate(SLUG_BYTES);
    slug(made.trim_end_matches('-')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_readable_line() {
        assert_eq!(name("A project", "  Café 中文 ").unwrap(), "Café 中文");
        let (longest, too_long) = ("ä".repeat(80), "ä".repeat(81));
        assert!(name("A project", &longest).is_ok());
        for bad in ["", "   ", "a\nb", "a\u{0}b", "a\u{202E}b", "\u{200B}", &too_long] {
            assert_eq!(name("A project", bad).unwrap_err().code(), "invalid_name", "{bad:?}");
        }
    }

    #[test]
    fn slugs_are_plain() {
        for good in ["ab", "acme", "acme-2", "a1", &"a".repeat(40)] {
            assert_eq!(slug(good).unwrap(), good);
        }
        let too_long = "a".repeat(41);
        for bad in [
            "", "a", "-a", "a-", "a--b", "1a", "Acme", "a b", "a_b", "ä2", "api", "trust", "a/b",
            &too_long,
        ] {
            assert_eq!(slug(bad).unwrap_err().code(), "invalid_slug", "{bad:?}");
        }
    }

    #[test]
    fn a_name_brings_its_slug() {
        assert_eq!(named("A project", "My App", None).unwrap().1, "my-app");
        assert_eq!(named("A project", "My App", Some(" ")).unwrap().1, "my-app");
        assert_eq!(named("A project", "My App", Some("app")).unwrap().1, "app");
        assert_eq!(named("A project", "中文", None).unwrap_err().code(), "invalid_slug");
        assert_eq!(named("A project", "", Some("app")).unwrap_err().code(), "invalid_name");
    }

    #[test]
    fn slugs_come_from_names() {
        assert_eq!(slug_from("Acme B.V.").as_deref(), Some("acme-b-v"));
        assert_eq!(slug_from("  3 Café & Söhne ").as_deref(), Some("caf-s-hne"));
        assert_eq!(slug_from("中文"), None);
        assert_eq!(slug_from("API"), None);
        assert_eq!(slug_from(&"long name ".repeat(9)).map(|slug| slug.len()), Some(39));
    }
}
