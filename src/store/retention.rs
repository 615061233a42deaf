//! Removing what is older than it is to be kept.

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::{GroupFilter, Place, Result};
use crate::domain::{Domain, UserId};

/// The door of retention; [`Groups::seal`](super::Groups::seal) is the other.
pub trait Retention: Clone + Send + Sync + 'static {
    /// The database's clock beside that of the last round of retention.
    fn clock(&self) -> impl Future<Output = Result<Clock>> + Send;

    /// What retention saw and did of each domain.
    fn retention(&self) -> impl Future<Output = Result<Vec<RetentionStatus>>> + Send;

    /// Records why a round was refused, and since when.
    fn refuse_retention(
        &self,
        domain: Domain,
        reason: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Forgets the clock of the last round; the next one counts anew.
    fn forget_clock(&self) -> impl Future<Output = Result<()>> + Send;

    /// Records the clock of a round. The first one of a day in UTC takes what
    /// was counted for that day, later ones leave it.
    fn begin_retention(
        &self,
        domain: Domain,
        counted: Backlog,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Counts the dead groups before `first_kept`.
    fn end_retention(
        &self,
        domain: Domain,
        first_kept: NaiveDate,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The first local date of which nothing is older than `keep`.
    fn first_kept(&self, keep: Duration) -> impl Future<Output = Result<NaiveDate>> + Send;

    /// The date in UTC of the oldest raw row of each of the next `limit` users,
    /// the lowest of them `from` or above.
    fn oldest_rows(
        &self,
        domain: Domain,
        from: UserId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Place>>> + Send;

    /// The date of the oldest hour row of each of the next `limit` users, the
    /// lowest of them `from` or above.
    fn oldest_hours(
        &self,
        domain: Domain,
        from: UserId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Place>>> + Send;

    /// Deletes at most `limit` rows of a user that came too late for a sealed
    /// group, more than `keep` ago; returns how many.
    fn delete_late(
        &self,
        domain: Domain,
        user_id: UserId,
        keep: Duration,
        limit: usize,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Deletes a user's hour rows of dates before `before`, of the oldest
    /// `days` days only; returns how many.
    fn delete_hours(
        &self,
        domain: Domain,
        user_id: UserId,
        before: NaiveDate,
        days: u32,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Counts sealed groups within the filter.
    fn count_sealed(
        &self,
        domain: Domain,
        within: &GroupFilter,
    ) -> impl Future<Output = Result<u64>> + Send;
}

/// What retention judges the database's clock by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// Hours from the last round of retention to now; without one, from the
    /// newest of the raw rows' arrivals and of the sealed days. Below zero
    /// where the clock is behind; none without any of them.
    pub hours_ahead: Option<f64>,
    /// There was a round.
    pub by_round: bool,
}

/// What retention saw and did of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetentionStatus {
    pub domain: Domain,
    /// The database's clock at the last round that was not refused.
    pub ran_at: Option<DateTime<Utc>>,
    /// That round was today, in UTC.
    pub ran_today: bool,
    /// Why rounds are refused, and how to allow them.
    pub refused: Option<String>,
    pub refused_since: Option<DateTime<Utc>>,
    pub backlog: Backlog,
    /// Groups of the share that were sealed that day.
    pub removed: u64,
    /// Old groups that are dead and keep their raw rows and hours.
    pub dead_groups: u64,
    pub oldest_dead: Option<NaiveDate>,
}

impl RetentionStatus {
    /// What an operator is to know or to do.
    pub fn notes(&self) -> Vec<String> {
        let domain = self.domain;
        let mut notes = Vec::new();
        if let Some(reason) = &self.refused {
            let since = self.refused_since.map_or_else(String::new, |at| {
                format!(" since {}", at.format("%Y-%m-%d %H:%M:%SZ"))
            });
            notes.push(format!("Retention of {domain} is refused{since}: {reason}"));
        }
        let Backlog { waiting, allowance } = self.backlog;
        if waiting > allowance {
            notes.push(format!(
                "Retention of {domain}: {waiting} old groups waited at the day's first round, {} \
                 of at most {allowance} are removed; `vitalfold run-once --retain-all` removes all",
                self.removed
            ));
        }
        if let (1.., Some(oldest)) = (self.dead_groups, self.oldest_dead) {
            notes.push(format!(
                "Retention of {domain} leaves {} dead groups alone, the oldest of {oldest}; see \
                 `vitalfold failed list --dead`",
                self.dead_groups
            ));
        }
        notes
    }
}

/// Groups that are older than they are to be kept, at a day's first round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// Without those that the share does not count.
    pub waiting: u64,
    /// How many of them may be sealed that day.
    pub allowance: u64,
}
