//! What an identity provider says about itself (OpenID Connect Discovery 1.0, RFC 8414), and its keys (RFC 7517).

use jsonwebtoken::{
    Algorithm, DecodingKey, Header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;
use url::Url;

use super::{
    problem::{
        ALGORITHM, DISCOVERY_MALFORMED, DISCOVERY_REFUSED, ISSUER_MISMATCH, KEY_AMBIGUOUS,
        KEY_UNKNOWN, KEYS_MISSING, KEYS_REFUSED, Problem,
    },
    wire::{Whose, Wire, address},
};

const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// How an authorization is asked for and a code is exchanged.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) keys: Url,
    /// Whether every callback names the issuer (RFC 9207).
    pub(crate) names_issuer: bool,
    /// Whether id and secret travel in the header rather than in the form.
    pub(crate) basic: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Asks the issuer; whoever answers has to be it.
    pub(crate) async fn fetch(wire: &Wire, whose: Whose, issuer: &str) -> Result<Self, Problem> {
        let place = format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'));
        let url = address(&place, whose.allow_private)?;
        let (status, body) = wire.get(&url, whose).await?;
        if status != 200 {
            return Err(DISCOVERY_REFUSED);
        }
        Self::read(&body, whose.allow_private, issuer)
    }

    fn read(body: &[u8], allow_private: bool, issuer: &str) -> Result<Self, Problem> {
        let said: Document = serde_json::from_slice(body).map_err(|_| DISCOVERY_MALFORMED)?;
        if said.issuer != issuer {
            return Err(ISSUER_MISMATCH);
        }
        let basic = match &said.token_endpoint_auth_methods_supported {
            // The default of the standard.
            None => true,
            Some(methods) => {
                let has = |name: &str| methods.iter().any(|method| method == name);
                has("client_secret_basic") || !has("client_secret_post")
            }
        };
        Ok(Self {
            authorization: address(&said.authorization_endpoint, allow_private)?,
            token: address(&said.token_endpoint, allow_private)?,
            keys: address(&said.jwks_uri, allow_private)?,
            names_issuer: said.authorization_response_iss_parameter_supported,
            basic,
        })
    }
}

/// The keys that signatures are checked with.
#[derive(Clone, Debug)]
pub(crate) struct Keys(Vec<Jwk>);

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    pub(crate) async fn fetch(wire: &Wire, whose: Whose, at: &Url) -> Result<Self, Problem> {
        let (status, body) = wire.get(at, whose).await?;
        if status != 200 {
            return Err(KEYS_REFUSED);
        }
        Self::read(&body)
    }

    /// Keys of kinds that are not known, or for something else, are passed over (RFC 7517, section 5).
    pub(crate) fn read(body: &[u8]) -> Result<Self, Problem> {
        let set: Set = serde_json::from_slice(body).map_err(|_| KEYS_REFUSED)?;
        let keys: Vec<Jwk> = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
            .filter(|key| !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption)))
            .filter(|key| !algorithms(key).is_empty())
            .collect();
        if keys.is_empty() { Err(KEYS_MISSING) } else { Ok(Self(keys)) }
    }

    /// The key that a token names, or the only one that it can mean.
    pub(crate) fn find(&self, header: &Header) -> Result<DecodingKey, Problem> {
        // `none` cannot even be read; what is signed with a shared secret could be signed with a public key as the secret.
        if matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
            return Err(ALGORITHM);
        }
        let fitting = || self.0.iter().filter(|key| algorithms(key).contains(&header.alg));
        let key = match &header.kid {
            Some(kid) => fitting().find(|key| key.common.key_id.as_ref() == Some(kid)),
            None => {
                let mut all = fitting();
                match (all.next(), all.next()) {
                    (_, Some(_)) => return Err(KEY_AMBIGUOUS),
                    (only, None) => only,
                }
            }
        };
        DecodingKey::from_jwk(key.ok_or(KEY_UNKNOWN)?).map_err(|_| KEY_UNKNOWN)
    }
}

/// What a key can sign; nothing for keys that are not for signatures with a public key.
fn algorithms(key: &Jwk) -> &'static [Algorithm] {
    match &key.algorithm {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => &[],
    }
}
