//! Embedded `SQLite`, for the first run, development and small single-machine
//! use. One connection, so one writer; every write is an immediate transaction,
//! because a deferred one fails instead of waiting when it turns into a write.

mod classify;
mod commits;
mod connect;
mod control;
mod copy;
mod examine;
mod failed;
mod file;
mod group;
mod history;
mod known;
mod mark_failed;
mod mount;
mod pull;
mod raw;
mod read;
mod retention;
mod retention_runs;
mod rows;
mod versions;
mod workers;

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::NaiveDate;
use diesel::connection::SimpleConnection;
use diesel::sqlite::Sqlite;
use diesel::{Connection, QueryResult, SqliteConnection};
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::*;
use crate::config::Config;
use crate::domain::FoldRules;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
/// Largest file whose pages are checked at a start.
const QUICK_CHECK_BYTES: u64 = 256 << 20;

/// What `SQLite` says of pages that make no sense.
const MALFORMED: &str = "is malformed";

/// A `SQLite` file.
#[derive(Clone)]
pub struct SqliteStore {
    pool: Pool<SyncConnectionWrapper<SqliteConnection>>,
    path: PathBuf,
    open_file: Arc<file::OpenFile>,
    /// It was said that the note of commits cannot be written.
    note_failed: Arc<AtomicBool>,
    rules: Arc<FoldRules>,
    /// Older hour rows are not missed.
    keep_hours: Option<Duration>,
    retains: bool,
}

impl SqliteStore {
    /// Prepares the connection; the first operation opens or creates the file.
    ///
    /// # Errors
    /// A URL that names no file, or a directory that does not exist.
    pub fn new(config: &Config) -> Result<SqliteStore> {
        let path = connect::path(&config.database.url)?;
        Ok(SqliteStore {
            pool: connect::pool(&path, config)?,
            path,
            open_file: Arc::default(),
            note_failed: Arc::default(),
            rules: Arc::new(config.aggregation.rules()),
            keep_hours: config.retention.keep_hours(),
            retains: config.retention.is_on(),
        })
    }

    /// Whether the file is still to be created.
    pub fn is_new(&self) -> bool {
        std::fs::metadata(&self.path).map_or(true, |file| file.len() == 0)
    }

    /// Looks before the first operation for what is lost, and for pages that
    /// contradict each other in files of up to 256 MiB, which takes a second or
    /// two.
    ///
    /// # Errors
    /// A fatal one that names the file and what to do.
    pub async fn check_file(&self) -> Result<()> {
        if let Some(trouble) = mount::trouble(&self.path) {
            tracing::warn!("{trouble}");
        }
        self.find_losses().await?;
        let length = self.size();
        if length == 0 || length > QUICK_CHECK_BYTES {
            return Ok(());
        }
        let checked = self.call("check the database file", control::is_sound);
        let sound = match checked.await {
            // The damage keeps the check itself from running.
            Err(error) if error.message.contains(MALFORMED) => false,
            checked => checked?,
        };
        if sound {
            return Ok(());
        }
        Err(StoreError::new(
            ErrorClass::Fatal,
            "check the database file",
            format!(
                "{} is damaged (pragma quick_check); restore it from a backup, or save what \
                 can be read with `sqlite3 FILE .recover`",
                self.path.display()
            ),
        ))
    }

    /// Looks before the first operation for a WAL, commits or a part of the file
    /// that is gone.
    ///
    /// # Errors
    /// A fatal one that names the file and what to do.
    pub async fn find_losses(&self) -> Result<()> {
        file::find_losses(&self.path)?;
        let note = commits::Note::read(&self.path)?;
        let length = self.size();
        if length == 0 {
            if note.is_some() {
                commits::warn_of_new(&self.path);
            }
            return Ok(());
        }
        if let Some(note) = note {
            let untouched = commits::untouched(&self.path, &note);
            let found = match self.call("read commits", commits::read).await {
                // The check of the pages tells.
                Err(error) if error.message.contains(MALFORMED) => None,
                found => found?,
            };
            if let Some(found) = found {
                commits::compare(&self.path, &note, untouched, &found)?;
            }
        }
        Ok(())
    }

