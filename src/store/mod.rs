//! The contract between vitalfold and a database.
//!
//! [`Store`] is implemented twice, for PostgreSQL and for embedded `SQLite`;
//! `tests/it/conformance.rs` holds the sentences of this contract against both.

pub mod copy;
pub mod error;
mod group_states;
pub mod history;
mod migrations;
pub mod pool;
pub mod postgres;
mod room;
mod sql;
pub mod sqlite;
mod status_rows;
mod stored_group;
pub mod types;
mod versions;

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use chrono::NaiveDate;

use crate::domain::{Aggregate, Domain, Fold, GroupKey, NewRow, UserId};
pub use error::{ErrorClass, StoreError, Suspicion};
pub use history::{BatchLine, History, MinuteLine, SeriesLine};
pub use pool::{PoolStats, PoolStatus};
pub use types::*;
pub(crate) use versions::{Age, compare_ages};
pub use versions::{ResourceVersion, Resources, VersionRow, Versioned};

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Where raw rows go: all that an importer needs of a store.
pub trait RawStore: Clone + Send + Sync + 'static {
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

    /// Stores raw rows in one short transaction; a row that is stored already
    /// is not stored twice. With a `source_id` a row is the same when user,
    /// source, `source_id` and [`Fold::SOURCE_KEY`] agree, and changed content
    /// is a correction that marks its groups; without one it is the same when
    /// every reported field agrees.
    fn insert_raw<F: Fold>(
        &self,
        rows: Vec<NewRow<F::Payload>>,
    ) -> impl Future<Output = Result<Inserted>> + Send;

    /// Stores the rows of versions of resources in one short transaction, as
    /// [`RawStore::insert_raw`] does. Of the versions of one resource, in
    /// whatever order they come, the newest decides: rows of an older one are
    /// left out, and rows that the version before had and this one has not are
    /// deleted, which marks their groups.
    fn store_versions(
        &self,
        resources: Resources,
    ) -> impl Future<Output = Result<Versioned>> + Send;
}

/// A database that holds raw rows, groups and aggregates.
///
/// No future of a store may be dropped before it is done: a transaction that is
/// cut off would go back to the pool unfinished. Statements are bounded by the
/// server's own timeouts instead.
pub trait Store: RawStore {
    /// Held while one run excludes another; gives the lock back when dropped.
    type RunLock: Send;

    /// What the connection pool is doing now.
    fn pool_stats(&self) -> PoolStats;

    /// Closes the pool's connections, those on loan when they come back, so
    /// that whatever is wrong with them is gone. Returns how many were idle.
    fn reset_pool(&self) -> usize;

    /// What the server has to do besides.
    fn server_load(&self) -> impl Future<Output = Result<ServerLoad>> + Send;

    /// Asks the database for an answer, on a connection of the pool.
    fn ping(&self) -> impl Future<Output = Result<()>> + Send;

    /// How many groups may be folded side by side.
    fn max_concurrency(&self) -> usize;

    /// Why the database is lost to this process for good, as far as that shows
    /// without asking it.
    fn lost(&self) -> Option<String> {
        None
    }

