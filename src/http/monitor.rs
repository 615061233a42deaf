//! What the database says of the work, asked at intervals for all who look.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::domain::Domain;
use crate::store::{DomainStatus, History, Result, Status, Store};
use crate::telemetry::metrics::{self, Backlog};
use crate::worker::breaker::Breaker;

/// Counting the backlog costs the more the longer it is. A reading that takes
/// long is repeated the more seldom: a two-hundredth of one connection's time at
/// most.
const EVERY: Duration = Duration::from_secs(10);
const REST: u32 = 199;

/// While the database is away, so that its return is soon seen.
const RETRY: Duration = Duration::from_secs(2);

/// A reading that is this much overdue means that the database hangs.
const OVERDUE: Duration = Duration::from_secs(15);

/// An hour of readings.
const SAMPLES: usize = 360;

/// Batches on the page.
const BATCHES: i64 = 20;

#[derive(Default)]
pub(super) struct Monitor {
    reading: RwLock<Arc<Reading>>,
    wake: Notify,
}

/// The latest answer, and whether there is a newer one to be had.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) status: Option<Status>,
    pub(super) history: History,
    pub(super) read_at: Option<Instant>,
    /// Why the last attempt failed.
    error: Option<String>,
    next: Option<Instant>,
    pub(super) samples: VecDeque<Sample>,
}

/// The backlog and the pool at one moment.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sample {
    at: DateTime<Utc>,
    /// Pending rows by domain, in the order of the status.
    pending: Vec<i64>,
    /// Connections in use, in percent of those that may be open.
    pool_percent: usize,
}

impl Reading {
    /// Why nothing newer is known; none while all is well.
    pub(super) fn trouble(&self) -> Option<String> {
        if self.error.is_some() {
            return self.error.clone();
        }
        match self.next {
            None => Some("the database was not asked yet".into()),
            Some(next) if next.elapsed() > OVERDUE => Some("the database does not answer".into()),
            Some(_) => None,
        }
    }

    /// Whether the worker has something to do and may do it.
    pub(super) fn work_waits(&self) -> bool {
        self.trouble().is_none()
            && self.status.as_ref().is_some_and(|status| {
                let mut domains = status.domains.iter();
                !status.paused && domains.any(|d| d.pending_groups + d.waiting_groups > 0)
            })
    }
}

impl Monitor {
    pub(super) fn reading(&self) -> Arc<Reading> {
        let reading = self.reading.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&reading)
    }

    /// Something was changed: look again now.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    fn record(&self, result: Result<(Status, History)>, pause: Duration, pool_percent: usize) {
        let mut reading = (*self.reading()).clone();
        reading.next = Some(Instant::now() + pause);
        match result {
            Ok((status, history)) => {
                metrics::database_up(true);
                for of_domain in &status.domains {
                    metrics::backlog(of_domain.domain, &backlog(of_domain));
                }
                reading.samples.push_back(Sample {
                    // Only the place of a point on the page's chart.
                    at: Utc::now(),
                    pending: status.domains.iter().map(|d| d.pending_rows).collect(),
                    pool_percent,
                });
                if reading.samples.len() > SAMPLES {
                    reading.samples.pop_front();
                }
                reading.status = Some(status);
                reading.history = history;
                reading.read_at = Some(Instant::now());
                reading.error = None;
            }
            Err(error) => {
                metrics::database_up(false);
                reading.error = Some(error.to_string());
            }
        }
        let mut current = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(reading);
    }
}

/// Reads until `closing`; ends between readings only.
pub(super) async fn watch<S: Store>(
    store: S,
    domains: Vec<Domain>,
    monitor: Arc<Monitor>,
    breaker: Arc<Breaker>,
    closing: CancellationToken,
) {
    while !closing.is_cancelled() {
        let mut pause = RETRY;
        // An open breaker has found the database away; it alone asks again.
        if breaker.is_open() {
            metrics::database_up(false);
        } else {
            let started = Instant::now();
            let result = read(&store, &domains).await;
            // The first one comes before the worker has done or said anything.
            if result.is_ok() && monitor.reading().read_at.is_some() {
                pause = EVERY.max(started.elapsed() * REST);
            }
            monitor.record(result, pause, store.pool_stats().usage_percent());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = monitor.wake.notified() => {}
            () = closing.cancelled() => {}
        }
    }
}

fn backlog(status: &DomainStatus) -> Backlog {
    Backlog {
        pending_rows: status.pending_rows,
        failed_rows: status.failed_rows,
        pending_groups: status.pending_groups,
        waiting_groups: status.waiting_groups,
        dead_groups: status.dead_groups,
        oldest_pending_seconds: status.oldest_pending_seconds.unwrap_or(0).max(0),
    }
}

async fn read<S: Store>(store: &S, domains: &[Domain]) -> Result<(Status, History)> {
    Ok((store.status(domains).await?, store.history(BATCHES).await?))
}
