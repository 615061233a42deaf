//! The workers: signs of life, what they obey, what they did.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use diesel::deserialize::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::SqliteStore;
use super::connection::file;
use super::queue::work_waits;
use super::rows::{ago, at_most};
use crate::store::sql::flat;
use crate::store::{
    BatchRecord, Control, ErrorClass, Fleet, Heartbeat, LastSeen, Probe, Result, StoreError,
};

/// A lock on a file beside the database; the operating system frees it when
/// its holder ends, however that happens.
pub struct RunLock {
    _file: File,
}

impl Fleet for SqliteStore {
    type RunLock = RunLock;

    async fn try_run_lock(&self) -> Result<Option<RunLock>> {
        try_run_lock(&self.path)
    }

    async fn heartbeat(&self, beat: &Heartbeat, probe: Option<&Probe>) -> Result<Control> {
        let (beat, probe) = (beat.clone(), probe.cloned());
        self.write("heartbeat", move |c| heartbeat(c, &beat, probe.as_ref()))
            .await
    }

    async fn workers_seen(&self) -> Result<Vec<LastSeen>> {
        self.call("read workers", seen).await
    }

    async fn forget_worker(&self, worker: &str) -> Result<()> {
        let worker = worker.to_owned();
        self.write("forget worker", move |c| {
            diesel::sql_query("delete from worker_heartbeats where worker = ?")
                .bind::<Text, _>(worker)
                .execute(c)
                .map(|_| ())
        })
        .await
    }

    async fn set_paused(&self, paused: bool) -> Result<()> {
        self.write("pause", move |c| {
            diesel::sql_query(flat(include_str!("sql/pause.sql")))
                .bind::<Bool, _>(paused)
                .execute(c)
                .map(|_| ())
        })
        .await
    }

    async fn record_batch(&self, batch: &BatchRecord) -> Result<()> {
        let batch = batch.clone();
        self.write("record batch", move |c| record_batch(c, &batch))
            .await
    }

    async fn prune_history(&self, keep: Duration, limit: usize) -> Result<u64> {
        self.write("prune history", move |c| prune_history(c, keep, limit))
            .await
    }
}

fn try_run_lock(database: &Path) -> Result<Option<RunLock>> {
    let failed = |error: std::io::Error| {
        StoreError::new(
            ErrorClass::Fatal,
            "take run lock",
            format!("{}: {error}", file::beside(database, ".lock").display()),
        )
    };
    let file = file::create_beside(database, ".lock").map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(RunLock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[derive(QueryableByName)]
struct Learnt {
    #[diesel(sql_type = Bool)]
    paused: bool,
    #[diesel(sql_type = Bool)]
    accompanied: bool,
}

fn heartbeat(
    connection: &mut SqliteConnection,
    beat: &Heartbeat,
    probe: Option<&Probe>,
) -> QueryResult<Control> {
    diesel::sql_query(flat(include_str!("sql/heartbeat.sql")))
        .bind::<Text, _>(&beat.worker)
        .bind::<Text, _>(beat.mode)
        .bind::<Text, _>(beat.activity)
        .bind::<Text, _>(serde_json::json!(beat.folding).to_string())
        .execute(connection)?;
    let learnt: Learnt = diesel::sql_query(flat(include_str!("sql/control.sql")))
        .bind::<Text, _>(&beat.worker)
        .get_result(connection)?;
    Ok(Control {
        paused: learnt.paused,
        accompanied: learnt.accompanied,
        work_waits: match probe {
            Some(probe) => work_waits(connection, probe)?,
            None => false,
        },
    })
}

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = Text)]
    worker: String,
    #[diesel(sql_type = BigInt)]
    seen_ago: i64,
    #[diesel(sql_type = Text)]
    folding: String,
}

fn seen(connection: &mut SqliteConnection) -> QueryResult<Vec<LastSeen>> {
    let rows: Vec<Seen> =
        diesel::sql_query(flat(include_str!("sql/workers_seen.sql"))).load(connection)?;
    Ok(rows
        .into_iter()
        .map(|row| LastSeen {
            worker: row.worker,
            seen_seconds_ago: row.seen_ago,
            folding: serde_json::from_str(&row.folding).unwrap_or_default(),
        })
        .collect())
}

fn record_batch(connection: &mut SqliteConnection, batch: &BatchRecord) -> QueryResult<()> {
    diesel::sql_query(flat(include_str!("sql/record_batch.sql")))
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

fn prune_history(
    connection: &mut SqliteConnection,
    keep: Duration,
    limit: usize,
) -> QueryResult<u64> {
    let mut most = 0;
    for (table, time) in [
        ("aggregation_batches", "started_at"),
        ("aggregation_errors", "failed_at"),
    ] {
        let text = include_str!("sql/prune_history.sql")
            .replace("{table}", table)
            .replace("{time}", time);
        let deleted = diesel::sql_query(text)
            .bind::<Text, _>(ago(keep))
            .bind::<BigInt, _>(at_most(limit))
            .execute(connection)?;
        most = most.max(deleted as u64);
    }
    Ok(most)
}
