//! Errors of a store, classed by what a caller does about them.

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

/// A limit of the server on how long a statement may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// `lock_timeout`.
    Lock,
    /// `statement_timeout`, or an operator's cancellation, which has the same
    /// SQLSTATE.
    Statement,
}

/// A failed store operation. The text carries no values of raw rows and no
/// credentials.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct StoreError {
    pub class: ErrorClass,
    /// What was being done, for example `fold group`.
    pub operation: &'static str,
    pub message: String,
    /// There was no connection, or it broke: what the circuit breaker counts.
    pub no_connection: bool,
    /// It came from a group's own statements, on a connection that was there.
    pub of_group: bool,
    /// The limit of the server that was spent.
    pub timeout: Option<Timeout>,
}

impl StoreError {
    pub fn new(class: ErrorClass, operation: &'static str, message: impl Into<String>) -> Self {
        StoreError {
            class,
            operation,
            message: message.into(),
            no_connection: false,
            of_group: false,
            timeout: None,
        }
    }

    /// A transient error of the connection, not of the statement on it.
    pub fn connection(operation: &'static str, message: impl Into<String>) -> Self {
        StoreError {
            no_connection: true,
            ..StoreError::new(ErrorClass::Transient, operation, message)
        }
    }

    /// Whether `lock_timeout` was spent waiting: trying again at once would
    /// only wait as long again.
    pub fn is_lock_timeout(&self) -> bool {
        self.timeout == Some(Timeout::Lock)
    }

    /// Whether a group can cause it: its statements took longer than
    /// `statement_timeout`, or the server closed the connection over them. A
    /// slow server and an outage look the same, so the caller has to see how
    /// others fare.
    pub fn may_be_the_groups(&self) -> bool {
        let timeout = self.timeout == Some(Timeout::Statement);
        self.of_group && self.is_transient() && (self.no_connection || timeout)
    }

    pub fn is_transient(&self) -> bool {
        self.class == ErrorClass::Transient
    }
}
