//! A form as it was sent: fields by name. Pages read what they know and ignore the rest.

use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
};
use domain::{Error, Secret};
use http::header;

use crate::{App, Refusal, view::Field};

/// No page sends more.
const MOST: usize = 256 << 10;

#[derive(Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    pub(crate) const fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The first value, without blanks around it; empty when absent.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default().trim()
    }

    /// `None` when absent or blank.
    #[must_use]
    pub fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// As it was typed, blanks included.
    #[must_use]
    pub fn secret(&self, name: &str) -> Secret<String> {
        Secret::new(self.find(name).unwrap_or_default().to_owned())
    }

    /// For showing a form again.
    #[must_use]
    pub fn field(&self, name: &str) -> Field {
        Field::new(self.text(name))
    }

    /// Every pair, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequest<App> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refusal> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let form = kind.is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !form {
            return Err(Error::invalid("Send this as a form.")
                .with_code("wrong_content_type")
                .into());
        }
        let bytes = to_bytes(request.into_body(), MOST)
            .await
            .map_err(|_| Error::too_large("The form is too large."))?;
        Ok(Self::parse(&bytes))
    }
}
