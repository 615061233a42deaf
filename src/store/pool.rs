//! What a connection pool is doing, as logs and health checks report it.

/// How close a pool is to making callers wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolStatus {
    Healthy,
    /// At least 80 % of the connections are out.
    Pressured,
    /// Every connection is out: the next caller waits.
    Exhausted,
}

/// A snapshot of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct PoolStats {
    /// Open connections, idle ones included.
    pub size: usize,
    pub checked_out: usize,
    /// Open and idle.
    pub available: usize,
    /// Callers waiting for a connection.
    pub waiting: usize,
    /// Most connections that may be open: pool size + overflow.
    pub max: usize,
}
