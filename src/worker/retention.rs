//! Removing what is older than it is to be kept, a group or a month of one
//! user at a time, beside the folding.

use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use tracing::{info, warn};

use super::Engine;
use crate::config::RetentionConfig;
use crate::domain::{Domain, Fold, Period, UserId};
use crate::store::{
    Backlog, Clock, ErrorClass, GroupFilter, Place, Result, Seal, Store, StoreError, Which,
};
use crate::with_domain;

const EVERY: Duration = Duration::from_secs(3600);
/// Users found or rows deleted by one statement.
const STEP: usize = 500;
/// Days of one user's hour rows in one statement.
const DAYS: u32 = 31;

/// Furthest that the clock may be ahead of the last round: a week and a day, so
/// that a weekly `run-once` is never refused.
const MOST_DAYS_AHEAD: f64 = 8.0;
/// Furthest that it may be behind.
const MOST_DAYS_BEHIND: f64 = 1.0;

/// Days that became old last: the day's share does not count them, so that
/// retention keeps up whatever the share.
const NEWEST: Days = Days::new(3);
/// Groups that a day removes at least, where the share is less.
const FEWEST: u64 = 10;

/// What a round may do that one is not to do unless told.
#[derive(Debug, Default, Clone, Copy)]
pub struct Told {
    /// The clock is right, although it jumped.
    pub accept_clock: bool,
    /// Remove all that is old today.
    pub all: bool,
}

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

/// One round.
struct Round<'a, S> {
    engine: &'a Engine<S>,
    config: &'a RetentionConfig,
    told: Told,
    /// When it must end before its end.
    deadline: Option<Instant>,
}

