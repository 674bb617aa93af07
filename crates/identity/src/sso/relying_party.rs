//! The relying party: leaves for an identity provider, and takes what comes back (OpenID Connect Core 1.0, with PKCE,
//! RFC 7636, and RFC 9207). Of its tokens nothing is kept.

use std::{collections::HashMap, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{Clock, ConnectionId, Secret, Timestamp};
use egress::Egress;
use http::HeaderValue;
use parking_lot::Mutex;
use serde::Deserialize;
use store::Connection;
use url::{Url, form_urlencoded};

use super::{
    id_token::{self, Expected, Told},
    metadata::{Keys, Metadata},
    problem::{CLIENT_REFUSED, CODE_REFUSED, KEY_UNKNOWN, Problem, TOKEN_MALFORMED, TOKEN_REFUSED},
    wire::{Form, Whose, Wire},
};

/// How long what a provider says about itself, and its keys, are good.
const GOOD: Duration = Duration::from_secs(3_600);
/// How often a key that is not known has the keys asked for again, at most.
const AGAIN: Duration = Duration::from_secs(60);

pub(crate) struct RelyingParty {
    wire: Wire,
    clock: Clock,
    known: Mutex<HashMap<ConnectionId, Known>>,
}

/// A provider as it was last seen.
#[derive(Clone)]
struct Known {
    issuer: String,
    metadata: Metadata,
    keys: Keys,
    seen: Timestamp,
    keys_seen: Timestamp,
}

/// What only the browser's way back and this server know.
pub(crate) struct Way<'a> {
    pub(crate) redirect: &'a str,
    pub(crate) state: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) verifier: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    id_token: Option<Secret<String>>,
}

#[derive(Deserialize)]
struct Refused {
    error: Option<String>,
}

const fn whose(connection: &Connection) -> Whose {
    Whose { connection: connection.id, allow_private: connection.allow_private }
}

impl RelyingParty {
    pub(crate) fn new(egress: Egress, clock: Clock) -> Self {
        let wire = Wire::new(egress, clock.clone());
        Self { wire, clock, known: Mutex::default() }
    }

    /// Where the browser goes to sign in.
    pub(crate) async fn leave(
        &self,
        connection: &Connection,
        way: &Way<'_>,
    ) -> Result<Url, Problem> {
        let known = self.known(connection).await?;
        let challenge = URL_SAFE_NO_PAD.encode(vault::sha256(way.verifier.as_bytes()));
        let mut url = known.metadata.authorization;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &connection.client_id)
            .append_pair("redirect_uri", way.redirect)
            // No name and no address: nobody is found by either.
            .append_pair("scope", "openid")
            .append_pair("state", way.state)
            .append_pair("nonce", way.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Whether every way back from the provider names it (RFC 9207).
    pub(crate) async fn names_issuer(&self, connection: &Connection) -> Result<bool, Problem> {
        Ok(self.known(connection).await?.metadata.names_issuer)
    }

    /// Exchanges a code for whom the provider signed in.
    pub(crate) async fn arrive(
        &self,
        connection: &Connection,
        way: &Way<'_>,
        code: &str,
    ) -> Result<Told, Problem> {
        let known = self.known(connection).await?;
        let form = form(connection, &known.metadata, (way.redirect, way.verifier), code);
        let token = self.token(connection, &known.metadata, form).await?;
        let expected = Expected {
            issuer: &connection.issuer,
            client: &connection.client_id,
            nonce: way.nonce,
            now: self.clock.now(),
        };
        match id_token::check(token.expose(), &known.keys, &expected) {
            // Keys are renewed from time to time.
            Err(KEY_UNKNOWN) => {
                let keys = self.keys_again(connection, known).await?;
                id_token::check(token.expose(), &keys, &expected)
            }
            done => done,
        }
    }

    /// Tries everything that can be tried without a person. The code is made up, so whoever takes the client refuses it.
    pub(crate) async fn test(
        &self,
        connection: &Connection,
        redirect: &str,
    ) -> Result<(), Problem> {
        self.forget(connection.id);
        let known = self.known(connection).await?;
        let verifier = "a".repeat(43);
        let form = form(connection, &known.metadata, (redirect, &verifier), "none");
        match self.token(connection, &known.metadata, form).await {
            Err(CODE_REFUSED) => Ok(()),
            Err(problem) => Err(problem),
            Ok(_) => Err(TOKEN_MALFORMED),
        }
    }

    pub(crate) fn forget(&self, id: ConnectionId) {
        self.known.lock().remove(&id);
    }

    async fn known(&self, connection: &Connection) -> Result<Known, Problem> {
        let now = self.clock.now();
        let fresh = |known: &&Known| {
            known.issuer == connection.issuer && now.since(known.seen) < GOOD && known.seen <= now
        };
        if let Some(known) = self.known.lock().get(&connection.id).filter(fresh) {
            return Ok(known.clone());
        }
        let whose = whose(connection);
        let metadata = Metadata::fetch(&self.wire, whose, &connection.issuer).await?;
        let keys = Keys::fetch(&self.wire, whose, &metadata.keys).await?;
        let issuer = connection.issuer.clone();
        let known = Known { issuer, metadata, keys, seen: now, keys_seen: now };
        self.known.lock().insert(connection.id, known.clone());
        Ok(known)
    }

    async fn keys_again(&self, connection: &Connection, known: Known) -> Result<Keys, Problem> {
        let now = self.clock.now();
        if now.since(known.keys_seen) < AGAIN {
            return Err(KEY_UNKNOWN);
        }
        if let Some(known) = self.known.lock().get_mut(&connection.id) {
            known.keys_seen = now;
        }
        let keys = Keys::fetch(&self.wire, whose(connection), &known.metadata.keys).await?;
        let known = Known { keys: keys.clone(), keys_seen: now, ..known };
        self.known.lock().insert(connection.id, known);
        Ok(keys)
    }

    async fn token(
        &self,
        connection: &Connection,
        metadata: &Metadata,
        form: Form,
    ) -> Result<Secret<String>, Problem> {
        let (status, body) = self.wire.post(&metadata.token, whose(connection), form).await?;
        if !(200..300).contains(&status) {
            let said = serde_json::from_slice::<Refused>(&body).ok().and_then(|said| said.error);
            return Err(match (status, said.as_deref()) {
                (_, Some("invalid_grant")) => CODE_REFUSED,
                (401, _) | (_, Some("invalid_client" | "unauthorized_client")) => CLIENT_REFUSED,
                _ => TOKEN_REFUSED,
            });
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| TOKEN_MALFORMED)?;
        answer.id_token.ok_or(TOKEN_MALFORMED)
    }
}

/// The exchange of a code.
fn form(
    connection: &Connection,
    metadata: &Metadata,
    (redirect, verifier): (&str, &str),
    code: &str,
) -> Form {
    let (id, secret) = (&connection.client_id, connection.secret.expose());
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", redirect)
        .append_pair("code_verifier", verifier);
    if metadata.basic {
        // Both are encoded as in a form first (RFC 6749, section 2.3.1).
        let plain =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", plain(id), plain(secret)));
        let basic = HeaderValue::from_str(&format!("Basic {pair}")).ok().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        return Form { body: body.finish(), basic };
    }
    body.append_pair("client_id", id).append_pair("client_secret", secret);
    Form { body: body.finish(), basic: None }
}