    /// Runs one piece of work on the connection, off the async threads. It
    /// runs to its end even when the caller is gone.
    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        // Before the pool, which would create a file that was removed.
        self.open_file.check(&self.path)?;
        let mut connection = self
            .pool
            .get()
            .await
            .map_err(|error| self.named(classify::pool(operation, &error)))?;
        self.open_file.remember(&self.path)?;
        connection
            .spawn_blocking(work)
            .await
            .map_err(|error| self.named(classify::statement(operation, &error)))
    }

    /// The error with the file's name, where the file may be to blame.
    fn named(&self, mut error: StoreError) -> StoreError {
        if error.class != ErrorClass::Data {
            error.message = format!("{}: {}", self.path.display(), error.message);
        }
        error
    }

    /// Like `call`, in a transaction that takes the write lock first.
    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        let (path, note_failed) = (self.path.clone(), self.note_failed.clone());
        self.call(operation, move |connection| {
            let (done, commits) = connection.immediate_transaction(|connection| {
                let done = work(connection)?;
                QueryResult::Ok((done, commits::count(connection)?))
            })?;
            commits::write_note(&path, commits, &note_failed);
            Ok(done)
        })
        .await
    }
}

/// A lock on a file beside the database; the operating system frees it when
/// its holder ends, however that happens.
pub struct SqliteRunLock {
    _file: File,
}

impl RawStore for SqliteStore {
    async fn resolve_users(&self, references: &[String]) -> Result<Vec<UserId>> {
        let references = references.to_vec();
        self.write("resolve users", move |c| raw::resolve_users(c, &references))
            .await
    }

    async fn store_versions(&self, resources: Resources) -> Result<Versioned> {
        self.write("store versions", move |c| versions::store(c, resources))
            .await
    }

    async fn time_zones(&self, users: &[UserId]) -> Result<HashMap<UserId, String>> {
        let users = users.to_vec();
        self.call("read time zones", move |c| raw::time_zones(c, &users))
            .await
    }

    async fn insert_raw<F: Fold>(&self, rows: Vec<NewRow<F::Payload>>) -> Result<Inserted> {
        self.write("insert raw rows", move |c| raw::insert::<F>(c, rows))
            .await
    }
}

impl Store for SqliteStore {
    type RunLock = SqliteRunLock;

    fn pool_stats(&self) -> PoolStats {
        let status = self.pool.status();
        PoolStats::of(status, status.max_size)
    }

    fn reset_pool(&self) -> usize {
        self.pool.retain(|_, _| false).removed.len()
    }

    fn lost(&self) -> Option<String> {
        let checked = self.open_file.check(&self.path);
        checked.err().map(|error| error.message)
    }

    /// A file has no other sessions than its own.
    async fn server_load(&self) -> Result<ServerLoad> {
        Ok(ServerLoad::default())
    }

    async fn ping(&self) -> Result<()> {
        self.call("ping", |c| c.batch_execute("select 1")).await
    }

    fn max_concurrency(&self) -> usize {
        1
    }

    async fn migrate(&self) -> Result<Vec<String>> {
        // Each migration is a transaction; a second process waits for it and
        // then finds it applied.
        self.call("migrate", |connection| {
            connection
                .run_pending_migrations(MIGRATIONS)
                .map(|versions| versions.iter().map(ToString::to_string).collect())
                .map_err(diesel::result::Error::QueryBuilderError)
        })
        .await
    }

    async fn pending_migrations(&self) -> Result<Vec<String>> {
        let applied = self
            .call("check schema", control::applied_migrations)
            .await?;
        migrations::pending::<Sqlite>(&MIGRATIONS, applied)
    }

    async fn check_limits(&self) -> Result<()> {
        Ok(())
    }

    async fn set_default_time_zone(&self, zone: &str) -> Result<()> {
        let zone = zone.to_owned();
        self.write("set time zone", move |c| {
            control::set_default_time_zone(c, &zone)
        })
        .await
    }

    async fn default_time_zone(&self) -> Result<String> {
        self.call("read time zone", control::default_time_zone)
            .await
    }

    async fn time_zone_names(&self, limit: usize) -> Result<Vec<String>> {
        self.call("read time zones", move |c| {
            control::time_zone_names(c, limit)
        })
        .await
    }

    async fn try_run_lock(&self) -> Result<Option<SqliteRunLock>> {
        control::try_run_lock(&self.path)
    }

    async fn pending_users<F: Fold>(&self) -> Result<Option<(UserId, UserId)>> {
        self.call("find pending users", |c| pull::pending_users::<F>(c))
            .await
    }

    async fn pull<F: Fold>(
        &self,
        after: UserId,
        limit: usize,
        settle: Duration,
    ) -> Result<Vec<PulledGroup>> {
        self.call("pull", move |c| pull::pull::<F>(c, after, limit, settle))
            .await
    }

    async fn work_waits(&self, probe: &Probe) -> Result<bool> {
        let probe = probe.clone();
        self.call("look for work", move |c| pull::work_waits(c, &probe))
            .await
    }

    async fn due_groups(
        &self,
        domain: Domain,
        filter: &GroupFilter,
        limit: usize,
    ) -> Result<Vec<GroupKey>> {
        let filter = filter.clone();
        self.call("read due groups", move |c| {
            pull::due_groups(c, domain, &filter, limit)
        })
        .await
    }

