//! Keys and passwords: known formats of tokens, private keys, and values that are named a secret.

use crate::{Finding, Kind, bytes, ids, net, scanner::Scan};

const TOKEN: usize = 4096;
const SHORTEST: usize = 16;

/// What may follow a prefix.
#[derive(Clone, Copy)]
enum Alphabet {
    Word,
    Url,
    Hex,
    Upper,
}

impl Alphabet {
    fn holds(self, byte: u8) -> bool {
        match self {
            Self::Word => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        }
    }
}

/// Prefix, what follows, and how much of it at least. From the documentation of who hands them out.
const FORMATS: &[(&str, Alphabet, usize)] = &[
    ("sk-ant-", Alphabet::Url, 24),
    ("sk-proj-", Alphabet::Url, 24),
    ("sk-or-", Alphabet::Url, 24),
    ("sk-lf-", Alphabet::Url, 24),
    ("sk-svcacct-", Alphabet::Url, 24),
    ("sk-", Alphabet::Word, 20),
    ("AKIA", Alphabet::Upper, 16),
    ("ASIA", Alphabet::Upper, 16),
    ("AIza", Alphabet::Url, 35),
    ("GOCSPX-", Alphabet::Url, 28),
    ("ghp_", Alphabet::Word, 36),
    ("gho_", Alphabet::Word, 36),
    ("ghu_", Alphabet::Word, 36),
    ("ghs_", Alphabet::Word, 36),
    ("ghr_", Alphabet::Word, 36),
    ("github_pat_", Alphabet::Url, 50),
    ("glpat-", Alphabet::Url, 20),
    ("gldt-", Alphabet::Url, 20),
    ("glrt-", Alphabet::Url, 20),
    ("xoxb-", Alphabet::Url, 20),
    ("xoxp-", Alphabet::Url, 20),
    ("xoxa-", Alphabet::Url, 20),
    ("xoxe-", Alphabet::Url, 20),
    ("xapp-", Alphabet::Url, 20),
    ("sk_live_", Alphabet::Word, 16),
    ("sk_test_", Alphabet::Word, 16),
    ("rk_live_", Alphabet::Word, 16),
    ("rk_test_", Alphabet::Word, 16),
    ("whsec_", Alphabet::Word, 24),
    ("npm_", Alphabet::Word, 36),
    ("pypi-", Alphabet::Url, 50),
    ("hf_", Alphabet::Word, 30),
    ("gsk_", Alphabet::Word, 40),
    ("xai-", Alphabet::Word, 40),
    ("pplx-", Alphabet::Word, 40),
    ("r8_", Alphabet::Word, 30),
    ("nvapi-", Alphabet::Url, 40),
    ("tvly-", Alphabet::Url, 20),
    ("fw_", Alphabet::Word, 20),
    ("dop_v1_", Alphabet::Hex, 64),
    ("dckr_pat_", Alphabet::Url, 20),
    ("shpat_", Alphabet::Hex, 32),
    ("shpss_", Alphabet::Hex, 32),
    ("glsa_", Alphabet::Url, 32),
    ("lin_api_", Alphabet::Word, 32),
    ("key-", Alphabet::Hex, 32),
    ("SG", Alphabet::Url, 0),
    ("hvs", Alphabet::Url, 0),
];

/// Looks at the whole token around a place, once.
pub(crate) fn token(scan: &mut Scan<'_>, at: usize) {
    if at < scan.token_end {
        return;
    }
    let text = scan.text;
    let keep = |byte: u8| Alphabet::Url.holds(byte);
    let start = bytes::run_start(text, at, 64, keep);
    let end = bytes::run_end(text, at, TOKEN, keep);
    scan.token_end = end;
    let word = text.get(start..end).unwrap_or_default();
    if word.len() < SHORTEST || bytes::word_before(text, start) || bytes::word_after(text, end) {
        return;
    }
    if word.len() == 16 && ids::codice_fiscale(word) {
        scan.found.push(Finding::new(Kind::ItCodiceFiscale, start, end));
    } else if net::is_mac(word, '-') {
        scan.found.push(Finding::new(Kind::MacAddress, start, end));
    } else if let Some(end) = web_token_end(text, start, word) {
        scan.token_end = end;
        scan.found.push(Finding::new(Kind::Secret, start, end));
    } else if let Some(start) = dotted_start(text, start) {
        let end = bytes::run_end(text, end, TOKEN, |byte| keep(byte) || byte == b'.');
        scan.token_end = end;
        scan.found.push(Finding::new(Kind::Secret, start, end));
    } else if is_key(word) {
        scan.found.push(Finding::new(Kind::Secret, start, end));
    }
}

fn is_key(word: &str) -> bool {
    FORMATS.iter().any(|(prefix, alphabet, least)| {
        word.strip_prefix(prefix).is_some_and(|rest| {
            *least > 0
                && rest.len() >= *least
                && rest.bytes().all(|byte| alphabet.holds(byte))
                && (!matches!(alphabet, Alphabet::Upper) || rest.len() == *least)
                && is_mixed(rest)
        })
    })
}

