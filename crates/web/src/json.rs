//! JSON bodies of the control plane, and the query of its lists.

use axum::{body::to_bytes, extract::FromRequest, extract::Request};
use domain::Error;
use http::header;
use serde::de::DeserializeOwned;
use store::Page;

use crate::{App, Cx, Refusal};

/// No request of the control plane is larger.
const MOST: usize = 1 << 20;
const DEFAULT_ROWS: u32 = 50;

/// A body, parsed. What is wrong with it is said without quoting it.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
            return Err(Error::invalid("Send the body as application/json.")
                .with_code("wrong_content_type")
                .into());
        }
        let bytes = to_bytes(request.into_body(), MOST)
            .await
            .map_err(|_| Error::too_large("The body is larger than 1 MiB."))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            // Serde's message may quote what was sent, and what was sent may hold a secret.
            let place = format!("line {}, column {}", error.line(), error.column());
            let what = match error.classify() {
                serde_json::error::Category::Data => {
                    "has a field that is missing, unknown or of the wrong type"
                }
                _ => "is not valid JSON",
            };
            Error::invalid(format!("The body {what} ({place}).")).with_code("invalid_json").into()
        })
    }
}

impl<P> Cx<P> {
    /// Which part of a list is asked for.
    ///
    /// # Errors
    /// `Invalid` when `limit` is no number.
    pub(crate) fn list(&self) -> domain::Result<Page> {
        let query = self.query();
        let limit = match query.filled("limit") {
            None => DEFAULT_ROWS,
            Some(text) => text.parse().map_err(|_| {
                Error::invalid("limit is a number from 1 to 500.").with_code("invalid_limit")
            })?,
        };
        Ok(Page { after: query.filled("after").map(str::to_owned), limit })
    }
}
