//! The run history and the contents of the aggregate tables, as people look
//! at them: rows alike on both backends, and the text of their queries.

use diesel::sql_types::{BigInt, Text};
use serde::{Serialize, Serializer};

use crate::domain::table::Columns;
use crate::domain::{Fold, UserId};

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

#[derive(diesel::QueryableByName)]
pub(super) struct UserRow {
    #[diesel(sql_type = BigInt)]
    pub(super) user_id: UserId,
}

fn json_text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<serde_json::Value>(text)
        .map_err(serde::ser::Error::custom)?
        .serialize(serializer)
}

/// `minute` and `hour_ago` are expressions: the text of the minute that
/// `started_at` lies in, and a time.
pub(super) fn minutes(minute: &str, hour_ago: &str) -> String {
    format!(
        "select {minute} as minute, domain, \
           cast(sum(rows_completed + rows_rejected) as bigint) as \"rows\", \
           cast(sum(groups_ok) as bigint) as groups_ok, \
           cast(sum(groups_failed) as bigint) as groups_failed \
         from aggregation_batches where started_at > {hour_ago} \
         group by {minute}, domain order by {minute}, domain"
    )
}

/// `time` is an expression: the text of `started_at`.
pub(super) fn latest_batches(time: &str) -> String {
    format!(
        "select {time} as started_at, worker, domain, duration_ms, rows_pulled, rows_completed, \
           rows_rejected, groups_ok, groups_failed, groups_skipped, \
           cast(pool_before as text) as pool_before, cast(pool_after as text) as pool_after \
         from aggregation_batches order by aggregation_batches.started_at desc limit $1"
    )
}

/// One probe of the primary key per user, however many rows each has.
pub(super) fn users<F: Fold>() -> String {
    format!(
        "with recursive u (user_id) as ( \
           select min(user_id) from {table} where user_id > $1 \
           union all \
           select (select min(a.user_id) from {table} a where a.user_id > u.user_id) \
           from u where u.user_id is not null) \
         select user_id from u where user_id is not null limit $2",
        table = F::AGGREGATE_TABLE,
    )
}

pub(super) fn series<F: Fold>() -> String {
    let named = F::Measure::COLUMNS.iter().any(|c| c.name == "name");
    format!(
        "select {series} as series, {label} as label, unit, count(*) as days, \
           cast(min(local_date) as text) as first_date, cast(max(local_date) as text) as last_date \
         from {table} where user_id = $1 and period = 'day' \
         group by {series}, unit order by {series}, unit limit $2",
        series = F::SERIES_COLUMN,
        label = if named { "max(name)" } else { F::SERIES_COLUMN },
        table = F::AGGREGATE_TABLE,
    )
}
