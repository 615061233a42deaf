//! Finding work.

use std::time::Duration;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::rows::{NOW, now_plus};
use crate::domain::{Domain, Fold, GroupKey, UserId};
use crate::store::{GroupFilter, Probe, PulledGroup};
use crate::with_domain;

#[derive(QueryableByName)]
struct UserRange {
    #[diesel(sql_type = Nullable<BigInt>)]
    lowest: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    highest: Option<i64>,
}

pub(super) fn pending_users<F: Fold>(
    connection: &mut SqliteConnection,
) -> QueryResult<Option<(UserId, UserId)>> {
    let range: UserRange = diesel::sql_query(format!(
        "select min(user_id) as lowest, max(user_id) as highest from {} where status = 'pending'",
        F::RAW_TABLE
    ))
    .get_result(connection)?;
    Ok(range.lowest.zip(range.highest))
}

#[derive(QueryableByName)]
pub(super) struct GroupRow {
    #[diesel(sql_type = BigInt)]
    pub(super) user_id: i64,
    #[diesel(sql_type = Text)]
    local_date: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

impl GroupRow {
    pub(super) fn date(&self) -> QueryResult<NaiveDate> {
        self.local_date
            .parse()
            .map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))
    }
}

/// The condition on a raw row `r` that a pull may take it; `settle` is the
/// bind of how old it must be, see `ago`.
fn pullable(domain: Domain, settle: &str) -> String {
    format!(
        "r.status = 'pending' and r.created_at <= {settled} \
         and not exists (select 1 from aggregation_groups g \
           where g.user_id = r.user_id and g.domain = '{name}' and g.local_date = r.local_date \
             and (g.state = 'dead' or g.next_attempt_at > {NOW}))",
        settled = now_plus(settle),
        name = domain.name(),
    )
}

fn ago(duration: Duration) -> String {
    format!("-{:.3} seconds", duration.as_secs_f64())
}

#[derive(QueryableByName)]
struct Waits {
    #[diesel(sql_type = Bool)]
    waits: bool,
}

pub(super) fn work_waits(connection: &mut SqliteConnection, probe: &Probe) -> QueryResult<bool> {
    let waits: Vec<_> = (probe.domains)
        .iter()
        .map(|&domain| {
            format!(
                "exists (select 1 from aggregation_groups where domain = '{name}' \
                   and state = 'due' and next_attempt_at <= {NOW}) \
                 or exists (select 1 from {table} r where {pullable})",
                name = domain.name(),
                table = with_domain!(domain, F => F::RAW_TABLE),
                pullable = pullable(domain, "?1"),
            )
        })
        .collect();
    let waits: Waits = diesel::sql_query(format!("select {} as waits", waits.join(" or ")))
        .bind::<Text, _>(ago(probe.settle))
        .get_result(connection)?;
    Ok(waits.waits)
}

pub(super) fn pull<F: Fold>(
    connection: &mut SqliteConnection,
    after: UserId,
    limit: usize,
    settle: Duration,
) -> QueryResult<Vec<PulledGroup>> {
    let half = |lap: i32, comparison: &str| {
        format!(
            "select * from (select {lap} as lap, r.user_id, r.local_date from {table} r \
             where r.user_id {comparison} ?1 and {pullable} \
             order by r.user_id, r.local_date limit ?2)",
            table = F::RAW_TABLE,
            pullable = pullable(F::DOMAIN, "?3"),
        )
    };
    let pulled: Vec<GroupRow> = diesel::sql_query(format!(
        "select user_id, local_date, count(*) as rows \
         from (select * from ({} union all {}) limit ?2) \
         group by lap, user_id, local_date order by lap, user_id, local_date",
        half(0, ">"),
        half(1, "<="),
    ))
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Text, _>(ago(settle))
    .load(connection)?;
    let groups = pulled
        .iter()
        .map(|row| {
            Ok(PulledGroup {
                user_id: row.user_id,
                local_date: row.date()?,
                rows: usize::try_from(row.rows).unwrap_or(0),
            })
        })
        .collect::<QueryResult<Vec<_>>>()?;
    Ok(PulledGroup::cut(groups.into_iter(), limit))
}

/// Conditions on `user_id` and `local_date`; binds ?1 to ?3.
pub(super) const WITHIN: &str = "(?1 = '[]' or user_id in (select value from json_each(?1))) \
     and (?2 is null or local_date >= ?2) and (?3 is null or local_date <= ?3)";

macro_rules! bind_filter {
    ($query:expr, $filter:expr) => {
        $query
            .bind::<Text, _>(serde_json::json!($filter.users).to_string())
            .bind::<Nullable<Text>, _>($filter.from.map(|date| date.to_string()))
            .bind::<Nullable<Text>, _>($filter.to.map(|date| date.to_string()))
    };
}
pub(super) use bind_filter;

pub(super) fn due_groups(
    connection: &mut SqliteConnection,
    domain: Domain,
    filter: &GroupFilter,
    limit: usize,
) -> QueryResult<Vec<GroupKey>> {
    let query = diesel::sql_query(format!(
        "select user_id, local_date, 0 as rows from aggregation_groups \
         where domain = ?4 and state = 'due' and next_attempt_at <= {NOW} and {WITHIN} \
         order by next_attempt_at, user_id, local_date limit ?5"
    ));
    let rows: Vec<GroupRow> = bind_filter!(query, filter)
        .bind::<Text, _>(domain.name())
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(connection)?;
    rows.iter()
        .map(|row| {
            Ok(GroupKey {
                domain,
                user_id: row.user_id,
                local_date: row.date()?,
            })
        })
        .collect()
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

pub(super) fn count_due(
    connection: &mut SqliteConnection,
    domain: Domain,
    filter: &GroupFilter,
) -> QueryResult<u64> {
    let query = diesel::sql_query(format!(
        "select count(*) as count from aggregation_groups \
         where domain = ?4 and state = 'due' and {WITHIN}"
    ));
    let count: Count = bind_filter!(query, filter)
        .bind::<Text, _>(domain.name())
        .get_result(connection)?;
    Ok(u64::try_from(count.count).unwrap_or(0))
}
