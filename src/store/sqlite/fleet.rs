use std::fs::File;

use super::*;
use crate::domain::{Aggregate, Domain, Fold, GroupKey, UserId};

/// A lock on a file beside the database; the operating system frees it when
/// its holder ends, however that happens.
pub struct RunLock {
    _file: File,
}

impl Fleet for SqliteStore {
    type RunLock = RunLock;

    async fn try_run_lock(&self) -> Result<Option<Self::RunLock>> {
        todo!()
    }

    async fn heartbeat(&self, beat: &Heartbeat, probe: Option<&Probe>) -> Result<Control> {
        todo!()
    }

    async fn workers_seen(&self) -> Result<Vec<LastSeen>> {
        todo!()
    }

    async fn forget_worker(&self, worker: &str) -> Result<()> {
        todo!()
    }

    async fn set_paused(&self, paused: bool) -> Result<()> {
        todo!()
    }

    async fn record_batch(&self, batch: &BatchRecord) -> Result<()> {
        todo!()
    }

    async fn prune_history(&self, keep: Duration, limit: usize) -> Result<u64> {
        todo!()
    }
}
