//! Groups that failed: what an operator sees and does.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::pull::{WITHIN, bind_filter};
use super::rows::{NOW, parse_time};
use crate::domain::{Domain, Fold, GroupKey, UserId};
use crate::store::group_states::DISCARDED;
use crate::store::{FailedFilter, FailedGroup, PastFailure};

#[derive(QueryableByName)]
struct FailedRow {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    local_date: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
    #[diesel(sql_type = Text)]
    next_attempt_at: String,
    #[diesel(sql_type = Text)]
    updated_at: String,
    #[diesel(sql_type = Nullable<Text>)]
    error_class: Option<String>,
    #[diesel(sql_type = Text)]
    error: String,
}

pub(super) fn list(
    connection: &mut SqliteConnection,
    domain: Domain,
    filter: &FailedFilter,
    after: Option<(UserId, NaiveDate)>,
    limit: usize,
) -> QueryResult<Vec<FailedGroup>> {
    let query = diesel::sql_query(format!(
        "select user_id, local_date, state, attempts, next_attempt_at, updated_at, error_class, \
           error \
         from aggregation_groups where {WITHIN} and domain = ?4 and error is not null \
           and (?5 is null or error_class = ?5) and (not ?6 or state = 'dead') \
           and (?7 is null or (user_id, local_date) > (?7, ?8)) \
         order by user_id, local_date limit ?9"
    ));
    let rows: Vec<FailedRow> = bind_filter!(query, filter.within)
        .bind::<Text, _>(domain.name())
        .bind::<Nullable<Text>, _>(filter.class.map(|class| class.name()))
        .bind::<Bool, _>(filter.dead_only)
        .bind::<Nullable<BigInt>, _>(after.map(|after| after.0))
        .bind::<Nullable<Text>, _>(after.map(|after| after.1.to_string()))
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(connection)?;
    let time = |text: &str| parse_time(text).map_err(diesel::result::Error::DeserializationError);
    rows.into_iter()
        .map(|row| {
            let date = row.local_date.parse::<NaiveDate>();
            Ok(FailedGroup {
                user_id: row.user_id,
                local_date: date
                    .map_err(|error| diesel::result::Error::DeserializationError(error.into()))?,
                state: row.state,
                attempts: row.attempts,
                next_attempt_at: time(&row.next_attempt_at)?,
                updated_at: time(&row.updated_at)?,
                error_class: row.error_class.unwrap_or_default(),
                error: row.error,
            })
        })
        .collect()
}

#[derive(QueryableByName)]
struct PastRow {
    #[diesel(sql_type = Text)]
    failed_at: String,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
    #[diesel(sql_type = Text)]
    error_class: String,
    #[diesel(sql_type = Text)]
    error: String,
    #[diesel(sql_type = Text)]
    worker: String,
}

pub(super) fn history(
    connection: &mut SqliteConnection,
    key: GroupKey,
    limit: usize,
) -> QueryResult<Vec<PastFailure>> {
    let rows: Vec<PastRow> = diesel::sql_query(
        "select failed_at, attempts, error_class, error, worker from ( \
           select * from aggregation_errors \
           where user_id = ? and domain = ? and local_date = ? order by id desc limit ?) \
         order by id",
    )
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(key.domain.name())
    .bind::<Text, _>(key.local_date.to_string())
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)?;
    rows.into_iter()
        .map(|row| {
            Ok(PastFailure {
                failed_at: parse_time(&row.failed_at)
                    .map_err(diesel::result::Error::DeserializationError)?,
                attempts: row.attempts,
                error_class: row.error_class,
                error: row.error,
                worker: row.worker,
            })
        })
        .collect()
}

#[derive(QueryableByName)]
struct PutOff {
    #[diesel(sql_type = Bool)]
    put_off: bool,
}

pub(super) fn is_put_off(connection: &mut SqliteConnection, key: GroupKey) -> QueryResult<bool> {
    let row: PutOff = diesel::sql_query(format!(
        "select exists (select 1 from aggregation_groups \
         where user_id = ? and domain = ? and local_date = ? \
           and (state = 'dead' or next_attempt_at > {NOW})) as put_off"
    ))
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(key.domain.name())
    .bind::<Text, _>(key.local_date.to_string())
    .get_result(connection)?;
    Ok(row.put_off)
}

pub(super) fn retry(connection: &mut SqliteConnection, key: GroupKey) -> QueryResult<bool> {
    let changed = diesel::sql_query(format!(
        "update aggregation_groups set state = 'due', attempts = 0, version = version + 1, \
           next_attempt_at = {NOW}, updated_at = {NOW} \
         where user_id = ? and domain = ? and local_date = ? and error is not null"
    ))
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(key.domain.name())
    .bind::<Text, _>(key.local_date.to_string())
    .execute(connection)?;
    Ok(changed > 0)
}

pub(super) fn discard<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<bool> {
    let deleted = diesel::sql_query(
        "delete from aggregation_groups \
         where user_id = ? and domain = ? and local_date = ? and error is not null",
    )
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(local_date.to_string())
    .execute(connection)?;
    if deleted == 0 {
        return Ok(false);
    }
    diesel::sql_query(format!(
        "update {table} set status = 'rejected', error = ? || coalesce(error, ''), \
           aggregated_at = {NOW} \
         where user_id = ? and local_date = ? and status = 'failed'",
        table = F::RAW_TABLE,
    ))
    .bind::<Text, _>(DISCARDED)
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(local_date.to_string())
    .execute(connection)?;
    Ok(true)
}
