//! Whose fault a PostgreSQL error is.
//!
//! `diesel-async` does not pass on the SQLSTATE, so beyond the few kinds that
//! diesel knows, the server's English message decides. On a server that speaks
//! another language an unrecognised transient error counts as the group's own
//! and is retried with backoff: later, but never lost.

use diesel::result::{DatabaseErrorKind, Error};

use crate::store::{ErrorClass, StoreError};

/// The connection is gone, or there never was one.
const NO_CONNECTION: &[&str] = &[
    "terminating connection",
    "connection closed",
    "closed the connection",
    "connection reset",
    "broken pipe",
    "error communicating with the server",
    "the database system is",
    "too many connections",
    "too many clients",
    "remaining connection slots",
];

const TRANSIENT: &[&str] = &[
    "deadlock detected",
    "canceling statement due to",
    "canceling autovacuum",
    "could not serialize access",
    "could not extend file",
    "no space left on device",
    "out of memory",
    "out of shared memory",
    "cached plan must not change result type",
    "read-only transaction",
];

const FATAL: &[&str] = &["permission denied", "does not exist", "must be owner of"];

/// An error of a statement.
pub(super) fn statement(operation: &'static str, error: &Error) -> StoreError {
    if is_no_connection(error) {
        return StoreError::connection(operation, message(error));
    }
    StoreError::new(class(error), operation, message(error))
}

fn is_no_connection(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        ) => true,
        Error::DatabaseError(_, information) => {
            let text = information.message().to_lowercase();
            NO_CONNECTION.iter().any(|part| text.contains(part))
        }
        Error::RollbackErrorOnCommit { commit_error, .. } => is_no_connection(commit_error),
        Error::BrokenTransactionManager => true,
        _ => false,
    }
}

/// An error of opening a connection: another attempt may get one.
pub(super) fn connection(operation: &'static str, message: &str) -> StoreError {
    let text = message.to_lowercase();
    let fatal = [
        "password authentication failed",
        "no pg_hba.conf entry",
        "does not exist",
    ]
    .iter()
    .any(|part| text.contains(part));
    let message = format!("cannot connect: {message}");
    if fatal {
        StoreError::new(ErrorClass::Fatal, operation, message)
    } else {
        StoreError::connection(operation, message)
    }
}

fn class(error: &Error) -> ErrorClass {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        ) => ErrorClass::Transient,
        Error::DatabaseError(_, information) => {
            let text = information.message().to_lowercase();
            if TRANSIENT.iter().any(|part| text.contains(part)) {
                ErrorClass::Transient
            } else if FATAL.iter().any(|part| text.contains(part)) {
                ErrorClass::Fatal
            } else {
                ErrorClass::Data
            }
        }
        Error::RollbackErrorOnCommit { commit_error, .. } => class(commit_error),
        _ => ErrorClass::Data,
    }
}

/// Never the detail or the hint: they repeat the values of the failing row.
fn message(error: &Error) -> String {
    match error {
        Error::DatabaseError(_, information) => information.message().to_owned(),
        Error::RollbackErrorOnCommit { commit_error, .. } => message(commit_error),
        other => other.to_string(),
    }
}
