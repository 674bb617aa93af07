//! ID tokens (OpenID Connect Core 1.0, section 3.1.3.7): read, checked, and forgotten.

use std::time::Duration;

use domain::Timestamp;
use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;

use super::{
    metadata::Keys,
    problem::{
        ALGORITHM, AUDIENCE, CLAIM_MISSING, EXPIRED, ISSUED, ISSUER, NONCE, PARTY, Problem,
        SIGNATURE, TOKEN_MALFORMED,
    },
};

/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(60);
/// Older tokens were not made for this sign-in, which takes ten minutes at most.
const OLDEST: Duration = Duration::from_secs(15 * 60);
/// A subject is at most 255 characters long; a token is not much more than its claims.
const SUBJECT_BYTES: usize = 255;
const TOKEN_BYTES: usize = 64 << 10;

/// What a token has to say to count.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) now: Timestamp,
}

/// Whom the provider signed in, and how.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) subject: String,
    methods: Vec<String>,
    contexts: Vec<String>,
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Several {
    One(String),
    Many(Vec<String>),
}

impl Several {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(all) => all,
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Several>,
    azp: Option<String>,
    exp: Option<f64>,
    iat: Option<f64>,
    nonce: Option<String>,
    #[serde(default)]
    amr: Option<Several>,
    #[serde(default)]
    acr: Option<Several>,
    /// Microsoft's name for it (authentication contexts).
    #[serde(default)]
    acrs: Option<Several>,
}

/// Whom the token names, if everything about it is right.
pub(crate) fn check(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Told, Problem> {
    let claims = claims(token, keys)?;
    let missing = CLAIM_MISSING;
    if claims.iss.ok_or(missing)? != expected.issuer {
        return Err(ISSUER);
    }
    let audiences = claims.aud.ok_or(missing)?.into_vec();
    if !audiences.iter().any(|one| one == expected.client) {
        return Err(AUDIENCE);
    }
    match &claims.azp {
        Some(party) if party != expected.client => return Err(PARTY),
        None if audiences.len() > 1 => return Err(PARTY),
        _ => {}
    }
    let ends = at(claims.exp.ok_or(missing)?);
    if ends.plus(LEEWAY) <= expected.now {
        return Err(EXPIRED);
    }
    let issued = at(claims.iat.ok_or(missing)?);
    if issued > expected.now.plus(LEEWAY) || issued.plus(OLDEST) < expected.now {
        return Err(ISSUED);
    }
    let nonce = claims.nonce.ok_or(NONCE)?;
    if !vault::same(nonce.as_bytes(), expected.nonce.as_bytes()) {
        return Err(NONCE);
    }
    let fits = |sub: &String| !sub.is_empty() && sub.len() <= SUBJECT_BYTES;
    let subject = claims.sub.filter(fits).ok_or(missing)?;
    let all = |claim: Option<Several>| claim.map(Several::into_vec).unwrap_or_default();
    let contexts = all(claims.acr).into_iter().chain(all(claims.acrs)).collect();
    Ok(Told { subject, methods: all(claims.amr), contexts })
}

/// What is signed. Times and audience are checked by the caller, against the clock of the house.
fn claims(token: &str, keys: &Keys) -> Result<Claims, Problem> {
    if token.len() > TOKEN_BYTES {
        return Err(TOKEN_MALFORMED);
    }
    let header = decode_header(token).map_err(|error| match error.kind() {
        // Such as `none`, which no list of algorithms has.
        jsonwebtoken::errors::ErrorKind::Json(_) => ALGORITHM,
        _ => TOKEN_MALFORMED,
    })?;
    let key = keys.find(&header)?;
    let mut how = Validation::new(header.alg);
    how.validate_exp = false;
    how.validate_aud = false;
    how.required_spec_claims.clear();
    let read = decode::<Claims>(token, &key, &how).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => SIGNATURE,
        _ => TOKEN_MALFORMED,
    })?;
    Ok(read.claims)
}

/// Seconds since 1970, of which some have a fraction. What is beyond all times is the end of them.
fn at(seconds: f64) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "casts from floats saturate")]
    Timestamp::from_millis((seconds.clamp(0.0, 253_402_300_799.0) * 1_000.0) as i64)
}

/// Ways of signing in that are a second factor, or hold one (RFC 8176).
const STRONG: [&str; 7] = ["mfa", "otp", "hwk", "swk", "fido", "sc", "mca"];

impl Told {
    /// Whether the provider says that a second factor was shown; `context` is a value of `acr` or `acrs` that stands
    /// for it there.
    pub(crate) fn second_factor(&self, context: Option<&str>) -> bool {
        self.methods.iter().any(|method| STRONG.contains(&method.as_str()))
            || context.is_some_and(|wanted| self.contexts.iter().any(|one| one == wanted))
    }
}
