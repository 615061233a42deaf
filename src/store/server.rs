//! The database itself: its pool, its limits, its schema, its zones.

use std::future::Future;
use std::time::Duration;

use serde::Deserialize;

use super::{PoolStats, Result};

/// The door of whoever opens a database or watches it.
pub trait Server: Clone + Send + Sync + 'static {
    /// What the connection pool is doing now.
    fn pool_stats(&self) -> PoolStats;

    /// Closes the pool's connections, those on loan when they come back, so
    /// that whatever is wrong with them is gone. Returns how many were idle.
    fn reset_pool(&self) -> usize;

    /// What the server has to do besides.
    fn server_load(&self) -> impl Future<Output = Result<ServerLoad>> + Send;

    /// Asks the database for an answer, on a connection of the pool.
    fn ping(&self) -> impl Future<Output = Result<()>> + Send;

    /// How many groups may be folded side by side.
    fn max_concurrency(&self) -> usize;

    /// Why the database is lost to this process for good, as far as that shows
    /// without asking it.
    fn lost(&self) -> Option<String> {
        None
    }

    /// Brings the schema up to date; safe while others do the same. Returns
    /// the names of the migrations it applied.
    fn migrate(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Names of the migrations that are still to be applied.
    fn pending_migrations(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Refuses a pool that the server could not serve in full.
    fn check_limits(&self) -> impl Future<Output = Result<()>> + Send;

    /// The zone of users who have none in `user_time_zones`.
    fn set_default_time_zone(&self, zone: &str) -> impl Future<Output = Result<()>> + Send;

    /// What [`Server::set_default_time_zone`] was last told.
    fn default_time_zone(&self) -> impl Future<Output = Result<String>> + Send;

    /// The first `limit` distinct zone names in `user_time_zones`, sorted.
    fn time_zone_names(&self, limit: usize) -> impl Future<Output = Result<Vec<String>>> + Send;
}

/// How much of a server is taken, by whomever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerLoad {
    pub connections: u64,
    pub max_connections: u64,
    /// Sessions that wait for a lock.
    pub lock_waits: u64,
    /// Sessions of other applications in this database that may be at work.
    pub others: Vec<OtherSession>,
    /// Of the slowest standby, where there is one and its lag may be seen.
    pub replication_lag: Option<Duration>,
}

/// A session of another application. One that this role may look into is at
/// work: it works now or did something in the last seconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OtherSession {
    pub pid: i32,
    pub application: String,
    pub role: String,
    /// Of a session that this role may not look into: the transaction that it
    /// is in, if any.
    pub hidden_transaction: Option<String>,
}
