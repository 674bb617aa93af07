//! Plain HTTP's only answer: the way to HTTPS.

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

/// Answers everything with 308 and the same place below `public_url`, which has no slash at its end. The host that a
/// request names is not looked at: nobody can be sent anywhere else.
pub fn redirect(public_url: String) -> Router {
    Router::new().fallback(move |request: Request| {
        let answer = moved(&public_url, &request);
        async move { answer }
    })
}

fn moved(public_url: &str, request: &Request) -> Response {
    let wanted = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let place = if wanted.starts_with('/') { wanted } else { "/" };
    match HeaderValue::from_str(&format!("{public_url}{place}")) {
        Ok(location) => {
            (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}
