//! What one batch did.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::domain::Domain;
use crate::store::{BatchRecord, PoolStats, PoolStatus};
use crate::worker::group::GroupResult;

/// What one batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchReport {
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

impl BatchReport {
    pub fn made_progress(&self) -> bool {
        self.groups_ok + self.groups_failed > 0
    }

    /// Another worker is at the same users: it holds some, or has folded what
    /// was pulled.
    pub fn met_others(&self) -> bool {
        let done = self.rows_completed + self.rows_rejected;
        self.groups_skipped > 0 || (self.groups_failed == 0 && done < self.rows_pulled)
    }

    pub(super) fn add(&mut self, result: GroupResult) {
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

    /// Its line in the run history.
    pub(super) fn record(
        &self,
        (id, domain): (uuid::Uuid, Domain),
        worker: &str,
        (pool_before, pool_after): (PoolStats, PoolStats),
    ) -> BatchRecord {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        BatchRecord {
            id,
            worker: worker.to_owned(),
            domain,
            duration_ms: i64::try_from(self.took.as_millis()).unwrap_or(i64::MAX),
            rows_pulled: signed(self.rows_pulled),
            rows_completed: signed(self.rows_completed),
            rows_rejected: signed(self.rows_rejected),
            groups_ok: signed(self.groups_ok),
            groups_failed: signed(self.groups_failed),
            groups_skipped: signed(self.groups_skipped),
            pool_before,
            pool_after,
        }
    }
}

/// The line that on-call engineers look for: what the pool did before and
/// after each batch.
pub(super) fn log_pool(
    what: &'static str,
    id: uuid::Uuid,
    domain: Domain,
    pool: &PoolStats,
    report: &BatchReport,
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
        let alone = BatchReport {
            rows_pulled: 200,
            rows_completed: 230,
            rows_rejected: 3,
            groups_ok: 5,
            ..BatchReport::default()
        };
        assert!(!alone.met_others());
        let skipped = BatchReport {
            groups_skipped: 1,
            ..alone.clone()
        };
        assert!(skipped.met_others());
        let folded_before = BatchReport {
            rows_completed: 40,
            ..alone.clone()
        };
        assert!(folded_before.met_others());
        let failed = BatchReport {
            groups_failed: 1,
            ..folded_before
        };
        assert!(!failed.met_others());
    }
}
