//! Removing what is older than it is to be kept.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use diesel::sql_types::{Array, BigInt, Date, Double, Nullable, Text};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::check::compare_stored;
use super::group::{read, try_user_lock};
use super::pull::{GroupRow, WITHIN, bind_filter};
use super::retention_runs::take_share;
use crate::domain::{Domain, Fold, FoldRules, UserId};
use crate::store::room::{LARGEST, Room};
use crate::store::{GroupCheck, GroupFilter, Seal};

#[derive(QueryableByName)]
struct FirstKept {
    #[diesel(sql_type = Date)]
    date: NaiveDate,
}

#[derive(QueryableByName)]
struct RowId {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    groups: i64,
}

/// A day more than asked, because a local date may end half a day after the
/// same date in UTC.
pub(super) async fn first_kept(
    connection: &mut AsyncPgConnection,
    keep: Duration,
) -> QueryResult<NaiveDate> {
    let first: FirstKept = diesel::sql_query(
        "select ((now() at time zone 'UTC') - make_interval(secs => $1))::date - 1 as date",
    )
    .bind::<Double, _>(keep.as_secs_f64())
    .get_result(connection)
    .await?;
    Ok(first.date)
}

/// Steps from user to user through an index, so that it costs the number of
/// users, not of rows.
async fn oldest(
    connection: &mut AsyncPgConnection,
    rows: String,
    from: UserId,
    limit: usize,
) -> QueryResult<Vec<(UserId, NaiveDate)>> {
    let oldest: Vec<GroupRow> = diesel::sql_query(format!(
        "with recursive oldest as ( \
           (select user_id, local_date from {rows} and user_id >= $1 \
            order by user_id, local_date limit 1) \
           union all \
           select next.user_id, next.local_date from oldest cross join lateral ( \
             select user_id, local_date from {rows} and user_id > oldest.user_id \
             order by user_id, local_date limit 1) next) \
         select user_id, local_date from oldest limit $2"
    ))
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)
    .await?;
    Ok(oldest
        .into_iter()
        .map(|row| (row.user_id, row.local_date))
        .collect())
}

pub(super) async fn oldest_rows<F: Fold>(
    connection: &mut AsyncPgConnection,
    from: UserId,
    limit: usize,
) -> QueryResult<Vec<(UserId, NaiveDate)>> {
    oldest(
        connection,
        format!("{} where true", F::RAW_TABLE),
        from,
        limit,
    )
    .await
}

pub(super) async fn oldest_hours<F: Fold>(
    connection: &mut AsyncPgConnection,
    from: UserId,
    limit: usize,
) -> QueryResult<Vec<(UserId, NaiveDate)>> {
    let rows = format!("{} where period = 'hour'", F::AGGREGATE_TABLE);
    oldest(connection, rows, from, limit).await
}

