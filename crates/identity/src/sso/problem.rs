//! What goes wrong between this server and an identity provider. Words are for whoever set the connection up: they say
//! what happened and what to look at, and hold nothing that the provider or a browser sent.

use domain::{Error, Kind};

/// A reason, with its stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: &'static str,
    pub says: &'static str,
}

const fn problem(code: &'static str, says: &'static str) -> Problem {
    Problem { code, says }
}

impl Problem {
    /// Refuses whoever signs in.
    pub(crate) fn refusal(self) -> Error {
        Error::new(Kind::Unauthenticated, self.says).with_code(self.code)
    }
}

pub(crate) const UNREACHABLE: Problem = problem(
    "sso_unreachable",
    "The identity provider could not be reached. Check the issuer, and that this server may reach it.",
);
pub(crate) const LATE: Problem =
    problem("sso_late", "The identity provider did not answer within ten seconds.");
pub(crate) const ANSWER_TOO_LARGE: Problem = problem(
    "sso_answer_too_large",
    "The identity provider's answer was larger than 256 KiB, so it was not read.",
);
pub(crate) const ADDRESS: Problem = problem(
    "sso_address",
    "The identity provider names an address of its own that is not allowed: each has to begin with https://, or be in a network that was allowed for this connection.",
);
pub(crate) const DISCOVERY_REFUSED: Problem = problem(
    "sso_discovery_refused",
    "There is no OpenID configuration below the issuer. Compare the issuer with what the identity provider shows, to the letter.",
);
pub(crate) const DISCOVERY_MALFORMED: Problem = problem(
    "sso_discovery_malformed",
    "What stands below the issuer is no OpenID configuration, or lacks an address that is needed.",
);
pub(crate) const ISSUER_MISMATCH: Problem = problem(
    "sso_issuer_mismatch",
    "The identity provider says that its issuer is another one. Copy it from there to the letter; a slash at the end counts.",
);
pub(crate) const KEYS_REFUSED: Problem =
    problem("sso_keys_refused", "The identity provider did not give its keys.");
pub(crate) const KEYS_MISSING: Problem = problem(
    "sso_keys_missing",
    "The identity provider gives no key that signatures can be checked with: RSA, P-256, P-384 or Ed25519.",
);
pub(crate) const CLIENT_REFUSED: Problem = problem(
    "sso_client_refused",
    "The identity provider refuses the client id or the secret. A secret may have expired.",
);
pub(crate) const CODE_REFUSED: Problem = problem(
    "sso_code_refused",
    "The identity provider refused the code of this sign-in: it was used already, or belongs to another redirect URI.",
);
pub(crate) const TOKEN_REFUSED: Problem =
    problem("sso_token_refused", "The identity provider gave no token.");
pub(crate) const TOKEN_MALFORMED: Problem = problem(
    "sso_token_malformed",
    "The identity provider's answer holds no ID token that can be read.",
);
pub(crate) const ALGORITHM: Problem = problem(
    "sso_algorithm",
    "The ID token is signed in a way that is not taken. RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA are.",
);
pub(crate) const KEY_UNKNOWN: Problem = problem(
    "sso_key_unknown",
    "The ID token is signed with a key that the identity provider does not name.",
);
pub(crate) const KEY_AMBIGUOUS: Problem = problem(
    "sso_key_ambiguous",
    "The ID token does not say which of the identity provider's keys it is signed with.",
);
pub(crate) const SIGNATURE: Problem =
    problem("sso_signature", "The signature of the ID token is wrong.");
pub(crate) const CLAIM_MISSING: Problem =
    problem("sso_claim_missing", "The ID token lacks something that it has to say.");
pub(crate) const ISSUER: Problem = problem("sso_issuer", "The ID token is from another issuer.");
pub(crate) const AUDIENCE: Problem =
    problem("sso_audience", "The ID token is for another application.");
pub(crate) const PARTY: Problem = problem(
    "sso_party",
    "The ID token is for several applications, and was not asked for by this one.",
);
pub(crate) const EXPIRED: Problem =
    problem("sso_expired", "The ID token has expired. Compare the clocks of both servers.");
pub(crate) const ISSUED: Problem = problem(
    "sso_issued",
    "The ID token is from the future, or too old. Compare the clocks of both servers.",
);
pub(crate) const NONCE: Problem = problem("sso_nonce", "The ID token belongs to another sign-in.");
pub(crate) const STATE: Problem =
    problem("sso_state", "What came back belongs to another sign-in. Begin anew.");
pub(crate) const CONNECTION: Problem = problem(
    "sso_connection",
    "What came back is for another connection than the one this sign-in began with. Begin anew.",
);
pub(crate) const CALLBACK_ISSUER: Problem = problem(
    "sso_callback_issuer",
    "What came back is from another identity provider than the one this sign-in began with. Begin anew.",
);
pub(crate) const PROVIDER_REFUSED: Problem = problem(
    "sso_provider_refused",
    "The identity provider did not sign you in. Begin anew, or ask whoever runs it.",
);
pub(crate) const OVER: Problem = problem(
    "sso_over",
    "This sign-in took longer than ten minutes, was finished already, or began in another browser. Begin anew.",
);
