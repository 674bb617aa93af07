//! How requests to a provider prove whose account they belong to.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Auth, Error, Result, Secret, Timestamp, TokenEndpoint};
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::Full;
use llm::Venue;
use store::LiveProvider;
use url::Url;
use vault::{Application, Charged, ProjectKey, ServiceAccount};

use crate::{
    sigv4::Signer,
    token::{Grant, TokenSource},
};

pub(crate) enum Credential {
    /// A server inside the own network may do without.
    Nothing,
    /// Marked sensitive, so that no header dump shows it.
    Header(HeaderName, HeaderValue),
    /// Every request is signed for itself.
    Signed(Box<Signer>),
    /// Every request holds a token that it was exchanged for.
    Exchanged(Arc<TokenSource>),
}

/// What a provider's secret says besides who asks.
pub(crate) struct Shown {
    pub credential: Credential,
    /// Where requests have to name a project.
    pub venue: Option<Venue>,
}

impl Shown {
    /// # Errors
    /// `Invalid` with code `provider_secret` when the secret cannot be sent, or `invalid_secret` when it is not what this
    /// provider needs.
    pub(crate) fn of(
        auth: Auth,
        token: Option<&TokenEndpoint>,
        provider: &LiveProvider,
        base: &Url,
    ) -> Result<Self> {
        let source = |grant, endpoint: &TokenEndpoint| {
            let destination = token_destination(&provider.id.to_string());
            Credential::Exchanged(Arc::new(TokenSource::new(grant, destination, endpoint)))
        };
        let secret = provider.secret.as_ref().map(Secret::expose);
        let (grant, venue) = match (auth, secret) {
            (Auth::GoogleServiceAccount, Some(secret)) => {
                let account = ServiceAccount::parse(secret)?;
                let venue = Venue::Vertex {
                    project: account.project().to_owned(),
                    location: location(base, provider.region.as_deref()),
                };
                (Grant::Google(account), Some(venue))
            }
            (Auth::IbmIam, Some(secret)) => {
                let key = ProjectKey::parse(secret)?;
                let (charged, id) = key.charged();
                let member = match charged {
                    Charged::Project => "project_id",
                    Charged::Space => "space_id",
                };
                let venue = Venue::Watsonx { member, id: id.to_owned() };
                (Grant::Ibm(key), Some(venue))
            }
            // Such a provider cannot do without, wherever it stands.
            (Auth::GoogleServiceAccount | Auth::IbmIam, None) => return Err(unusable()),
            (Auth::ApiKey, Some(secret)) if token.is_some() && Application::is_meant(secret) => {
                (Grant::Entra(Application::parse(secret)?), None)
            }
            _ => {
                return Ok(Self { credential: Credential::of(auth, provider, base)?, venue: None });
            }
        };
        let endpoint = token.ok_or_else(unusable)?;
        Ok(Self { credential: source(grant, endpoint), venue })
    }
}

/// The id under which the place that gives tokens is known at the door out: it belongs to the provider.
pub(crate) fn token_destination(provider: &str) -> String {
    format!("{provider}/token")
}

/// The name of a location in paths: `https://europe-west4-aiplatform.googleapis.com` and its likes say it.
fn location(base: &Url, region: Option<&str>) -> String {
    let host = base.host_str().unwrap_or_default();
    let of_host = match host.strip_suffix("aiplatform.googleapis.com") {
        Some("") => Some("global"),
        Some(label) => label.strip_suffix('-'),
        None => host
            .strip_prefix("aiplatform.")
            .and_then(|rest| rest.strip_suffix(".rep.googleapis.com")),
    };
    of_host.or(region).unwrap_or("global").to_owned()
}

impl Credential {
    fn of(auth: Auth, provider: &LiveProvider, base: &Url) -> Result<Self> {
        let Some(secret) = &provider.secret else { return Ok(Self::Nothing) };
        let secret = secret.expose();
        let named = HeaderName::from_static;
        let (name, text) = match auth {
            Auth::Bearer | Auth::None => (header::AUTHORIZATION, format!("Bearer {secret}")),
            Auth::XApiKey => (named("x-api-key"), secret.clone()),
            Auth::XGoogApiKey => (named("x-goog-api-key"), secret.clone()),
            Auth::ApiKey => (named("api-key"), secret.clone()),
            Auth::SigV4 => match Signer::new(secret, base, provider.region.as_deref()) {
                Some(signer) => return Ok(Self::Signed(Box::new(signer))),
                // One of the service's own keys, which are sent as they are.
                None => (header::AUTHORIZATION, format!("Bearer {secret}")),
            },
            // What is exchanged is never sent as it is.
            Auth::GoogleServiceAccount | Auth::IbmIam => return Err(unusable()),
        };
        let mut value =
            HeaderValue::from_maybe_shared(Bytes::from(text)).map_err(|_| unusable())?;
        value.set_sensitive(true);
        Ok(Self::Header(name, value))
    }

    /// Where its tokens come from, if it is exchanged for them.
    pub(crate) const fn tokens(&self) -> Option<&Arc<TokenSource>> {
        match self {
            Self::Exchanged(source) => Some(source),
            Self::Nothing | Self::Header(..) | Self::Signed(_) => None,
        }
    }

    /// Puts it on a request; `token` is what it was exchanged for.
    pub(crate) fn put_on(
        &self,
        request: &mut Request<Full<Bytes>>,
        body: &[u8],
        (now, token): (Timestamp, Option<&HeaderValue>),
    ) {
        match (self, token) {
            (Self::Nothing, _) | (Self::Exchanged(_), None) => {}
            (Self::Exchanged(_), Some(token)) => {
                request.headers_mut().insert(header::AUTHORIZATION, token.clone());
            }
            (Self::Header(name, value), _) => {
                request.headers_mut().insert(name.clone(), value.clone());
            }
            (Self::Signed(signer), _) => signer.sign(request, body, now),
        }
    }
}

fn unusable() -> Error {
    Error::invalid("The provider's secret cannot be sent in a header.").with_code("provider_secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_at_google_says_its_location() {
        let at = |url: &str, region| location(&Url::parse(url).unwrap(), region);
        for (url, location) in [
            ("https://europe-west4-aiplatform.googleapis.com", "europe-west4"),
            ("https://aiplatform.googleapis.com", "global"),
            ("https://aiplatform.eu.rep.googleapis.com", "eu"),
        ] {
            assert_eq!(at(url, Some("DE")), location, "{url}");
        }
        assert_eq!(at("http://127.0.0.1:1/v1", Some("eu-test-1")), "eu-test-1");
        assert_eq!(at("http://127.0.0.1:1/v1", None), "global");
    }
}