pub(super) async fn seal<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
    rules: &Arc<FoldRules>,
    keep_hours: Option<Duration>,
    of_share: bool,
) -> QueryResult<Seal> {
    connection
        .transaction(async |connection| {
            let lock = try_user_lock::<F>(connection, user_id, local_date).await?;
            if !lock.taken {
                return Ok(Seal::Locked);
            }
            // The application's edits wait from here on, and then find no row:
            // none is lost unseen. Rows before the mark, as its triggers do.
            let rows: Vec<RowId> = diesel::sql_query(format!(
                "select id from {} where user_id = $1 and local_date = $2 order by id for update",
                F::RAW_TABLE
            ))
            .bind::<BigInt, _>(user_id)
            .bind::<Date, _>(local_date)
            .load(connection)
            .await?;
            // Our own mark: whoever marks the group meanwhile waits, and it is
            // ours alone when it is deleted below.
            let claimed = diesel::sql_query(
                "insert into aggregation_groups (user_id, domain, local_date) values ($1, $2, $3) \
                 on conflict do nothing",
            )
            .bind::<BigInt, _>(user_id)
            .bind::<Text, _>(F::DOMAIN.name())
            .bind::<Date, _>(local_date)
            .execute(connection)
            .await?;
            if claimed == 0 {
                return Ok(Seal::Unsettled);
            }
            let group = read::<F>(connection, user_id, local_date, Room::of(LARGEST)).await?;
            let outcome = if !group.is_settled() {
                Seal::Unsettled
            } else {
                let check =
                    compare_stored::<F>(connection, user_id, local_date, group, rules, keep_hours);
                match check.await? {
                    GroupCheck::Unsettled => Seal::Unsettled,
                    GroupCheck::Settled {
                        drifts,
                        misjudged_rows,
                    } if !drifts.is_empty() || misjudged_rows > 0 => Seal::Drifted,
                    GroupCheck::Settled { .. }
                        if of_share && !take_share(connection, F::DOMAIN).await? =>
                    {
                        Seal::Spent
                    }
                    GroupCheck::Settled { .. } => {
                        remove::<F>(connection, user_id, local_date, &rows).await?
                    }
                }
            };
            diesel::sql_query(
                "delete from aggregation_groups \
                 where user_id = $1 and domain = $2 and local_date = $3",
            )
            .bind::<BigInt, _>(user_id)
            .bind::<Text, _>(F::DOMAIN.name())
            .bind::<Date, _>(local_date)
            .execute(connection)
            .await?;
            QueryResult::Ok(outcome)
        })
        .await
}

async fn remove<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
    rows: &[RowId],
) -> QueryResult<Seal> {
    diesel::sql_query(
        "insert into sealed_groups (user_id, domain, local_date, raw_rows) values ($1, $2, $3, $4)",
    )
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Date, _>(local_date)
    .bind::<BigInt, _>(i64::try_from(rows.len()).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let deleted = diesel::sql_query(format!(
        "delete from {} where user_id = $1 and id = any($2)",
        F::RAW_TABLE
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Array<BigInt>, _>(ids)
    .execute(connection)
    .await?;
    Ok(Seal::Sealed {
        rows: deleted as u64,
    })
}

pub(super) async fn delete_late<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    keep: Duration,
    limit: usize,
) -> QueryResult<u64> {
    diesel::sql_query(format!(
        "delete from {raw} where user_id = $1 and id in ( \
           select id from {raw} r join sealed_groups s using (user_id, local_date) \
           where r.user_id = $1 and r.status = 'rejected' and s.domain = $2 \
             and r.created_at < now() - make_interval(secs => $3) limit $4)",
        raw = F::RAW_TABLE,
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Double, _>(keep.as_secs_f64())
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .execute(connection)
    .await
    .map(|deleted| deleted as u64)
}

pub(super) async fn delete_hours<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    before: NaiveDate,
    days: u32,
) -> QueryResult<u64> {
    diesel::sql_query(format!(
        "with old as (select distinct local_date from {table} a \
           where user_id = $1 and period = 'hour' and local_date < $2 and not exists ( \
             select 1 from aggregation_groups g where g.user_id = a.user_id \
               and g.domain = $4 and g.local_date = a.local_date) \
           order by local_date limit $3) \
         delete from {table} where user_id = $1 and period = 'hour' \
           and local_date in (select local_date from old)",
        table = F::AGGREGATE_TABLE,
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Date, _>(before)
    .bind::<BigInt, _>(i64::from(days))
    .bind::<Text, _>(F::DOMAIN.name())
    .execute(connection)
    .await
    .map(|deleted| deleted as u64)
}

pub(super) async fn count_sealed(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    filter: &GroupFilter,
) -> QueryResult<u64> {
    let query = diesel::sql_query(format!(
        "select count(*) as groups from sealed_groups where {WITHIN} and domain = $4"
    ));
    let count: Count = bind_filter!(query, filter)
        .bind::<Text, _>(domain.name())
        .get_result(connection)
        .await?;
    Ok(count.groups.unsigned_abs())
}
