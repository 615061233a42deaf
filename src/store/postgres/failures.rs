//! Groups that failed: recording them, and what an operator sees and does.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Double, Integer, Text, Timestamptz};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::PgStore;
use super::connection::cached::Cached;
use super::connection::pool;
use super::days::{touches, with_days};
use super::schema::{aggregation_errors as e, failed_groups as f};
use crate::domain::{Domain, GroupKey};
use crate::store::failures::DISCARDED;
use crate::store::sql::flat;
use crate::store::window::Window;
use crate::store::{
    ErrorClass, FailedFilter, FailedGroup, Failure, Failures, GroupState, PastFailure, Place,
    Result,
};

impl Failures for PgStore {
    async fn mark_failed(&self, key: GroupKey, failure: &Failure) -> Result<Option<GroupState>> {
        on_connection!(self, "mark failed", c => mark_failed(c, key, failure))
    }

    async fn failed_groups(
        &self,
        domain: Domain,
        filter: &FailedFilter,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<FailedGroup>> {
        on_connection!(self, "list failed", c => list(c, domain, filter, after, limit))
    }

    async fn past_failures(&self, key: GroupKey, limit: usize) -> Result<Vec<PastFailure>> {
        on_connection!(self, "read past failures", c => history(c, key, limit))
    }

    async fn is_put_off(&self, key: GroupKey) -> Result<bool> {
        on_connection!(self, "read failure", c => is_put_off(c, key))
    }

    async fn retry_failed(&self, key: GroupKey) -> Result<bool> {
        on_connection!(self, "retry failed", c => retry(c, key))
    }

    async fn discard_failed(&self, key: GroupKey) -> Result<bool> {
        on_connection!(self, "discard failed", c => discard(c, key))
    }
}

/// The advisory lock of (domain, user): $1 domain, $2 user.
const LOCK_USER: &str =
    "select pg_advisory_xact_lock(hashint8extended($2, hashtextextended('vitalfold ' || $1, 0)))";

#[derive(diesel::QueryableByName)]
struct MarkedState {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

async fn mark_failed(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    failure: &Failure,
) -> QueryResult<Option<GroupState>> {
    let marked = connection
        .transaction(async |connection| {
            // Waits for whoever folds this user now, at most lock_timeout.
            Cached(
                diesel::sql_query(LOCK_USER)
                    .bind::<Text, _>(key.domain.name())
                    .bind::<BigInt, _>(key.user_id),
            )
            .execute(&mut *connection)
            .await?;
            let marked = Cached(
                diesel::sql_query(flat(include_str!("sql/mark_failed.sql")))
                    .bind::<BigInt, _>(key.user_id)
                    .bind::<Text, _>(key.domain.name())
                    .bind::<Date, _>(key.local_date)
                    .bind::<Integer, _>(i32::from(failure.class != ErrorClass::Transient))
                    .bind::<Integer, _>(i32::try_from(failure.max_attempts).unwrap_or(i32::MAX))
                    .bind::<Double, _>(failure.backoff.as_secs_f64())
                    .bind::<Double, _>(failure.max_backoff.as_secs_f64())
                    .bind::<Double, _>(failure.jitter)
                    .bind::<Text, _>(failure.error.clone())
                    .bind::<Text, _>(failure.class.name()),
            )
            .get_result::<MarkedState>(&mut *connection)
            .await
            .optional()?;
            let Some(marked) = marked else {
                return Ok(None);
            };
            diesel::insert_into(e::table)
                .values((
                    e::user_id.eq(key.user_id),
                    e::domain.eq(key.domain.name()),
                    e::local_date.eq(key.local_date),
                    e::attempts.eq(marked.attempts),
                    e::error_class.eq(failure.class.name()),
                    e::error.eq(&failure.error),
                    e::worker.eq(&failure.worker),
                ))
                .execute(&mut *connection)
                .await?;
            QueryResult::Ok(Some(marked))
        })
        .await?;
    Ok(marked.map(|marked| {
        let attempts = u32::try_from(marked.attempts).unwrap_or(0);
        match marked.state.as_str() {
            "dead" => GroupState::Dead { attempts },
            _ => GroupState::Waiting { attempts },
        }
    }))
}

async fn list(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    filter: &FailedFilter,
    after: Option<Place>,
    limit: usize,
) -> QueryResult<Vec<FailedGroup>> {
    let mut query = f::table
        .filter(f::domain.eq(domain.name()))
        .order((f::user_id, f::local_date))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .into_boxed();
    if !filter.within.users.is_empty() {
        query = query.filter(f::user_id.eq_any(&filter.within.users));
    }
    if let Some(from) = filter.within.from {
        query = query.filter(f::local_date.ge(from));
    }
    if let Some(to) = filter.within.to {
        query = query.filter(f::local_date.le(to));
    }
    if let Some(class) = filter.class {
        query = query.filter(f::error_class.eq(class.name()));
    }
    if filter.dead_only {
        query = query.filter(f::state.eq("dead"));
    }
    if let Some((user_id, date)) = after {
        let behind = f::user_id.eq(user_id).and(f::local_date.gt(date));
        query = query.filter(f::user_id.gt(user_id).or(behind));
    }
    type Row = (
        i64,
        NaiveDate,
        String,
        i32,
        chrono::DateTime<chrono::Utc>,
        chrono::DateTime<chrono::Utc>,
        String,
        String,
    );
    let rows: Vec<Row> = query
        .select((
            f::user_id,
            f::local_date,
            f::state,
            f::attempts,
            f::next_attempt_at,
            f::updated_at,
            f::error_class,
            f::error,
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
            error_class: row.6,
            error: row.7,
        })
        .collect())
}

async fn history(
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

#[derive(diesel::QueryableByName)]
struct PutOff {
    #[diesel(sql_type = Bool)]
    put_off: bool,
}

async fn is_put_off(connection: &mut AsyncPgConnection, key: GroupKey) -> QueryResult<bool> {
    let row: PutOff = diesel::sql_query(flat(include_str!("sql/is_put_off.sql")))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.domain.name())
        .bind::<Date, _>(key.local_date)
        .get_result(connection)
        .await?;
    Ok(row.put_off)
}

async fn retry(connection: &mut AsyncPgConnection, key: GroupKey) -> QueryResult<bool> {
    let group = f::table.find((key.user_id, key.domain.name(), key.local_date));
    let changed = diesel::update(group)
        .set((
            f::state.eq("waiting"),
            f::attempts.eq(0),
            f::next_attempt_at.eq(diesel::dsl::now),
            f::updated_at.eq(diesel::dsl::now),
        ))
        .execute(connection)
        .await?;
    Ok(changed > 0)
}

async fn discard(connection: &mut AsyncPgConnection, key: GroupKey) -> QueryResult<bool> {
    connection
        .transaction(async |connection| {
            // Waits for whoever folds this user now, at most lock_timeout.
            diesel::sql_query(LOCK_USER)
                .bind::<Text, _>(key.domain.name())
                .bind::<BigInt, _>(key.user_id)
                .execute(&mut *connection)
                .await?;
            let group = f::table.find((key.user_id, key.domain.name(), key.local_date));
            let given_up: Option<(chrono::DateTime<chrono::Utc>, String)> = diesel::delete(group)
                .returning((f::since, f::error))
                .get_result(&mut *connection)
                .await
                .optional()?;
            let Some((since, error)) = given_up else {
                return Ok(false);
            };
            let text = include_str!("sql/discard_failed.sql")
                .replace("{touches}", &touches(key.domain, "$4", "$5"));
            let window = Window::of(key.local_date);
            diesel::sql_query(with_days(&text, key.domain))
                .bind::<BigInt, _>(key.user_id)
                .bind::<Timestamptz, _>(window.long_from)
                .bind::<Timestamptz, _>(window.to)
                .bind::<Timestamptz, _>(window.day[0])
                .bind::<Timestamptz, _>(window.day[1])
                .bind::<Text, _>(key.domain.name())
                .bind::<Date, _>(key.local_date)
                .bind::<Timestamptz, _>(since)
                .bind::<Text, _>(format!("{DISCARDED}{error}"))
                .execute(&mut *connection)
                .await?;
            QueryResult::Ok(true)
        })
        .await
}