/// Drawn by lot, not `sk-your-key-goes-here`: at least six different characters, and either digits or both cases.
fn is_mixed(rest: &str) -> bool {
    let mut seen = [false; 128];
    for byte in rest.bytes() {
        if let Some(slot) = seen.get_mut(usize::from(byte)) {
            *slot = true;
        }
    }
    let has = |set: fn(&u8) -> bool| rest.as_bytes().iter().any(set);
    seen.iter().filter(|one| **one).count() >= 6
        && (has(u8::is_ascii_digit)
            || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
            || rest.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// Signed web tokens: three parts, the first of which is the Base64 of `{"`.
fn web_token_end(text: &str, start: usize, word: &str) -> Option<usize> {
    if !word.starts_with("eyJ") {
        return None;
    }
    let keep = |byte: u8| Alphabet::Url.holds(byte) || byte == b'.';
    let end = bytes::run_end(text, start, 2 * TOKEN, keep);
    let whole = text.get(start..end)?.trim_end_matches('.');
    let mut parts = whole.split('.');
    let long = |part: Option<&str>| part.is_some_and(|part| part.len() >= 8);
    (parts.next().is_some() && long(parts.next()) && long(parts.next()))
        .then(|| start + whole.len())
}

/// Two makers put a dot behind their prefix.
fn dotted_start(text: &str, start: usize) -> Option<usize> {
    ["SG.", "hvs."].into_iter().find_map(|prefix| {
        let first = start.checked_sub(prefix.len())?;
        (text.get(first..start) == Some(prefix) && !bytes::word_before(text, first))
            .then_some(first)
    })
}

/// What the name of a secret ends with, in lower case and without diacritics.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "accountkey",
    "account_key",
    "secret_key",
    "secretkey",
    "private_key",
    "sharedaccesskey",
    "client_secret",
    "passwort",
    "kennwort",
    "wachtwoord",
    "adgangskode",
    "kodeord",
    "lösenord",
    "passord",
    "salasana",
    "contraseña",
    "hasło",
    "heslo",
    "passe",
    "parola",
    "senha",
    "парола",
    "κωδικός",
];

/// `name = value` and `name: value`, where the name says that the value is secret.
pub(crate) fn assignment(scan: &mut Scan<'_>, at: usize) -> usize {
    let text = scan.text;
    let name_end = bytes::run_start(text, at, 3, |byte| matches!(byte, b' ' | b'"' | b'\''));
    let name_end = bytes::floor(text, name_end);
    let from = bytes::floor(text, name_end.saturating_sub(24));
    let name = text.get(from..name_end).unwrap_or_default();
    // Cheap for prose: all names end with one of few letters.
    if !matches!(bytes::before(text, name_end), b'a'..=b'z' | b'A'..=b'Z' | 0x80..)
        || !is_secret_name(name)
    {
        return at + 1;
    }
    let start = bytes::run_end(text, at + 1, 3, |byte| matches!(byte, b' ' | b'"' | b'\'' | b'='));
    let end = bytes::run_end(text, start, 512, |byte| {
        !byte.is_ascii_whitespace()
            && !matches!(byte, b'"' | b'\'' | b',' | b';' | b'&' | b'<' | b'>' | b')' | b'`')
    });
    let end = bytes::floor(text, end);
    let value = text.get(start..end).unwrap_or_default().trim_end_matches(['.', ':']);
    let quoted = matches!(bytes::before(text, start), b'"' | b'\'' | b'=');
    if is_password(value) && !is_placeholder(value) && (quoted || !is_program(value)) {
        scan.found.push(Finding::new(Kind::Secret, start, start + value.len()));
        return start + value.len();
    }
    at + 1
}

fn is_secret_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    NAMES.iter().any(|secret| lower.ends_with(secret))
}

fn is_password(value: &str) -> bool {
    let date = value.len() >= 10
        && value.bytes().take(4).all(|byte| byte.is_ascii_digit())
        && value.as_bytes().get(4) == Some(&b'-');
    value.len() >= 8
        && !date
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value.chars().any(char::is_alphabetic)
}

/// `token: self.next_token2` names a thing of a program: words with underscores or dots and hardly a digit.
fn is_program(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let name =
        value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    (name && digits <= 2 && value.contains(['_', '.']))
        || value.contains("::")
        || value.contains("![")
}

pub(crate) fn is_placeholder(value: &str) -> bool {
    value.starts_with(['$', '<', '{', '*', '%', '[', '('])
        || value.contains("...")
        || value.contains('(')
        || ["password", "passwd", "pass", "pwd", "secret"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word))
        || ["your", "example", "changeme", "xxxx", "placeholder", "process.env", "os.environ"]
            .iter()
            .any(|word| value.to_ascii_lowercase().contains(word))
}

/// At a dash: a token with a dash in it, or a private key in PEM, up to its last line or to the end of the text.
pub(crate) fn dash(scan: &mut Scan<'_>, at: usize) -> usize {
    let text = scan.text;
    let Some(rest) = text.get(at..) else { return at + 1 };
    if !rest.starts_with("-----BEGIN ") {
        // Few tokens have no digit, but some.
        if bytes::word_before(text, at) && bytes::word_after(text, at + 1) {
            token(scan, at);
        }
        return at + 1;
    }
    // The word stands in the first line, of which the longest known kind has 37 characters.
    let first_line = rest.get(..bytes::floor(rest, 64)).unwrap_or_default();
    let first_line = first_line.split('\n').next().unwrap_or_default();
    if !first_line.contains("PRIVATE KEY-----") {
        return at + 1;
    }
    let end = match rest.find("-----END ").map(|last| (last, rest.get(last + 9..))) {
        Some((last, Some(tail))) => {
            let line = tail.find("-----").map_or(tail.len(), |close| close + 5);
            at + last + 9 + line
        }
        _ => text.len(),
    };
    scan.found.push(Finding::new(Kind::Secret, at, end));
    end
}
