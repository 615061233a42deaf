//! The database itself.

use std::time::Duration;

use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Double, Integer, Jsonb, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::connection::cached::Cached;
use super::schema::{user_time_zones, worker_control};
use super::{PgStore, migrate, pool};
use crate::store::sql::flat;
use crate::store::{PoolStats, Result, Server, ServerLoad};

impl Server for PgStore {
    fn pool_stats(&self) -> PoolStats {
        self.pool.stats()
    }

    fn reset_pool(&self) -> usize {
        self.pool.reset()
    }

    async fn server_load(&self) -> Result<ServerLoad> {
        on_connection!(self, "look at the server", c => server_load(c))
    }

    async fn ping(&self) -> Result<()> {
        on_connection!(self, "ping", c => c.batch_execute("select 1"))
    }

    fn max_concurrency(&self) -> usize {
        // One connection for pulls and history, one for the run lock.
        self.pool.max().saturating_sub(2).max(1)
    }

    async fn migrate(&self) -> Result<Vec<String>> {
        migrate::run(self.lease("migrate").await?).await
    }

    async fn pending_migrations(&self) -> Result<Vec<String>> {
        migrate::pending(self.lease("check schema").await?).await
    }

    async fn check_limits(&self) -> Result<()> {
        let max = self.pool.max();
        on_connection!(self, "check limits", c => check_limits(c, max))
    }

    async fn set_default_time_zone(&self, zone: &str) -> Result<()> {
        on_connection!(self, "set time zone", c => set_default_time_zone(c, zone))
    }

    async fn default_time_zone(&self) -> Result<String> {
        on_connection!(self, "read time zone", c => default_time_zone(c))
    }

    async fn time_zone_names(&self, limit: usize) -> Result<Vec<String>> {
        on_connection!(self, "read time zones", c => time_zone_names(c, limit))
    }
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
    #[diesel(sql_type = Nullable<Double>)]
    replication_lag: Option<f64>,
}

async fn server_load(connection: &mut AsyncPgConnection) -> QueryResult<ServerLoad> {
    let load: Load = Cached(diesel::sql_query(flat(include_str!("sql/server_load.sql"))))
        .get_result(connection)
        .await?;
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(ServerLoad {
        connections: count(load.connections),
        max_connections: count(load.max_connections),
        lock_waits: count(load.lock_waits),
        others: serde_json::from_value(load.others)
            .map_err(|error| Error::DeserializationError(error.into()))?,
        replication_lag: load
            .replication_lag
            .and_then(|lag| Duration::try_from_secs_f64(lag).ok()),
    })
}

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

/// Compares how many connections the pool may open at most with what the server
/// leaves for them.
async fn check_limits(connection: &mut AsyncPgConnection, pool_max: usize) -> QueryResult<()> {
    let room: Room = diesel::sql_query(flat(include_str!("sql/connection_room.sql")))
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
        // Not a statement's error, but reported the same way.
        return Err(Error::QueryBuilderError(
            format!(
                "pool.size + pool.max_overflow = {pool_max} connections, but the server leaves \
                 {left}: {because}. Lower pool.size and pool.max_overflow or raise max_connections"
            )
            .into(),
        ));
    }
    Ok(())
}

async fn set_default_time_zone(connection: &mut AsyncPgConnection, zone: &str) -> QueryResult<()> {
    // Only when it differs: workers that start together do not queue here.
    diesel::update(worker_control::table)
        .filter(worker_control::default_time_zone.ne(zone))
        .set(worker_control::default_time_zone.eq(zone))
        .execute(connection)
        .await
        .map(|_| ())
}

async fn default_time_zone(connection: &mut AsyncPgConnection) -> QueryResult<String> {
    worker_control::table
        .select(worker_control::default_time_zone)
        .first(connection)
        .await
}

async fn time_zone_names(
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
