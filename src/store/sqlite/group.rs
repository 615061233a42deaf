//! A group's transaction. The write lock of the immediate transaction stands
//! for the user lock.

use std::collections::HashSet;
use std::time::Duration;

use chrono::NaiveDate;
use diesel::deserialize;
use diesel::prelude::*;
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::failed::is_put_off;
use super::retention::first_kept;
use super::rows::{self, NOW, StoredAggregate, StoredKey, time_text};
use crate::domain::drift::compare;
use crate::domain::group::{GroupFold, neighbour_dates};
use crate::domain::table::Columns;
use crate::domain::{Aggregate, AggregateKey, Fold, FoldRules, GroupKey, UserId};
use crate::store::group_states::RowState;
use crate::store::room::{LARGEST, Room};
use crate::store::sql::{aggregate_key, list, measure_columns, place_of_too_long, raw_columns};
use crate::store::stored_group::{LeaveOut, POISON, Panicked, StoredGroup, StoredRaw};
use crate::store::{GroupCheck, GroupOutcome, Isolation};

pub(super) fn fold<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
    rules: &FoldRules,
    isolation: Option<&Isolation>,
) -> QueryResult<GroupOutcome> {
    let key = GroupKey {
        domain: F::DOMAIN,
        user_id,
        local_date,
    };
    // Put off since it was found: another process tried it meanwhile.
    if isolation.is_none() && is_put_off(connection, key)? {
        return Ok(GroupOutcome::Locked);
    }
    let marked = is_marked::<F>(connection, user_id, local_date)?;
    let group = read::<F>(connection, user_id, local_date)?;
    let folded = group
        .fold(local_date, rules, &LeaveOut::of(isolation, marked))
        .map_err(|Panicked| diesel::result::Error::QueryBuilderError("the fold panicked".into()))?;
    let outcome = folded.outcome();
    delete_vanished::<F>(connection, user_id, &folded.fold)?;
    upsert::<F>(connection, user_id, folded.fold)?;
    set_states::<F>(connection, user_id, folded.states.changed)?;
    diesel::sql_query(
        "delete from aggregation_groups where user_id = ? and domain = ? and local_date = ?",
    )
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(local_date.to_string())
    .execute(connection)?;
    Ok(outcome)
}

/// Like `fold`, in a transaction of its own that a trial rolls back.
pub(super) fn fold_without<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    isolation: &Isolation,
    rules: &FoldRules,
) -> QueryResult<GroupOutcome> {
    let mut tried = None;
    let ended = connection.immediate_transaction(|connection| {
        let (user_id, local_date) = (key.user_id, key.local_date);
        let outcome = fold::<F>(connection, user_id, local_date, rules, Some(isolation))?;
        if isolation.trial {
            tried = Some(outcome);
            return Err(diesel::result::Error::RollbackTransaction);
        }
        Ok(outcome)
    });
    match tried {
        Some(outcome) => Ok(outcome),
        None => ended,
    }
}

pub(super) fn row_ids<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
) -> QueryResult<Vec<i64>> {
    let group = read::<F>(connection, key.user_id, key.local_date)?;
    Ok(group.rows.iter().map(|stored| stored.row.id).collect())
}

fn read<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<StoredGroup<F>> {
    let mut room = Room::of(LARGEST);
    let mut rows = Vec::new();
    let query = diesel::sql_query(format!(
        "select id, status, \
           (status = 'rejected' and coalesce(error, '') like '{POISON}%') as poison, \
           {too_long} as too_long, utc_offset_minutes, {columns} \
         from {table} where user_id = ? and local_date = ? order by {time}, id",
        too_long = place_of_too_long::<F>(),
        columns = raw_columns::<F>(),
        table = F::RAW_TABLE,
        time = F::TIME_COLUMN,
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(local_date.to_string());
    for row in query.load_iter::<StoredRaw<F::Payload>, _>(connection)? {
        let row = row?;
        room.take(row.weight())?;
        rows.push(row);
    }
    let sealed = exists::<F>(connection, "sealed_groups", user_id, local_date)?;
    Ok(StoredGroup {
        rows,
        sealed,
        day_rows: read_day_rows::<F>(connection, user_id, local_date, room)?,
    })
}

fn read_day_rows<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
    mut room: Room,
) -> QueryResult<Vec<Aggregate<F::Measure>>> {
    let (first, last) = neighbour_dates::<F>(local_date);
    let query = diesel::sql_query(format!(
        "select period, local_date, period_start, {series} as series, unit, {columns} \
         from {table} where user_id = ? and period = 'day' and local_date between ? and ?",
        series = F::SERIES_COLUMN,
        columns = list("", &measure_columns::<F>()),
        table = F::AGGREGATE_TABLE,
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(first.to_string())
    .bind::<Text, _>(last.to_string());
    let mut rows = Vec::new();
    for row in query.load_iter::<StoredAggregate<F::Measure>, _>(connection)? {
        let row = row?;
        room.take(row.weight())?;
        rows.push(row.0);
    }
    Ok(rows)
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
struct Exists {
    #[diesel(sql_type = Bool)]
    found: bool,
}

fn is_marked<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<bool> {
    exists::<F>(connection, "aggregation_groups", user_id, local_date)
}

/// Whether the group has a row in a table of groups.
fn exists<F: Fold>(
    connection: &mut SqliteConnection,
    table: &'static str,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<bool> {
    let row: Exists = diesel::sql_query(format!(
        "select exists (select 1 from {table} \
         where user_id = ? and domain = ? and local_date = ?) as found",
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(local_date.to_string())
    .get_result(connection)?;
    Ok(row.found)
}

/// Recomputes a group and compares; must run in a transaction, so that it sees
/// one moment.
pub(super) fn check<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    local_date: NaiveDate,
    rules: &FoldRules,
    keep_hours: Option<Duration>,
) -> QueryResult<GroupCheck> {
    let marked = is_marked::<F>(connection, user_id, local_date)?;
    let group = read::<F>(connection, user_id, local_date)?;
    if marked || !group.is_settled() {
        return Ok(GroupCheck::Unsettled);
    }
    let folded = group
        .fold(local_date, rules, &LeaveOut::Poison)
        .map_err(|Panicked| diesel::result::Error::QueryBuilderError("the fold panicked".into()))?;
    let mut existing = Vec::new();
    for (period, first) in &folded.fold.periods {
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
    let mut drifts = compare(&folded.fold.aggregates, &existing, F::ALGORITHM_VERSION);
    if let Some(keep) = keep_hours {
        let first_kept = first_kept(connection, keep)?;
        drifts.retain(|drift| !drift.is_of_expired_hour(first_kept));
    }
    Ok(GroupCheck::Settled {
        drifts,
        misjudged_rows: folded.states.misjudged(),
    })
}
