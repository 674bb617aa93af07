//! What clouds give to programs so that they can ask for a token: an account with a key pair, an application with a
//! secret, a key that belongs to one project. Each has one form in which it is stored, whatever form it was entered in.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{Error, Result, Secret, Timestamp};
use serde_json::{Map, Value, json};

/// How long an assertion is good for, in seconds: the longest that is taken.
const ASSERTED: i64 = 3600;

fn refuse(says: &'static str) -> Error {
    refuse_at("invalid_secret", says)
}

fn refuse_at(code: &'static str, says: &'static str) -> Error {
    Error::invalid(says).with_code(code)
}

/// A Google service account with its key.
pub struct ServiceAccount {
    email: String,
    project: String,
    key_id: String,
    /// PKCS #8 in base64.
    key: Secret<String>,
    pair: RsaKeyPair,
}

impl ServiceAccount {
    /// Reads the JSON file that Google gives out for a key, or the stored form.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_secret`, which says what is missing and holds nothing of the key.
    pub fn parse(text: &str) -> Result<Self> {
        const SHAPE: &str =
            "Enter the service account's key as the JSON file that Google gives out, whole.";
        if text.trim_start().starts_with('{') {
            let file = object(text).ok_or_else(|| refuse(SHAPE))?;
            let member = |name: &str| file.get(name).and_then(Value::as_str).unwrap_or_default();
            if member("type") != "service_account" {
                return Err(refuse(
                    "The JSON file is no service account's key: its type is another.",
                ));
            }
            let key = pem(member("private_key"))
                .ok_or_else(|| refuse("The JSON file holds no private key in PEM."))?;
            return Self::new(
                member("client_email"),
                member("project_id"),
                member("private_key_id"),
                key,
            );
        }
        let parts: Vec<&str> = text.trim().split(':').collect();
        let [email, project, key, key_id] = parts[..] else { return Err(refuse(SHAPE)) };
        Self::new(email, project, key_id, key.to_owned())
    }

    fn new(email: &str, project: &str, key_id: &str, key: String) -> Result<Self> {
        if !plain(email, b"@.-_") || !email.contains('@') {
            return Err(refuse("The service account's key names no client_email."));
        }
        if !plain(project, b"-") {
            return Err(refuse("The service account's key names no project_id."));
        }
        if !key_id.is_empty() && !plain(key_id, b"-_") {
            return Err(refuse("The service account's private_key_id is none."));
        }
        let der = STANDARD.decode(&key).ok();
        let pair = der.and_then(|der| RsaKeyPair::from_pkcs8(&der).ok());
        let pair = pair.ok_or_else(|| refuse("The private key is no RSA key in PKCS #8."))?;
        Ok(Self {
            email: email.to_owned(),
            project: project.to_owned(),
            key_id: key_id.to_owned(),
            key: Secret::new(key),
            pair,
        })
    }

