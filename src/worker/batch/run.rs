//! Running a batch: each group in its own transaction, users side by side.

use std::collections::BTreeSet;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use super::find::Batch;
use super::report::{BatchReport, log_pool};
use crate::domain::{Domain, GroupKey};
use crate::store::{ErrorClass, PoolStatus, Result, Store, StoreError};
use crate::telemetry::metrics;
use crate::worker::group::{GroupResult, process};
use crate::worker::{Engine, beat};

/// Folds each group of a batch in its own transaction, users side by side.
async fn run<S: Store>(
    engine: &Engine<S>,
    domain: Domain,
    mode: &'static str,
    batch: Batch,
    handing_out: OwnedSemaphorePermit,
) -> Result<BatchReport> {
    let mut report = BatchReport {
        groups: batch.groups.len(),
        rows_pulled: batch.rows,
        full: batch.full,
        ..BatchReport::default()
    };
    let id = uuid::Uuid::now_v7();
    let started = Instant::now();
    let before = engine.store.pool_stats();
    log_pool("batch starts", id, domain, &before, &report);
    // Before the first group: a group that kills the process is among those
    // that are recorded as in flight.
    beat::announce(engine, mode).await?;
    let folded = fold_users(engine, batch.groups, handing_out, &mut report)
        .instrument(info_span!("batch", batch.id = %id))
        .await;
    report.took = started.elapsed();
    metrics::batch(domain, report.took);
    let after = engine.store.pool_stats();
    log_pool("batch done", id, domain, &after, &report);
    report.pressure = [before, after]
        .iter()
        .any(|pool| pool.status() != PoolStatus::Healthy);
    folded?;

    let record = report.record((id, domain), &engine.worker, (before, after));
    engine.observe(engine.store.record_batch(&record).await)?;
    Ok(report)
}

/// A batch on its way, its groups recorded as in flight while it lasts.
pub struct BatchRun<S> {
    engine: Engine<S>,
    domain: Domain,
    batch: Batch,
    /// Given back once its last user has a slot: then the next batch is found,
    /// so that slots need not wait for one.
    handing_out: OwnedSemaphorePermit,
}

impl<S: Store> BatchRun<S> {
    pub fn new(
        engine: &Engine<S>,
        domain: Domain,
        batch: Batch,
        handing_out: OwnedSemaphorePermit,
    ) -> Self {
        engine.in_flight.add(batch.groups.iter().copied());
        BatchRun {
            engine: engine.clone(),
            domain,
            batch,
            handing_out,
        }
    }

    /// # Errors
    /// A group ended in a way that ends the run, or the batch could not be
    /// recorded.
    pub async fn run(self, mode: &'static str) -> Result<BatchReport> {
        let groups = self.batch.groups.clone();
        let ran = run(
            &self.engine,
            self.domain,
            mode,
            self.batch,
            self.handing_out,
        )
        .await;
        self.engine.in_flight.remove(groups);
        ran
    }
}

/// Groups of one user run one after another, users side by side.
async fn fold_users<S: Store>(
    engine: &Engine<S>,
    groups: BTreeSet<GroupKey>,
    handing_out: OwnedSemaphorePermit,
    report: &mut BatchReport,
) -> Result<()> {
    // Ends with the run's own stop, and ends this batch alone on an error.
    let engine = Engine {
        stop: engine.stop.child_token(),
        ..engine.clone()
    };
    let mut users = JoinSet::new();
    let mut first_error = None;
    let groups = Vec::from_iter(groups);
    for of_user in groups.chunk_by(|one, next| one.user_id == next.user_id) {
        let slot = tokio::select! {
            // Never closed.
            slot = engine.slots.clone().acquire_owned() => slot,
            () = engine.stop.cancelled() => break,
        };
        let (engine_of_user, of_user) = (engine.clone(), of_user.to_vec());
        users.spawn(
            async move {
                let _slot = slot;
                fold_user(&engine_of_user, of_user).await
            }
            .in_current_span(),
        );
        while let Some(ended) = users.try_join_next() {
            take_results(ended, report, &mut first_error, &engine.stop);
        }
    }
    drop(handing_out);
    // The first error is kept and the groups in flight finish: none is dropped.
    while let Some(ended) = users.join_next().await {
        take_results(ended, report, &mut first_error, &engine.stop);
    }
    first_error.map_or(Ok(()), Err)
}

fn take_results(
    ended: std::result::Result<Result<Vec<GroupResult>>, JoinError>,
    report: &mut BatchReport,
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
    groups: Vec<GroupKey>,
) -> Result<Vec<GroupResult>> {
    let mut results = Vec::with_capacity(groups.len());
    for key in groups {
        if engine.stop.is_cancelled() {
            break;
        }
        results.push(process(engine, key).await?);
    }
    Ok(results)
}