/// A round now and then, until the run stops.
pub async fn run<S: Store>(engine: &Engine<S>, config: &RetentionConfig, domains: &[Domain]) {
    while config.is_on() && !engine.stop.is_cancelled() {
        // The database may be away: the next round finds what this one left.
        if let Err(error) = once(engine, config, domains, Told::default(), None).await {
            warn!("retention, tried again in an hour: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = engine.stop.cancelled() => {}
        }
    }
}

/// Why the clock is not to be believed: days that are recent would be taken
/// for old. It is believed in a database without raw rows.
fn jump(clock: Clock) -> Option<String> {
    let days = clock.hours_ahead? / 24.0;
    if (-MOST_DAYS_BEHIND..=MOST_DAYS_AHEAD).contains(&days) {
        return None;
    }
    let side = if days > 0.0 { "ahead of" } else { "behind" };
    let trace = match clock.by_round {
        true => "the last round of retention",
        false => "the newest raw row",
    };
    let days = days.abs();
    Some(format!(
        "nothing was removed: the database's clock is {days:.1} days {side} {trace} (at most \
         {MOST_DAYS_AHEAD} days ahead and {MOST_DAYS_BEHIND} behind); set the clock, or give \
         `vitalfold run-once --accept-clock` once if it is right"
    ))
}

/// One round; ends early at the deadline, at a stop and at a pause.
///
/// # Errors
/// A fatal one where the clock jumped, that says how to allow it; the
/// database's.
pub async fn once<S: Store>(
    engine: &Engine<S>,
    config: &RetentionConfig,
    domains: &[Domain],
    told: Told,
    deadline: Option<Instant>,
) -> Result<()> {
    let store = &engine.store;
    if let Some(reason) = jump(store.clock().await?) {
        if !told.accept_clock {
            for &domain in domains {
                store.refuse_retention(domain, &reason).await?;
            }
            return Err(StoreError::new(ErrorClass::Fatal, "retention", reason));
        }
        store.forget_clock().await?;
    }
    let round = Round {
        engine,
        config,
        told,
        deadline,
    };
    let mut removed = Removed::default();
    for &domain in domains {
        round.domain(domain, &mut removed).await?;
    }
    report(&removed);
    Ok(())
}

fn report(removed: &Removed) {
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
}

/// Days until nothing waits any more, this one included, if as many groups
/// become old as are added.
fn days_left(mut waiting: u64, mut groups: u64, share: f64) -> u64 {
    let mut days = 0;
    while waiting > 0 {
        let step = allowance(groups, share).min(waiting);
        waiting -= step;
        groups -= step;
        days += 1;
    }
    days
}

/// Groups that one day removes at most of so many.
fn allowance(groups: u64, share: f64) -> u64 {
    ((groups as f64 * share).ceil() as u64).max(FEWEST)
}

impl<S: Store> Round<'_, S> {
    async fn domain(&self, domain: Domain, removed: &mut Removed) -> Result<()> {
        let store = &self.engine.store;
        let mut first_kept = None;
        let counted = match self.config.keep_rows() {
            Some(keep) => {
                let first = store.first_kept(keep).await?;
                first_kept = Some(first);
                self.count(domain, first - NEWEST).await?
            }
            None => Some(Backlog::default()),
        };
        let Some(counted) = counted else {
            return Ok(());
        };
        store.begin_retention(domain, counted).await?;
        if let (Some(keep), Some(first_kept)) = (self.config.keep_rows(), first_kept) {
            self.seal(domain, keep, first_kept, removed).await?;
        }
        let has_hours = with_domain!(domain, F => F::PERIODS.contains(&Period::Hour));
        if let Some(keep) = self.config.keep_hours().filter(|_| has_hours) {
            let first = store.first_kept(keep).await?;
            self.delete_hours(domain, first, removed).await?;
            first_kept = first_kept.max(Some(first));
        }
        match first_kept {
            Some(first) => store.end_retention(domain, first).await,
            None => Ok(()),
        }
    }

    /// Counts the groups of the day's first round; nothing in a later one. None
    /// if the round is over before.
    async fn count(&self, domain: Domain, before: NaiveDate) -> Result<Option<Backlog>> {
        let store = &self.engine.store;
        let rounds = store.retention().await?;
        let mut today = rounds.iter().filter(|round| round.ran_today);
        let mut counted = Backlog::default();
        if self.told.all || today.any(|round| round.domain == domain) {
            return Ok(Some(counted));
        }
        let (mut groups, mut from) = (0, None);
        loop {
            if self.is_late() {
                return Ok(None);
            }
            let every = GroupFilter::default();
            let page = store.groups(domain, &every, Which::All, from).await?;
            for group in page.groups.iter().filter(|group| group.rows > 0) {
                groups += 1;
                counted.waiting += u64::from(group.key.local_date < before);
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let share = self.config.daily_share;
        counted.allowance = allowance(groups, share);
        if counted.waiting > counted.allowance {
            info!(
                domain = domain.name(),
                groups = counted.waiting,
                "retention: {} old groups of {} have raw rows and at most {} of them go in a day \
                 (retention.daily_share): about {} days; `vitalfold run-once --retain-all` \
                 removes all at once",
                counted.waiting,
                domain,
                counted.allowance,
                days_left(counted.waiting, groups, share)
            );
        }
        Ok(Some(counted))
    }

    async fn is_over(&self) -> Result<bool> {
        Ok(self.is_late() || self.engine.store.status(&[]).await?.paused)
    }

    fn is_late(&self) -> bool {
        let late = |deadline| Instant::now() >= deadline;
        self.engine.stop.is_cancelled() || self.deadline.is_some_and(late)
    }

    async fn seal(
        &self,
        domain: Domain,
        keep: Duration,
        first_kept: NaiveDate,
        removed: &mut Removed,
    ) -> Result<()> {
        let store = &self.engine.store;
        let mut spent = false;
        let mut from = Some(UserId::MIN);
        while let Some(first) = from {
            if self.is_over().await? {
                return Ok(());
            }
            let users = store.oldest_rows(domain, first, STEP).await?;
            from = next(&users);
            for (user_id, _) in users.into_iter().filter(|(_, date)| *date < first_kept) {
                self.seal_user(domain, user_id, first_kept, &mut spent, removed)
                    .await?;
                while !self.is_late() {
                    let late = store.delete_late(domain, user_id, keep, STEP).await?;
                    removed.late_rows += late;
                    if late < STEP as u64 {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Of a share that is `spent` no group goes any more.
    async fn seal_user(
        &self,
        domain: Domain,
        user_id: UserId,
        first_kept: NaiveDate,
        spent: &mut bool,
        removed: &mut Removed,
    ) -> Result<()> {
        let store = &self.engine.store;
        let newest = first_kept - NEWEST;
        let mut place = None;
        loop {
            let filter = GroupFilter {
                users: vec![user_id],
                from: Some(newest).filter(|_| *spent),
                to: first_kept.pred_opt(),
            };
            let page = store.groups(domain, &filter, Which::All, place).await?;
            for group in page.groups {
                if self.is_late() {
                    return Ok(());
                }
                let of_share = !self.told.all && group.key.local_date < newest;
                if of_share && *spent {
                    continue;
                }
                match store.seal(group.key, of_share).await? {
                    Seal::Sealed { rows } => {
                        removed.groups += 1;
                        removed.raw_rows += rows;
                    }
                    Seal::Spent => *spent = true,
                    Seal::Drifted => removed.drifted += 1,
                    Seal::Unsettled => removed.unsettled += 1,
                    // Another round finds what another worker has.
                    Seal::Locked | Seal::Empty => {}
                }
            }
            place = page.next;
            if place.is_none() {
                return Ok(());
            }
        }
    }

    async fn delete_hours(
        &self,
        domain: Domain,
        first_kept: NaiveDate,
        removed: &mut Removed,
    ) -> Result<()> {
        let store = &self.engine.store;
        let mut from = Some(UserId::MIN);
        while let Some(first) = from {
            if self.is_over().await? {
                return Ok(());
            }
            let users = store.oldest_hours(domain, first, STEP).await?;
            from = next(&users);
            for (user_id, _) in users.into_iter().filter(|(_, date)| *date < first_kept) {
                while !self.is_late() {
                    let deleted = store
                        .delete_hours(domain, user_id, first_kept, DAYS)
                        .await?;
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
fn next(users: &[Place]) -> Option<UserId> {
    let last = users.last().filter(|_| users.len() == STEP);
    last.and_then(|(user_id, _)| user_id.checked_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_left_are_those_that_the_share_takes() {
        // Ten years of a person, one of which is kept.
        assert_eq!(days_left(3285, 3650, 0.05), 45);
        assert_eq!(days_left(3285, 3650, 1.0), 1);
        assert_eq!(days_left(0, 3650, 0.05), 0);
        assert_eq!(days_left(25, 25, 0.000_001), 3);
    }
}
