//! Removing what is older than it is to be kept, a group or a month of one
//! user at a time, beside the folding.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tracing::{info, warn};

use super::Engine;
use crate::config::RetentionConfig;
use crate::domain::{Domain, Fold, Period, UserId};
use crate::store::{ErrorClass, GroupFilter, Result, Seal, Store, StoreError};
use crate::with_domain;

const EVERY: Duration = Duration::from_secs(3600);
/// Users or groups found by one statement.
const STEP: usize = 500;
/// Days of one user's hour rows in one statement.
const DAYS: u32 = 31;

/// Furthest that the clock may be ahead of the newest time in the database.
const MOST_HOURS_AHEAD: f64 = 7.0 * 24.0;
/// Furthest that it may be behind.
const MOST_HOURS_BEHIND: f64 = 24.0;

/// What a round removed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Removed {
    groups: u64,
    raw_rows: u64,
    late_rows: u64,
    hour_rows: u64,
    /// Not sealed, because they do not fold to what is stored.
    drifted: u64,
    /// Not sealed, because they failed or wait to be folded.
    unsettled: u64,
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
        let round = async {
            refuse_jump(&engine.store).await?;
            once(engine, config, domains, None).await
        };
        if let Err(error) = round.await {
            warn!("retention, tried again in an hour: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = engine.stop.cancelled() => {}
        }
    }
}

/// Refuses a clock that jumped: days that are recent would be taken for old.
/// Nothing is refused in a database without raw rows.
///
/// # Errors
/// A fatal one that names the distance and how to allow it; the database's.
pub async fn refuse_jump<S: Store>(store: &S) -> Result<()> {
    let Some(hours) = store.clock().await?.hours_ahead else {
        return Ok(());
    };
    if (-MOST_HOURS_BEHIND..=MOST_HOURS_AHEAD).contains(&hours) {
        return Ok(());
    }
    let (days, side) = (
        hours.abs() / 24.0,
        if hours > 0.0 { "ahead of" } else { "behind" },
    );
    Err(StoreError::new(
        ErrorClass::Fatal,
        "retention",
        format!(
            "nothing was removed: the database's clock is {days:.1} days {side} the newest raw \
             row and the last removal (at most 7 days ahead and 1 behind); set the clock, or \
             give `vitalfold run-once --accept-clock` once if it is right"
        ),
    ))
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
    let anything = removed.raw_rows + removed.groups + removed.late_rows + removed.hour_rows;
    if anything > 0 {
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
    if removed.unsettled > 0 {
        warn!(
            groups = removed.unsettled,
            "retention: {} groups failed or wait to be folded and keep their raw rows and hours; \
             see `vitalfold failed list`",
            removed.unsettled
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
                    Seal::Unsettled => removed.unsettled += 1,
                    // Another round finds it.
                    Seal::Locked => {}
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