    /// The form in which it is stored. It ends with the id of the key, by which its owner knows it.
    #[must_use]
    pub fn stored(&self) -> Secret<String> {
        let Self { email, project, key_id, key, .. } = self;
        Secret::new(format!("{email}:{project}:{}:{key_id}", key.expose()))
    }

    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Says, signed, that this account asks `audience` for a token of `scope` (RFC 7523).
    ///
    /// # Errors
    /// `Internal` when nothing can be signed.
    pub fn assertion(&self, audience: &str, scope: &str, now: Timestamp) -> Result<String> {
        let mut head = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(members) = head.as_object_mut().filter(|_| !self.key_id.is_empty()) {
            members.insert("kid".to_owned(), json!(self.key_id));
        }
        let at = now.as_millis() / 1000;
        let claims = json!({
            "iss": self.email, "scope": scope, "aud": audience, "iat": at, "exp": at + ASSERTED,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&head), part(&claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| Error::internal("an assertion could not be signed"))?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The public half, as PKCS #1.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }
}

/// An application of Microsoft Entra ID with its secret.
pub struct Application {
    tenant: String,
    client: String,
    secret: Secret<String>,
}

impl Application {
    /// Whether the text is meant to be one. The keys of single resources have neither braces nor colons.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.trim_start().starts_with('{') || text.contains(':')
    }

    /// Reads `TENANT:CLIENT:SECRET`, or the JSON that Azure's command line prints for a new application.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_tenant`, `invalid_client` or `invalid_secret`, which says what is missing and holds
    /// nothing of the secret.
    pub fn parse(text: &str) -> Result<Self> {
        const SHAPE: &str = "Enter the application as TENANT_ID:CLIENT_ID:CLIENT_SECRET, or the JSON that \
             az ad sp create-for-rbac prints.";
        let [tenant, client, secret] = if text.trim_start().starts_with('{') {
            let file = object(text).ok_or_else(|| refuse(SHAPE))?;
            let one_of = |names: [&str; 3]| {
                names
                    .iter()
                    .find_map(|name| file.get(*name)?.as_str())
                    .unwrap_or_default()
                    .to_owned()
            };
            [
                one_of(["tenant", "tenantId", "tenant_id"]),
                one_of(["appId", "clientId", "client_id"]),
                one_of(["password", "clientSecret", "client_secret"]),
            ]
        } else {
            let mut parts = text.trim().splitn(3, ':').map(str::to_owned);
            [(); 3].map(|()| parts.next().unwrap_or_default())
        };
        // It becomes part of a path.
        if !plain(&tenant, b"-.") || tenant.starts_with('.') || tenant.contains("..") {
            return Err(refuse_at(
                "invalid_tenant",
                "The tenant is missing: its id, or a domain such as example.onmicrosoft.com.",
            ));
        }
        if !plain(&client, b"-") {
            return Err(refuse_at("invalid_client", "The application's client id is missing."));
        }
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refuse("The application's client secret is missing."));
        }
        Ok(Self { tenant, client, secret: Secret::new(secret) })
    }

    /// The form in which it is stored.
    #[must_use]
    pub fn stored(&self) -> Secret<String> {
        Secret::new(format!("{}:{}:{}", self.tenant, self.client, self.secret.expose()))
    }

    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    #[must_use]
    pub fn client(&self) -> &str {
        &self.client
    }

    #[must_use]
    pub const fn secret(&self) -> &Secret<String> {
        &self.secret
    }
}

/// What requests at IBM are charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    Project,
    Space,
}

/// An API key of IBM Cloud with the project or deployment space that requests belong to.
pub struct ProjectKey {
    key: Secret<String>,
    charged: Charged,
    id: String,
}

impl ProjectKey {
    /// Reads `API_KEY:PROJECT_ID`, or `API_KEY:space:SPACE_ID`.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_project` or `invalid_secret`, which says what is missing and holds nothing of the key.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.trim().splitn(3, ':');
        let (key, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let (charged, id) = match (second, third) {
            (Some("space"), Some(id)) => (Charged::Space, id),
            (Some("project"), Some(id)) => (Charged::Project, id),
            (Some(id), None) => (Charged::Project, id),
            _ => {
                return Err(refuse_at(
                    "invalid_project",
                    "Every request names a project: enter API_KEY:PROJECT_ID, or API_KEY:space:SPACE_ID.",
                ));
            }
        };
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refuse("The API key is missing."));
        }
        if !plain(id, b"-") {
            return Err(refuse_at("invalid_project", "The id of the project or space is missing."));
        }
        Ok(Self { key: Secret::new(key.to_owned()), charged, id: id.to_owned() })
    }

    /// The form in which it is stored.
    #[must_use]
    pub fn stored(&self) -> Secret<String> {
        let space = if self.charged == Charged::Space { "space:" } else { "" };
        Secret::new(format!("{}:{space}{}", self.key.expose(), self.id))
    }

    #[must_use]
    pub const fn key(&self) -> &Secret<String> {
        &self.key
    }

    #[must_use]
    pub fn charged(&self) -> (Charged, &str) {
        (self.charged, &self.id)
    }
}

fn object(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// Letters, digits and the given signs; not nothing.
fn plain(text: &str, signs: &[u8]) -> bool {
    !text.is_empty()
        && text.len() <= 256
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || signs.contains(&byte))
}

