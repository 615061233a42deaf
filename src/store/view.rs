//! What people look at.

use std::future::Future;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::sql_types::{BigInt, Text};
use serde::{Serialize, Serializer};

use super::{Result, RetentionStatus};
use crate::domain::{Aggregate, Domain, Fold, GroupKey, Period, UserId};

/// The door of the page, of `status` and of `aggregates`.
pub trait View: Clone + Send + Sync + 'static {
    /// What waits, what failed and who works.
    fn status(&self, domains: &[Domain]) -> impl Future<Output = Result<Status>> + Send;

    /// What workers did in the last hour, and the latest `batches`.
    fn history(&self, batches: i64) -> impl Future<Output = Result<History>> + Send;

    /// The next `limit` users after `after` who have aggregates, in order.
    fn users(
        &self,
        domain: Domain,
        after: UserId,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<UserId>>> + Send;

    /// At most `limit` series of a user that have day aggregates, by name and
    /// unit.
    fn series(
        &self,
        domain: Domain,
        user_id: UserId,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<SeriesLine>>> + Send;

    /// Reads aggregates, ordered by series, unit, period and time.
    fn aggregates<F: Fold>(
        &self,
        query: &AggregateQuery,
    ) -> impl Future<Output = Result<Vec<Aggregate<F::Measure>>>> + Send;
}

/// What waits, what failed and who works.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    pub paused: bool,
    pub domains: Vec<DomainStatus>,
    pub workers: Vec<WorkerStatus>,
    /// Batches that ended within the last hour.
    pub last_hour: HourStatus,
    /// Domains that retention looked at; none where it is off.
    pub retention: Vec<RetentionStatus>,
}

/// One domain's rows and groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DomainStatus {
    pub domain: Domain,
    pub pending_rows: i64,
    pub failed_rows: i64,
    pub rejected_rows: i64,
    /// Groups that have changes.
    pub pending_groups: i64,
    /// Failed groups that wait for their next attempt.
    pub waiting_groups: i64,
    /// Failed groups whose attempts are used up.
    pub dead_groups: i64,
    /// Age of the oldest change.
    pub oldest_pending_seconds: Option<i64>,
}

/// A worker that was seen lately.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkerStatus {
    pub worker: String,
    pub mode: String,
    pub activity: String,
    /// The groups in flight at its last sign of life.
    pub folding: Vec<GroupKey>,
    pub started_at: DateTime<Utc>,
    pub seen_seconds_ago: i64,
}

/// Sums over the batches of the last hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct HourStatus {
    pub batches: i64,
    pub rows_completed: i64,
    pub rows_rejected: i64,
    pub groups_ok: i64,
    pub groups_failed: i64,
}

/// Which aggregates to read; dates are inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateQuery {
    pub user_id: UserId,
    pub series: Option<String>,
    pub period: Period,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

/// What the workers did lately.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct History {
    /// Minutes of the last hour in which batches began, in order.
    pub minutes: Vec<MinuteLine>,
    /// The latest batches, the latest first.
    pub batches: Vec<BatchLine>,
}

/// Sums over the batches of one domain that began in one minute.
#[derive(Debug, Clone, PartialEq, Serialize, diesel::QueryableByName)]
pub struct MinuteLine {
    /// When the minute began, as RFC 3339 in UTC.
    #[diesel(sql_type = Text)]
    pub minute: String,
    #[diesel(sql_type = Text)]
    pub domain: String,
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
    #[diesel(sql_type = BigInt)]
    pub groups_ok: i64,
    #[diesel(sql_type = BigInt)]
    pub groups_failed: i64,
}

/// One batch.
#[derive(Debug, Clone, PartialEq, Serialize, diesel::QueryableByName)]
pub struct BatchLine {
    /// As RFC 3339 in UTC.
    #[diesel(sql_type = Text)]
    pub started_at: String,
    #[diesel(sql_type = Text)]
    pub worker: String,
    #[diesel(sql_type = Text)]
    pub domain: String,
    #[diesel(sql_type = BigInt)]
    pub duration_ms: i64,
    #[diesel(sql_type = BigInt)]
    pub rows_pulled: i64,
    #[diesel(sql_type = BigInt)]
    pub rows_completed: i64,
    #[diesel(sql_type = BigInt)]
    pub rows_rejected: i64,
    #[diesel(sql_type = BigInt)]
    pub groups_ok: i64,
    #[diesel(sql_type = BigInt)]
    pub groups_failed: i64,
    #[diesel(sql_type = BigInt)]
    pub groups_skipped: i64,
    /// A [`PoolStats`](super::PoolStats) as JSON.
    #[diesel(sql_type = Text)]
    #[serde(serialize_with = "json_text")]
    pub pool_before: String,
    /// A [`PoolStats`](super::PoolStats) as JSON.
    #[diesel(sql_type = Text)]
    #[serde(serialize_with = "json_text")]
    pub pool_after: String,
}

/// One series of a user that has day aggregates.
#[derive(Debug, Clone, PartialEq, Serialize, diesel::QueryableByName)]
pub struct SeriesLine {
    #[diesel(sql_type = Text)]
    pub series: String,
    /// The name that people know it by.
    #[diesel(sql_type = Text)]
    pub label: String,
    #[diesel(sql_type = Text)]
    pub unit: String,
    #[diesel(sql_type = BigInt)]
    pub days: i64,
    /// First local date.
    #[diesel(sql_type = Text)]
    pub first_date: String,
    /// Last local date.
    #[diesel(sql_type = Text)]
    pub last_date: String,
}

fn json_text<S: Serializer>(text: &str, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serde_json::from_str::<serde_json::Value>(text)
        .map_err(serde::ser::Error::custom)?
        .serialize(serializer)
}
