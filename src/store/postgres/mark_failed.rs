//! The transaction that records a group's failure.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Double, Integer, Nullable, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::cached::Cached;
use super::group_texts::LOCK_KEY;
use super::schema::aggregation_errors as e;
use crate::domain::{Fold, GroupKey};
use crate::store::{ErrorClass, Failure, GroupState};

#[derive(diesel::QueryableByName)]
struct MarkedState {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

/// Returns the group's state and where [`mark_rows`] goes on.
pub(super) async fn mark_failed<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    failure: &Failure,
) -> QueryResult<Option<(GroupState, Option<i64>)>> {
    let marked = connection
        .transaction(async |connection| {
            // Waits for whoever folds this user now, at most lock_timeout.
            Cached(
                diesel::sql_query(format!("select pg_advisory_xact_lock({LOCK_KEY})"))
                    .bind::<Text, _>(F::DOMAIN.name())
                    .bind::<BigInt, _>(key.user_id),
            )
            .execute(&mut *connection)
            .await?;
            let marked = Cached(
                diesel::sql_query(include_str!("mark_failed.sql"))
                    .bind::<BigInt, _>(key.user_id)
                    .bind::<Text, _>(F::DOMAIN.name())
                    .bind::<Date, _>(key.local_date)
                    .bind::<Integer, _>(blame(failure))
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
            let last = mark_rows::<F>(connection, key, failure, None).await?;
            diesel::insert_into(e::table)
                .values((
                    e::user_id.eq(key.user_id),
                    e::domain.eq(F::DOMAIN.name()),
                    e::local_date.eq(key.local_date),
                    e::attempts.eq(marked.attempts),
                    e::error_class.eq(failure.class.name()),
                    e::error.eq(&failure.error),
                    e::worker.eq(&failure.worker),
                ))
                .execute(&mut *connection)
                .await?;
            QueryResult::Ok(Some((marked, last)))
        })
        .await?;
    Ok(marked.map(|(marked, last)| {
        let attempts = u32::try_from(marked.attempts).unwrap_or(0);
        let state = match marked.state.as_str() {
            "dead" => GroupState::Dead { attempts },
            _ => GroupState::Due { attempts },
        };
        (state, last)
    }))
}

/// Rows that one statement marks: it ends long before `statement_timeout`.
const AT_ONCE: usize = 100_000;

#[derive(diesel::QueryableByName)]
struct MarkedRows {
    /// None where no row was left to be marked.
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
}

/// Marks the group's rows behind `after`, in the order of their ids. Returns the
/// last of them where more may follow.
///
/// Rows that the application has locked stay as they are: the mark must not fail
/// for the reason that the group did.
pub(super) async fn mark_rows<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    failure: &Failure,
    after: Option<i64>,
) -> QueryResult<Option<i64>> {
    let marked: MarkedRows = Cached(
        diesel::sql_query(format!(
            "with marked as ( \
               update {table} set status = 'failed', error = $3, attempts = attempts + $4 \
               where user_id = $1 and id in ( \
                 select id from {table} where user_id = $1 and local_date = $2 \
                   and status in ('pending', 'failed') and id > $5 \
                 order by id limit {AT_ONCE} for update skip locked) \
               returning id) \
             select case when count(*) >= {AT_ONCE} then max(id) end as last from marked",
            table = F::RAW_TABLE,
        ))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Date, _>(key.local_date)
        .bind::<Text, _>(failure.error.clone())
        .bind::<Integer, _>(blame(failure))
        .bind::<BigInt, _>(after.unwrap_or(i64::MIN)),
    )
    .get_result(connection)
    .await?;
    Ok(marked.last)
}

/// How much the attempt counts.
fn blame(failure: &Failure) -> i32 {
    i32::from(failure.class != ErrorClass::Transient)
}
