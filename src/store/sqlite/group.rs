//! A group's transaction, and the one that records its failure. The write
//! lock of the immediate transaction stands for the user lock.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::NaiveDate;
use diesel::deserialize;
use diesel::prelude::*;
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Bool, Double, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::rows::{self, NOW, StoredAggregate, StoredKey, StoredRaw, time_text};
use crate::domain::drift::compare;
use crate::domain::group::{GroupFold, fold_group, neighbour_dates};
use crate::domain::table::Columns;
use crate::domain::{Aggregate, AggregateKey, Fold, FoldRules, GroupKey, UserId};
use crate::store::group_states::{RowState, misjudged, row_states};
use crate::store::sql::{aggregate_key, list, measure_columns};
use crate::store::{ErrorClass, Failure, GroupCheck, GroupOutcome, GroupState};

pub(super) fn fold<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
    rules: &FoldRules,
) -> QueryResult<GroupOutcome> {
    let stored = read_rows::<F>(connection, user_id, local_date)?;
    let day_rows = read_day_rows::<F>(connection, user_id, local_date)?;
    let statuses: Vec<_> = stored
        .iter()
        .map(|s| (s.row.id, s.status.clone()))
        .collect();
    let rows: Vec<_> = stored.into_iter().map(|stored| stored.row).collect();
    let folded = catch_unwind(AssertUnwindSafe(|| {
        fold_group::<F>(local_date, &rows, day_rows, rules)
    }))
    .map_err(|_| diesel::result::Error::QueryBuilderError("the fold panicked".into()))?;
    let states = row_states(&statuses, &folded.rejected);
    let outcome = states.outcome();
    delete_vanished::<F>(connection, user_id, &folded)?;
    upsert::<F>(connection, user_id, folded)?;
    set_states::<F>(connection, user_id, states.changed)?;
    diesel::sql_query(
        "delete from aggregation_groups where user_id = ? and domain = ? and local_date = ?",
    )
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(local_date.to_string())
    .execute(connection)?;
    Ok(outcome)
}

fn read_rows<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<Vec<StoredRaw<F::Payload>>> {
    diesel::sql_query(format!(
        "select id, status, utc_offset_minutes, source, device, note, {columns} \
         from {table} where user_id = ? and local_date = ? order by {time}, id",
        columns = list("", &crate::store::sql::payload_columns::<F>()),
        table = F::RAW_TABLE,
        time = F::TIME_COLUMN,
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(local_date.to_string())
    .load(connection)
}

fn read_day_rows<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<Vec<Aggregate<F::Measure>>> {
    let (first, last) = neighbour_dates::<F>(local_date);
    let rows: Vec<StoredAggregate<F::Measure>> = diesel::sql_query(format!(
        "select period, local_date, period_start, {series} as series, unit, {columns} \
         from {table} where user_id = ? and period = 'day' and local_date between ? and ?",
        series = F::SERIES_COLUMN,
        columns = list("", &measure_columns::<F>()),
        table = F::AGGREGATE_TABLE,
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(first.to_string())
    .bind::<Text, _>(last.to_string())
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

fn delete_vanished<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    folded: &GroupFold<F::Measure>,
) -> QueryResult<()> {
    let kept: HashSet<&AggregateKey> = folded.aggregates.iter().map(|row| &row.key).collect();
    for (period, first) in &folded.periods {
        let existing: Vec<StoredKey> = diesel::sql_query(format!(
            "select period, local_date, period_start, {series} as series, unit from {table} \
             where user_id = ? and period = ? and local_date = ?",
            series = F::SERIES_COLUMN,
            table = F::AGGREGATE_TABLE,
        ))
        .bind::<BigInt, _>(user_id)
        .bind::<Text, _>(period.name())
        .bind::<Text, _>(first.to_string())
        .load(connection)?;
        for StoredKey(key) in existing {
            if !kept.contains(&key) {
                diesel::sql_query(format!(
                    "delete from {table} where user_id = ? and period = ? and local_date = ? \
                     and period_start = ? and {series} = ? and unit = ?",
                    table = F::AGGREGATE_TABLE,
                    series = F::SERIES_COLUMN,
                ))
                .bind::<BigInt, _>(user_id)
                .bind::<Text, _>(key.period.name())
                .bind::<Text, _>(key.local_date.to_string())
                .bind::<Text, _>(time_text(key.period_start))
                .bind::<Text, _>(key.series)
                .bind::<Text, _>(key.unit)
                .execute(connection)?;
            }
        }
    }
    Ok(())
}

fn upsert<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    folded: GroupFold<F::Measure>,
) -> QueryResult<()> {
    let names = measure_columns::<F>();
    let set: Vec<_> = names
        .iter()
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let changed: Vec<_> = names
        .iter()
        .map(|name| format!("a.{name} is not excluded.{name}"))
        .collect();
    let text = format!(
        "insert into {table} as a ({key}, algorithm_version, {columns}) values ({values}) \
         on conflict ({key}) do update set {set}, \
         algorithm_version = excluded.algorithm_version, updated_at = {NOW} \
         where a.algorithm_version is not excluded.algorithm_version or {changed}",
        table = F::AGGREGATE_TABLE,
        key = aggregate_key::<F>(),
        columns = list("", &names),
        values = rows::placeholders(7 + names.len()),
        set = set.join(", "),
        changed = changed.join(" or "),
    );
    for row in folded.aggregates {
        let statement = diesel::sql_query(text.clone())
            .into_boxed()
            .bind::<BigInt, _>(user_id)
            .bind::<Text, _>(row.key.period.name())
            .bind::<Text, _>(row.key.local_date.to_string())
            .bind::<Text, _>(time_text(row.key.period_start))
            .bind::<Text, _>(row.key.series)
            .bind::<Text, _>(row.key.unit)
            .bind::<Integer, _>(F::ALGORITHM_VERSION);
        rows::bind_values(statement, F::Measure::COLUMNS, row.measure.into_values())
            .execute(connection)?;
    }
    Ok(())
}

fn set_states<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    changed: Vec<RowState>,
) -> QueryResult<()> {
    for state in changed {
        diesel::sql_query(format!(
            "update {table} set status = ?1, error = ?2, aggregated_at = {NOW} \
             where user_id = ?3 and id = ?4 and (status is not ?1 or error is not ?2)",
            table = F::RAW_TABLE,
        ))
        .bind::<Text, _>(state.status())
        .bind::<Nullable<Text>, _>(state.reason)
        .bind::<BigInt, _>(user_id)
        .bind::<BigInt, _>(state.id)
        .execute(connection)?;
    }
    Ok(())
}

struct Versioned<M>(Aggregate<M>, i32);

impl<M: Columns> QueryableByName<Sqlite> for Versioned<M> {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let version = NamedRow::get::<Integer, i32>(row, "algorithm_version")?;
        Ok(Versioned(StoredAggregate::build(row)?.0, version))
    }
}

#[derive(QueryableByName)]
struct Mark {
    #[diesel(sql_type = Bool)]
    marked: bool,
}

/// Recomputes a group and compares; must run in a transaction, so that it sees
/// one moment.
pub(super) fn check<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
    rules: &FoldRules,
) -> QueryResult<GroupCheck> {
    let mark: Mark = diesel::sql_query(
        "select exists (select 1 from aggregation_groups \
         where user_id = ? and domain = ? and local_date = ?) as marked",
    )
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(local_date.to_string())
    .get_result(connection)?;
    let stored = read_rows::<F>(connection, user_id, local_date)?;
    let statuses: Vec<_> = stored
        .iter()
        .map(|s| (s.row.id, s.status.clone()))
        .collect();
    let unfinished = |(_, status): &(i64, String)| !matches!(&**status, "completed" | "rejected");
    if mark.marked || statuses.iter().any(unfinished) {
        return Ok(GroupCheck::Unsettled);
    }
    let rows: Vec<_> = stored.into_iter().map(|stored| stored.row).collect();
    let day_rows = read_day_rows::<F>(connection, user_id, local_date)?;
    let folded = fold_group::<F>(local_date, &rows, day_rows, rules);
    let mut existing = Vec::new();
    for (period, first) in &folded.periods {
        let rows: Vec<Versioned<F::Measure>> = diesel::sql_query(format!(
            "select period, local_date, period_start, {series} as series, unit, \
               algorithm_version, {columns} \
             from {table} where user_id = ? and period = ? and local_date = ?",
            series = F::SERIES_COLUMN,
            columns = list("", &measure_columns::<F>()),
            table = F::AGGREGATE_TABLE,
        ))
        .bind::<BigInt, _>(user_id)
        .bind::<Text, _>(period.name())
        .bind::<Text, _>(first.to_string())
        .load(connection)?;
        existing.extend(rows.into_iter().map(|row| (row.0, row.1)));
    }
    Ok(GroupCheck::Settled {
        drifts: compare(&folded.aggregates, &existing, F::ALGORITHM_VERSION),
        misjudged_rows: misjudged(&statuses, &folded.rejected),
    })
}

