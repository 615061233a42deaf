//! Groups that failed: recording them, and what an operator sees and does.

use diesel::deserialize::QueryableByName;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text};

use super::SqliteStore;
use super::rows::{at_most, bind_filter, bound_text, date, parse_time};
use super::texts::of_domain;
use crate::domain::{Domain, GroupKey};
use crate::store::failures::DISCARDED;
use crate::store::sql::flat;
use crate::store::window::Window;
use crate::store::{
    ErrorClass, FailedFilter, FailedGroup, Failure, Failures, GroupState, PastFailure, Place,
    Result,
};

impl Failures for SqliteStore {
    async fn mark_failed(&self, key: GroupKey, failure: &Failure) -> Result<Option<GroupState>> {
        let failure = failure.clone();
        self.write("mark failed", move |c| mark_failed(c, key, &failure))
            .await
    }

    async fn failed_groups(
        &self,
        domain: Domain,
        filter: &FailedFilter,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<FailedGroup>> {
        let filter = filter.clone();
        self.call("list failed", move |c| {
            list(c, domain, &filter, after, limit)
        })
        .await
    }

    async fn past_failures(&self, key: GroupKey, limit: usize) -> Result<Vec<PastFailure>> {
        self.call("read past failures", move |c| history(c, key, limit))
            .await
    }

    async fn is_put_off(&self, key: GroupKey) -> Result<bool> {
        self.call("read failure", move |c| is_put_off(c, key)).await
    }

    async fn retry_failed(&self, key: GroupKey) -> Result<bool> {
        self.write("retry failed", move |c| retry(c, key)).await
    }

    async fn discard_failed(&self, key: GroupKey) -> Result<bool> {
        self.write("discard failed", move |c| discard(c, key)).await
    }
}

#[derive(QueryableByName)]
struct MarkedState {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
}

fn mark_failed(
    connection: &mut SqliteConnection,
    key: GroupKey,
    failure: &Failure,
) -> QueryResult<Option<GroupState>> {
    let (user_id, day) = (key.user_id, key.local_date.to_string());
    let marked: Option<MarkedState> =
        diesel::sql_query(of_domain(include_str!("sql/mark_failed.sql"), key.domain))
            .bind::<BigInt, _>(user_id)
            .bind::<Text, _>(&day)
            .bind::<BigInt, _>(i64::from(failure.class != ErrorClass::Transient))
            .bind::<BigInt, _>(i64::from(failure.max_attempts))
            .bind::<Double, _>(failure.backoff.as_secs_f64())
            .bind::<Double, _>(failure.max_backoff.as_secs_f64())
            .bind::<Double, _>(failure.jitter)
            .bind::<Text, _>(&failure.error)
            .bind::<Text, _>(failure.class.name())
            .get_result(connection)
            .optional()?;
    // Another process tried the group at the same time and recorded it.
    let Some(marked) = marked else {
        return Ok(None);
    };
    diesel::sql_query(of_domain(include_str!("sql/take_changes.sql"), key.domain))
        .bind::<BigInt, _>(user_id)
        .bind::<Text, _>(&day)
        .execute(connection)?;
    diesel::sql_query(flat(include_str!("sql/record_failure.sql")))
        .bind::<BigInt, _>(user_id)
        .bind::<Text, _>(key.domain.name())
        .bind::<Text, _>(&day)
        .bind::<BigInt, _>(marked.attempts)
        .bind::<Text, _>(failure.class.name())
        .bind::<Text, _>(&failure.error)
        .bind::<Text, _>(&failure.worker)
        .execute(connection)?;
    let attempts = u32::try_from(marked.attempts).unwrap_or(0);
    Ok(Some(match marked.state.as_str() {
        "dead" => GroupState::Dead { attempts },
        _ => GroupState::Waiting { attempts },
    }))
}

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
    #[diesel(sql_type = Text)]
    error_class: String,
    #[diesel(sql_type = Text)]
    error: String,
}

fn list(
    connection: &mut SqliteConnection,
    domain: Domain,
    filter: &FailedFilter,
    after: Option<Place>,
    limit: usize,
) -> QueryResult<Vec<FailedGroup>> {
    let query = diesel::sql_query(of_domain(include_str!("sql/failed_groups.sql"), domain));
    let rows: Vec<FailedRow> = bind_filter!(query, filter.within)
        .bind::<Nullable<Text>, _>(filter.class.map(|class| class.name()))
        .bind::<Bool, _>(filter.dead_only)
        .bind::<Nullable<BigInt>, _>(after.map(|after| after.0))
        .bind::<Nullable<Text>, _>(after.map(|after| after.1.to_string()))
        .bind::<BigInt, _>(at_most(limit))
        .load(connection)?;
    let time = |text: &str| parse_time(text).map_err(Error::DeserializationError);
    rows.into_iter()
        .map(|row| {
            Ok(FailedGroup {
                user_id: row.user_id,
                local_date: date(&row.local_date)?,
                state: row.state,
                attempts: row.attempts,
                next_attempt_at: time(&row.next_attempt_at)?,
                updated_at: time(&row.updated_at)?,
                error_class: row.error_class,
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

fn history(
    connection: &mut SqliteConnection,
    key: GroupKey,
    limit: usize,
) -> QueryResult<Vec<PastFailure>> {
    let rows: Vec<PastRow> =
        diesel::sql_query(of_domain(include_str!("sql/past_failures.sql"), key.domain))
            .bind::<BigInt, _>(key.user_id)
            .bind::<Text, _>(key.local_date.to_string())
            .bind::<BigInt, _>(at_most(limit))
            .load(connection)?;
    rows.into_iter()
        .map(|row| {
            Ok(PastFailure {
                failed_at: parse_time(&row.failed_at).map_err(Error::DeserializationError)?,
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

fn is_put_off(connection: &mut SqliteConnection, key: GroupKey) -> QueryResult<bool> {
    let row: PutOff = diesel::sql_query(of_domain(include_str!("sql/is_put_off.sql"), key.domain))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.local_date.to_string())
        .get_result(connection)?;
    Ok(row.put_off)
}

fn retry(connection: &mut SqliteConnection, key: GroupKey) -> QueryResult<bool> {
    let changed = diesel::sql_query(of_domain(include_str!("sql/retry.sql"), key.domain))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.local_date.to_string())
        .execute(connection)?;
    Ok(changed > 0)
}

#[derive(QueryableByName)]
struct GivenUp {
    #[diesel(sql_type = Text)]
    since: String,
    #[diesel(sql_type = Text)]
    error: String,
}

fn discard(connection: &mut SqliteConnection, key: GroupKey) -> QueryResult<bool> {
    let (user_id, day) = (key.user_id, key.local_date.to_string());
    let forget = of_domain(include_str!("sql/forget_failure.sql"), key.domain);
    let given_up: Option<GivenUp> = diesel::sql_query(forget)
        .bind::<BigInt, _>(user_id)
        .bind::<Text, _>(&day)
        .get_result(connection)
        .optional()?;
    let Some(GivenUp { since, error }) = given_up else {
        return Ok(false);
    };
    let window = Window::of(key.local_date);
    diesel::sql_query(of_domain(include_str!("sql/discard.sql"), key.domain))
        .bind::<BigInt, _>(user_id)
        .bind::<Text, _>(bound_text(window.long_from))
        .bind::<Text, _>(bound_text(window.to))
        .bind::<Text, _>(day)
        .bind::<Text, _>(since)
        .bind::<Text, _>(format!("{DISCARDED}{error}"))
        .execute(connection)?;
    Ok(true)
}
