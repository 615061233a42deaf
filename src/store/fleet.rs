//! The workers: signs of life, what they obey, what they did.

use std::future::Future;
use std::time::Duration;

use super::{PoolStats, Probe, Result};
use crate::domain::{Domain, GroupKey};

/// The door of workers about themselves.
pub trait Fleet: Clone + Send + Sync + 'static {
    /// Held while one run excludes another; gives the lock back when dropped.
    type RunLock: Send;

    /// Takes the lock of one-shot runs, or returns none while another has it.
    fn try_run_lock(&self) -> impl Future<Output = Result<Option<Self::RunLock>>> + Send;

    /// Says that a worker lives and what it does; learns what it must obey. With
    /// a probe it does the work of [`Queue::work_waits`](super::Queue::work_waits)
    /// in the same statement.
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
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    pub worker: String,
    pub mode: &'static str,
    pub activity: &'static str,
    /// What it folds now.
    pub folding: Vec<GroupKey>,
}

/// A worker as its last sign of life left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSeen {
    pub worker: String,
    pub seen_seconds_ago: i64,
    pub folding: Vec<GroupKey>,
}

/// What every worker obeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    pub paused: bool,
    /// There are other workers, or what dead ones left.
    pub accompanied: bool,
    /// Whether a pull would find anything, where that was asked.
    pub work_waits: bool,
}

/// One line of the run history.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRecord {
    pub id: uuid::Uuid,
    pub worker: String,
    pub domain: Domain,
    /// Its start is that much before its recording, by the database's clock.
    pub duration_ms: i64,
    pub rows_pulled: i64,
    pub rows_completed: i64,
    pub rows_rejected: i64,
    pub groups_ok: i64,
    pub groups_failed: i64,
    pub groups_skipped: i64,
    pub pool_before: PoolStats,
    pub pool_after: PoolStats,
}
