//! Whose fault a PostgreSQL error is, by its SQLSTATE: the texts of a server
//! are in the language that its `lc_messages` says.
//!
//! Codes: PostgreSQL documentation, appendix "PostgreSQL Error Codes".

use diesel::result::{DatabaseErrorKind, Error};

use super::connect::NotConnected;
use super::sqlstate;
use crate::store::error::Timeout;
use crate::store::{ErrorClass, StoreError};

/// The session is gone, or there never was one.
fn is_no_connection(state: &str) -> bool {
    match state {
        // Ended by an operator, by a crash, with its database, or for being
        // idle; or the server starts or stops.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" => true,
        // Too many connections.
        "53300" => true,
        // Connection exceptions.
        _ => state.starts_with("08"),
    }
}

fn class_of(state: &str) -> ErrorClass {
    match state {
        _ if is_no_connection(state) => ErrorClass::Transient,
        // A read-only transaction: a standby, until it is the primary. A
        // cached plan of a table that was altered: a new session plans anew.
        "25006" | "0A000" => ErrorClass::Transient,
        // An object in use, a lock that was not available in time, a snapshot
        // that was too old.
        "55006" | "55P03" | "72000" => ErrorClass::Transient,
        // A prepared statement that is not known, or known already: the
        // sessions of a pooler in between are not this process's own.
        "26000" | "42P05" => ErrorClass::Fatal,
        _ => match state.get(..2).unwrap_or_default() {
            // Transaction rollback, insufficient resources, operator
            // intervention, system error.
            "40" | "53" | "57" | "58" => ErrorClass::Transient,
            // Invalid authorization, invalid role, invalid catalog, invalid
            // schema, syntax error or access rule violation.
            "28" | "0P" | "3D" | "3F" | "42" => ErrorClass::Fatal,
            _ => ErrorClass::Data,
        },
    }
}

fn timeout(state: &str) -> Option<Timeout> {
    match state {
        "55P03" => Some(Timeout::Lock),
        "57014" => Some(Timeout::Statement),
        _ => None,
    }
}

/// An error of a statement.
pub(super) fn statement(operation: &'static str, error: &Error) -> StoreError {
    let message = message(error);
    match reported(error) {
        Reported::NoConnection => StoreError::connection(operation, message),
        Reported::State(state) if is_no_connection(&state) => {
            StoreError::connection(operation, message)
        }
        Reported::State(state) => StoreError {
            timeout: timeout(&state),
            ..StoreError::new(class_of(&state), operation, message)
        },
        Reported::Other => StoreError::new(ErrorClass::Data, operation, message),
    }
}

enum Reported {
    NoConnection,
    /// The server's SQLSTATE.
    State(String),
    /// An error of this side, such as a row that cannot be read.
    Other,
}

fn reported(error: &Error) -> Reported {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        )
        | Error::BrokenTransactionManager => Reported::NoConnection,
        Error::DatabaseError(_, information) => match sqlstate::code(information.message()) {
            Some(state) => Reported::State(state.to_owned()),
            None => Reported::Other,
        },
        Error::RollbackErrorOnCommit { commit_error, .. } => reported(commit_error),
        _ => Reported::Other,
    }
}

/// An error of opening a connection: another attempt may get one, unless the
/// server refuses this role or does not know this database. The password may
/// be about to change.
pub(super) fn connection(operation: &'static str, error: &NotConnected) -> StoreError {
    let message = format!("cannot connect: {error}");
    match sqlstate::code(&error.text).map(class_of) {
        _ if error.may_change => StoreError::connection(
            operation,
            format!("database.password_file is read again for each login: {message}"),
        ),
        Some(ErrorClass::Fatal) => StoreError::new(ErrorClass::Fatal, operation, message),
        _ => StoreError::connection(operation, message),
    }
}

/// Never the detail or the hint: they repeat the values of the failing row.
pub(super) fn message(error: &Error) -> String {
    match error {
        Error::DatabaseError(_, information) => information.message().to_owned(),
        Error::RollbackErrorOnCommit { commit_error, .. } => message(commit_error),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_server(state: &str) -> Error {
        let text = format!("Sperre (not: terminating connection) (SQLSTATE {state})");
        Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text))
    }

    #[test]
    fn the_sqlstate_decides_whatever_the_text_says() {
        use ErrorClass::{Data, Fatal, Transient};
        for (state, class, no_connection) in [
            ("08006", Transient, true),
            ("08P01", Transient, true),
            ("0A000", Transient, false),
            ("22003", Data, false),
            ("22P05", Data, false),
            ("23505", Data, false),
            ("25006", Transient, false),
            ("25P02", Data, false),
            ("25P03", Transient, true),
            ("26000", Fatal, false),
            ("28000", Fatal, false),
            ("28P01", Fatal, false),
            ("3D000", Fatal, false),
            ("3F000", Fatal, false),
            ("40001", Transient, false),
            ("40P01", Transient, false),
            ("42501", Fatal, false),
            ("42703", Fatal, false),
            ("42883", Fatal, false),
            ("42P01", Fatal, false),
            ("42P05", Fatal, false),
            ("53100", Transient, false),
            ("53200", Transient, false),
            ("53300", Transient, true),
            ("54000", Data, false),
            ("55006", Transient, false),
            ("55P03", Transient, false),
            ("57014", Transient, false),
            ("57P01", Transient, true),
            ("57P02", Transient, true),
            ("57P03", Transient, true),
            ("57P04", Transient, true),
            ("57P05", Transient, true),
            ("58030", Transient, false),
            ("72000", Transient, false),
            ("P0001", Data, false),
            ("XX000", Data, false),
        ] {
            let error = statement("fold group", &of_server(state));
            assert_eq!(
                (error.class, error.no_connection),
                (class, no_connection),
                "{state}"
            );
            assert_eq!(error.is_lock_timeout(), state == "55P03", "{state}");
            let text = NotConnected::from(format!("Anmeldung (SQLSTATE {state})"));
            let error = connection("pull", &text);
            assert_eq!(error.no_connection, class != Fatal, "{state}");
            let changing = NotConnected {
                may_change: true,
                ..text
            };
            assert!(connection("pull", &changing).no_connection, "{state}");
        }
    }

    #[test]
    fn errors_without_a_server_have_a_class_too() {
        let closed = Error::DatabaseError(
            DatabaseErrorKind::UnableToSendCommand,
            Box::new("connection closed".to_owned()),
        );
        assert!(statement("pull", &closed).no_connection);
        assert!(statement("pull", &Error::BrokenTransactionManager).no_connection);
        assert_eq!(statement("pull", &Error::NotFound).class, ErrorClass::Data);
        let refused =
            NotConnected::from("error connecting to server: Connection refused".to_owned());
        assert!(connection("pull", &refused).no_connection);
    }
}
