//! Groups that exist, pending or not.

use chrono::NaiveDate;
use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::pull::{GroupRow, WITHIN, bind_filter};
use crate::domain::{Fold, UserId};
use crate::store::sql::known_groups;
use crate::store::{GroupCounts, GroupFilter, Marked, Which};

/// Behind the last group of the step before; binds $4 and $5.
const AFTER: &str = " and ($4::bigint is null or (user_id, local_date) > ($4, $5::date))";

fn pairs(rows: Vec<GroupRow>) -> Vec<(UserId, NaiveDate)> {
    let mut pairs: Vec<_> = rows
        .into_iter()
        .map(|row| (row.user_id, row.local_date))
        .collect();
    pairs.sort_unstable();
    pairs
}

pub(super) async fn groups<F: Fold>(
    connection: &mut AsyncPgConnection,
    filter: &GroupFilter,
    after: Option<(UserId, NaiveDate)>,
    limit: usize,
) -> QueryResult<Vec<(UserId, NaiveDate)>> {
    let query = diesel::sql_query(format!(
        "select user_id, local_date from ({}) k order by user_id, local_date limit $6",
        known_groups::<F>(WITHIN, Which::All, AFTER)
    ));
    let rows = bind_filter!(query, filter)
        .bind::<Nullable<BigInt>, _>(after.map(|after| after.0))
        .bind::<Nullable<Date>, _>(after.map(|after| after.1))
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(connection)
        .await?;
    Ok(pairs(rows))
}

pub(super) async fn sample<F: Fold>(
    connection: &mut AsyncPgConnection,
    filter: &GroupFilter,
    limit: usize,
) -> QueryResult<Vec<(UserId, NaiveDate)>> {
    let query = diesel::sql_query(format!(
        "select user_id, local_date from ({}) k order by random() limit $4",
        known_groups::<F>(WITHIN, Which::All, "")
    ));
    let rows = bind_filter!(query, filter)
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(connection)
        .await?;
    Ok(pairs(rows))
}

pub(super) async fn mark_due<F: Fold>(
    connection: &mut AsyncPgConnection,
    filter: &GroupFilter,
    which: Which,
    after: Option<(UserId, NaiveDate)>,
    limit: usize,
) -> QueryResult<Marked> {
    let query = diesel::sql_query(format!(
        "insert into aggregation_groups as g (user_id, domain, local_date) \
         select user_id, $7, local_date from ({known}) k \
         order by user_id, local_date limit $6 \
         on conflict (user_id, domain, local_date) do update set \
           version = greatest(g.version + 1, excluded.version), state = 'due', attempts = 0, \
           next_attempt_at = excluded.next_attempt_at, updated_at = excluded.updated_at \
         returning user_id, local_date",
        known = known_groups::<F>(WITHIN, which, AFTER),
    ));
    let rows = bind_filter!(query, filter)
        .bind::<Nullable<BigInt>, _>(after.map(|after| after.0))
        .bind::<Nullable<Date>, _>(after.map(|after| after.1))
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind::<Text, _>(F::DOMAIN.name())
        .load(connection)
        .await?;
    let marked = pairs(rows);
    Ok(Marked {
        groups: marked.len() as u64,
        last: marked.last().copied(),
    })
}

#[derive(diesel::QueryableByName)]
struct Counts {
    #[diesel(sql_type = BigInt)]
    groups: i64,
    #[diesel(sql_type = BigInt)]
    users: i64,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

pub(super) async fn count<F: Fold>(
    connection: &mut AsyncPgConnection,
    filter: &GroupFilter,
    which: Which,
) -> QueryResult<GroupCounts> {
    let query = diesel::sql_query(format!(
        "with k as ({known}) \
         select (select count(*) from k) as groups, (select count(distinct user_id) from k) as users, \
           (select count(*) from {raw} join k using (user_id, local_date)) as rows",
        raw = F::RAW_TABLE,
        known = known_groups::<F>(WITHIN, which, ""),
    ));
    let counts: Counts = bind_filter!(query, filter).get_result(connection).await?;
    let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(GroupCounts {
        groups: unsigned(counts.groups),
        users: unsigned(counts.users),
        rows: unsigned(counts.rows),
    })
}
