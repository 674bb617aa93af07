//! The places where credentials are exchanged for tokens: Google's, IBM's and Microsoft's. What is shown there is checked
//! as the real ones do: the signature of an assertion and everything it claims, a key, an application's secret.

use std::{collections::HashSet, sync::Arc};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use domain::Clock;
use parking_lot::Mutex;
use serde_json::{Value, json};

/// Who may ask for tokens, and in whose words.
#[derive(Clone, Debug)]
pub enum Grants {
    /// A service account, by its address and the public half of its key (PKCS #1).
    Google { email: String, public_key: Vec<u8> },
    /// An API key.
    Ibm { key: String },
    /// An application.
    Entra { tenant: String, client: String, secret: String },
}

/// The tokens that are good at the moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens(Arc<Mutex<Given>>);

#[derive(Debug, Default)]
struct Given {
    serial: u64,
    good: HashSet<String>,
}

impl Tokens {
    fn give(&self) -> String {
        let mut given = self.0.lock();
        given.serial += 1;
        let token = format!("ya29.sandbox-{}", given.serial);
        given.good.insert(token.clone());
        token
    }

    pub(crate) fn given(&self) -> u64 {
        self.0.lock().serial
    }

    pub(crate) fn forget(&self) {
        self.0.lock().good.clear();
    }

    pub(crate) fn is_good(&self, token: &str) -> bool {
        self.0.lock().good.contains(token)
    }
}

/// Whether `path` is where tokens are asked for.
pub(crate) fn is_asked(grants: &Grants, path: &str) -> bool {
    match grants {
        Grants::Google { .. } => path == "/token",
        Grants::Ibm { .. } => path == "/identity/token",
        Grants::Entra { .. } => path.ends_with("/oauth2/v2.0/token"),
    }
}

/// The answer to a request for a token at `path`, with its status; `None` when nobody gives tokens there.
pub(crate) fn answer(
    (grants, tokens): (&Grants, &Tokens),
    (host, path): (&str, &str),
    body: &Bytes,
    seconds: u64,
) -> Option<(u16, Value)> {
    let form = form(body);
    let shown = |name: &str| {
        form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    };
    match grants {
        Grants::Google { email, public_key } if path == "/token" => {
            let kind = shown("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer";
            let wrong =
                assertion(shown("assertion"), (email, public_key), &format!("http://{host}/token"));
            Some(match (kind, wrong) {
                (false, _) => (400, json!({"error": "unsupported_grant_type"})),
                (true, Err(why)) => {
                    (400, json!({"error": "invalid_grant", "error_description": why}))
                }
                (true, Ok(())) => (
                    200,
                    json!({
                        "access_token": tokens.give(), "expires_in": seconds, "token_type": "Bearer",
                    }),
                ),
            })
        }
        Grants::Ibm { key } if path == "/identity/token" => {
            let kind = shown("grant_type") == "urn:ibm:params:oauth:grant-type:apikey";
            Some(if kind && shown("apikey") == key {
                (
                    200,
                    json!({
                        "access_token": tokens.give(), "refresh_token": "not_supported",
                        "token_type": "Bearer", "expires_in": seconds,
                        "expiration": now().saturating_add(seconds), "scope": "ibm openid",
                    }),
                )
            } else {
                let says = format!("Provided API key could not be found: {}", shown("apikey"));
                (400, json!({"errorCode": "BXNIM0415E", "errorMessage": says}))
            })
        }
        Grants::Entra { tenant, client, secret }
            if path == format!("/{tenant}/oauth2/v2.0/token") =>
        {
            let right = shown("grant_type") == "client_credentials"
                && shown("client_id") == client
                && shown("client_secret") == secret
                && shown("scope") == "https://cognitiveservices.azure.com/.default";
            Some(if right {
                (
                    200,
                    json!({
                        "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds,
                        "access_token": tokens.give(),
                    }),
                )
            } else {
                let says =
                    format!("AADSTS7000215: Invalid client secret {}", shown("client_secret"));
                (401, json!({"error": "invalid_client", "error_description": says}))
            })
        }
        _ => None,
    }
}

/// Whether an assertion is the account's own, for this place and this moment (RFC 7523, section 3).
fn assertion(text: &str, (email, key): (&str, &[u8]), audience: &str) -> Result<(), &'static str> {
    let mut parts = text.split('.');
    let (Some(head), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("Bad JWT format");
    };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "Bad JWT format");
    let json = |part: &str| -> Result<Value, &'static str> {
        serde_json::from_slice(&decoded(part)?).map_err(|_| "Bad JWT format")
    };
    let (about, said) = (json(head)?, json(claims)?);
    if about.get("alg") != Some(&json!("RS256")) {
        return Err("Invalid JWT: unsupported algorithm");
    }
    let signed = format!("{head}.{claims}");
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &decoded(signature)?)
        .map_err(|_| "Invalid JWT Signature.")?;
    let claim = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
    let at = |name: &str| said.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (from, until) = (at("iat"), at("exp"));
    if claim("iss") != email {
        return Err("Invalid grant: account not found");
    }
    if claim("aud") != audience {
        return Err("Invalid JWT: wrong audience");
    }
    if claim("scope") != "https://www.googleapis.com/auth/cloud-platform" {
        return Err("Invalid scope");
    }
    let now = now();
    // A clock may be a little fast.
    if from > now + 60 || until <= now || until > from + 3600 {
        return Err("Invalid JWT: Token must be a short-lived token (60 minutes)");
    }
    Ok(())
}

fn now() -> u64 {
    u64::try_from(Clock::system().now().as_millis() / 1000).unwrap_or_default()
}

/// The fields of a form (`application/x-www-form-urlencoded`).
fn form(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                out.extend(u8::from_str_radix(&digits, 16));
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_they_are_written() {
        let read = form(b"a=1&b%3A=x+y%2Fz%C3%A9&c");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read, [pair("a", "1"), pair("b:", "x y/zé")]);
    }

    #[test]
    fn what_is_no_assertion_is_refused() {
        for text in ["", "a.b", "a.b.c.d", "e30.e30.e30", "!.e30.e30"] {
            assert!(assertion(text, ("a@b", b"key"), "http://x/token").is_err(), "{text}");
        }
    }
}
