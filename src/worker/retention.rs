//! Removing what is older than it is to be kept, a group or a month of one
//! user at a time, beside the folding.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tracing::{info, warn};

use super::Engine;
use crate::config::RetentionConfig;
use crate::domain::{Domain, Fold, Period, UserId};
use crate::store::{GroupFilter, Result, Seal, Store};
use crate::with_domain;

const EVERY: Duration = Duration::from_secs(3600);
/// Users or groups found by one statement.
const STEP: usize = 500;
/// Days of one user's hour rows in one statement.
const DAYS: u32 = 31;

/// What a round removed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Removed {
    groups: u64,
    raw_rows: u64,
    late_rows: u64,
    hour_rows: u64,
    /// Not sealed, because they do not fold to what is stored.
    drifted: u64,
}

/// When a round must end before its end.
struct Until<'a, S> {
    engine: &'a Engine<S>,
    deadline: Option<Instant>,
}

/// A round now and then, until the run stops.
pub async fn run<S: Store>(engine: &Engine<S>, config: &RetentionConfig, domains: &[Domain]) {
    while *config != RetentionConfig::default() && !engine.stop.is_cancelled() {
        // The database may be away: the next round finds what this one left.
        if let Err(error) = once(engine, config, domains, None).await {
            warn!("retention, tried again in an hour: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = engine.stop.cancelled() => {}
        }
    }
}

/// One round; ends early at the deadline, at a stop and at a pause.
///
/// # Errors
/// The database's.
pub async fn once<S: Store>(
    engine: &Engine<S>,
    config: &RetentionConfig,
    domains: &[Domain],
    deadline: Option<Instant>,
) -> Result<()> {
    let until = Until { engine, deadline };
    let mut removed = Removed::default();
    for &domain in domains {
        with_domain!(domain, F => {
            if let Some(keep) = config.keep_rows() {
                until.seal::<F>(keep, &mut removed).await?;
            }
            if let Some(keep) = config.keep_hours().filter(|_| F::PERIODS.contains(&Period::Hour)) {
                until.delete_hours::<F>(keep, &mut removed).await?;
            }
        });
    }
    if removed != Removed::default() {
        info!(
            groups = removed.groups,
            raw_rows = removed.raw_rows,
            late_rows = removed.late_rows,
            hour_rows = removed.hour_rows,
            "retention: {} raw rows of {} groups, {} rows that came too late and {} hour \
             aggregates removed",
            removed.raw_rows,
            removed.groups,
            removed.late_rows,
            removed.hour_rows
        );
    }
    if removed.drifted > 0 {
        warn!(
            groups = removed.drifted,
            "retention: {} groups do not fold to what is stored and keep their raw rows; see \
             `vitalfold verify --all`, and `backfill --outdated` after an upgrade",
            removed.drifted
        );
    }
    Ok(())
}

impl<S: Store> Until<'_, S> {
    async fn is_over(&self) -> Result<bool> {
        Ok(self.is_late() || self.engine.store.status(&[]).await?.paused)
    }

    fn is_late(&self) -> bool {
        let late = |deadline| Instant::now() >= deadline;
        self.engine.stop.is_cancelled() || self.deadline.is_some_and(late)
    }

    async fn seal<F: Fold>(&self, keep: Duration, removed: &mut Removed) -> Result<()> {
        let store = &self.engine.store;
        let first_kept = store.first_kept(keep).await?;
        let mut from = Some(UserId::MIN);
        while let Some(first) = from {
            if self.is_over().await? {
                return Ok(());
            }
            let users = store.oldest_rows::<F>(first, STEP).await?;
            from = next(&users);
            for (user_id, _) in users.into_iter().filter(|(_, date)| *date < first_kept) {
                self.seal_user::<F>(user_id, first_kept, removed).await?;
                while !self.is_late() {
                    let late = store.delete_late::<F>(user_id, keep, STEP).await?;
                    removed.late_rows += late;
                    if late < STEP as u64 {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    async fn seal_user<F: Fold>(
        &self,
        user_id: UserId,
        first_kept: NaiveDate,
        removed: &mut Removed,
    ) -> Result<()> {
        let store = &self.engine.store;
        let filter = GroupFilter {
            users: vec![user_id],
            from: None,
            to: first_kept.pred_opt(),
        };
        let mut after = None;
        loop {
            let groups = store.groups::<F>(&filter, after, STEP).await?;
            for &(user_id, local_date) in &groups {
                if self.is_late() {
                    return Ok(());
                }
                match store.seal_group::<F>(user_id, local_date).await? {
                    Seal::Sealed { rows } => {
                        removed.groups += 1;
                        removed.raw_rows += rows;
                    }
                    Seal::Drifted => removed.drifted += 1,
                    // Another round finds it.
                    Seal::Locked | Seal::Unsettled => {}
                }
            }
            after = groups.last().copied();
            if groups.len() < STEP {
                return Ok(());
            }
        }
    }

    async fn delete_hours<F: Fold>(&self, keep: Duration, removed: &mut Removed) -> Result<()> {
        let store = &self.engine.store;
        let first_kept = store.first_kept(keep).await?;
        let mut from = Some(UserId::MIN);
        while let Some(first) = from {
            if self.is_over().await? {
                return Ok(());
            }
            let users = store.oldest_hours::<F>(first, STEP).await?;
            from = next(&users);
            for (user_id, _) in users.into_iter().filter(|(_, date)| *date < first_kept) {
                while !self.is_late() {
                    let deleted = store.delete_hours::<F>(user_id, first_kept, DAYS).await?;
                    removed.hour_rows += deleted;
                    if deleted == 0 {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Where the next step begins, if this one was full.
fn next(users: &[(UserId, NaiveDate)]) -> Option<UserId> {
    let last = users.last().filter(|_| users.len() == STEP);
    last.and_then(|(user_id, _)| user_id.checked_add(1))
}
