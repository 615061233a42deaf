//! Workers: locks, pause, run history.

use std::fs::TryLockError;
use std::path::Path;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::rows::{NOW, now_plus};
use super::{SqliteRunLock, file};
use crate::store::migrations::Applied;
use crate::store::{BatchRecord, ErrorClass, Result, StoreError};

pub(super) fn applied_migrations(connection: &mut SqliteConnection) -> QueryResult<Vec<Applied>> {
    let table: Vec<Applied> = diesel::sql_query(
        "select name as version from sqlite_master where name = '__diesel_schema_migrations'",
    )
    .load(connection)?;
    if table.is_empty() {
        return Ok(Vec::new());
    }
    diesel::sql_query("select version from __diesel_schema_migrations").load(connection)
}

pub(super) fn set_default_time_zone(
    connection: &mut SqliteConnection,
    zone: &str,
) -> QueryResult<()> {
    diesel::sql_query("update worker_control set default_time_zone = ?")
        .bind::<Text, _>(zone)
        .execute(connection)
        .map(|_| ())
}

#[derive(QueryableByName)]
struct Zone {
    #[diesel(sql_type = Text)]
    default_time_zone: String,
}

pub(super) fn default_time_zone(connection: &mut SqliteConnection) -> QueryResult<String> {
    let zone: Zone =
        diesel::sql_query("select default_time_zone from worker_control").get_result(connection)?;
    Ok(zone.default_time_zone)
}

#[derive(QueryableByName)]
struct ZoneName {
    #[diesel(sql_type = Text)]
    time_zone: String,
}

pub(super) fn time_zone_names(
    connection: &mut SqliteConnection,
    limit: usize,
) -> QueryResult<Vec<String>> {
    let names: Vec<ZoneName> = diesel::sql_query(
        "select distinct time_zone from user_time_zones order by time_zone limit ?",
    )
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .load(connection)?;
    Ok(names.into_iter().map(|row| row.time_zone).collect())
}

pub(super) fn try_run_lock(database: &Path) -> Result<Option<SqliteRunLock>> {
    let failed = |error: std::io::Error| {
        StoreError::new(
            ErrorClass::Fatal,
            "take run lock",
            format!("{}: {error}", file::beside(database, ".lock").display()),
        )
    };
    let file = file::create_beside(database, ".lock").map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(SqliteRunLock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

pub(super) fn set_paused(connection: &mut SqliteConnection, paused: bool) -> QueryResult<()> {
    diesel::sql_query(format!(
        "update worker_control set paused = ?1, paused_at = case when ?1 then {NOW} end"
    ))
    .bind::<Bool, _>(paused)
    .execute(connection)
    .map(|_| ())
}

pub(super) fn record_batch(
    connection: &mut SqliteConnection,
    batch: &BatchRecord,
) -> QueryResult<()> {
    diesel::sql_query(format!(
        "insert into aggregation_batches (id, worker, domain, started_at, duration_ms, \
           rows_pulled, rows_completed, rows_rejected, groups_ok, groups_failed, groups_skipped, \
           pool_before, pool_after) \
         values (?, ?, ?, {}, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        now_plus("?")
    ))
    .bind::<Text, _>(batch.id.to_string())
    .bind::<Text, _>(&batch.worker)
    .bind::<Text, _>(batch.domain.name())
    .bind::<Text, _>(format!("-{:.3} seconds", batch.duration_ms as f64 / 1000.0))
    .bind::<BigInt, _>(batch.duration_ms)
    .bind::<BigInt, _>(batch.rows_pulled)
    .bind::<BigInt, _>(batch.rows_completed)
    .bind::<BigInt, _>(batch.rows_rejected)
    .bind::<BigInt, _>(batch.groups_ok)
    .bind::<BigInt, _>(batch.groups_failed)
    .bind::<BigInt, _>(batch.groups_skipped)
    .bind::<Text, _>(serde_json::json!(batch.pool_before).to_string())
    .bind::<Text, _>(serde_json::json!(batch.pool_after).to_string())
    .execute(connection)
    .map(|_| ())
}

pub(super) fn prune_history(
    connection: &mut SqliteConnection,
    keep: Duration,
    limit: usize,
) -> QueryResult<u64> {
    let mut most = 0;
    for (table, time) in [
        ("aggregation_batches", "started_at"),
        ("aggregation_errors", "failed_at"),
    ] {
        let deleted = diesel::sql_query(format!(
            "delete from {table} where id in ( \
               select id from {table} where {time} < {} order by {time} limit ?2)",
            now_plus("?1")
        ))
        .bind::<Text, _>(format!("-{:.3} seconds", keep.as_secs_f64()))
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .execute(connection)?;
        most = most.max(deleted as u64);
    }
    Ok(most)
}

#[derive(QueryableByName)]
struct QuickCheck {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

/// Whether the pages of the file agree with each other.
pub(super) fn is_sound(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let found: Vec<QuickCheck> = diesel::sql_query("pragma quick_check(1)").load(connection)?;
    Ok(found.iter().all(|found| found.quick_check == "ok"))
}
