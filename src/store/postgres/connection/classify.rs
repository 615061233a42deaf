//! Whose fault a PostgreSQL error is, by its SQLSTATE: the texts of a server
//! are in the language that its `lc_messages` says.
//!
//! Codes: PostgreSQL documentation, appendix "PostgreSQL Error Codes".

use diesel::result::{DatabaseErrorKind, Error};

use super::connect::NotConnected;
use super::sqlstate;
use crate::store::error::Suspicion;
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

/// When an error of a group's own statements is held against the group.
fn suspicion(error: &Error) -> Suspicion {
    let (state, is_fatal) = match reported(error) {
        Reported::NoConnection => return Suspicion::WhileAnswered,
        Reported::Other => return Suspicion::Never,
        Reported::State { state, is_fatal } => (state, is_fatal),
    };
    match &*state {
        // The server stops, or starts again after a crash that another session
        // may have caused; a session too many; a full disk.
        "57P02" | "57P03" | "57P04" | "57P05" | "53300" | "53100" => Suspicion::Never,
        // Of the session, which may wait for a slow worker: of its transaction,
        // of its pauses.
        "25P03" | "25P04" => Suspicion::BesideOthers,
        _ if is_fatal => Suspicion::WhileAnswered,
        // A standby, an application's locks, an old snapshot.
        "25006" | "55006" | "55P03" | "72000" => Suspicion::Never,
        // A deadlock, a serialization failure.
        _ if state.starts_with("40") => Suspicion::Never,
        _ => match class_of(&state) {
            ErrorClass::Data => Suspicion::Never,
            ErrorClass::Transient | ErrorClass::Fatal => Suspicion::BesideOthers,
        },
    }
}

/// An error of a group's own statements, on a connection that was there.
pub(in crate::store::postgres) fn of_group(operation: &'static str, error: &Error) -> StoreError {
    StoreError {
        suspicion: suspicion(error),
        ..statement(operation, error)
    }
}

/// An error of a statement.
pub(in crate::store::postgres) fn statement(operation: &'static str, error: &Error) -> StoreError {
    let message = message(error);
    match reported(error) {
        Reported::NoConnection => StoreError::connection(operation, message),
        Reported::State { state, is_fatal } if is_fatal && is_no_connection(&state) => {
            StoreError::connection(operation, message)
        }
        Reported::State { state, .. } => StoreError {
            is_lock_timeout: state == "55P03",
            ..StoreError::new(class_of(&state), operation, message)
        },
        Reported::Other => StoreError::new(ErrorClass::Data, operation, message),
    }
}

enum Reported {
    NoConnection,
    /// The server's SQLSTATE, and whether it ended the session.
    State {
        state: String,
        is_fatal: bool,
    },
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
            Some(code) => Reported::State {
                state: code.state.to_owned(),
                is_fatal: code.is_fatal,
            },
            None => Reported::Other,
        },
        Error::RollbackErrorOnCommit { commit_error, .. } => reported(commit_error),
        _ => Reported::Other,
    }
}

/// An error of opening a connection: another attempt may get one, unless the
/// server refuses this role or does not know this database. The password may
/// be about to change.
pub(in crate::store::postgres) fn connection(
    operation: &'static str,
    error: &NotConnected,
) -> StoreError {
    let message = format!("cannot connect: {error}");
    match sqlstate::code(&error.text).map(|code| class_of(code.state)) {
        _ if error.may_change => StoreError::connection(
            operation,
            format!("database.password_file is read again for each login: {message}"),
        ),
        Some(ErrorClass::Fatal) => StoreError::new(ErrorClass::Fatal, operation, message),
        _ => StoreError::connection(operation, message),
    }
}

/// Never the detail or the hint: they repeat the values of the failing row.
pub(in crate::store::postgres) fn message(error: &Error) -> String {
    match error {
        Error::DatabaseError(_, information) => information.message().to_owned(),
        Error::RollbackErrorOnCommit { commit_error, .. } => message(commit_error),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `code` is a SQLSTATE, behind `FATAL, ` where the session ended.
    fn of_server(code: &str) -> Error {
        let text = format!("Sperre (FATAL, SQLSTATE 57P01) (SQLSTATE {code})")
            .replace("(SQLSTATE FATAL, ", "(FATAL, SQLSTATE ");
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
            let ended = statement("fold group", &of_server(&format!("FATAL, {state}")));
            assert_eq!(
                (ended.class, ended.no_connection),
                (class, no_connection),
                "{state}"
            );
            // A statement can raise any code; the session goes on.
            let raised = statement("fold group", &of_server(state));
            assert_eq!(
                (raised.class, raised.no_connection),
                (class, false),
                "{state}"
            );
            assert_eq!(raised.is_lock_timeout, state == "55P03", "{state}");
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
    fn a_group_is_suspected_of_what_it_can_have_caused() {
        use Suspicion::{BesideOthers, Never, WhileAnswered};
        for (code, suspicion) in [
            ("40P01", Never),
            ("55P03", Never),
            ("53100", Never),
            ("FATAL, 57P02", Never),
            ("FATAL, 57P03", Never),
            ("P0001", Never),
            ("57014", BesideOthers),
            ("FATAL, 25P03", BesideOthers),
            ("FATAL, 25P04", BesideOthers),
            ("53200", BesideOthers),
            ("53400", BesideOthers),
            ("58P01", BesideOthers),
            ("0A000", BesideOthers),
            ("08006", BesideOthers),
            ("57P01", BesideOthers),
            ("42501", BesideOthers),
            ("FATAL, 57P01", WhileAnswered),
            ("FATAL, 08P01", WhileAnswered),
        ] {
            let error = of_group("fold group", &of_server(code));
            assert_eq!(error.suspicion, suspicion, "{code}");
            let error = statement("pull", &of_server(code));
            assert_eq!(error.suspicion, Never, "{code}");
        }
        let broken = of_group("fold group", &Error::BrokenTransactionManager);
        assert_eq!(broken.suspicion, WhileAnswered);
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
