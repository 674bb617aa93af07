//! Amazon's signature of requests, version 4.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use domain::{Secret, Timestamp};
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::Full;
use url::Url;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
/// Where nobody says where.
const USUAL_REGION: &str = "us-east-1";

/// An access key with the place it is used at.
pub(crate) struct Signer {
    access_key: String,
    secret_key: Secret<String>,
    /// Of a key that was lent for some hours.
    token: Option<HeaderValue>,
    region: String,
    service: &'static str,
    /// As the request names it.
    host: String,
    /// What stands before the path of every request.
    prefix: String,
}

impl Signer {
    /// Reads `ACCESS_KEY_ID:SECRET_ACCESS_KEY` or `ACCESS_KEY_ID:SECRET_ACCESS_KEY:SESSION_TOKEN`; `None` for anything
    /// else. `region` is where the address does not say it.
    pub(crate) fn new(secret: &str, base: &Url, region: Option<&str>) -> Option<Self> {
        let mut parts = secret.splitn(3, ':');
        let (access_key, secret_key) = (parts.next()?, parts.next()?);
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if !(16..=128).contains(&access_key.len()) || !access_key.bytes().all(plain) {
            return None;
        }
        let mut token = parts.next().and_then(|token| HeaderValue::from_str(token).ok());
        if let Some(token) = &mut token {
            token.set_sensitive(true);
        }
        let host = base.host_str()?;
        Some(Self {
            access_key: access_key.to_owned(),
            secret_key: Secret::new(secret_key.to_owned()),
            token,
            region: region_of(host).or(region).unwrap_or(USUAL_REGION).to_owned(),
            service: "bedrock",
            host: base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            prefix: base.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Adds the headers that sign the request with its body.
    pub(crate) fn sign(&self, request: &mut Request<Full<Bytes>>, body: &[u8], now: Timestamp) {
        let moment = moment(now);
        let Ok(date) = HeaderValue::from_str(&moment) else { return };
        request.headers_mut().insert(DATE, date);
        if let Some(token) = &self.token {
            request.headers_mut().insert(TOKEN, token.clone());
        }
        let authorization = self.authorization(request, body, &moment);
        if let Ok(mut value) = HeaderValue::from_maybe_shared(Bytes::from(authorization)) {
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
    }

    fn authorization(&self, request: &Request<Full<Bytes>>, body: &[u8], moment: &str) -> String {
        let day = moment.split('T').next().unwrap_or_default();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let (canonical, signed) = self.canonical(request, body);
        let text = format!("{ALGORITHM}\n{moment}\n{scope}\n{}", hash(canonical.as_bytes()));
        let signature = hex::encode(mac(&self.key(day), text.as_bytes()));
        format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
            self.access_key
        )
    }

    /// The request in the form that is signed, and the names of the headers in it.
    fn canonical(&self, request: &Request<Full<Bytes>>, body: &[u8]) -> (String, String) {
        let mut headers = vec![("host", self.host.as_str())];
        for name in ["content-type", "x-amz-date", "x-amz-security-token"] {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            headers.extend(value.map(|value| (name, value.trim())));
        }
        headers.sort_unstable();
        let signed: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let signed = signed.join(";");
        let uri = request.uri();
        let path = segments(&self.prefix) + &segments(uri.path());
        let mut query: Vec<&str> =
            uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
        query.sort_unstable();
        let mut text = format!("{}\n{path}\n{}\n", request.method(), query.join("&"));
        for (name, value) in headers {
            let _ = writeln!(text, "{name}:{value}");
        }
        let _ = write!(text, "\n{signed}\n{}", hash(body));
        (text, signed)
    }

    /// The key of one day, place and service.
    fn key(&self, day: &str) -> Vec<u8> {
        let first = format!("AWS4{}", self.secret_key.expose());
        let parts = [day, &self.region, self.service, "aws4_request"];
        parts.into_iter().fold(first.into_bytes(), |key, part| mac(&key, part.as_bytes()))
    }
}

/// What is already written for the wire is written once more: a colon becomes `%253A`.
fn segments(path: &str) -> String {
    let mut text = String::with_capacity(path.len() + 8);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// `bedrock-runtime.eu-central-1.amazonaws.com`, also behind the name of a private endpoint.
fn region_of(host: &str) -> Option<&str> {
    let mut labels = host.split('.').skip_while(|label| !label.starts_with("bedrock"));
    labels.next()?;
    labels.next()
}

/// `20150830T123600Z`
fn moment(now: Timestamp) -> String {
    // 2015-08-30T12:36:00Z, perhaps with a fraction of the second.
    let text = now.rfc3339();
    let plain: String = text
        .split('.')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !"-:Z".contains(*c))
        .collect();
    plain + "Z"
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2015-08-30T12:36:00Z, as all of Amazon's published vectors.
    const NOW: Timestamp = Timestamp::from_millis(1_440_938_160_000);

    fn published() -> Signer {
        Signer {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            token: None,
            region: "us-east-1".to_owned(),
            service: "service",
            host: "example.amazonaws.com".to_owned(),
            prefix: String::new(),
        }
    }

    fn signed(signer: &Signer, method: &str, uri: &str, kind: Option<&str>, body: &str) -> String {
        let mut request = Request::new(Full::new(Bytes::from(body.to_owned())));
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = uri.parse().unwrap();
        if let Some(kind) = kind {
            request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        signer.sign(&mut request, body.as_bytes(), NOW);
        let value = request.headers()[header::AUTHORIZATION].to_str().unwrap();
        value.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn the_published_vectors_are_met() {
        let signer = published();
        for (method, uri, signature) in [
            ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "GET",
                "/?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
        ] {
            assert_eq!(signed(&signer, method, uri, None, ""), signature, "{method} {uri}");
        }
        let form = Some("application/x-www-form-urlencoded");
        assert_eq!(
            signed(&signer, "POST", "/", form, "Param1=value1"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
    }

    #[test]
    fn what_is_read_as_an_access_key() {
        let base = Url::parse("https://bedrock-runtime.eu-central-1.amazonaws.com").unwrap();
        let signer = Signer::new("AKIAIOSFODNN7EXAMPLE:a/b+c", &base, Some("DE")).unwrap();
        assert_eq!((signer.region.as_str(), signer.token.is_none()), ("eu-central-1", true));
        let lent = Signer::new("ASIAIOSFODNN7EXAMPLE:a/b+c:to/ken==", &base, None).unwrap();
        assert_eq!(lent.token.unwrap(), "to/ken==");
        for key in ["ABSKQmVkcm9ja0FQSUtleQ==", "bedrock-api-key-YmVk:x", "AKIA:short", ""] {
            assert!(Signer::new(key, &base, None).is_none(), "{key}");
        }
        let inside = Url::parse("https://vpce-1.bedrock-runtime.us-west-2.vpce.amazonaws.com");
        let signer = Signer::new("AKIAIOSFODNN7EXAMPLE:s", &inside.unwrap(), None).unwrap();
        assert_eq!(signer.region, "us-west-2");
        let own = Url::parse("http://127.0.0.1:8000/v1").unwrap();
        let signer = Signer::new("AKIAIOSFODNN7EXAMPLE:s", &own, Some("eu-1")).unwrap();
        assert_eq!((signer.region.as_str(), signer.host.as_str()), ("eu-1", "127.0.0.1:8000"));
    }

    #[test]
    fn a_changed_byte_changes_the_signature() {
        let signer = published();
        let json = Some("application/json");
        let one = signed(&signer, "POST", "/model/a%3A0/converse", json, "{}");
        assert_ne!(one, signed(&signer, "POST", "/model/a%3A0/converse", json, "{ }"));
        assert_ne!(one, signed(&signer, "POST", "/model/a%3A1/converse", json, "{}"));
    }
}
