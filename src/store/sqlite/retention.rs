//! Removing what is older than it is to be kept. Everything here runs in an
//! immediate transaction: nobody writes meanwhile.

use std::time::Duration;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::group::check;
use super::pull::{GroupRow, WITHIN, bind_filter};
use super::retention_runs::take_share;
use super::rows::now_plus;
use crate::domain::{Domain, Fold, FoldRules, UserId};
use crate::store::{GroupCheck, GroupFilter, Seal};

#[derive(QueryableByName)]
struct FirstKept {
    #[diesel(sql_type = Text)]
    date: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    groups: i64,
}

fn ago(keep: Duration) -> String {
    format!("-{} seconds", keep.as_secs())
}

/// A day more than asked, because a local date may end half a day after the
/// same date in UTC.
pub(super) fn first_kept(
    connection: &mut SqliteConnection,
    keep: Duration,
) -> QueryResult<NaiveDate> {
    let first: FirstKept = diesel::sql_query("select date('now', ?, '-1 day') as date")
        .bind::<Text, _>(ago(keep))
        .get_result(connection)?;
    first
        .date
        .parse()
        .map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))
}

fn oldest(
    connection: &mut SqliteConnection,
    rows: String,
    from: UserId,
    limit: usize,
) -> QueryResult<Vec<(UserId, NaiveDate)>> {
    let oldest: Vec<GroupRow> = diesel::sql_query(format!(
        "select user_id, min(local_date) as local_date, 0 as rows from {rows} and user_id >= ? \
         group by user_id order by user_id limit ?"
    ))
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)?;
    oldest
        .iter()
        .map(|row| Ok((row.user_id, row.date()?)))
        .collect()
}

pub(super) fn oldest_rows<F: Fold>(
    connection: &mut SqliteConnection,
    from: UserId,
    limit: usize,
) -> QueryResult<Vec<(UserId, NaiveDate)>> {
    oldest(
        connection,
        format!("{} where true", F::RAW_TABLE),
        from,
        limit,
    )
}

pub(super) fn oldest_hours<F: Fold>(
    connection: &mut SqliteConnection,
    from: UserId,
    limit: usize,
) -> QueryResult<Vec<(UserId, NaiveDate)>> {
    let rows = format!("{} where period = 'hour'", F::AGGREGATE_TABLE);
    oldest(connection, rows, from, limit)
}

pub(super) fn seal<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
    rules: &FoldRules,
    keep_hours: Option<Duration>,
    of_share: bool,
) -> QueryResult<Seal> {
    match check::<F>(connection, user_id, local_date, rules, keep_hours)? {
        GroupCheck::Unsettled => return Ok(Seal::Unsettled),
        GroupCheck::Settled {
            drifts,
            misjudged_rows,
        } if !drifts.is_empty() || misjudged_rows > 0 => return Ok(Seal::Drifted),
        GroupCheck::Settled { .. } if of_share && !take_share(connection, F::DOMAIN)? => {
            return Ok(Seal::Spent);
        }
        GroupCheck::Settled { .. } => {}
    }
    let deleted = diesel::sql_query(format!(
        "delete from {} where user_id = ? and local_date = ?",
        F::RAW_TABLE
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(local_date.to_string())
    .execute(connection)?;
    diesel::sql_query(
        "insert into sealed_groups (user_id, domain, local_date, raw_rows) values (?, ?, ?, ?)",
    )
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(local_date.to_string())
    .bind::<BigInt, _>(i64::try_from(deleted).unwrap_or(i64::MAX))
    .execute(connection)?;
    // The mark that the delete's trigger has just set.
    diesel::sql_query(
        "delete from aggregation_groups where user_id = ? and domain = ? and local_date = ?",
    )
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(local_date.to_string())
    .execute(connection)?;
    Ok(Seal::Sealed {
        rows: deleted as u64,
    })
}

pub(super) fn delete_late<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    keep: Duration,
    limit: usize,
) -> QueryResult<u64> {
    diesel::sql_query(format!(
        "delete from {raw} where id in ( \
           select id from {raw} r join sealed_groups s using (user_id, local_date) \
           where r.user_id = ? and r.status = 'rejected' and s.domain = ? \
             and r.created_at < {before} limit ?)",
        raw = F::RAW_TABLE,
        before = now_plus("?"),
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(ago(keep))
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .execute(connection)
    .map(|deleted| deleted as u64)
}

pub(super) fn delete_hours<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    before: NaiveDate,
    days: u32,
) -> QueryResult<u64> {
    diesel::sql_query(format!(
        "delete from {table} where user_id = ?1 and period = 'hour' and local_date in ( \
           select distinct local_date from {table} a \
           where user_id = ?1 and period = 'hour' and local_date < ?2 and not exists ( \
             select 1 from aggregation_groups g where g.user_id = a.user_id \
               and g.domain = ?4 and g.local_date = a.local_date) \
           order by local_date limit ?3)",
        table = F::AGGREGATE_TABLE,
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(before.to_string())
    .bind::<BigInt, _>(i64::from(days))
    .bind::<Text, _>(F::DOMAIN.name())
    .execute(connection)
    .map(|deleted| deleted as u64)
}

pub(super) fn count_sealed(
    connection: &mut SqliteConnection,
    domain: Domain,
    filter: &GroupFilter,
) -> QueryResult<u64> {
    let query = diesel::sql_query(format!(
        "select count(*) as groups from sealed_groups where {WITHIN} and domain = ?4"
    ));
    let count: Count = bind_filter!(query, filter)
        .bind::<Text, _>(domain.name())
        .get_result(connection)?;
    Ok(count.groups.unsigned_abs())
}
