//! Errors of a store, classed by what a caller does about them.

use crate::terminal::one_line;

/// Whose fault an error is, and so what is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ErrorClass {
    /// Deadlock, serialization, connection, timeout: tried again without blame.
    Transient,
    /// The group's own fault: counted as an attempt.
    Data,
    /// The worker's or the schema's fault: the run stops.
    Fatal,
}

impl ErrorClass {
    /// The name stored in `aggregation_groups.error_class`.
    pub fn name(self) -> &'static str {
        match self {
            ErrorClass::Transient => "transient",
            ErrorClass::Data => "data",
            ErrorClass::Fatal => "fatal",
        }
    }
}

/// When a failure of a group's statements that repeats is the group's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// Another one's lock, a full disk, a server that stops: never.
    Never,
    /// A time limit, a lack of memory, a right that is missing: where other
    /// groups are folded between its tries. On a server that is slow for all, or
    /// a schema that is wrong for all, they are not.
    BesideOthers,
    /// A connection that broke: where the server answers on another one.
    WhileAnswered,
}

/// A failed store operation. The text is one line without control characters,
/// and carries no values of raw rows and no credentials.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct StoreError {
    pub class: ErrorClass,
    /// What was being done, for example `fold group`.
    pub operation: &'static str,
    pub message: String,
    /// There was no connection, or it broke: what the circuit breaker counts.
    pub no_connection: bool,
    /// Whether it may be the fault of the group whose statements it came from.
    pub suspicion: Suspicion,
    /// `lock_timeout` was spent waiting: trying again at once would only wait as
    /// long again.
    pub is_lock_timeout: bool,
}

impl StoreError {
    pub fn new(class: ErrorClass, operation: &'static str, message: impl Into<String>) -> Self {
        StoreError {
            class,
            operation,
            message: one_line(&message.into()).into_owned(),
            no_connection: false,
            suspicion: Suspicion::Never,
            is_lock_timeout: false,
        }
    }

    /// A transient error of the connection, not of the statement on it.
    pub fn connection(operation: &'static str, message: impl Into<String>) -> Self {
        StoreError {
            no_connection: true,
            ..StoreError::new(ErrorClass::Transient, operation, message)
        }
    }

    pub fn is_transient(&self) -> bool {
        self.class == ErrorClass::Transient
    }
}
