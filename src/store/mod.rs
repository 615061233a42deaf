//! The contract between vitalfold and a database: eight doors, each a trait for
//! those who need no more.
//!
//! Each door is implemented twice, for PostgreSQL and for embedded `SQLite`, in
//! the file of its name; `tests/it/conformance` holds the sentences of the
//! contract against both.

pub mod copy;
pub mod error;
mod failures;
mod fleet;
mod groups;
mod migrations;
pub mod pool;
pub mod postgres;
mod queue;
mod raw;
mod rejections;
mod retention;
mod room;
mod server;
mod sql;
pub mod sqlite;
mod status_rows;
mod stored_group;
mod versions;
mod view;
mod window;

pub use error::{ErrorClass, StoreError, Suspicion};
pub use failures::{FailedFilter, FailedGroup, Failure, Failures, GroupState, PastFailure};
pub use fleet::{BatchRecord, Control, Fleet, Heartbeat, LastSeen};
pub use groups::{GroupCheck, GroupOutcome, Groups, Isolation, Seal};
pub use pool::{PoolStats, PoolStatus};
pub use queue::{
    GroupFilter, KnownGroup, Mark, Page, Place, Probe, Pull, Pulled, PulledGroup, Queue, Which,
};
pub use raw::{Inserted, RawRows};
pub use retention::{Backlog, Clock, Retention, RetentionStatus};
pub use server::{OtherSession, Server, ServerLoad};
pub(crate) use versions::{Age, compare_ages};
pub use versions::{ResourceVersion, Resources, VersionRow, Versioned};
pub use view::{
    AggregateQuery, BatchLine, DomainStatus, History, HourStatus, MinuteLine, SeriesLine, Status,
    View, WorkerStatus,
};

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// All doors of a database.
///
/// No future of a store may be dropped before it is done: a transaction that is
/// cut off would go back to the pool unfinished. Statements are bounded by the
/// server's own timeouts instead.
pub trait Store: RawRows + Queue + Groups + Failures + Retention + Fleet + View + Server {}

impl<S: RawRows + Queue + Groups + Failures + Retention + Fleet + View + Server> Store for S {}

/// Calls one method on whichever store a configuration names.
#[macro_export]
macro_rules! with_store {
    ($any:expr, $store:ident => $body:expr) => {
        match $any {
            $crate::store::AnyStore::Postgres($store) => $body,
            $crate::store::AnyStore::Sqlite($store) => $body,
        }
    };
}

/// The store that a database URL names.
#[derive(Clone)]
pub enum AnyStore {
    Postgres(postgres::PgStore),
    Sqlite(sqlite::SqliteStore),
}
