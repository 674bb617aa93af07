//! What is exchanged for a token, and how it is asked for.

use domain::{Timestamp, TokenEndpoint};
use url::form_urlencoded::Serializer;
use vault::{Application, ProjectKey, ServiceAccount};

use super::Problem;

/// What is exchanged.
pub(crate) enum Grant {
    Google(ServiceAccount),
    Ibm(ProjectKey),
    Entra(Application),
}

impl Grant {
    pub(super) fn url(&self, endpoint: &TokenEndpoint) -> String {
        match self {
            // Checked to be a single segment when it was read.
            Self::Entra(application) => endpoint.url.replace("{tenant}", application.tenant()),
            Self::Google(_) | Self::Ibm(_) => endpoint.url.clone(),
        }
    }

    pub(super) fn digest(&self, endpoint: &TokenEndpoint) -> [u8; 32] {
        let stored = match self {
            Self::Google(account) => account.stored(),
            Self::Ibm(key) => key.stored(),
            Self::Entra(application) => application.stored(),
        };
        let scope = endpoint.scope.as_deref().unwrap_or_default();
        vault::sha256(format!("{}\n{scope}\n{}", endpoint.url, stored.expose()).as_bytes())
    }

    pub(super) fn form(&self, url: &str, scope: &str, now: Timestamp) -> Result<String, Problem> {
        let mut form = Serializer::new(String::new());
        match self {
            Self::Google(account) => {
                let assertion =
                    account.assertion(url, scope, now).map_err(|_| Problem::Malformed)?;
                form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
                    .append_pair("assertion", &assertion);
            }
            Self::Ibm(key) => {
                form.append_pair("grant_type", "urn:ibm:params:oauth:grant-type:apikey")
                    .append_pair("apikey", key.key().expose());
            }
            Self::Entra(application) => {
                form.append_pair("grant_type", "client_credentials")
                    .append_pair("client_id", application.client())
                    .append_pair("client_secret", application.secret().expose())
                    .append_pair("scope", scope);
            }
        }
        Ok(form.finish())
    }
}
