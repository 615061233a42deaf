//! Where raw rows go: all that an importer needs of a store.

use std::collections::HashMap;
use std::future::Future;

use super::{Resources, Result, Versioned};
use crate::domain::{Fold, NewRow, UserId};

/// The door of importers.
pub trait RawRows: Clone + Send + Sync + 'static {
    /// Gives each patient reference its stable user id, in the order given,
    /// allocating ids for those never seen.
    fn resolve_users(
        &self,
        references: &[String],
    ) -> impl Future<Output = Result<Vec<UserId>>> + Send;

    /// IANA zone names of those users that have one in `user_time_zones`.
    fn time_zones(
        &self,
        users: &[UserId],
    ) -> impl Future<Output = Result<HashMap<UserId, String>>> + Send;

    /// Stores raw rows in one short transaction. With a `source_id` a row is the
    /// same when user, source, `source_id`, the domain's key (see
    /// [`Tables::key`](crate::domain::Tables::key)) and time agree: stored once,
    /// and changed content is a correction. Rows without a `source_id` are all
    /// new.
    fn insert_raw<F: Fold>(
        &self,
        rows: Vec<NewRow<F::Payload>>,
    ) -> impl Future<Output = Result<Inserted>> + Send;

    /// Stores the rows of versions of resources in one short transaction, as
    /// [`RawRows::insert_raw`] does. Of the versions of one resource, in
    /// whatever order they come, the newest decides: rows of an older one are
    /// left out, and rows that the version before had and this one has not are
    /// deleted.
    fn store_versions(
        &self,
        resources: Resources,
    ) -> impl Future<Output = Result<Versioned>> + Send;
}

/// What [`RawRows::insert_raw`] did with the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inserted {
    pub inserted: u64,
    /// The same row by its `source_id`, with other content: updated.
    pub corrected: u64,
    /// Stored already, untouched.
    pub duplicate: u64,
}

impl Inserted {
    pub fn add(&mut self, other: Inserted) {
        self.inserted += other.inserted;
        self.corrected += other.corrected;
        self.duplicate += other.duplicate;
    }
}
