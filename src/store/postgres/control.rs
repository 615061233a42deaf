//! Workers and the server: limits, locks, pause, run history.

use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Integer, Jsonb, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::cached::Cached;
use super::classify;
use super::pool::Lease;
use super::schema::{aggregation_batches, user_time_zones, worker_control};
use crate::store::{BatchRecord, Result, ServerLoad};

/// Selected in a statement that is a transaction by itself: others see it at
/// once, but its commit does not wait for the disk.
pub(super) const COMMIT_SOON: &str = "set_config('synchronous_commit', 'off', true)";

#[derive(QueryableByName)]
struct Room {
    #[diesel(sql_type = Integer)]
    max_connections: i32,
    #[diesel(sql_type = Integer)]
    reserved: i32,
    #[diesel(sql_type = BigInt)]
    others: i64,
    #[diesel(sql_type = Integer)]
    role_limit: i32,
    #[diesel(sql_type = Integer)]
    database_limit: i32,
}

/// How many connections the pool may open at most, and what the server leaves
/// for them.
pub(super) async fn check_limits(
    connection: &mut AsyncPgConnection,
    pool_max: usize,
) -> QueryResult<()> {
    let room: Room = diesel::sql_query(include_str!("connection_room.sql"))
        .get_result(connection)
        .await?;
    let others = i32::try_from(room.others).unwrap_or(i32::MAX);
    let mut left = room.max_connections - room.reserved - others;
    let mut because = format!(
        "max_connections is {}, {} are reserved and {others} are in use by others",
        room.max_connections, room.reserved
    );
    for (limit, what) in [
        (room.role_limit, "this role's"),
        (room.database_limit, "this database's"),
    ] {
        if limit >= 0 && limit < left {
            left = limit;
            because = format!("{what} connection limit is {limit}");
        }
    }
    if i64::try_from(pool_max).unwrap_or(i64::MAX) > i64::from(left) {
        // Not a statement's error, but told the same way.
        return Err(diesel::result::Error::QueryBuilderError(
            format!(
                "pool.size + pool.max_overflow = {pool_max} connections, but the server leaves \
                 {left}: {because}. Lower pool.size and pool.max_overflow or raise max_connections"
            )
            .into(),
        ));
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Load {
    #[diesel(sql_type = BigInt)]
    connections: i64,
    #[diesel(sql_type = BigInt)]
    max_connections: i64,
    #[diesel(sql_type = BigInt)]
    lock_waits: i64,
    #[diesel(sql_type = Jsonb)]
    others: serde_json::Value,
    #[diesel(sql_type = diesel::sql_types::Nullable<Double>)]
    replication_lag: Option<f64>,
}

pub(super) async fn server_load(connection: &mut AsyncPgConnection) -> QueryResult<ServerLoad> {
    let load: Load = Cached(diesel::sql_query(include_str!("server_load.sql")))
        .get_result(connection)
        .await?;
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(ServerLoad {
        connections: count(load.connections),
        max_connections: count(load.max_connections),
        lock_waits: count(load.lock_waits),
        others: serde_json::from_value(load.others)
            .map_err(|error| diesel::result::Error::DeserializationError(error.into()))?,
        replication_lag: load
            .replication_lag
            .and_then(|lag| Duration::try_from_secs_f64(lag).ok()),
    })
}

pub(super) async fn ping(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute("select 1").await
}

pub(super) async fn set_default_time_zone(
    connection: &mut AsyncPgConnection,
    zone: &str,
) -> QueryResult<()> {
    // Only when it differs: workers that start together do not queue here.
    diesel::update(worker_control::table)
        .filter(worker_control::default_time_zone.ne(zone))
        .set(worker_control::default_time_zone.eq(zone))
        .execute(connection)
        .await
        .map(|_| ())
}

pub(super) async fn default_time_zone(connection: &mut AsyncPgConnection) -> QueryResult<String> {
    worker_control::table
        .select(worker_control::default_time_zone)
        .first(connection)
        .await
}

pub(super) async fn time_zone_names(
    connection: &mut AsyncPgConnection,
    limit: usize,
) -> QueryResult<Vec<String>> {
    user_time_zones::table
        .select(user_time_zones::time_zone)
        .distinct()
        .order(user_time_zones::time_zone)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(connection)
        .await
}

/// A session's advisory lock: it lives exactly as long as its connection.
pub struct PgRunLock {
    _lease: Lease,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

pub(super) async fn try_run_lock(mut lease: Lease) -> Result<Option<PgRunLock>> {
    // Never given back but closed: that is what frees the lock.
    let lock: Taken = diesel::sql_query(
        "select pg_try_advisory_lock(hashtextextended('vitalfold run', 0)) as taken",
    )
    .get_result(&mut *lease)
    .await
    .map_err(|error| classify::statement("take run lock", &error))?;
    Ok(lock.taken.then_some(PgRunLock { _lease: lease }))
}

pub(super) async fn set_paused(
    connection: &mut AsyncPgConnection,
    paused: bool,
) -> QueryResult<()> {
    use worker_control as c;
    let control = diesel::update(c::table);
    let updated = if paused {
        let since = diesel::dsl::now.into_sql::<Timestamptz>().nullable();
        control
            .set((c::paused.eq(true), c::paused_at.eq(since)))
            .execute(connection)
            .await
    } else {
        let never = None::<chrono::DateTime<chrono::Utc>>;
        control
            .set((c::paused.eq(false), c::paused_at.eq(never)))
            .execute(connection)
            .await
    };
    updated.map(|_| ())
}

pub(super) async fn record_batch(
    connection: &mut AsyncPgConnection,
    batch: &BatchRecord,
) -> QueryResult<()> {
    use aggregation_batches as b;
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

pub(super) async fn prune_history(
    connection: &mut AsyncPgConnection,
    keep: Duration,
    limit: usize,
) -> QueryResult<u64> {
    diesel::sql_query(
        "with errors as ( \
           delete from aggregation_errors where (user_id, id) in ( \
             select user_id, id from aggregation_errors \
             where failed_at < now() - make_interval(secs => $1) order by failed_at limit $2) \
           returning 1), \
         batches as ( \
           delete from aggregation_batches where id in ( \
             select id from aggregation_batches \
             where started_at < now() - make_interval(secs => $1) order by started_at limit $2) \
           returning 1) \
         select greatest((select count(*) from errors), (select count(*) from batches)) as deleted",
    )
    .bind::<Double, _>(keep.as_secs_f64())
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .get_result::<Pruned>(connection)
    .await
    .map(|pruned| u64::try_from(pruned.deleted).unwrap_or(0))
}

#[derive(QueryableByName)]
struct Pruned {
    #[diesel(sql_type = BigInt)]
    deleted: i64,
}
