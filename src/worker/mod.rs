//! Pull, group, fold, commit, mark failed: one code path for the worker, the
//! one-shot run and the backfill, which differ only in what they take and when
//! they stop.

pub mod batch_size;
pub mod group;
pub mod pass;
pub mod retry;
pub mod scheduler;
pub mod shutdown;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::WorkerConfig;

/// What a run works with. Cheap to clone, shared by its groups in flight.
#[derive(Clone)]
pub struct Engine<S> {
    pub store: S,
    pub config: Arc<WorkerConfig>,
    /// Who this is, in heartbeats and the run history.
    pub worker: Arc<str>,
    /// Cancelled when no further group is to be started.
    pub stop: CancellationToken,
}

impl<S> Engine<S> {
    /// `mode` is `worker`, `run-once` or `backfill`.
    pub fn new(store: S, config: &WorkerConfig, mode: &str, stop: CancellationToken) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = if host.trim().is_empty() {
            "localhost"
        } else {
            host.trim()
        };
        let worker = format!("{host}:{}:{mode}", std::process::id()).into();
        Engine {
            store,
            config: Arc::new(config.clone()),
            worker,
            stop,
        }
    }
}
