//! How requests to a provider prove whose account they belong to.

use bytes::Bytes;
use domain::{Auth, Error, Result, Timestamp};
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::Full;
use store::LiveProvider;
use url::Url;

use crate::sigv4::Signer;

pub(crate) enum Credential {
    /// A server inside the own network may do without.
    Nothing,
    /// Marked sensitive, so that no header dump shows it.
    Header(HeaderName, HeaderValue),
    /// Every request is signed for itself.
    Signed(Box<Signer>),
}

impl Credential {
    /// # Errors
    /// `Invalid` with code `provider_secret` when the secret cannot be sent, or this way is not known here.
    pub(crate) fn of(auth: Auth, provider: &LiveProvider, base: &Url) -> Result<Self> {
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
            Auth::GoogleServiceAccount | Auth::IbmIam => return Err(unusable()),
        };
        let mut value =
            HeaderValue::from_maybe_shared(Bytes::from(text)).map_err(|_| unusable())?;
        value.set_sensitive(true);
        Ok(Self::Header(name, value))
    }

    pub(crate) fn put_on(&self, request: &mut Request<Full<Bytes>>, body: &[u8], now: Timestamp) {
        match self {
            Self::Nothing => {}
            Self::Header(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
            }
            Self::Signed(signer) => signer.sign(request, body, now),
        }
    }
}

fn unusable() -> Error {
    Error::invalid("The provider's secret cannot be sent in a header.").with_code("provider_secret")
}
