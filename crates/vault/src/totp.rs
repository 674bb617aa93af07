//! Codes of authenticator apps (RFC 6238): six digits, SHA-1, a new one every 30 seconds, as every app reads them.

use domain::{Error, Result, Secret, Timestamp};
use totp_rs::Builder;

use crate::key;

/// One before and one after, for clocks that differ (RFC 6238 section 5.2).
const SKEW: u16 = 1;
/// 160 bits, the length that RFC 4226 recommends.
const SEED_BYTES: usize = 20;

/// What an app and this server have in common.
pub struct Totp(totp_rs::Totp);

impl Totp {
    /// A fresh seed for `account`; `issuer` is the name under which the app shows it.
    ///
    /// # Errors
    /// `Internal` when the random generator fails.
    pub fn generate(issuer: &str, account: &str) -> Result<Self> {
        Self::build(key::random::<SEED_BYTES>()?.into(), issuer, account)
    }

    /// The seed as [`Totp::seed`] wrote it.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_seed` for anything else.
    pub fn parse(seed: &Secret<String>, issuer: &str, account: &str) -> Result<Self> {
        let secret = totp_rs::Secret::try_from_base32(seed.expose()).map_err(|_| invalid())?;
        if secret.as_bytes().len() != SEED_BYTES {
            return Err(invalid());
        }
        Self::build(secret, issuer, account)
    }

    fn build(secret: totp_rs::Secret, issuer: &str, account: &str) -> Result<Self> {
        // A colon divides the two in the address.
        let plain = |text: &str| text.replace(':', " ");
        Builder::new()
            .with_secret(secret)
            .with_skew(SKEW)
            .with_issuer(Some(plain(issuer)))
            .with_account_name(plain(account))
            .build()
            .map(Self)
            .map_err(|_| invalid())
    }

    /// The seed in base32, for people whose app cannot scan and for the store.
    #[must_use]
    pub fn seed(&self) -> Secret<String> {
        Secret::new(self.0.secret().to_base32())
    }

    /// The `otpauth:` address, for an app to scan.
    ///
    /// # Errors
    /// `Invalid` when there is no account name.
    pub fn address(&self) -> Result<Secret<String>> {
        self.0.to_url().map(Secret::new).map_err(|_| invalid())
    }

    /// The step of which `code` is the code, if it is one that counts at this time. Whoever takes it remembers the
    /// step: a code counts once.
    #[must_use]
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        self.0.check(code, seconds(now))
    }

    /// The code of this moment, as the app shows it.
    #[must_use]
    pub fn code(&self, now: Timestamp) -> Secret<String> {
        Secret::new(self.0.generate(seconds(now)).to_string())
    }
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis() / 1000).unwrap_or(0)
}

fn invalid() -> Error {
    Error::invalid("This is no key for an authenticator app.").with_code("invalid_seed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// RFC 6238, appendix B, cut to six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let seed = Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned());
        let totp = Totp::parse(&seed, "Probity", "ada@example.org").unwrap();
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp.code(at(time)).expose(), code);
            assert_eq!(totp.step_of(code, at(time)), Some(time as u64 / 30));
        }
    }

    #[test]
    fn one_step_of_difference_is_forgiven_and_no_more() {
        let totp = Totp::generate("Probity", "ada@example.org").unwrap();
        let now = 1_800_000_000;
        let code = totp.code(at(now));
        for (later, counts) in [(-31, false), (-30, true), (0, true), (59, true), (60, false)] {
            assert_eq!(totp.step_of(code.expose(), at(now + later)).is_some(), counts, "{later}");
        }
        assert_eq!(totp.step_of("", at(now)), None);
        assert_eq!(totp.step_of("+12345", at(now)), None);
    }

    #[test]
    fn a_seed_is_read_back_and_others_are_refused() {
        let totp = Totp::generate("Probity", "ada@example.org").unwrap();
        let again = Totp::parse(&totp.seed(), "Probity", "ada@example.org").unwrap();
        assert_eq!(again.code(at(9)).expose(), totp.code(at(9)).expose());
        let address = totp.address().unwrap();
        assert!(address.expose().starts_with("otpauth://totp/Probity:ada%40example.org?secret="));
        for bad in ["", "AAAA", "not base32!", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBV"] {
            assert!(Totp::parse(&Secret::new(bad.to_owned()), "P", "a").is_err(), "{bad}");
        }
    }
}
