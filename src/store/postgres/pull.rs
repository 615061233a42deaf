//! Finding work.

use std::time::Duration;

use chrono::NaiveDate;
use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Date, Double, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::cached::Cached;
use crate::domain::{Domain, Fold, GroupKey, UserId};
use crate::store::{GroupFilter, Probe, PulledGroup};
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

/// The condition on a raw row `r` that a pull may take it; `settle` are
/// the seconds that it must be old, or their bind.
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

/// A condition; `settle` are the seconds that rows must be old, or their bind.
pub(super) fn any_work(domains: &[Domain], settle: &str) -> String {
    let waits: Vec<_> = domains
        .iter()
        .map(|&domain| {
            format!(
                "exists (select from aggregation_groups where domain = '{name}' \
                   and state = 'due' and next_attempt_at <= now()) \
                 or exists (select from {table} r where {pullable})",
                name = domain.name(),
                table = with_domain!(domain, F => F::RAW_TABLE),
                pullable = pullable(domain, settle),
            )
        })
        .collect();
    waits.join(" or ")
}

pub(super) async fn work_waits(
    connection: &mut AsyncPgConnection,
    probe: &Probe,
) -> QueryResult<bool> {
    let waits: Waits = Cached(
        diesel::sql_query(format!(
            "select {} as waits",
            any_work(&probe.domains, "$1")
        ))
        .bind::<Double, _>(probe.settle.as_secs_f64()),
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
    let mut pulled = lap::<F>(connection, ">", after, limit, settle).await?;
    let rows: usize = pulled.iter().map(|group| group.rows).sum();
    // From the lowest user on lie the entries of all that was done: they are
    // read only where there is nothing else.
    if rows < limit {
        pulled.extend(lap::<F>(connection, "<=", after, limit, settle).await?);
    }
    Ok(PulledGroup::cut(pulled.into_iter(), limit))
}

/// A keyset scan of the partial index of pending rows, on one side of a user.
async fn lap<F: Fold>(
    connection: &mut AsyncPgConnection,
    side: &str,
    after: UserId,
    limit: usize,
    settle: Duration,
) -> QueryResult<Vec<PulledGroup>> {
    // The limit and the age are parts of the text: of a bind the planner knows
    // nothing, so it would plan anew for each pull, which takes longer than the
    // pull.
    let text = format!(
        "select user_id, local_date, count(*) as rows \
         from (select r.user_id, r.local_date from {table} r \
               where r.user_id {side} $1 and {pullable} \
               order by r.user_id, r.local_date limit {limit}) p \
         group by user_id, local_date order by user_id, local_date",
        table = F::RAW_TABLE,
        pullable = pullable(F::DOMAIN, &settle.as_secs_f64().to_string()),
    );
    let pulled: Vec<PulledRow> = Cached(diesel::sql_query(text).bind::<BigInt, _>(after))
        .load(connection)
        .await?;
    Ok(pulled
        .into_iter()
        .map(|row| PulledGroup {
            user_id: row.user_id,
            local_date: row.local_date,
            rows: usize::try_from(row.rows).unwrap_or(0),
        })
        .collect())
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
