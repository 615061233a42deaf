//! What a request that is not served gets.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{Datelike, NaiveDate};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::store::{ErrorClass, StoreError};

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

/// A database that is away, busy or not migrated may answer later; data that
/// cannot be read is an error of this side however often it is asked for.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        let status = match error.class {
            ErrorClass::Transient | ErrorClass::Fatal => StatusCode::SERVICE_UNAVAILABLE,
            ErrorClass::Data => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Problem::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(serde_json::json!({"error": self.error}))).into_response()
    }
}

/// A date of the common calendar with a year of four digits; the databases know
/// different ones beyond.
pub(super) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let date = NaiveDate::deserialize(deserializer)?;
    if !(1..=9999).contains(&date.year()) {
        return Err(D::Error::custom(format!(
            "the date `{date}` is not between 0001-01-01 and 9999-12-31"
        )));
    }
    Ok(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_tells_whether_to_ask_again() {
        for (class, status) in [
            (ErrorClass::Transient, 503),
            (ErrorClass::Fatal, 503),
            (ErrorClass::Data, 500),
        ] {
            let problem = Problem::from(StoreError::new(class, "read series", "why"));
            assert_eq!(problem.status.as_u16(), status, "{class:?}");
        }
    }
}
