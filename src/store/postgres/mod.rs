//! PostgreSQL, in production.

mod array;
mod cached;
mod check;
mod classify;
mod connect;
mod control;
mod copy;
pub mod examine;
mod failed;
mod group;
mod group_texts;
mod group_write;
mod history;
mod known;
pub mod locks;
mod mark_failed;
mod migrate;
mod pool;
mod pull;
mod raw;
mod read;
mod retention;
mod retention_runs;
mod rows;
mod schema;
mod server;
mod session;
mod sqlstate;
mod stream;
mod tls;
mod versions;
mod workers;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::sync::Semaphore;

use super::*;
use crate::config::Config;
use crate::domain::FoldRules;
use pool::{Lease, PgPool};

/// What `server_encoding` must be.
pub const UNICODE: &str = "UTF8";

/// A PostgreSQL database and the pool of connections to it.
#[derive(Clone)]
pub struct PgStore {
    pool: PgPool,
    rules: Arc<FoldRules>,
    /// Older hour rows are not missed.
    keep_hours: Option<Duration>,
    retains: bool,
    /// The turn of the one group at a time that needs more than its room.
    large: Arc<Semaphore>,
}

impl PgStore {
    /// Prepares the pool; the first operation connects.
    ///
    /// `application_name` is what `pg_stat_activity` shows.
    ///
    /// # Errors
    /// A URL that is not a PostgreSQL URL.
    pub fn new(config: &Config, application_name: &str) -> Result<PgStore> {
        Ok(PgStore {
            pool: PgPool::new(config, application_name)?,
            rules: Arc::new(config.aggregation.rules()),
            keep_hours: config.retention.keep_hours(),
            retains: config.retention.is_on(),
            large: Arc::new(Semaphore::new(1)),
        })
    }

    /// Refuses a pooler in between on which sessions are not one's own.
    ///
    /// # Errors
    /// There is one, or there is no connection.
    pub async fn refuse_shared_sessions(&self) -> Result<()> {
        self.pool.refuse_shared_sessions("connect").await
    }

    /// Refuses a database whose texts are not Unicode: some of what arrives
    /// could not be stored, or would be stored as other characters.
    ///
    /// # Errors
    /// It is in another encoding, or there is no connection.
    pub async fn refuse_encoding(&self) -> Result<()> {
        const OPERATION: &str = "connect";
        let encoding = self.examine_server().await?.encoding;
        if encoding == UNICODE {
            return Ok(());
        }
        Err(StoreError::new(
            ErrorClass::Fatal,
            OPERATION,
            format!(
                "the database's encoding is {encoding}; texts need UTF8. Create a database with \
                 `create database … encoding 'UTF8' template template0` and name it in database.url"
            ),
        ))
    }

    async fn lease(&self, operation: &'static str) -> Result<Lease> {
        self.pool.get(operation).await
    }
}

/// Runs one operation on a connection of the pool; its error closes the
/// connection, so that the next user gets a fresh one.
macro_rules! on_connection {
    ($store:ident, $operation:literal, $connection:ident => $call:expr) => {{
        let mut lease = $store.lease($operation).await?;
        let limit = lease.answer_timeout();
        let $connection = &mut *lease;
        let result = pool::answer(limit, $call).await;
        lease.finish($operation, result)
    }};
}

impl RawStore for PgStore {
    async fn resolve_users(&self, references: &[String]) -> Result<Vec<UserId>> {
        on_connection!(self, "resolve users", c => raw::resolve_users(c, references))
    }

    async fn store_versions(&self, resources: Resources) -> Result<Versioned> {
        on_connection!(self, "store versions", c => versions::store(c, resources))
    }

    async fn time_zones(&self, users: &[UserId]) -> Result<HashMap<UserId, String>> {
        on_connection!(self, "read time zones", c => raw::time_zones(c, users))
    }

    async fn insert_raw<F: Fold>(&self, rows: Vec<NewRow<F::Payload>>) -> Result<Inserted> {
        on_connection!(self, "insert raw rows", c => raw::insert::<F>(c, rows))
    }
}

impl Store for PgStore {
    type RunLock = control::PgRunLock;

    fn pool_stats(&self) -> PoolStats {
        self.pool.stats()
    }

    fn reset_pool(&self) -> usize {
        self.pool.reset()
    }

    async fn server_load(&self) -> Result<ServerLoad> {
        on_connection!(self, "look at the server", c => control::server_load(c))
    }

    async fn ping(&self) -> Result<()> {
        on_connection!(self, "ping", c => control::ping(c))
    }

    fn max_concurrency(&self) -> usize {
        // One connection for pulls and history, one for the run lock.
        self.pool.max().saturating_sub(2).max(1)
    }

    async fn migrate(&self) -> Result<Vec<String>> {
        migrate::run(self.lease("migrate").await?).await
    }

    async fn pending_migrations(&self) -> Result<Vec<String>> {
        migrate::pending(self.lease("check schema").await?).await
    }

    async fn check_limits(&self) -> Result<()> {
        let max = self.pool.max();
        on_connection!(self, "check limits", c => control::check_limits(c, max))
    }