#[derive(QueryableByName)]
struct MarkedState {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
}

pub(super) fn mark_failed<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    failure: &Failure,
) -> QueryResult<GroupState> {
    let blame = i64::from(failure.class != ErrorClass::Transient);
    let pause = |attempts: &str| {
        rows::now_plus(&format!(
            "(min(?6 * (1 << min({attempts}, 30)), ?7) * ?8) || ' seconds'"
        ))
    };
    let marked: MarkedState = diesel::sql_query(format!(
        "insert into aggregation_groups \
           (user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class) \
         values (?1, ?2, ?3, case when ?4 >= ?5 then 'dead' else 'due' end, ?4, {first}, ?9, ?10) \
         on conflict (user_id, domain, local_date) do update set \
           state = case when attempts + ?4 >= ?5 then 'dead' else 'due' end, \
           attempts = attempts + ?4, next_attempt_at = {next}, \
           error = excluded.error, error_class = excluded.error_class, updated_at = {NOW} \
         returning state, attempts",
        first = pause("0"),
        next = pause("attempts"),
    ))
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(key.local_date.to_string())
    .bind::<BigInt, _>(blame)
    .bind::<BigInt, _>(i64::from(failure.max_attempts))
    .bind::<Double, _>(failure.backoff.as_secs_f64())
    .bind::<Double, _>(failure.max_backoff.as_secs_f64())
    .bind::<Double, _>(failure.jitter)
    .bind::<Text, _>(&failure.error)
    .bind::<Text, _>(failure.class.name())
    .get_result(connection)?;
    diesel::sql_query(format!(
        "update {table} set status = 'failed', error = ?, attempts = attempts + ? \
         where user_id = ? and local_date = ? and status in ('pending', 'failed')",
        table = F::RAW_TABLE,
    ))
    .bind::<Text, _>(&failure.error)
    .bind::<BigInt, _>(blame)
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(key.local_date.to_string())
    .execute(connection)?;
    let attempts = u32::try_from(marked.attempts).unwrap_or(0);
    Ok(match marked.state.as_str() {
        "dead" => GroupState::Dead { attempts },
        _ => GroupState::Due { attempts },
    })
}