/// What stands between the lines of a private key in PEM, in one piece.
fn pem(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (inside, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    Some(inside.split_ascii_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der},
        rsa::KeySize,
        signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
    };

    use super::*;

    fn file() -> String {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let key = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair);
        let lines = STANDARD.encode(key.unwrap().as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");
        json!({
            "type": "service_account", "project_id": "acme-1", "private_key_id": "k-17",
            "private_key": pem, "client_email": "robot@acme-1.iam.gserviceaccount.com",
            "token_uri": "https://elsewhere.example/token",
        })
        .to_string()
    }

    fn part(text: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    }

    #[test]
    fn an_assertion_says_who_asks_whom_for_what_and_is_signed() {
        let account = ServiceAccount::parse(&file()).unwrap();
        let stored = account.stored();
        assert!(stored.expose().ends_with(":k-17") && !stored.expose().contains(' '));
        // The stored form is read as what it was made of.
        let account = ServiceAccount::parse(stored.expose()).unwrap();
        let now = Timestamp::from_millis(1_700_000_000_999);
        let text = account.assertion("https://a.example/token", "s", now).unwrap();
        let parts: Vec<&str> = text.split('.').collect();
        assert_eq!(part(parts[0]), json!({"alg": "RS256", "typ": "JWT", "kid": "k-17"}));
        assert_eq!(
            part(parts[1]),
            json!({
                "iss": "robot@acme-1.iam.gserviceaccount.com", "scope": "s",
                "aud": "https://a.example/token", "iat": 1_700_000_000, "exp": 1_700_003_600,
            })
        );
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, account.public_key());
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        let signed = format!("{}.{}", parts[0], parts[1]);
        key.verify(signed.as_bytes(), &signature).unwrap();
        key.verify(signed.replace('A', "B").as_bytes(), &signature).unwrap_err();
        for (from, to) in [
            ("service_account", "authorized_user"),
            ("acme-1\"", "\""),
            ("robot@", "robot"),
            ("BEGIN PRIVATE", "BEGIN RSA PRIVATE"),
            ("MII", "AAA"),
        ] {
            let wrong = ServiceAccount::parse(&file().replace(from, to)).err().unwrap();
            assert_eq!(wrong.code(), "invalid_secret", "{from}");
        }
        for wrong in ["", "{", "{}", "AIzaSyKey", "a@b:c:d"] {
            assert!(ServiceAccount::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_application_is_read_in_either_form() {
        for text in [
            "acme.onmicrosoft.com:c-1:se:c~ret",
            r#"{"appId": "c-1", "displayName": "x", "password": "se:c~ret", "tenant": "acme.onmicrosoft.com"}"#,
            r#"{"clientId": "c-1", "clientSecret": "se:c~ret", "tenantId": "acme.onmicrosoft.com"}"#,
        ] {
            assert!(Application::is_meant(text));
            let stored = Application::parse(text).unwrap().stored();
            assert_eq!(stored.expose(), "acme.onmicrosoft.com:c-1:se:c~ret");
        }
        assert!(!Application::is_meant("0123456789abcdef"));
        for wrong in
            ["a:b", "a:b:", ":b:c", "../x:b:c", "a/b:c:d", "a:b c:d", "{}", "{\"tenant\":1}"]
        {
            let error = Application::parse(wrong).err().unwrap();
            assert!(error.code().starts_with("invalid_"), "{wrong}");
        }
    }

    #[test]
    fn a_key_names_what_is_charged() {
        for (text, charged, stored) in [
            ("k_1-x:p-1", (Charged::Project, "p-1"), "k_1-x:p-1"),
            ("k_1-x:project:p-1", (Charged::Project, "p-1"), "k_1-x:p-1"),
            (" k_1-x:space:s-1\n", (Charged::Space, "s-1"), "k_1-x:space:s-1"),
        ] {
            let key = ProjectKey::parse(text).unwrap();
            assert_eq!((key.charged(), key.key().expose().as_str()), (charged, "k_1-x"));
            assert_eq!(key.stored().expose(), stored);
        }
        for wrong in ["", "k", ":p", "k:", "k:p/q", "k:team:x", "k k:p"] {
            let error = ProjectKey::parse(wrong).err().unwrap();
            let named = if wrong.contains(':') && wrong.starts_with('k') && !wrong.contains(' ') {
                "invalid_project"
            } else {
                error.code()
            };
            assert_eq!(error.code(), named, "{wrong}");
        }
    }
}
