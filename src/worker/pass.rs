//! One batch of one domain.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use super::group::{GroupResult, process};
use super::{Engine, beat};
use crate::domain::{Domain, GroupKey, UserId};
use crate::store::{
    BatchRecord, ErrorClass, PoolStats, PoolStatus, Pull, Pulled, Result, Store, StoreError,
};
use crate::telemetry::metrics;

/// What one batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassReport {
    pub groups: usize,
    pub rows_pulled: u64,
    pub rows_completed: u64,
    pub rows_rejected: u64,
    pub groups_ok: u64,
    pub groups_failed: u64,
    pub groups_skipped: u64,
    /// More work waits.
    pub full: bool,
    /// The pool was pressured or exhausted before or after.
    pub pressure: bool,
    pub took: Duration,
}

impl PassReport {
    pub fn made_progress(&self) -> bool {
        self.groups_ok + self.groups_failed > 0
    }

    /// Another worker is at the same users: it holds some, or has folded what
    /// was pulled.
    pub fn met_others(&self) -> bool {
        let done = self.rows_completed + self.rows_rejected;
        self.groups_skipped > 0 || (self.groups_failed == 0 && done < self.rows_pulled)
    }
}

/// Groups by user, each user's in date order.
#[derive(Debug, Default)]
pub struct Batch {
    by_user: BTreeMap<UserId, Vec<NaiveDate>>,
    rows: u64,
    /// Groups that were folded before.
    marked: usize,
    /// More work waits.
    full: bool,
    /// The last user with pending rows: the next pull begins behind them.
    pub cursor: Option<UserId>,
    /// Groups were left out because this process folds their user already.
    pub crowded: bool,
}

impl Batch {
    /// Pending rows that it takes.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.by_user.is_empty()
    }

    fn keys(&self, domain: Domain) -> Vec<GroupKey> {
        let of_user = |(&user_id, dates): (&UserId, &Vec<NaiveDate>)| {
            let key = move |&local_date| GroupKey {
                domain,
                user_id,
                local_date,
            };
            dates.iter().map(key).collect::<Vec<_>>()
        };
        self.by_user.iter().flat_map(of_user).collect()
    }
}

/// Pulls one batch and groups it by user and date.
///
/// # Errors
/// The database could not be asked.
pub async fn find<S: Store>(engine: &Engine<S>, pull: &Pull) -> Result<Batch> {
    // Those of before the pull: what it read of a user who is done by now may
    // be folded by now.
    let in_flight = engine.in_flight.users(pull.domain);
    let (pulled, due) = engine.observe(find_work(engine, pull).await)?;
    let fresh = !pulled.groups.is_empty();
    let mut batch = Batch {
        cursor: pulled.groups.last().map(|group| group.key.user_id),
        full: pulled.full || due.len() >= due_share(pull, fresh),
        ..Batch::default()
    };
    let pulled = pulled
        .groups
        .iter()
        .map(|group| (group.key, group.rows as u64));
    for (key, rows) in pulled.chain(due.iter().map(|key| (*key, 0))) {
        if in_flight.contains(&key.user_id) {
            batch.crowded = true;
        } else {
            let dates = batch.by_user.entry(key.user_id).or_default();
            dates.push(key.local_date);
            batch.rows += rows;
            batch.marked += usize::from(rows == 0);
        }
    }
    for dates in batch.by_user.values_mut() {
        dates.sort_unstable();
        dates.dedup();
    }
    Ok(batch)
}

