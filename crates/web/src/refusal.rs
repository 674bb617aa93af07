//! How an error leaves a handler: it travels as it is to the edge, which knows who asked and answers in their form.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use domain::{Error, Kind};
use http::StatusCode;

/// What a handler gives back when it cannot give an answer.
#[derive(Debug)]
pub struct Refusal(Error);

pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// The error on its way to the edge.
#[derive(Clone)]
pub(crate) struct Failed(pub(crate) Arc<Error>);

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

pub(crate) fn status(kind: Kind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = status(self.0.kind()).into_response();
        answer.extensions_mut().insert(Failed(Arc::new(self.0)));
        answer
    }
}

/// The address is right, the method is not: a kind of its own only here.
pub(crate) fn wrong_method() -> Response {
    let error =
        Error::invalid("This address does not take this method.").with_code("method_not_allowed");
    let mut answer = Refusal(error).into_response();
    *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    answer
}
