//! Groups that failed: what an operator sees and does.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::group_texts::LOCK_KEY;
use super::schema::{aggregation_errors as e, aggregation_groups as g};
use crate::domain::{Domain, Fold, GroupKey, UserId};
use crate::store::group_states::DISCARDED;
use crate::store::{FailedFilter, FailedGroup, PastFailure};

pub(super) async fn list(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    filter: &FailedFilter,
    after: Option<(UserId, NaiveDate)>,
    limit: usize,
) -> QueryResult<Vec<FailedGroup>> {
    let mut query = g::table
        .filter(g::domain.eq(domain.name()))
        .filter(g::error.is_not_null())
        .order((g::user_id, g::local_date))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .into_boxed();
    if !filter.within.users.is_empty() {
        query = query.filter(g::user_id.eq_any(&filter.within.users));
    }
    if let Some(from) = filter.within.from {
        query = query.filter(g::local_date.ge(from));
    }
    if let Some(to) = filter.within.to {
        query = query.filter(g::local_date.le(to));
    }
    if let Some(class) = filter.class {
        query = query.filter(g::error_class.eq(class.name()));
    }
    if filter.dead_only {
        query = query.filter(g::state.eq("dead"));
    }
    if let Some((user_id, date)) = after {
        let behind = g::user_id.eq(user_id).and(g::local_date.gt(date));
        query = query.filter(g::user_id.gt(user_id).or(behind));
    }
    type Row = (
        i64,
        NaiveDate,
        String,
        i32,
        chrono::DateTime<chrono::Utc>,
        chrono::DateTime<chrono::Utc>,
        Option<String>,
        Option<String>,
    );
    let rows: Vec<Row> = query
        .select((
            g::user_id,
            g::local_date,
            g::state,
            g::attempts,
            g::next_attempt_at,
            g::updated_at,
            g::error_class,
            g::error,
        ))
        .load(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| FailedGroup {
            user_id: row.0,
            local_date: row.1,
            state: row.2,
            attempts: row.3.into(),
            next_attempt_at: row.4,
            updated_at: row.5,
            error_class: row.6.unwrap_or_default(),
            error: row.7.unwrap_or_default(),
        })
        .collect())
}

pub(super) async fn history(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    limit: usize,
) -> QueryResult<Vec<PastFailure>> {
    type Row = (chrono::DateTime<chrono::Utc>, i32, String, String, String);
    let mut rows: Vec<Row> = e::table
        .filter(e::user_id.eq(key.user_id))
        .filter(e::domain.eq(key.domain.name()))
        .filter(e::local_date.eq(key.local_date))
        .order(e::id.desc())
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((
            e::failed_at,
            e::attempts,
            e::error_class,
            e::error,
            e::worker,
        ))
        .load(connection)
        .await?;
    rows.reverse();
    Ok(rows
        .into_iter()
        .map(
            |(failed_at, attempts, error_class, error, worker)| PastFailure {
                failed_at,
                attempts: attempts.into(),
                error_class,
                error,
                worker,
            },
        )
        .collect())
}

pub(super) async fn is_put_off(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
) -> QueryResult<bool> {
    let group = g::table.find((key.user_id, key.domain.name(), key.local_date));
    let waits = g::next_attempt_at.gt(diesel::dsl::now);
    diesel::select(diesel::dsl::exists(
        group.filter(g::state.eq("dead").or(waits)),
    ))
    .get_result(connection)
    .await
}

pub(super) async fn retry(connection: &mut AsyncPgConnection, key: GroupKey) -> QueryResult<bool> {
    let group = g::table.find((key.user_id, key.domain.name(), key.local_date));
    let changed = diesel::update(group.filter(g::error.is_not_null()))
        .set((
            g::state.eq("due"),
            g::attempts.eq(0),
            g::version.eq(g::version + 1),
            g::next_attempt_at.eq(diesel::dsl::now),
            g::updated_at.eq(diesel::dsl::now),
        ))
        .execute(connection)
        .await?;
    Ok(changed > 0)
}

pub(super) async fn discard<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<bool> {
    connection
        .transaction(async |connection| {
            // Waits for whoever folds this user now, at most lock_timeout.
            diesel::sql_query(format!("select pg_advisory_xact_lock({LOCK_KEY})"))
                .bind::<Text, _>(F::DOMAIN.name())
                .bind::<BigInt, _>(user_id)
                .execute(&mut *connection)
                .await?;
            let group = g::table.find((user_id, F::DOMAIN.name(), local_date));
            let deleted = diesel::delete(group.filter(g::error.is_not_null()))
                .execute(&mut *connection)
                .await?;
            if deleted == 0 {
                return Ok(false);
            }
            diesel::sql_query(format!(
                "update {table} set status = 'rejected', error = $3 || coalesce(error, ''), \
                   aggregated_at = now() \
                 where user_id = $1 and local_date = $2 and status = 'failed'",
                table = F::RAW_TABLE,
            ))
            .bind::<BigInt, _>(user_id)
            .bind::<Date, _>(local_date)
            .bind::<Text, _>(DISCARDED)
            .execute(&mut *connection)
            .await?;
            QueryResult::Ok(true)
        })
        .await
}