    async fn set_default_time_zone(&self, zone: &str) -> Result<()> {
        on_connection!(self, "set time zone", c => control::set_default_time_zone(c, zone))
    }

    async fn default_time_zone(&self) -> Result<String> {
        on_connection!(self, "read time zone", c => control::default_time_zone(c))
    }

    async fn time_zone_names(&self, limit: usize) -> Result<Vec<String>> {
        on_connection!(self, "read time zones", c => control::time_zone_names(c, limit))
    }

    async fn try_run_lock(&self) -> Result<Option<Self::RunLock>> {
        control::try_run_lock(self.lease("take run lock").await?).await
    }

    async fn pending_users<F: Fold>(&self) -> Result<Option<(UserId, UserId)>> {
        on_connection!(self, "find pending users", c => pull::pending_users::<F>(c))
    }

    async fn pull<F: Fold>(
        &self,
        after: UserId,
        limit: usize,
        settle: Duration,
    ) -> Result<Vec<PulledGroup>> {
        on_connection!(self, "pull", c => pull::pull::<F>(c, after, limit, settle))
    }

    async fn work_waits(&self, probe: &Probe) -> Result<bool> {
        on_connection!(self, "look for work", c => pull::work_waits(c, probe))
    }

    async fn due_groups(
        &self,
        domain: Domain,
        filter: &GroupFilter,
        limit: usize,
    ) -> Result<Vec<GroupKey>> {
        on_connection!(self, "read due groups", c => pull::due_groups(c, domain, filter, limit))
    }