/// Folds each group of a batch in its own transaction, users side by side.
async fn run<S: Store>(
    engine: &Engine<S>,
    domain: Domain,
    mode: &'static str,
    batch: Batch,
    handing_out: OwnedSemaphorePermit,
) -> Result<PassReport> {
    let mut report = PassReport {
        groups: batch.by_user.values().map(Vec::len).sum(),
        rows_pulled: batch.rows,
        full: batch.full,
        ..PassReport::default()
    };
    let id = uuid::Uuid::now_v7();
    let started = Instant::now();
    let before = engine.store.pool_stats();
    log_pool("batch starts", id, domain, &before, &report);
    // Before the first group: a group that kills the process is among those
    // that are recorded as in flight.
    beat::announce(engine, mode).await?;
    let folded = fold_users(engine, domain, batch.by_user, handing_out, &mut report)
        .instrument(info_span!("batch", batch.id = %id))
        .await;
    metrics::batch(domain, started.elapsed(), batch.marked);
    let after = engine.store.pool_stats();
    log_pool("batch done", id, domain, &after, &report);
    report.pressure = [before, after]
        .iter()
        .any(|pool| pool.status() != PoolStatus::Healthy);
    report.took = started.elapsed();
    folded?;

    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let record = BatchRecord {
        id,
        worker: engine.worker.to_string(),
        domain,
        duration_ms: i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX),
        rows_pulled: signed(report.rows_pulled),
        rows_completed: signed(report.rows_completed),
        rows_rejected: signed(report.rows_rejected),
        groups_ok: signed(report.groups_ok),
        groups_failed: signed(report.groups_failed),
        groups_skipped: signed(report.groups_skipped),
        pool_before: before,
        pool_after: after,
    };
    engine.observe(engine.store.record_batch(&record).await)?;
    Ok(report)
}

/// A batch on its way, its groups recorded as in flight while it lasts.
pub struct Lane<S> {
    engine: Engine<S>,
    domain: Domain,
    batch: Batch,
    keys: Vec<GroupKey>,
    /// Given back once its last user has a slot: then the next batch is found,
    /// so that slots need not wait for one.
    handing_out: OwnedSemaphorePermit,
}

impl<S: Store> Lane<S> {
    pub fn new(
        engine: &Engine<S>,
        domain: Domain,
        batch: Batch,
        handing_out: OwnedSemaphorePermit,
    ) -> Self {
        let keys = batch.keys(domain);
        engine.in_flight.add(keys.iter().copied());
        Lane {
            engine: engine.clone(),
            domain,
            batch,
            keys,
            handing_out,
        }
    }

    /// # Errors
    /// A group ended in a way that ends the run, or the batch could not be
    /// recorded.
    pub async fn run(self, mode: &'static str) -> Result<PassReport> {
        let result = run(
            &self.engine,
            self.domain,
            mode,
            self.batch,
            self.handing_out,
        )
        .await;
        self.engine.in_flight.remove(self.keys);
        result
    }
}

/// Whether a pull would find anything.
///
/// # Errors
/// The database could not be asked.
pub async fn any_work<S: Store>(engine: &Engine<S>, pull: &Pull) -> Result<bool> {
    let (pulled, due) = find_work(engine, pull).await?;
    Ok(!pulled.groups.is_empty() || !due.is_empty())
}

/// Due groups are at most a quarter of a batch, so that failed work never
/// stands ahead of fresh work; where there is no fresh work they may fill it.
fn due_share(pull: &Pull, fresh: bool) -> usize {
    if fresh {
        (pull.limit / 4).max(1)
    } else {
        pull.limit
    }
}

async fn find_work<S: Store>(engine: &Engine<S>, pull: &Pull) -> Result<(Pulled, Vec<GroupKey>)> {
    let store = &engine.store;
    let pulled = store.pull(pull).await?;
    // Those in flight are still due: they must not hide the ones behind.
    let limit = due_share(pull, !pulled.groups.is_empty()) + engine.in_flight.len();
    let due = store.due(pull.domain, &pull.within, limit).await?;
    Ok((pulled, due))
}

