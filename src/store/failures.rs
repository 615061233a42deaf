//! Groups that failed: recording them, and what an operator sees and does.

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::{ErrorClass, GroupFilter, Place, Result};
use crate::domain::{Domain, GroupKey, UserId};

/// The door of failed groups.
pub trait Failures: Clone + Send + Sync + 'static {
    /// Records a failed attempt in a transaction of its own: the group's changes
    /// move into `failed_groups`, and it waits for its next attempt or is dead.
    /// Returns none, and does nothing, where it is put off or dead already:
    /// another worker tried it at the same time, and an attempt counts once.
    fn mark_failed(
        &self,
        key: GroupKey,
        failure: &Failure,
    ) -> impl Future<Output = Result<Option<GroupState>>> + Send;

    /// The next `limit` failed groups of a domain that match, in (user, date)
    /// order after `after`.
    fn failed_groups(
        &self,
        domain: Domain,
        filter: &FailedFilter,
        after: Option<Place>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<FailedGroup>>> + Send;

    /// A group's failed attempts, the latest `limit` of them, oldest first.
    fn past_failures(
        &self,
        key: GroupKey,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<PastFailure>>> + Send;

    /// Whether no attempt is to be made at a group now: it waits for its next one, or
    /// is dead and has no changes since.
    fn is_put_off(&self, key: GroupKey) -> impl Future<Output = Result<bool>> + Send;

    /// Makes a failed group due now with all its attempts; says whether there
    /// was one.
    fn retry_failed(&self, key: GroupKey) -> impl Future<Output = Result<bool>> + Send;

    /// Gives a failed group up: the rows that came since it was folded last are
    /// rejected. Says whether there was one.
    fn discard_failed(&self, key: GroupKey) -> impl Future<Output = Result<bool>> + Send;
}

/// Begins the reason of rows whose group an operator gave up.
pub(super) const DISCARDED: &str = "discarded: ";

/// Which failed groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedFilter {
    pub within: GroupFilter,
    /// `transient` or `data`; none is both.
    pub class: Option<ErrorClass>,
    /// Only groups whose attempts are used up.
    pub dead_only: bool,
}

/// A group whose last attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedGroup {
    pub user_id: UserId,
    pub local_date: NaiveDate,
    /// `waiting` or `dead`.
    pub state: String,
    pub attempts: i64,
    pub next_attempt_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub error_class: String,
    pub error: String,
}

/// A failed attempt at a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub error: String,
    pub class: ErrorClass,
    /// Who tried.
    pub worker: String,
    pub max_attempts: u32,
    /// Pause before the second attempt; doubles with each further one.
    pub backoff: Duration,
    pub max_backoff: Duration,
    /// Factor on the pause that keeps failed groups from coming back at once.
    pub jitter: f64,
}

/// One failed attempt of the past.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PastFailure {
    pub failed_at: DateTime<Utc>,
    /// Attempts counted against the group by then.
    pub attempts: i64,
    pub error_class: String,
    pub error: String,
    pub worker: String,
}

/// The state of a group that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// Tried again at its backoff time.
    Waiting { attempts: u32 },
    /// Attempts used up.
    Dead { attempts: u32 },
}
