//! The contract between vitalfold and a database.
//!
//! [`Store`] is implemented twice, for PostgreSQL and for embedded `SQLite`;
//! `tests/conformance.rs` holds each sentence of this contract against both.

pub mod error;
pub mod pool;

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use crate::domain::{Aggregate, Domain, Fold, GroupKey, NewRow, Period, UserId};
pub use error::{ErrorClass, StoreError};
pub use pool::{PoolStats, PoolStatus};

/// What [`Store::insert_raw`] did with the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inserted {
    pub inserted: u64,
    /// The same row by its `source_id`, with other content: updated.
    pub corrected: u64,
    /// Stored already, untouched.
    pub duplicate: u64,
}

/// A database that holds raw rows, groups and aggregates.
pub trait Store: Clone + Send + Sync + 'static {
    /// Gives each patient reference its stable user id, in the order given,
    /// allocating ids for those never seen.
    fn resolve_users(
        &self,
        references: &[String],
    ) -> impl Future<Output = Result<Vec<UserId>, StoreError>> + Send;

    /// IANA zone names of those users that have one in `user_time_zones`.
    fn time_zones(
        &self,
        users: &[UserId],
    ) -> impl Future<Output = Result<HashMap<UserId, String>, StoreError>> + Send;

    /// Stores raw rows in one short transaction; a row that is stored already
    /// is not stored twice. With a `source_id` a row is the same when user,
    /// source, `source_id` and [`Fold::SOURCE_KEY`] agree, and changed content
    /// is a correction; without one it is the same when every field agrees.
    fn insert_raw<F: Fold>(
        &self,
        rows: Vec<NewRow<F::Payload>>,
    ) -> impl Future<Output = Result<Inserted, StoreError>> + Send;
}
