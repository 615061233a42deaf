//! One batch of one domain.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{NaiveDate, Utc};
use futures::{StreamExt, TryStreamExt};
use tracing::{Instrument, error, info, info_span, warn};

use super::Engine;
use super::group::{GroupResult, process};
use crate::domain::{Domain, GroupKey, UserId};
use crate::store::{
    BatchRecord, GroupFilter, PoolStats, PoolStatus, PulledGroup, Result, Store, StoreError,
};
use crate::with_domain;

/// Where the next pull begins and how much it takes.
#[derive(Debug, Clone)]
pub struct Plan {
    pub domain: Domain,
    /// The last user served: the pull begins behind them.
    pub cursor: UserId,
    pub batch_rows: usize,
    pub settle: std::time::Duration,
    /// Set when only these marked groups are to be folded.
    pub only_due: Option<GroupFilter>,
}

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
    /// Where the next pull begins, when this one served pending rows.
    pub cursor: Option<UserId>,
}

impl PassReport {
    pub fn found_work(&self) -> bool {
        self.groups > 0
    }

    pub fn made_progress(&self) -> bool {
        self.groups_ok + self.groups_failed > 0
    }
}

/// Pulls one batch, groups it by user and date, and folds each group in its
/// own transaction, users side by side.
///
/// # Errors
/// The pull failed, or a group ended in a way that ends the run.
pub async fn run<S: Store>(engine: &Engine<S>, plan: &Plan) -> Result<PassReport> {
    let domain = plan.domain;
    let (pulled, due) = find_work(engine, plan).await?;
    let mut report = PassReport {
        rows_pulled: pulled.iter().map(|group| group.rows as u64).sum(),
        cursor: pulled.last().map(|group| group.user_id),
        ..PassReport::default()
    };
    report.full = report.rows_pulled >= plan.batch_rows as u64
        || due.len() >= due_share(plan, !pulled.is_empty());
    let mut by_user: BTreeMap<UserId, Vec<NaiveDate>> = BTreeMap::new();
    let keys = pulled.iter().map(|group| (group.user_id, group.local_date));
    for (user, date) in keys.chain(due.iter().map(|key| (key.user_id, key.local_date))) {
        by_user.entry(user).or_default().push(date);
    }
    for dates in by_user.values_mut() {
        dates.sort_unstable();
        dates.dedup();
        report.groups += dates.len();
    }
    if !report.found_work() {
        return Ok(report);
    }

    let id = uuid::Uuid::now_v7();
    let (started_at, started) = (Utc::now(), Instant::now());
    let before = engine.store.pool_stats();
    log_pool("batch starts", id, domain, &before, &report);
    let folded = fold_users(engine, domain, by_user, &mut report)
        .instrument(info_span!("batch", batch.id = %id))
        .await;
    let after = engine.store.pool_stats();
    log_pool("batch done", id, domain, &after, &report);
    report.pressure = [before, after]
        .iter()
        .any(|pool| pool.status() != PoolStatus::Healthy);
    folded?;

    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let record = BatchRecord {
        id,
        worker: engine.worker.to_string(),
        domain,
        started_at,
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
    engine.store.record_batch(&record).await?;
    Ok(report)
}

/// Whether a pull would find anything.
///
/// # Errors
/// The database could not be asked.
pub async fn any_work<S: Store>(engine: &Engine<S>, plan: &Plan) -> Result<bool> {
    let (pulled, due) = find_work(engine, plan).await?;
    Ok(!pulled.is_empty() || !due.is_empty())
}

/// Due groups are at most a quarter of a batch, so that failed work never
/// stands ahead of fresh work; where there is no fresh work they may fill it.
fn due_share(plan: &Plan, fresh: bool) -> usize {
    if fresh {
        (plan.batch_rows / 4).max(1)
    } else {
        plan.batch_rows
    }
}

async fn find_work<S: Store>(
    engine: &Engine<S>,
    plan: &Plan,
) -> Result<(Vec<PulledGroup>, Vec<GroupKey>)> {
    let store = &engine.store;
    let pulled = match plan.only_due {
        Some(_) => Vec::new(),
        None => with_domain!(plan.domain, F =>
                store.pull::<F>(plan.cursor, plan.batch_rows, plan.settle).await)?,
    };
    let filter = plan.only_due.clone().unwrap_or_default();
    let share = due_share(plan, !pulled.is_empty());
    let due = store.due_groups(plan.domain, &filter, share).await?;
    Ok((pulled, due))
}

/// Groups of one user run one after another, users side by side.
async fn fold_users<S: Store>(
    engine: &Engine<S>,
    domain: Domain,
    by_user: BTreeMap<UserId, Vec<NaiveDate>>,
    report: &mut PassReport,
) -> Result<()> {
    let concurrency = engine
        .config
        .concurrency
        .min(engine.store.max_concurrency());
    // Ends with the run's own stop, and ends this batch alone on an error.
    let engine = Engine {
        stop: engine.stop.child_token(),
        ..engine.clone()
    };
    let users = futures::stream::iter(by_user)
        .take_until(engine.stop.clone().cancelled_owned())
        .map(|(user_id, dates)| {
            let engine = engine.clone();
            let task = tokio::spawn(
                async move { fold_user(&engine, domain, user_id, dates).await }.in_current_span(),
            );
            async move {
                task.await.unwrap_or_else(|error| {
                    let message = format!("the task of a user ended: {error}");
                    Err(StoreError::new(
                        crate::store::ErrorClass::Fatal,
                        "fold group",
                        message,
                    ))
                })
            }
        })
        .buffer_unordered(concurrency);
    let mut users = std::pin::pin!(users);
    // The first error is kept and the groups in flight finish: none is dropped.
    let mut first_error = None;
    loop {
        match users.try_next().await {
            Ok(Some(results)) => results.into_iter().for_each(|result| report.add(result)),
            Ok(None) => break,
            Err(error) => {
                first_error.get_or_insert(error);
                engine.stop.cancel();
            }
        }
    }
    first_error.map_or(Ok(()), Err)
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
        results.push(
            process(
                engine,
                GroupKey {
                    domain,
                    user_id,
                    local_date,
                },
            )
            .await?,
        );
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
