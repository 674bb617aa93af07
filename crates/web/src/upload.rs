//! A form that may carry a file: as browsers send it, or as an ordinary form without one.

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, multipart::MultipartError};
use domain::{Error, export::EXPORT_BYTES};
use http::{StatusCode, header};

use crate::{App, Refusal, fields::Fields};

/// What stands beside the file, and what marks its parts.
const BESIDE: usize = 256 << 10;

pub(crate) struct Upload {
    pub(crate) fields: Fields,
    /// Empty when none was chosen.
    pub(crate) file: Vec<u8>,
}

fn broken(error: &MultipartError) -> Error {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Error::too_large("The file is larger than 32 MiB. Divide it.");
    }
    Error::invalid("The form did not arrive whole. Send it again.").with_code("invalid_form")
}

impl FromRequest<App> for Upload {
    type Rejection = Refusal;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
            let fields = Fields::from_request(request, app).await?;
            return Ok(Self { fields, file: Vec::new() });
        }
        DefaultBodyLimit::max(EXPORT_BYTES + BESIDE).apply(&mut request);
        let mut form = Multipart::from_request(request, app).await.map_err(|_| {
            Error::invalid("The form did not arrive whole. Send it again.")
                .with_code("invalid_form")
        })?;
        let (mut pairs, mut file) = (Vec::new(), Vec::new());
        while let Some(part) = form.next_field().await.map_err(|error| broken(&error))? {
            let name = part.name().unwrap_or_default().to_owned();
            let chosen = part.file_name().is_some();
            let bytes = part.bytes().await.map_err(|error| broken(&error))?;
            if chosen {
                file = bytes.into();
            } else {
                pairs.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        Ok(Self { fields: Fields::of(pairs), file })
    }
}
