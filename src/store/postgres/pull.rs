//! Finding work.

use std::time::Duration;

use chrono::NaiveDate;
use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Date, Double, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::cached::Cached;
use crate::domain::{Domain, Fold, GroupKey, UserId};
use crate::store::{GroupFilter, PulledGroup};
use crate::with_domain;

#[derive(diesel::QueryableByName)]
struct UserRange {
    #[diesel(sql_type = Nullable<BigInt>)]
    lowest: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    highest: Option<i64>,
}

pub(super) async fn pending_users<F: Fold>(
    connection: &mut AsyncPgConnection,
) -> QueryResult<Option<(UserId, UserId)>> {
    let range: UserRange = diesel::sql_query(format!(
        "select min(user_id) as lowest, max(user_id) as highest from {} where status = 'pending'",
        F::RAW_TABLE
    ))
    .get_result(connection)
    .await?;
    Ok(range.lowest.zip(range.highest))
}

#[derive(diesel::QueryableByName)]
pub(super) struct GroupRow {
    #[diesel(sql_type = BigInt)]
    pub(super) user_id: i64,
    #[diesel(sql_type = Date)]
    pub(super) local_date: NaiveDate,
}

#[derive(diesel::QueryableByName)]
struct PulledRow {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Date)]
    local_date: NaiveDate,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// The condition on a raw row `r` that a pull may take it; `settle` is the
/// bind of the seconds that it must be old.
fn pullable(domain: Domain, settle: &str) -> String {
    format!(
        "r.status = 'pending' and r.created_at <= now() - make_interval(secs => {settle}) \
         and not exists (select from aggregation_groups g \
           where g.user_id = r.user_id and g.domain = '{}' and g.local_date = r.local_date \
             and (g.state = 'dead' or g.next_attempt_at > now()))",
        domain.name()
    )
}

#[derive(diesel::QueryableByName)]
struct Waits {
    #[diesel(sql_type = Bool)]
    waits: bool,
}

pub(super) async fn work_waits(
    connection: &mut AsyncPgConnection,
    domains: &[Domain],
    settle: Duration,
) -> QueryResult<bool> {
    let waits: Vec<_> = domains
        .iter()
        .map(|&domain| {
            format!(
                "exists (select from aggregation_groups where domain = '{name}' \
                   and state = 'due' and next_attempt_at <= now()) \
                 or exists (select from {table} r where {pullable})",
                name = domain.name(),
                table = with_domain!(domain, F => F::RAW_TABLE),
                pullable = pullable(domain, "$1"),
            )
        })
        .collect();
    let waits: Waits = Cached(
        diesel::sql_query(format!("select {} as waits", waits.join(" or ")))
            .bind::<Double, _>(settle.as_secs_f64()),
    )
    .get_result(connection)
    .await?;
    Ok(waits.waits)
}

pub(super) async fn pull<F: Fold>(
    connection: &mut AsyncPgConnection,
    after: UserId,
    limit: usize,
    settle: Duration,
) -> QueryResult<Vec<PulledGroup>> {
    // Both halves are keyset scans of the partial index of pending rows. The
    // outer limit ends the second one before it begins where the first fills the
    // batch: from the lowest user on lie the entries of all that was done.
    let half = |lap: i32, comparison: &str| {
        format!(
            "(select {lap} as lap, r.user_id, r.local_date from {table} r \
             where r.user_id {comparison} $1 and {pullable} \
             order by r.user_id, r.local_date limit $2)",
            table = F::RAW_TABLE,
            pullable = pullable(F::DOMAIN, "$3"),
        )
    };
    let pulled: Vec<PulledRow> = Cached(
        diesel::sql_query(format!(
            "select user_id, local_date, count(*) as rows \
             from (select * from ({} union all {}) laps limit $2) p \
             group by lap, user_id, local_date order by lap, user_id, local_date",
            half(0, ">"),
            half(1, "<="),
        ))
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind::<Double, _>(settle.as_secs_f64()),
    )
    .load(connection)
    .await?;
    Ok(PulledGroup::cut(
        pulled.into_iter().map(|row| PulledGroup {
            user_id: row.user_id,
            local_date: row.local_date,
            rows: usize::try_from(row.rows).unwrap_or(0),
        }),
        limit,
    ))
}

/// Conditions on `user_id` and `local_date`; binds $1 to $3.
pub(super) const WITHIN: &str = "(cardinality($1::bigint[]) = 0 or user_id = any($1)) \
     and ($2::date is null or local_date >= $2) and ($3::date is null or local_date <= $3)";

macro_rules! bind_filter {
    ($query:expr, $filter:expr) => {
        $query
            .bind::<Array<BigInt>, _>($filter.users.clone())
            .bind::<Nullable<Date>, _>($filter.from)
            .bind::<Nullable<Date>, _>($filter.to)
    };
}
pub(super) use bind_filter;

pub(super) async fn due_groups(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    filter: &GroupFilter,
    limit: usize,
) -> QueryResult<Vec<GroupKey>> {
    let query = diesel::sql_query(format!(
        "select user_id, local_date from aggregation_groups \
         where domain = $4 and state = 'due' and next_attempt_at <= now() and {WITHIN} \
         order by next_attempt_at, user_id, local_date limit $5"
    ));
    let rows: Vec<GroupRow> = Cached(
        bind_filter!(query, filter)
            .bind::<Text, _>(domain.name())
            .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX)),
    )
    .load(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| GroupKey {
            domain,
            user_id: row.user_id,
            local_date: row.local_date,
        })
        .collect())
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

pub(super) async fn count_due(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    filter: &GroupFilter,
) -> QueryResult<u64> {
    let query = diesel::sql_query(format!(
        "select count(*) as count from aggregation_groups \
         where domain = $4 and state = 'due' and {WITHIN}"
    ));
    let count: Count = bind_filter!(query, filter)
        .bind::<Text, _>(domain.name())
        .get_result(connection)
        .await?;
    Ok(u64::try_from(count.count).unwrap_or(0))
}
