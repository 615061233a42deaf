//! Removing what is older than it is to be kept.

use std::time::Duration;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Double, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::days::with_days;
use super::queue::{WITHIN, bind_filter};
use super::{PgStore, pool};
use crate::domain::{Domain, UserId};
use crate::store::sql::{flat, of_domain};
use crate::store::status_rows::RetentionRow;
use crate::store::{Backlog, Clock, GroupFilter, Place, Result, Retention, RetentionStatus};

impl Retention for PgStore {
    async fn clock(&self) -> Result<Clock> {
        on_connection!(self, "read clock", c => clock(c))
    }

    async fn retention(&self) -> Result<Vec<RetentionStatus>> {
        on_connection!(self, "read retention", c => status(c))
    }

    async fn refuse_retention(&self, domain: Domain, reason: &str) -> Result<()> {
        on_connection!(self, "refuse retention", c => refuse(c, domain, reason))
    }

    async fn forget_clock(&self) -> Result<()> {
        on_connection!(self, "accept clock", c => forget_clock(c))
    }

    async fn begin_retention(&self, domain: Domain, counted: Backlog) -> Result<()> {
        on_connection!(self, "begin retention", c => begin(c, domain, counted))
    }

    async fn end_retention(&self, domain: Domain, first_kept: NaiveDate) -> Result<()> {
        on_connection!(self, "end retention", c => end(c, domain, first_kept))
    }

    async fn first_kept(&self, keep: Duration) -> Result<NaiveDate> {
        on_connection!(self, "read clock", c => first_kept(c, keep))
    }

    async fn oldest_rows(&self, domain: Domain, from: UserId, limit: usize) -> Result<Vec<Place>> {
        on_connection!(self, "find old rows", c => oldest(c, &Oldest::rows(domain), from, limit))
    }

    async fn oldest_hours(&self, domain: Domain, from: UserId, limit: usize) -> Result<Vec<Place>> {
        on_connection!(self, "find old hours", c => oldest(c, &Oldest::hours(domain), from, limit))
    }

    async fn delete_late(
        &self,
        domain: Domain,
        user_id: UserId,
        keep: Duration,
        limit: usize,
    ) -> Result<u64> {
        on_connection!(self, "delete late rows", c => delete_late(c, domain, user_id, keep, limit))
    }

    async fn delete_hours(
        &self,
        domain: Domain,
        user_id: UserId,
        before: NaiveDate,
        days: u32,
    ) -> Result<u64> {
        on_connection!(self, "delete old hours", c => delete_hours(c, domain, user_id, before, days))
    }

    async fn count_sealed(&self, domain: Domain, within: &GroupFilter) -> Result<u64> {
        on_connection!(self, "count sealed groups", c => count_sealed(c, domain, within))
    }
}

#[derive(QueryableByName)]
struct Ahead {
    #[diesel(sql_type = Nullable<Double>)]
    hours: Option<f64>,
    #[diesel(sql_type = Bool)]
    by_round: bool,
}

async fn clock(connection: &mut AsyncPgConnection) -> QueryResult<Clock> {
    let arrival = include_str!("sql/newest_arrival.sql");
    let arrivals = Domain::ALL.iter().map(|domain| of_domain(arrival, *domain));
    let arrivals: Vec<_> = arrivals.map(|text| format!("({text})")).collect();
    let text =
        flat(include_str!("sql/retention_clock.sql")).replace("{arrivals}", &arrivals.join(", "));
    let ahead: Ahead = diesel::sql_query(text).get_result(connection).await?;
    Ok(Clock {
        hours_ahead: ahead.hours,
        by_round: ahead.by_round,
    })
}

pub(super) async fn status(
    connection: &mut AsyncPgConnection,
) -> QueryResult<Vec<RetentionStatus>> {
    let rows: Vec<RetentionRow> = diesel::sql_query(flat(include_str!("sql/retention_status.sql")))
        .load(connection)
        .await?;
    Ok(rows.iter().filter_map(RetentionRow::status).collect())
}

async fn refuse(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    reason: &str,
) -> QueryResult<()> {
    diesel::sql_query(flat(include_str!("sql/refuse_retention.sql")))
        .bind::<Text, _>(domain.name())
        .bind::<Text, _>(reason)
        .execute(connection)
        .await
        .map(|_| ())
}

