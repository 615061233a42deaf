//! One round of retention.

use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use tracing::info;

use super::{Removed, Told};
use crate::config::RetentionConfig;
use crate::domain::{Domain, Fold, Period, UserId};
use crate::store::{Backlog, GroupFilter, Place, Result, Seal, Store, Which};
use crate::with_domain;
use crate::worker::Engine;

/// Users found or rows deleted by one statement.
const STEP: usize = 500;
/// Days of one user's hour rows in one statement.
const DAYS: u32 = 31;

/// Days that became old last: the day's share does not count them, so that
/// retention keeps up whatever the share.
const NEWEST: Days = Days::new(3);
/// Groups that a day removes at least, where the share is less.
const FEWEST: u64 = 10;

/// One round.
pub(super) struct Round<'a, S> {
    pub(super) engine: &'a Engine<S>,
    pub(super) config: &'a RetentionConfig,
    pub(super) told: Told,
    /// When it must end before its end.
    pub(super) deadline: Option<Instant>,
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
    pub(super) async fn domain(&self, domain: Domain, removed: &mut Removed) -> Result<()> {
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
