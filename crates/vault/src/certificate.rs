//! Certificates that a server signs for itself: whoever connects has to learn their fingerprint some other way.

use domain::{Error, Result, Secret, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256,
};

/// A certificate and its key, both in PEM.
pub struct SelfSigned {
    pub certificate: String,
    pub key: Secret<String>,
}

/// Makes a key on P-256 and a certificate for `names`, which are host names or addresses.
///
/// # Errors
/// `Invalid` when a name is neither.
pub fn self_signed(names: &[String], from: Timestamp, until: Timestamp) -> Result<SelfSigned> {
    let unusable = |error| {
        Error::invalid(format!("{names:?} cannot be the names of a certificate."))
            .with_source(error)
    };
    let mut params = CertificateParams::new(names).map_err(unusable)?;
    (params.not_before, params.not_after) = (from.to_datetime(), until.to_datetime());
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Probity");
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::internal)?;
    let certificate = params.self_signed(&key).map_err(unusable)?.pem();
    Ok(SelfSigned { certificate, key: Secret::new(key.serialize_pem()) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn names_and_addresses_are_certified_and_nonsense_is_not() {
        let from = Timestamp::from_millis(1_796_083_200_000);
        let make = |name: &str| {
            let names = ["127.0.0.1".to_owned(), name.to_owned()];
            self_signed(&names, from, from.plus(Duration::from_secs(86_400)))
        };
        let (one, two) = (make("ai.example").unwrap(), make("ai.example").unwrap());
        assert!(one.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(one.key.expose().starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_ne!(one.key.expose(), two.key.expose());
        assert!(make("höhle").is_err());
    }
}
