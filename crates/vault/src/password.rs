//! Password hashes: Argon2id, then sealed by the pepper.
//!
//! A pepper as encryption around the hash (rather than as Argon2's secret) can be rotated without anybody signing
//! in, and a stolen hash cannot be moved to another account: the user's id is part of what is authenticated.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        PasswordHasher, PasswordVerifier,
        phc::{Output, PasswordHash},
    },
};
use domain::{Error, OrgId, Result, Secret, UserId};

use crate::{Aad, DataKey, column, key};

/// Longer passwords are refused when set and never match.
pub const MAX_PASSWORD_BYTES: usize = 256;

/// OWASP's minimum: 19 MiB, two passes, one lane. About 50 ms.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes and checks passwords under one pepper.
pub struct Passwords {
    pepper: DataKey,
    argon2: Argon2<'static>,
    /// Stands in for the hash of an account that does not exist: random, so nothing matches it.
    nobody: String,
}

impl Passwords {
    /// # Errors
    /// `Internal` when the random generator fails.
    pub fn new(pepper: DataKey) -> Result<Self> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(broken)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let mut nobody = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: (&params).try_into().map_err(broken)?,
            salt: Some(
                argon2::password_hash::phc::Salt::new(&key::random::<16>()?).map_err(broken)?,
            ),
            hash: None,
        };
        nobody.hash = Some(Output::new(&key::random::<32>()?).map_err(broken)?);
        Ok(Self { pepper, argon2, nobody: nobody.to_string() })
    }

    /// The sealed hash of a password, to be stored with that user. Takes about 50 ms of one core and 19 MiB.
    ///
    /// # Errors
    /// `Invalid` when the password is longer than [`MAX_PASSWORD_BYTES`]; `Internal` when hashing fails.
    pub fn hash(&self, user: UserId, password: &Secret<String>) -> Result<Vec<u8>> {
        let password = password.expose().as_bytes();
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(Error::invalid("A password may have at most 256 bytes."));
        }
        let salt = key::random::<16>()?;
        let phc: PasswordHash =
            self.argon2.hash_password_with_salt(password, &salt).map_err(broken)?;
        column::seal(&self.pepper, &place(user.uuid().as_bytes()), phc.to_string().as_bytes())
    }

    /// Whether the password is the one behind `sealed`. Runs Argon2 exactly once whatever is wrong: no account, no
    /// password, a damaged hash, an over-long attempt.
    #[must_use]
    pub fn verify(&self, user: UserId, password: &Secret<String>, sealed: Option<&[u8]>) -> bool {
        let stored = sealed
            .and_then(|sealed| {
                column::open(&self.pepper, &place(user.uuid().as_bytes()), sealed).ok()
            })
            .and_then(|phc| PasswordHash::new(std::str::from_utf8(&phc).ok()?).ok());
        let known = stored.is_some() && password.expose().len() <= MAX_PASSWORD_BYTES;
        let attempt = password.expose().as_bytes();
        let attempt = attempt.get(..MAX_PASSWORD_BYTES).unwrap_or(attempt);
        let matches = match stored {
            Some(phc) => self.argon2.verify_password(attempt, &phc).is_ok(),
            None => self.argon2.verify_password(attempt, self.nobody.as_str()).is_ok(),
        };
        matches && known
    }
}

fn place(user: &[u8]) -> Aad<'_> {
    Aad { org: OrgId::DEPLOYMENT, table: "users", column: "password", row: user }
}

fn broken(cause: impl std::fmt::Display) -> Error {
    Error::internal(format!("password hashing: {cause}"))
}
