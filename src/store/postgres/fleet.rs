//! The workers: signs of life, pause, run history.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Jsonb, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::connection::cached::Cached;
use super::connection::classify;
use super::connection::pool::{self, Lease};
use super::schema::{aggregation_batches, worker_control, worker_heartbeats};
use super::{PgStore, queue};
use crate::store::sql::flat;
use crate::store::{BatchRecord, Control, Fleet, Heartbeat, LastSeen, Probe, Result};

/// A session's advisory lock: it lives exactly as long as its connection.
pub struct RunLock {
    _lease: Lease,
}

impl Fleet for PgStore {
    type RunLock = RunLock;

    async fn try_run_lock(&self) -> Result<Option<RunLock>> {
        try_run_lock(self.lease("take run lock").await?).await
    }

    async fn heartbeat(&self, beat: &Heartbeat, probe: Option<&Probe>) -> Result<Control> {
        on_connection!(self, "heartbeat", c => heartbeat(c, beat, probe))
    }

    async fn workers_seen(&self) -> Result<Vec<LastSeen>> {
        on_connection!(self, "read workers", c => workers_seen(c))
    }

    async fn forget_worker(&self, worker: &str) -> Result<()> {
        on_connection!(self, "forget worker", c => forget_worker(c, worker))
    }

    async fn set_paused(&self, paused: bool) -> Result<()> {
        on_connection!(self, "pause", c => set_paused(c, paused))
    }

    async fn record_batch(&self, batch: &BatchRecord) -> Result<()> {
        on_connection!(self, "record batch", c => record_batch(c, batch))
    }

    async fn prune_history(&self, keep: Duration, limit: usize) -> Result<u64> {
        on_connection!(self, "prune history", c => prune_history(c, keep, limit))
    }
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

async fn try_run_lock(mut lease: Lease) -> Result<Option<RunLock>> {
    // Never given back but closed: that is what frees the lock.
    let lock: Taken = diesel::sql_query(
        "select pg_try_advisory_lock(hashtextextended('vitalfold run', 0)) as taken",
    )
    .get_result(&mut *lease)
    .await
    .map_err(|error| classify::statement("take run lock", &error))?;
    Ok(lock.taken.then_some(RunLock { _lease: lease }))
}

#[derive(QueryableByName)]
struct Learnt {
    #[diesel(sql_type = Bool)]
    paused: bool,
    #[diesel(sql_type = Bool)]
    accompanied: bool,
    #[diesel(sql_type = Bool)]
    work_waits: bool,
}

async fn heartbeat(
    connection: &mut AsyncPgConnection,
    beat: &Heartbeat,
    probe: Option<&Probe>,
) -> QueryResult<Control> {
    let work_waits = match probe {
        Some(probe) => queue::work_waits_condition(&probe.domains, "$5"),
        None => "$5::float8 is null".to_owned(),
    };
    let text = flat(include_str!("sql/heartbeat.sql")).replace("{work_waits}", &work_waits);
    let learnt: Learnt = Cached(
        diesel::sql_query(text)
            .bind::<Text, _>(beat.worker.clone())
            .bind::<Text, _>(beat.mode)
            .bind::<Text, _>(beat.activity)
            .bind::<Jsonb, _>(serde_json::json!(beat.folding))
            .bind::<Double, _>(probe.map_or(0.0, |probe| probe.settle.as_secs_f64())),
    )
    .get_result(connection)
    .await?;
    Ok(Control {
        paused: learnt.paused,
        accompanied: learnt.accompanied,
        work_waits: learnt.work_waits,
    })
}

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = Text)]
    worker: String,
    #[diesel(sql_type = BigInt)]
    seen_ago: i64,
    #[diesel(sql_type = Jsonb)]
    folding: serde_json::Value,
}

async fn workers_seen(connection: &mut AsyncPgConnection) -> QueryResult<Vec<LastSeen>> {
    let rows: Vec<Seen> = diesel::sql_query(flat(include_str!("sql/workers_seen.sql")))
        .load(connection)
        .await?;
    let seen = rows.into_iter().map(|row| LastSeen {
        worker: row.worker,
        seen_seconds_ago: row.seen_ago,
        folding: serde_json::from_value(row.folding).unwrap_or_default(),
    });
    Ok(seen.collect())
}

async fn forget_worker(connection: &mut AsyncPgConnection, worker: &str) -> QueryResult<()> {
    diesel::delete(worker_heartbeats::table.find(worker))
        .execute(connection)
        .await
        .map(|_| ())
}

async fn set_paused(connection: &mut AsyncPgConnection, paused: bool) -> QueryResult<()> {
    use worker_control as c;
    let control = diesel::update(c::table);
    let updated = if paused {
        let since = diesel::dsl::now.into_sql::<Timestamptz>().nullable();
        control
            .set((c::paused.eq(true), c::paused_at.eq(since)))
            .execute(connection)
            .await
    } else {
        let never = None::<DateTime<Utc>>;
        control
            .set((c::paused.eq(false), c::paused_at.eq(never)))
            .execute(connection)
            .await
    };
    updated.map(|_| ())
}

async fn record_batch(connection: &mut AsyncPgConnection, batch: &BatchRecord) -> QueryResult<()> {
    use aggregation_batches as b;
    // Others see the record at once, but its commit does not wait for the disk.
    const COMMIT_SOON: &str = "set_config('synchronous_commit', 'off', true)";
    let record = diesel::insert_into(b::table)
        .values((
            b::id.eq(batch.id),
            b::worker.eq(&batch.worker),
            b::domain.eq(batch.domain.name()),
            b::started_at.eq(sql::<Timestamptz>("clock_timestamp() - ")
                .bind::<BigInt, _>(batch.duration_ms)
                .sql(" * interval '1 millisecond'")),
            b::duration_ms.eq(batch.duration_ms),
            b::rows_pulled.eq(batch.rows_pulled),
            b::rows_completed.eq(batch.rows_completed),
            b::rows_rejected.eq(batch.rows_rejected),
            b::groups_ok.eq(batch.groups_ok),
            b::groups_failed.eq(batch.groups_failed),
            b::groups_skipped.eq(batch.groups_skipped),
            b::pool_before.eq(serde_json::json!(batch.pool_before)),
            b::pool_after.eq(serde_json::json!(batch.pool_after)),
        ))
        .returning(sql::<Text>(COMMIT_SOON));
    Cached(record)
        .get_result::<String>(connection)
        .await
        .map(|_| ())
}

#[derive(QueryableByName)]
struct Pruned {
    #[diesel(sql_type = BigInt)]
    deleted: i64,
}

async fn prune_history(
    connection: &mut AsyncPgConnection,
    keep: Duration,
    limit: usize,
) -> QueryResult<u64> {
    let pruned: Pruned = diesel::sql_query(flat(include_str!("sql/prune_history.sql")))
        .bind::<Double, _>(keep.as_secs_f64())
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .get_result(connection)
        .await?;
    Ok(pruned.deleted.unsigned_abs())
}
