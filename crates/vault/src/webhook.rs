//! Signatures of webhooks, as Standard Webhooks 1.0 has them.

use aws_lc_rs::hmac as mac;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use domain::{Error, Result, Secret};

use crate::random;

const PREFIX: &str = "whsec_";

/// A new secret: `whsec_` and 32 random bytes in Base64.
///
/// # Errors
/// `Internal` when the random generator fails.
pub fn webhook_secret() -> Result<Secret<String>> {
    Ok(Secret::new(format!("{PREFIX}{}", BASE64.encode(random::<32>()?))))
}

/// The value of `webhook-signature`: HMAC-SHA-256 over id, time in seconds since 1970, and body.
///
/// # Errors
/// `Internal` when the secret is none.
pub fn webhook_signature(
    secret: &Secret<String>,
    (id, seconds): (&str, i64),
    body: &[u8],
) -> Result<String> {
    let coded = secret.expose().strip_prefix(PREFIX).unwrap_or_default();
    // The error of the decoder names a byte of what it was given.
    let key = BASE64.decode(coded).map_err(|_| Error::internal("not a webhook's secret"))?;
    if key.is_empty() {
        return Err(Error::internal("not a webhook's secret"));
    }
    let mut signed = format!("{id}.{seconds}.").into_bytes();
    signed.extend_from_slice(body);
    let tag = mac::sign(&mac::Key::new(mac::HMAC_SHA256, &key), &signed);
    Ok(format!("v1,{}", BASE64.encode(tag.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_is_signed_alike() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let message = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);
        let signed = webhook_signature(&secret, message, b"{\"test\": 2432232314}").unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_differ_and_what_is_none_signs_nothing() {
        let (one, other) = (webhook_secret().unwrap(), webhook_secret().unwrap());
        let sign = |secret| webhook_signature(secret, ("msg_1", 1), b"{}").unwrap();
        assert_ne!(sign(&one), sign(&other));
        for bad in ["", "whsec_", "whsec_%", "secret"] {
            assert!(
                webhook_signature(&Secret::new(bad.to_owned()), ("m", 1), b"").is_err(),
                "{bad}"
            );
        }
    }
}