    async fn fold_group<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
    ) -> Result<GroupOutcome> {
        let key = GroupKey {
            domain: F::DOMAIN,
            user_id,
            local_date,
        };
        group::fold::<F>(&self.pool, key, &self.rules, None, &self.large).await
    }

    async fn fold_without<F: Fold>(
        &self,
        key: GroupKey,
        isolation: &Isolation,
    ) -> Result<GroupOutcome> {
        group::fold::<F>(&self.pool, key, &self.rules, Some(isolation), &self.large).await
    }

    async fn row_ids<F: Fold>(&self, key: GroupKey) -> Result<Vec<i64>> {
        on_connection!(self, "read row ids", c => group::row_ids::<F>(c, key))
    }

    async fn mark_failed<F: Fold>(
        &self,
        key: GroupKey,
        failure: &Failure,
    ) -> Result<Option<GroupState>> {
        let marked = on_connection!(self, "mark failed", c => mark_failed::mark_failed::<F>(c, key, failure));
        let Some((state, mut last)) = marked? else {
            return Ok(None);
        };
        // What is left of a large group follows its mark, which puts off every row.
        while last.is_some() {
            let rows = on_connection!(self, "mark failed", c => mark_failed::mark_rows::<F>(c, key, failure, last));
            last = rows?;
        }
        Ok(Some(state))
    }

    async fn check_group<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
    ) -> Result<GroupCheck> {
        let (rules, hours) = (&self.rules, self.keep_hours);
        on_connection!(self, "check group", c => check::check::<F>(c, user_id, local_date, rules, hours))
    }

    async fn groups<F: Fold>(
        &self,
        filter: &GroupFilter,
        after: Option<(UserId, NaiveDate)>,
        limit: usize,
    ) -> Result<Vec<(UserId, NaiveDate)>> {
        on_connection!(self, "list groups", c => known::groups::<F>(c, filter, after, limit))
    }

    async fn sample_groups<F: Fold>(
        &self,
        filter: &GroupFilter,
        limit: usize,
    ) -> Result<Vec<(UserId, NaiveDate)>> {
        on_connection!(self, "sample groups", c => known::sample::<F>(c, filter, limit))
    }

    async fn mark_due<F: Fold>(
        &self,
        filter: &GroupFilter,
        which: Which,
        after: Option<(UserId, NaiveDate)>,
        limit: usize,
    ) -> Result<Marked> {
        on_connection!(self, "mark due", c => known::mark_due::<F>(c, filter, which, after, limit))
    }

    async fn count_groups<F: Fold>(
        &self,
        filter: &GroupFilter,
        which: Which,
    ) -> Result<GroupCounts> {
        on_connection!(self, "count groups", c => known::count::<F>(c, filter, which))
    }

    async fn count_due(&self, domain: Domain, filter: &GroupFilter) -> Result<u64> {
        on_connection!(self, "count due groups", c => pull::count_due(c, domain, filter))
    }

    async fn failed_groups(
        &self,
        domain: Domain,
        filter: &FailedFilter,
        after: Option<(UserId, NaiveDate)>,
        limit: usize,
    ) -> Result<Vec<FailedGroup>> {
        on_connection!(self, "list failed", c => failed::list(c, domain, filter, after, limit))
    }

    async fn past_failures(&self, key: GroupKey, limit: usize) -> Result<Vec<PastFailure>> {
        on_connection!(self, "read past failures", c => failed::history(c, key, limit))
    }

    async fn is_put_off(&self, key: GroupKey) -> Result<bool> {
        on_connection!(self, "read mark", c => failed::is_put_off(c, key))
    }

    async fn retry_failed(&self, key: GroupKey) -> Result<bool> {
        on_connection!(self, "retry failed", c => failed::retry(c, key))
    }

    async fn discard_failed<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
    ) -> Result<bool> {
        on_connection!(self, "discard failed", c => failed::discard::<F>(c, user_id, local_date))
    }

    async fn heartbeat(&self, beat: &Heartbeat, probe: Option<&Probe>) -> Result<Control> {
        on_connection!(self, "heartbeat", c => workers::heartbeat(c, beat, probe))
    }

    async fn workers_seen(&self) -> Result<Vec<LastSeen>> {
        on_connection!(self, "read workers", c => workers::seen(c))
    }

    async fn forget_worker(&self, worker: &str) -> Result<()> {
        on_connection!(self, "forget worker", c => workers::forget(c, worker))
    }

    async fn set_paused(&self, paused: bool) -> Result<()> {
        on_connection!(self, "pause", c => control::set_paused(c, paused))
    }

    async fn record_batch(&self, batch: &BatchRecord) -> Result<()> {
        on_connection!(self, "record batch", c => control::record_batch(c, batch))
    }

    async fn prune_history(&self, keep: Duration, limit: usize) -> Result<u64> {
        on_connection!(self, "prune history", c => control::prune_history(c, keep, limit))
    }

    async fn clock(&self) -> Result<Clock> {
        on_connection!(self, "read clock", c => retention_runs::clock(c))
    }

    async fn retention(&self) -> Result<Vec<RetentionStatus>> {
        on_connection!(self, "read retention", c => retention_runs::status(c))
    }

    async fn refuse_retention(&self, domain: Domain, reason: &str) -> Result<()> {
        on_connection!(self, "refuse retention", c => retention_runs::refuse(c, domain, reason))
    }

    async fn forget_clock(&self) -> Result<()> {
        on_connection!(self, "accept clock", c => retention_runs::forget_clock(c))
    }

    async fn begin_retention(&self, domain: Domain, counted: Backlog) -> Result<()> {
        on_connection!(self, "begin retention", c => retention_runs::begin(c, domain, counted))
    }

    async fn end_retention(&self, domain: Domain, first_kept: NaiveDate) -> Result<()> {
        on_connection!(self, "end retention", c => retention_runs::end(c, domain, first_kept))
    }

    async fn first_kept(&self, keep: Duration) -> Result<NaiveDate> {
        on_connection!(self, "read clock", c => retention::first_kept(c, keep))
    }

    async fn oldest_rows<F: Fold>(
        &self,
        from: UserId,
        limit: usize,
    ) -> Result<Vec<(UserId, NaiveDate)>> {
        on_connection!(self, "find old rows", c => retention::oldest_rows::<F>(c, from, limit))
    }

    async fn oldest_hours<F: Fold>(
        &self,
        from: UserId,
        limit: usize,
    ) -> Result<Vec<(UserId, NaiveDate)>> {
        on_connection!(self, "find old hours", c => retention::oldest_hours::<F>(c, from, limit))
    }

    async fn seal_group<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
        of_share: bool,
    ) -> Result<Seal> {
        let (rules, hours) = (&self.rules, self.keep_hours);
        on_connection!(self, "seal group", c => retention::seal::<F>(c, user_id, local_date, rules, hours, of_share))
    }

    async fn delete_late<F: Fold>(
        &self,
        user_id: UserId,
        keep: Duration,
        limit: usize,
    ) -> Result<u64> {
        on_connection!(self, "delete late rows", c => retention::delete_late::<F>(c, user_id, keep, limit))
    }

    async fn delete_hours<F: Fold>(
        &self,
        user_id: UserId,
        before: NaiveDate,
        days: u32,
    ) -> Result<u64> {
        on_connection!(self, "delete old hours", c => retention::delete_hours::<F>(c, user_id, before, days))
    }

    async fn count_sealed(&self, domain: Domain, filter: &GroupFilter) -> Result<u64> {
        on_connection!(self, "count sealed groups", c => retention::count_sealed(c, domain, filter))
    }

    async fn status(&self, domains: &[Domain]) -> Result<Status> {
        on_connection!(self, "read status", c => read::status(c, domains, self.retains))
    }

    async fn history(&self, batches: i64) -> Result<History> {
        on_connection!(self, "read history", c => history::history(c, batches))
    }

    async fn users<F: Fold>(&self, after: UserId, limit: i64) -> Result<Vec<UserId>> {
        on_connection!(self, "list users", c => history::users::<F>(c, after, limit))
    }

    async fn series<F: Fold>(&self, user_id: UserId, limit: i64) -> Result<Vec<SeriesLine>> {
        on_connection!(self, "list series", c => history::series::<F>(c, user_id, limit))
    }

    async fn aggregates<F: Fold>(
        &self,
        query: &AggregateQuery,
    ) -> Result<Vec<Aggregate<F::Measure>>> {
        on_connection!(self, "read aggregates", c => read::aggregates::<F>(c, query))
    }
}