/// Groups of one user run one after another, users side by side.
async fn fold_users<S: Store>(
    engine: &Engine<S>,
    domain: Domain,
    by_user: BTreeMap<UserId, Vec<NaiveDate>>,
    handing_out: OwnedSemaphorePermit,
    report: &mut PassReport,
) -> Result<()> {
    // Ends with the run's own stop, and ends this batch alone on an error.
    let engine = Engine {
        stop: engine.stop.child_token(),
        ..engine.clone()
    };
    let mut users = JoinSet::new();
    let mut first_error = None;
    for (user_id, dates) in by_user {
        let slot = tokio::select! {
            // Never closed.
            slot = engine.slots.clone().acquire_owned() => slot,
            () = engine.stop.cancelled() => break,
        };
        let engine_of_user = engine.clone();
        users.spawn(
            async move {
                let _slot = slot;
                fold_user(&engine_of_user, domain, user_id, dates).await
            }
            .in_current_span(),
        );
        while let Some(ended) = users.try_join_next() {
            keep(ended, report, &mut first_error, &engine.stop);
        }
    }
    drop(handing_out);
    // The first error is kept and the groups in flight finish: none is dropped.
    while let Some(ended) = users.join_next().await {
        keep(ended, report, &mut first_error, &engine.stop);
    }
    first_error.map_or(Ok(()), Err)
}

fn keep(
    ended: std::result::Result<Result<Vec<GroupResult>>, JoinError>,
    report: &mut PassReport,
    first_error: &mut Option<StoreError>,
    stop: &CancellationToken,
) {
    let ended = ended.unwrap_or_else(|error| {
        let message = format!("the task of a user ended: {error}");
        Err(StoreError::new(ErrorClass::Fatal, "fold group", message))
    });
    match ended {
        Ok(results) => results.into_iter().for_each(|result| report.add(result)),
        Err(error) => {
            first_error.get_or_insert(error);
            stop.cancel();
        }
    }
}

async fn fold_user<S: Store>(
    engine: &Engine<S>,
    domain: Domain,
    user_id: UserId,
    dates: Vec<NaiveDate>,
) -> Result<Vec<GroupResult>> {
    let mut results = Vec::with_capacity(dates.len());
    for local_date in dates {
        if engine.stop.is_cancelled() {
            break;
        }
        let key = GroupKey {
            domain,
            user_id,
            local_date,
        };
        results.push(process(engine, key).await?);
    }
    Ok(results)
}

impl PassReport {
    fn add(&mut self, result: GroupResult) {
        match result {
            GroupResult::Folded {
                completed,
                rejected,
            } => {
                self.groups_ok += 1;
                self.rows_completed += completed;
                self.rows_rejected += rejected;
            }
            GroupResult::Skipped => self.groups_skipped += 1,
            GroupResult::Failed => self.groups_failed += 1,
            GroupResult::Interrupted => {}
        }
    }
}

/// The line that on-call engineers look for: what the pool did before and
/// after each batch.
fn log_pool(
    what: &'static str,
    id: uuid::Uuid,
    domain: Domain,
    pool: &PoolStats,
    report: &PassReport,
) {
    info!(
        batch.id = %id,
        domain = %domain,
        rows = report.rows_pulled,
        groups = report.groups,
        groups_ok = report.groups_ok,
        groups_failed = report.groups_failed,
        groups_skipped = report.groups_skipped,
        rows_completed = report.rows_completed,
        rows_rejected = report.rows_rejected,
        pool.size = pool.size,
        pool.checked_out = pool.checked_out,
        pool.available = pool.available,
        pool.waiting = pool.waiting,
        pool.max = pool.max,
        pool.usage_percent = pool.usage_percent(),
        pool.status = pool.status().name(),
        "{what}"
    );
    match pool.status() {
        PoolStatus::Healthy => {}
        PoolStatus::Pressured => warn!(batch.id = %id, "pool above 80 %: {pool}"),
        PoolStatus::Exhausted => error!(batch.id = %id, "pool exhausted: {pool}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_met_where_they_hold_users_or_were_there_before() {
        let alone = PassReport {
            rows_pulled: 200,
            rows_completed: 230,
            rows_rejected: 3,
            groups_ok: 5,
            ..PassReport::default()
        };
        assert!(!alone.met_others());
        let skipped = PassReport {
            groups_skipped: 1,
            ..alone.clone()
        };
        assert!(skipped.met_others());
        let folded_before = PassReport {
            rows_completed: 40,
            ..alone.clone()
        };
        assert!(folded_before.met_others());
        let failed = PassReport {
            groups_failed: 1,
            ..folded_before
        };
        assert!(!failed.met_others());
    }
}
