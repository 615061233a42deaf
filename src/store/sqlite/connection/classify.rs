//! Whose fault a `SQLite` error is.

use diesel::result::Error;
use diesel_async::pooled_connection::deadpool::PoolError;

use crate::store::{ErrorClass, StoreError};

pub(in crate::store::sqlite) fn statement(operation: &'static str, error: &Error) -> StoreError {
    let text = error.to_string();
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    // What a full disk says depends on the file that could not grow.
    let class = if has(&[
        "database is locked",
        "database table is locked",
        "is full",
        "disk I/O error",
    ]) {
        ErrorClass::Transient
    } else if has(&[
        "no such table",
        "no such column",
        "readonly database",
        "is malformed",
        "is not a database",
        "unable to open",
    ]) {
        ErrorClass::Fatal
    } else {
        ErrorClass::Data
    };
    StoreError::new(class, operation, advised(text))
}

/// The text with what to do, where rights may be missing.
fn advised(text: String) -> String {
    if ["readonly database", "unable to open"]
        .iter()
        .any(|part| text.contains(part))
    {
        return format!(
            "{text}; the user of this program must be able to write the file, what has its name \
             and -wal or -shm at the end, and the folder"
        );
    }
    text
}

pub(in crate::store::sqlite) fn pool(operation: &'static str, error: &PoolError) -> StoreError {
    match error {
        PoolError::Timeout(_) => StoreError::new(
            ErrorClass::Transient,
            operation,
            "the database file is busy",
        ),
        error => StoreError::new(ErrorClass::Fatal, operation, advised(error.to_string())),
    }
}
