//! What retention saw of the clock and did of each domain.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text};

use super::rows::NOW;
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
pub(super) fn clock(connection: &mut SqliteConnection) -> QueryResult<Clock> {
    let ahead: Ahead = diesel::sql_query(
        "select last.ran_at is not null as by_round, \
           (julianday('now') - coalesce(julianday(last.ran_at), (select max(julianday(at)) from ( \
             select at from (select created_at as at from raw_vitals order by id desc limit 1) \
             union all \
             select at from (select created_at as at from raw_labs order by id desc limit 1) \
             union all \
             select at from (select created_at as at from raw_nutrition order by id desc limit 1) \
             union all select max(sealed_at) from sealed_groups)))) * 24 as hours \
         from (select max(ran_at) as ran_at from retention_runs) last",
    )
    .get_result(connection)?;
    Ok(Clock {
        hours_ahead: ahead.hours,
        by_round: ahead.by_round,
    })
}

pub(super) fn status(connection: &mut SqliteConnection) -> QueryResult<Vec<RetentionStatus>> {
    let rows: Vec<RetentionRow> = diesel::sql_query(
        "select domain, cast(strftime('%s', ran_at) as integer) as ran_at, \
           coalesce(date(ran_at) >= date('now'), false) as ran_today, \
           refused, cast(strftime('%s', refused_since) as integer) as refused_since, \
           waiting, allowance, removed, dead_groups, oldest_dead \
         from retention_runs order by domain",
    )
    .load(connection)?;
    Ok(rows.iter().filter_map(RetentionRow::status).collect())
}

pub(super) fn refuse(
    connection: &mut SqliteConnection,
    domain: Domain,
    reason: &str,
) -> QueryResult<()> {
    diesel::sql_query(format!(
        "insert into retention_runs as r (domain, refused, refused_since) values (?, ?, {NOW}) \
         on conflict (domain) do update set refused = excluded.refused, \
           refused_since = coalesce(r.refused_since, excluded.refused_since)"
    ))
    .bind::<Text, _>(domain.name())
    .bind::<Text, _>(reason)
    .execute(connection)
    .map(|_| ())
}

pub(super) fn forget_clock(connection: &mut SqliteConnection) -> QueryResult<()> {
    diesel::sql_query("update retention_runs set ran_at = null")
        .execute(connection)
        .map(|_| ())
}

/// Another worker may have begun the day meanwhile: then its count stays.
pub(super) fn begin(
    connection: &mut SqliteConnection,
    domain: Domain,
    counted: Backlog,
) -> QueryResult<()> {
    const TODAY: &str = "coalesce(date(r.ran_at) >= date('now'), false)";
    diesel::sql_query(format!(
        "insert into retention_runs as r (domain, ran_at, waiting, allowance) \
         values (?, {NOW}, ?, ?) \
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
    .map(|_| ())
}

/// Takes one group of the day's share; false if it is used up.
pub(super) fn take_share(connection: &mut SqliteConnection, domain: Domain) -> QueryResult<bool> {
    diesel::sql_query(
        "update retention_runs set removed = removed + 1 \
         where domain = ? and removed < allowance",
    )
    .bind::<Text, _>(domain.name())
    .execute(connection)
    .map(|updated| updated > 0)
}

pub(super) fn end(
    connection: &mut SqliteConnection,
    domain: Domain,
    first_kept: NaiveDate,
) -> QueryResult<()> {
    diesel::sql_query(
        "update retention_runs set (dead_groups, oldest_dead) = ( \
           select count(*), min(local_date) from aggregation_groups g \
           where g.domain = ?1 and g.state = 'dead' and g.local_date < ?2) \
         where domain = ?1",
    )
    .bind::<Text, _>(domain.name())
    .bind::<Text, _>(first_kept.to_string())
    .execute(connection)
    .map(|_| ())
}
