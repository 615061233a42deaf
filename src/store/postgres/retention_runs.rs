//! What retention saw of the clock and did of each domain.

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Bool, Date, Double, Nullable, Text};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::domain::Domain;
use crate::store::status_rows::RetentionRow;
use crate::store::{Backlog, Clock, RetentionStatus};

#[derive(QueryableByName)]
struct Ahead {
    #[diesel(sql_type = Nullable<Double>)]
    hours: Option<f64>,
    #[diesel(sql_type = Bool)]
    by_round: bool,
}

/// The newest row of each table by its key, which costs no scan.
pub(super) async fn clock(connection: &mut AsyncPgConnection) -> QueryResult<Clock> {
    let ahead: Ahead = diesel::sql_query(
        "select last.ran_at is not null as by_round, \
           (extract(epoch from now() - coalesce(last.ran_at, greatest( \
             (select created_at from raw_vitals order by id desc limit 1), \
             (select created_at from raw_labs order by id desc limit 1), \
             (select created_at from raw_nutrition order by id desc limit 1), \
             (select max(sealed_at) from sealed_groups)))) / 3600)::double precision as hours \
         from (select max(ran_at) as ran_at from retention_runs) last",
    )
    .get_result(connection)
    .await?;
    Ok(Clock {
        hours_ahead: ahead.hours,
        by_round: ahead.by_round,
    })
}

pub(super) async fn status(
    connection: &mut AsyncPgConnection,
) -> QueryResult<Vec<RetentionStatus>> {
    let rows: Vec<RetentionRow> = diesel::sql_query(
        "select domain, extract(epoch from ran_at)::bigint as ran_at, \
           coalesce((ran_at at time zone 'UTC')::date >= (now() at time zone 'UTC')::date, false) \
             as ran_today, \
           refused, extract(epoch from refused_since)::bigint as refused_since, \
           waiting, allowance, removed, dead_groups, oldest_dead::text as oldest_dead \
         from retention_runs order by domain",
    )
    .load(connection)
    .await?;
    Ok(rows.iter().filter_map(RetentionRow::status).collect())
}

pub(super) async fn refuse(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    reason: &str,
) -> QueryResult<()> {
    diesel::sql_query(
        "insert into retention_runs as r (domain, refused, refused_since) values ($1, $2, now()) \
         on conflict (domain) do update set refused = excluded.refused, \
           refused_since = coalesce(r.refused_since, excluded.refused_since)",
    )
    .bind::<Text, _>(domain.name())
    .bind::<Text, _>(reason)
    .execute(connection)
    .await
    .map(|_| ())
}

pub(super) async fn forget_clock(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    diesel::sql_query("update retention_runs set ran_at = null")
        .execute(connection)
        .await
        .map(|_| ())
}

/// Another worker may have begun the day meanwhile: then its count stays.
pub(super) async fn begin(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    counted: Backlog,
) -> QueryResult<()> {
    const TODAY: &str = "coalesce(\
        (r.ran_at at time zone 'UTC')::date >= (now() at time zone 'UTC')::date, false)";
    diesel::sql_query(format!(
        "insert into retention_runs as r (domain, ran_at, waiting, allowance) \
         values ($1, now(), $2, $3) \
         on conflict (domain) do update set ran_at = excluded.ran_at, \
           refused = null, refused_since = null, \
           (waiting, allowance, removed) = ( \
             select r.waiting, r.allowance, r.removed where {TODAY} union all \
             select excluded.waiting, excluded.allowance, 0 where not {TODAY})"
    ))
    .bind::<Text, _>(domain.name())
    .bind::<BigInt, _>(counted.waiting.cast_signed())
    .bind::<BigInt, _>(counted.allowance.cast_signed())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Takes one group of the day's share; false if it is used up. Others wait
/// until the transaction ends.
pub(super) async fn take_share(
    connection: &mut AsyncPgConnection,
    domain: Domain,
) -> QueryResult<bool> {
    diesel::sql_query(
        "update retention_runs set removed = removed + 1 \
         where domain = $1 and removed < allowance",
    )
    .bind::<Text, _>(domain.name())
    .execute(connection)
    .await
    .map(|updated| updated > 0)
}

pub(super) async fn end(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    first_kept: NaiveDate,
) -> QueryResult<()> {
    diesel::sql_query(
        "update retention_runs set (dead_groups, oldest_dead) = ( \
           select count(*), min(local_date) from aggregation_groups g \
           where g.domain = $1 and g.state = 'dead' and g.local_date < $2) \
         where domain = $1",
    )
    .bind::<Text, _>(domain.name())
    .bind::<Date, _>(first_kept)
    .execute(connection)
    .await
    .map(|_| ())
}