    /// Brings the schema up to date; safe while others do the same. Returns
    /// the names of the migrations it applied.
    fn migrate(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Names of the migrations that are still to be applied.
    fn pending_migrations(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Refuses a pool that the server could not serve in full.
    fn check_limits(&self) -> impl Future<Output = Result<()>> + Send;

    /// The zone of users who have none in `user_time_zones`.
    fn set_default_time_zone(&self, zone: &str) -> impl Future<Output = Result<()>> + Send;

    /// What [`Store::set_default_time_zone`] was last told.
    fn default_time_zone(&self) -> impl Future<Output = Result<String>> + Send;

    /// The first `limit` distinct zone names in `user_time_zones`, sorted.
    fn time_zone_names(&self, limit: usize) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Takes the lock of one-shot runs, or returns none while another has it.
    fn try_run_lock(&self) -> impl Future<Output = Result<Option<Self::RunLock>>> + Send;

    /// Lowest and highest user with pending rows.
    fn pending_users<F: Fold>(
        &self,
    ) -> impl Future<Output = Result<Option<(UserId, UserId)>>> + Send;

    /// Reads the groups of at most `limit` pending rows, users after `after`
    /// first and then from the lowest on, each user's dates in order. Takes no
    /// lock. Leaves out rows younger than `settle` and groups that wait for a
    /// retry or are dead.
    fn pull<F: Fold>(
        &self,
        after: UserId,
        limit: usize,
        settle: Duration,
    ) -> impl Future<Output = Result<Vec<PulledGroup>>> + Send;

    /// Whether a pull, or [`Store::due_groups`], would find anything in any of
    /// the domains: one statement, for a worker that waits.
    fn work_waits(&self, probe: &Probe) -> impl Future<Output = Result<bool>> + Send;

    /// Marked groups whose time has come, the longest waiting first.
    fn due_groups(
        &self,
        domain: Domain,
        filter: &GroupFilter,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<GroupKey>>> + Send;

    /// Folds one group in one transaction: takes the user lock, reads all its
    /// rows, folds, writes aggregates of every period touched, deletes those
    /// that vanished, sets the states of exactly the rows read, deletes the
    /// mark it saw. All of it or nothing. A group that is put off or dead is
    /// left alone: each attempt is made once, by one worker.
    fn fold_group<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
    ) -> impl Future<Output = Result<GroupOutcome>> + Send;

    /// Like [`Store::fold_group`], without some of the rows, which are
    /// rejected.
    fn fold_without<F: Fold>(
        &self,
        key: GroupKey,
        isolation: &Isolation,
    ) -> impl Future<Output = Result<GroupOutcome>> + Send;

    /// The ids of a group's raw rows, in (time, id) order.
    fn row_ids<F: Fold>(&self, key: GroupKey) -> impl Future<Output = Result<Vec<i64>>> + Send;

    /// Records a failed attempt in a transaction of its own: the group waits
    /// for its next attempt or is dead, its unfinished rows are `failed`. Returns
    /// none, and does nothing, where it is put off or dead already: another
    /// worker tried it at the same time, and an attempt counts once.
    fn mark_failed<F: Fold>(
        &self,
        key: GroupKey,
        failure: &Failure,
    ) -> impl Future<Output = Result<Option<GroupState>>> + Send;

    /// Recomputes a group from its raw rows and compares, all as of one moment;
    /// writes nothing.
    fn check_group<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
    ) -> impl Future<Output = Result<GroupCheck>> + Send;

    /// The next `limit` groups that match, in (user, date) order after `after`.
    fn groups<F: Fold>(
        &self,
        filter: &GroupFilter,
        after: Option<(UserId, NaiveDate)>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(UserId, NaiveDate)>>> + Send;

    /// At most `limit` groups that match, picked by chance.
    fn sample_groups<F: Fold>(
        &self,
        filter: &GroupFilter,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(UserId, NaiveDate)>>> + Send;

    /// Marks the next `limit` groups due that match, in (user, date) order
    /// after `after`, whether or not they were folded before.
    fn mark_due<F: Fold>(
        &self,
        filter: &GroupFilter,
        which: Which,
        after: Option<(UserId, NaiveDate)>,
        limit: usize,
    ) -> impl Future<Output = Result<Marked>> + Send;

    /// Counts the groups that [`Store::mark_due`] would mark.
    fn count_groups<F: Fold>(
        &self,
        filter: &GroupFilter,
        which: Which,
    ) -> impl Future<Output = Result<GroupCounts>> + Send;

    /// Counts the groups that are due now or will be, within the filter.
    fn count_due(
        &self,
        domain: Domain,
        filter: &GroupFilter,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// The next `limit` failed groups of a domain that match, in (user, date)
    /// order after `after`.
    fn failed_groups(
        &self,
        domain: Domain,
        filter: &FailedFilter,
        after: Option<(UserId, NaiveDate)>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<FailedGroup>>> + Send;

    /// A group's failed attempts, the latest `limit` of them, oldest first.
    fn past_failures(
        &self,
        key: GroupKey,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<PastFailure>>> + Send;

    /// Whether a group is dead, or waits for its next attempt.
    fn is_put_off(&self, key: GroupKey) -> impl Future<Output = Result<bool>> + Send;

    /// Makes a failed group due now with all its attempts; says whether there
    /// was one.
    fn retry_failed(&self, key: GroupKey) -> impl Future<Output = Result<bool>> + Send;

    /// Gives a failed group up: its failed rows are rejected, its mark is
    /// deleted. Says whether there was one.
    fn discard_failed<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Says that a worker lives and what it does; learns what it must obey. With
    /// a probe it does the work of [`Store::work_waits`] in the same statement.
    fn heartbeat(
        &self,
        beat: &Heartbeat,
        probe: Option<&Probe>,
    ) -> impl Future<Output = Result<Control>> + Send;

    /// Workers that did not remove themselves, running ones included.
    fn workers_seen(&self) -> impl Future<Output = Result<Vec<LastSeen>>> + Send;

    /// Removes a worker that leaves. Whatever this process committed before is
    /// on the disk then.
    fn forget_worker(&self, worker: &str) -> impl Future<Output = Result<()>> + Send;

    /// Pauses or resumes every worker.
    fn set_paused(&self, paused: bool) -> impl Future<Output = Result<()>> + Send;

    /// Adds a batch to the run history; a server that crashes may forget its last
    /// moments, as it may those of the batch's groups.
    fn record_batch(&self, batch: &BatchRecord) -> impl Future<Output = Result<()>> + Send;

    /// Deletes at most `limit` batches and as many failed attempts older than
    /// `keep`; returns how many of the kind that there were more of.
    fn prune_history(
        &self,
        keep: Duration,
        limit: usize,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// The database's clock beside that of the last round of retention.
    fn clock(&self) -> impl Future<Output = Result<Clock>> + Send;

    /// What retention saw and did of each domain.
    fn retention(&self) -> impl Future<Output = Result<Vec<RetentionStatus>>> + Send;

    /// Records why a round was refused, and since when.
    fn refuse_retention(
        &self,
        domain: Domain,
        reason: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Forgets the clock of the last round; the next one counts anew.
    fn forget_clock(&self) -> impl Future<Output = Result<()>> + Send;

    /// Records the clock of a round. The first one of a day in UTC takes what
    /// was counted for that day, later ones leave it.
    fn begin_retention(
        &self,
        domain: Domain,
        counted: Backlog,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Counts the dead groups before `first_kept`.
    fn end_retention(
        &self,
        domain: Domain,
        first_kept: NaiveDate,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The first local date of which nothing is older than `keep`.
    fn first_kept(&self, keep: Duration) -> impl Future<Output = Result<NaiveDate>> + Send;

    /// The date of the oldest raw row of each of the next `limit` users, the
    /// lowest of them `from` or above.
    fn oldest_rows<F: Fold>(
        &self,
        from: UserId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(UserId, NaiveDate)>>> + Send;

    /// The same of hour rows.
    fn oldest_hours<F: Fold>(
        &self,
        from: UserId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(UserId, NaiveDate)>>> + Send;

    /// Removes a group's raw rows for good, in one transaction, if they are
    /// settled and fold to exactly what is stored. From then on the group is
    /// sealed: it is never folded again, and rows that come later are rejected
    /// as `too_late`. `of_share` counts it against the day's share.
    fn seal_group<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
        of_share: bool,
    ) -> impl Future<Output = Result<Seal>> + Send;

    /// Deletes at most `limit` rows of a user that came too late for a sealed
    /// group, more than `keep` ago; returns how many.
    fn delete_late<F: Fold>(
        &self,
        user_id: UserId,
        keep: Duration,
        limit: usize,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Deletes a user's hour rows of dates before `before`, of the oldest
    /// `days` days only; returns how many.
    fn delete_hours<F: Fold>(
        &self,
        user_id: UserId,
        before: NaiveDate,
        days: u32,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Counts sealed groups within the filter.
    fn count_sealed(
        &self,
        domain: Domain,
        filter: &GroupFilter,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// What waits, what failed and who works.
    fn status(&self, domains: &[Domain]) -> impl Future<Output = Result<Status>> + Send;

    /// What workers did in the last hour, and the latest `batches`.
    fn history(&self, batches: i64) -> impl Future<Output = Result<History>> + Send;

    /// The next `limit` users after `after` who have aggregates, in order.
    fn users<F: Fold>(
        &self,
        after: UserId,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<UserId>>> + Send;

    /// At most `limit` series of a user that have day aggregates, by name and
    /// unit.
    fn series<F: Fold>(
        &self,
        user_id: UserId,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<SeriesLine>>> + Send;

    /// Reads aggregates, ordered by series, unit, period and time.
    fn aggregates<F: Fold>(
        &self,
        query: &AggregateQuery,
    ) -> impl Future<Output = Result<Vec<Aggregate<F::Measure>>>> + Send;
}

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