async fn forget_clock(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    diesel::sql_query("update retention_runs set ran_at = null")
        .execute(connection)
        .await
        .map(|_| ())
}

async fn begin(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    counted: Backlog,
) -> QueryResult<()> {
    diesel::sql_query(flat(include_str!("sql/begin_retention.sql")))
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
        "update retention_runs set removed = removed + 1 where domain = $1 and removed < allowance",
    )
    .bind::<Text, _>(domain.name())
    .execute(connection)
    .await
    .map(|updated| updated > 0)
}

async fn end(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    first_kept: NaiveDate,
) -> QueryResult<()> {
    diesel::sql_query(flat(include_str!("sql/end_retention.sql")))
        .bind::<Text, _>(domain.name())
        .bind::<Date, _>(first_kept)
        .execute(connection)
        .await
        .map(|_| ())
}

#[derive(QueryableByName)]
struct FirstKept {
    #[diesel(sql_type = Date)]
    date: NaiveDate,
}

pub(super) async fn first_kept(
    connection: &mut AsyncPgConnection,
    keep: Duration,
) -> QueryResult<NaiveDate> {
    // A day more than asked: a local date may end half a day after the same date
    // in UTC.
    let first: FirstKept = diesel::sql_query(
        "select ((now() at time zone 'UTC') - make_interval(secs => $1))::date - 1 as date",
    )
    .bind::<Double, _>(keep.as_secs_f64())
    .get_result(connection)
    .await?;
    Ok(first.date)
}

/// What `oldest.sql` looks for.
struct Oldest {
    /// A table and a condition.
    source: String,
    /// The column that orders a user's rows in an index.
    at: &'static str,
    /// Its date.
    date: &'static str,
}

impl Oldest {
    fn rows(domain: Domain) -> Oldest {
        Oldest {
            source: format!("{} where true", domain.tables().raw),
            at: domain.tables().time,
            date: "(at at time zone 'UTC')::date",
        }
    }

    fn hours(domain: Domain) -> Oldest {
        Oldest {
            source: format!("{} where period = 'hour'", domain.tables().aggregates),
            at: "local_date",
            date: "at",
        }
    }
}

#[derive(QueryableByName)]
struct UserDate {
    #[diesel(sql_type = BigInt)]
    user_id: UserId,
    #[diesel(sql_type = Date)]
    local_date: NaiveDate,
}

async fn oldest(
    connection: &mut AsyncPgConnection,
    of: &Oldest,
    from: UserId,
    limit: usize,
) -> QueryResult<Vec<Place>> {
    let text = flat(include_str!("sql/oldest.sql"))
        .replace("{source}", &of.source)
        .replace("{at}", of.at)
        .replace("{date}", of.date);
    let rows: Vec<UserDate> = diesel::sql_query(text)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.user_id, row.local_date))
        .collect())
}

async fn delete_late(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    user_id: UserId,
    keep: Duration,
    limit: usize,
) -> QueryResult<u64> {
    diesel::sql_query(with_days(include_str!("sql/delete_late.sql"), domain))
        .bind::<BigInt, _>(user_id)
        .bind::<Double, _>(keep.as_secs_f64())
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .execute(connection)
        .await
        .map(|deleted| deleted as u64)
}

async fn delete_hours(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    user_id: UserId,
    before: NaiveDate,
    days: u32,
) -> QueryResult<u64> {
    diesel::sql_query(of_domain(include_str!("sql/delete_hours.sql"), domain))
        .bind::<BigInt, _>(user_id)
        .bind::<Date, _>(before)
        .bind::<BigInt, _>(i64::from(days))
        .execute(connection)
        .await
        .map(|deleted| deleted as u64)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    groups: i64,
}

async fn count_sealed(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    within: &GroupFilter,
) -> QueryResult<u64> {
    let query = diesel::sql_query(format!(
        "select count(*) as groups from sealed_groups where {WITHIN} and domain = $4"
    ));
    let count: Count = bind_filter!(query, within)
        .bind::<Text, _>(domain.name())
        .get_result(connection)
        .await?;
    Ok(count.groups.unsigned_abs())
}
