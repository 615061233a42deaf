use super::*;
use crate::domain::{Aggregate, Domain, Fold, GroupKey, UserId};

/// A session's advisory lock: it lives exactly as long as its connection.
pub struct RunLock {
    _lease: Lease,
}

impl Fleet for PgStore {
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
