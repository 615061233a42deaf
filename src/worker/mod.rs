//! Pull, fold, commit, record failures: one code path for the worker, the
//! one-shot run and the backfill, which differ only in what they take and when
//! they stop.

pub mod batch;
pub mod batch_size;
pub mod beat;
pub mod breaker;
pub mod company;
pub mod group;
pub mod in_flight;
pub mod notify;
pub mod pace;
pub mod poison;
pub mod progress;

pub mod retention;

pub mod scheduler;
pub mod shutdown;
pub mod suspects;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::{Config, PaceConfig, WorkerConfig};
use crate::domain::Domain;
use crate::store::{Result, Store};
use breaker::Breaker;
use in_flight::InFlight;
use progress::Progress;

/// What a run works with. Cheap to clone, shared by its groups in flight.
#[derive(Clone)]
pub struct Engine<S> {
    pub store: S,
    pub config: Arc<WorkerConfig>,
    /// Who this is, in heartbeats and the run history.
    pub worker: Arc<str>,
    /// Cancelled when no further group is to be started.
    pub stop: CancellationToken,
    /// Turns of the scheduler's loop: it stands still when they do.
    pub turns: Arc<AtomicU64>,
    pub breaker: Arc<Breaker>,
    pub progress: Arc<Progress>,
    pub in_flight: Arc<InFlight>,
    /// Users whose groups may be folded side by side.
    pub concurrency: usize,
    /// One permit for each of them.
    pub slots: Arc<Semaphore>,
    pub pace: PaceConfig,
    /// Transient failures since a batch last asked.
    pub retries: Arc<AtomicU64>,
    /// Groups folded since the start, by domain in the order of its enum.
    pub folded: Arc<[AtomicU64; Domain::ALL.len()]>,
    /// Failures since a group of the domain was folded last.
    pub failing: Arc<[AtomicU64; Domain::ALL.len()]>,
}

impl<S: Store> Engine<S> {
    /// `mode` is `worker`, `run-once` or `backfill`.
    pub fn new(store: S, config: &Config, mode: &str, stop: CancellationToken) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = if host.trim().is_empty() {
            "localhost"
        } else {
            host.trim()
        };
        let worker = format!("{host}:{}:{mode}", std::process::id()).into();
        let (pace, config) = (config.pace.clone(), &config.worker);
        let concurrency = config.concurrency.min(store.max_concurrency());
        Engine {
            store,
            config: Arc::new(config.clone()),
            worker,
            stop,
            turns: Arc::default(),
            breaker: Arc::default(),
            progress: Arc::default(),
            in_flight: Arc::default(),
            concurrency,
            slots: Arc::new(Semaphore::new(concurrency)),
            pace,
            retries: Arc::default(),
            folded: Arc::default(),
            failing: Arc::default(),
        }
    }

    /// Tells the breaker how an operation went; a breaker that opens resets
    /// the pool.
    pub fn observe<T>(&self, result: Result<T>) -> Result<T> {
        match &result {
            Ok(_) => self.breaker.succeeded(),
            Err(error) if error.no_connection && self.breaker.failed() => {
                let closed = self.store.reset_pool();
                warn!(
                    "circuit breaker opens: the database cannot be reached; pool reset, {closed} \
                     idle connections closed: {error}"
                );
            }
            Err(_) => {}
        }
        result
    }
}