    async fn fold_group<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
    ) -> Result<GroupOutcome> {
        let rules = self.rules.clone();
        self.write("fold group", move |c| {
            group::fold::<F>(c, user_id, local_date, &rules, None)
        })
        .await
    }

    async fn fold_without<F: Fold>(
        &self,
        key: GroupKey,
        isolation: &Isolation,
    ) -> Result<GroupOutcome> {
        let (rules, isolation) = (self.rules.clone(), isolation.clone());
        self.call("fold group", move |c| {
            group::fold_without::<F>(c, key, &isolation, &rules)
        })
        .await
    }

    async fn row_ids<F: Fold>(&self, key: GroupKey) -> Result<Vec<i64>> {
        self.call("read row ids", move |c| group::row_ids::<F>(c, key))
            .await
    }

    async fn mark_failed<F: Fold>(
        &self,
        key: GroupKey,
        failure: &Failure,
    ) -> Result<Option<GroupState>> {
        let failure = failure.clone();
        self.write("mark failed", move |c| {
            mark_failed::mark_failed::<F>(c, key, &failure)
        })
        .await
    }

    async fn check_group<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
    ) -> Result<GroupCheck> {
        let (rules, hours) = (self.rules.clone(), self.keep_hours);
        self.call("check group", move |c| {
            c.transaction(|c| group::check::<F>(c, user_id, local_date, &rules, hours))
        })
        .await
    }

    async fn groups<F: Fold>(
        &self,
        filter: &GroupFilter,
        after: Option<(UserId, NaiveDate)>,
        limit: usize,
    ) -> Result<Vec<(UserId, NaiveDate)>> {
        let filter = filter.clone();
        self.call("list groups", move |c| {
            known::groups::<F>(c, &filter, after, limit)
        })
        .await
    }

    async fn sample_groups<F: Fold>(
        &self,
        filter: &GroupFilter,
        limit: usize,
    ) -> Result<Vec<(UserId, NaiveDate)>> {
        let filter = filter.clone();
        self.call("sample groups", move |c| {
            known::sample::<F>(c, &filter, limit)
        })
        .await
    }

    async fn mark_due<F: Fold>(
        &self,
        filter: &GroupFilter,
        which: Which,
        after: Option<(UserId, NaiveDate)>,
        limit: usize,
    ) -> Result<Marked> {
        let filter = filter.clone();
        self.write("mark due", move |c| {
            known::mark_due::<F>(c, &filter, which, after, limit)
        })
        .await
    }

    async fn count_groups<F: Fold>(
        &self,
        filter: &GroupFilter,
        which: Which,
    ) -> Result<GroupCounts> {
        let filter = filter.clone();
        self.call("count groups", move |c| {
            known::count::<F>(c, &filter, which)
        })
        .await
    }

    async fn count_due(&self, domain: Domain, filter: &GroupFilter) -> Result<u64> {
        let filter = filter.clone();
        self.call("count due groups", move |c| {
            pull::count_due(c, domain, &filter)
        })
        .await
    }

    async fn failed_groups(
        &self,
        domain: Domain,
        filter: &FailedFilter,
        after: Option<(UserId, NaiveDate)>,
        limit: usize,
    ) -> Result<Vec<FailedGroup>> {
        let filter = filter.clone();
        self.call("list failed", move |c| {
            failed::list(c, domain, &filter, after, limit)
        })
        .await
    }

    async fn past_failures(&self, key: GroupKey, limit: usize) -> Result<Vec<PastFailure>> {
        self.call("read past failures", move |c| {
            failed::history(c, key, limit)
        })
        .await
    }

    async fn is_put_off(&self, key: GroupKey) -> Result<bool> {
        self.call("read mark", move |c| failed::is_put_off(c, key))
            .await
    }

    async fn retry_failed(&self, key: GroupKey) -> Result<bool> {
        self.write("retry failed", move |c| failed::retry(c, key))
            .await
    }

    async fn discard_failed<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
    ) -> Result<bool> {
        self.write("discard failed", move |c| {
            failed::discard::<F>(c, user_id, local_date)
        })
        .await
    }

    async fn heartbeat(&self, beat: &Heartbeat, probe: Option<&Probe>) -> Result<Control> {
        let (beat, probe) = (beat.clone(), probe.cloned());
        self.write("heartbeat", move |c| {
            workers::heartbeat(c, &beat, probe.as_ref())
        })
        .await
    }

    async fn workers_seen(&self) -> Result<Vec<LastSeen>> {
        self.call("read workers", workers::seen).await
    }

    async fn forget_worker(&self, worker: &str) -> Result<()> {
        let worker = worker.to_owned();
        self.write("forget worker", move |c| workers::forget(c, &worker))
            .await
    }

    async fn set_paused(&self, paused: bool) -> Result<()> {
        self.write("pause", move |c| control::set_paused(c, paused))
            .await
    }

    async fn record_batch(&self, batch: &BatchRecord) -> Result<()> {
        let batch = batch.clone();
        self.write("record batch", move |c| control::record_batch(c, &batch))
            .await
    }

    async fn prune_history(&self, keep: Duration, limit: usize) -> Result<u64> {
        self.write("prune history", move |c| {
            control::prune_history(c, keep, limit)
        })
        .await
    }

    async fn clock(&self) -> Result<Clock> {
        self.call("read clock", retention_runs::clock).await
    }

    async fn retention(&self) -> Result<Vec<RetentionStatus>> {
        self.call("read retention", retention_runs::status).await
    }

    async fn refuse_retention(&self, domain: Domain, reason: &str) -> Result<()> {
        let reason = reason.to_owned();
        self.write("refuse retention", move |c| {
            retention_runs::refuse(c, domain, &reason)
        })
        .await
    }

    async fn forget_clock(&self) -> Result<()> {
        self.write("accept clock", retention_runs::forget_clock)
            .await
    }

    async fn begin_retention(&self, domain: Domain, counted: Backlog) -> Result<()> {
        self.write("begin retention", move |c| {
            retention_runs::begin(c, domain, counted)
        })
        .await
    }

    async fn end_retention(&self, domain: Domain, first_kept: NaiveDate) -> Result<()> {
        self.write("end retention", move |c| {
            retention_runs::end(c, domain, first_kept)
        })
        .await
    }

    async fn first_kept(&self, keep: Duration) -> Result<NaiveDate> {
        self.call("read clock", move |c| retention::first_kept(c, keep))
            .await
    }

    async fn oldest_rows<F: Fold>(
        &self,
        from: UserId,
        limit: usize,
    ) -> Result<Vec<(UserId, NaiveDate)>> {
        self.call("find old rows", move |c| {
            retention::oldest_rows::<F>(c, from, limit)
        })
        .await
    }

    async fn oldest_hours<F: Fold>(
        &self,
        from: UserId,
        limit: usize,
    ) -> Result<Vec<(UserId, NaiveDate)>> {
        self.call("find old hours", move |c| {
            retention::oldest_hours::<F>(c, from, limit)
        })
        .await
    }

    async fn seal_group<F: Fold>(
        &self,
        user_id: UserId,
        local_date: NaiveDate,
        of_share: bool,
    ) -> Result<Seal> {
        let (rules, hours) = (self.rules.clone(), self.keep_hours);
        self.write("seal group", move |c| {
            retention::seal::<F>(c, user_id, local_date, &rules, hours, of_share)
        })
        .await
    }

    async fn delete_late<F: Fold>(
        &self,
        user_id: UserId,
        keep: Duration,
        limit: usize,
    ) -> Result<u64> {
        self.write("delete late rows", move |c| {
            retention::delete_late::<F>(c, user_id, keep, limit)
        })
        .await
    }

    async fn delete_hours<F: Fold>(
        &self,
        user_id: UserId,
        before: NaiveDate,
        days: u32,
    ) -> Result<u64> {
        self.write("delete old hours", move |c| {
            retention::delete_hours::<F>(c, user_id, before, days)
        })
        .await
    }

    async fn count_sealed(&self, domain: Domain, filter: &GroupFilter) -> Result<u64> {
        let filter = filter.clone();
        self.call("count sealed groups", move |c| {
            retention::count_sealed(c, domain, &filter)
        })
        .await
    }

    async fn status(&self, domains: &[Domain]) -> Result<Status> {
        let (domains, retains) = (domains.to_vec(), self.retains);
        self.call("read status", move |c| read::status(c, &domains, retains))
            .await
    }

    async fn history(&self, batches: i64) -> Result<History> {
        self.call("read history", move |c| history::history(c, batches))
            .await
    }

    async fn users<F: Fold>(&self, after: UserId, limit: i64) -> Result<Vec<UserId>> {
        self.call("list users", move |c| history::users::<F>(c, after, limit))
            .await
    }

    async fn series<F: Fold>(&self, user_id: UserId, limit: i64) -> Result<Vec<SeriesLine>> {
        self.call("list series", move |c| {
            history::series::<F>(c, user_id, limit)
        })
        .await
    }

    async fn aggregates<F: Fold>(
        &self,
        query: &AggregateQuery,
    ) -> Result<Vec<Aggregate<F::Measure>>> {
        let query = query.clone();
        self.call("read aggregates", move |c| read::aggregates::<F>(c, &query))
            .await
    }
}
