//! DSSE, the envelope of every signed statement here: <https://github.com/secure-systems-lab/dsse>.
//! The signature covers the exact bytes of the payload; nothing is ever written anew before it is checked.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use vault::SigningKey;

use crate::Digest;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// Base64.
    pub payload: String,
    pub signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    pub keyid: String,
    /// Base64.
    pub sig: String,
}

/// The name of a public key in an envelope: the start of its SHA-256 digest.
#[must_use]
pub fn key_id(public: &[u8; 32]) -> String {
    Digest::of(public).to_string().chars().take(16).collect()
}

impl Envelope {
    /// Signs `payload` as it is.
    #[must_use]
    pub fn sign(key: &SigningKey, payload_type: &str, payload: &[u8]) -> Self {
        let sig = key.sign(&pre_authentication(payload_type, payload));
        Self {
            payload_type: payload_type.to_owned(),
            payload: STANDARD.encode(payload),
            signatures: vec![Signature { keyid: key_id(&key.public()), sig: STANDARD.encode(sig) }],
        }
    }

    /// The payload, if the owner of `public` signed it as `payload_type`.
    ///
    /// # Errors
    /// `Invalid`: another type, another key, or other bytes than those signed.
    pub fn open(&self, public: &[u8; 32], payload_type: &str) -> Result<Vec<u8>> {
        let refuse = || Error::invalid("The signature does not fit.").with_code("bad_signature");
        if self.payload_type != payload_type {
            return Err(refuse());
        }
        let payload = STANDARD.decode(&self.payload).map_err(|_| refuse())?;
        let message = pre_authentication(payload_type, &payload);
        let signed = self.signatures.iter().any(|signature| {
            signature.keyid == key_id(public)
                && STANDARD
                    .decode(&signature.sig)
                    .is_ok_and(|sig| vault::verify(public, &message, &sig))
        });
        if signed { Ok(payload) } else { Err(refuse()) }
    }

    /// Payload and first signature, as the store keeps them.
    ///
    /// # Errors
    /// `Invalid` when it is not signed, or its payload is not text.
    pub fn parts(&self) -> Result<(String, Vec<u8>)> {
        let refuse = || Error::invalid("Not a whole DSSE envelope.");
        let payload = STANDARD.decode(&self.payload).map_err(|_| refuse())?;
        let signature = self.signatures.first().ok_or_else(refuse)?;
        let signature = STANDARD.decode(&signature.sig).map_err(|_| refuse())?;
        Ok((String::from_utf8(payload).map_err(|_| refuse())?, signature))
    }

    /// The envelope again, from what [`Envelope::parts`] gave.
    #[must_use]
    pub fn of_parts(
        payload_type: &str,
        payload: &str,
        public: &[u8; 32],
        signature: &[u8],
    ) -> Self {
        Self {
            payload_type: payload_type.to_owned(),
            payload: STANDARD.encode(payload),
            signatures: vec![Signature { keyid: key_id(public), sig: STANDARD.encode(signature) }],
        }
    }

    /// The bytes that are stored, published, and named by their digest in the log.
    ///
    /// # Errors
    /// `Internal`, never in practice.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(Error::internal)
    }

    /// # Errors
    /// `Invalid` when `bytes` are no envelope.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|_| Error::invalid("Not a DSSE envelope."))
    }
}

/// What is signed: type and payload, each with its length, so that neither can run into the other.
fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pre_authentication_encoding_is_that_of_the_specification() {
        let bytes = pre_authentication("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn only_the_signed_bytes_open_and_only_for_the_signer() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let envelope = Envelope::sign(&key, "t", b"{}");
        assert_eq!(envelope.open(&key.public(), "t").unwrap(), b"{}");
        assert!(envelope.open(&other.public(), "t").is_err());
        assert!(envelope.open(&key.public(), "u").is_err());
        let mut forged = envelope.clone();
        forged.payload = STANDARD.encode(b"[]");
        assert!(forged.open(&key.public(), "t").is_err());
        let mut bare = envelope.clone();
        bare.signatures.clear();
        assert!(bare.open(&key.public(), "t").is_err());
        let (payload, signature) = envelope.parts().unwrap();
        let again = Envelope::of_parts("t", &payload, &key.public(), &signature);
        assert_eq!(again, envelope);
        let bytes = envelope.to_bytes().unwrap();
        assert_eq!(Envelope::from_bytes(&bytes).unwrap(), envelope);
    }
}
