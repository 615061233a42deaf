//! What a request that is not served gets.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::store::StoreError;

/// A status and one sentence: what is wrong and what to do.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    error: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Problem {
        Problem {
            status,
            error: error.into(),
        }
    }

    pub(super) fn bad_request(error: impl std::fmt::Display) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, error.to_string())
    }

    pub(super) fn forbidden(error: &str) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, error)
    }

    pub(super) fn not_found(error: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, error)
    }

    pub(super) fn unavailable(error: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        Problem::unavailable(error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(serde_json::json!({"error": self.error}))).into_response()
    }
}
