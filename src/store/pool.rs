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

impl PoolStats {
    /// What deadpool says, which counts waiting callers as taken from what is
    /// available.
    pub(super) fn of(status: deadpool::Status, max: usize) -> PoolStats {
        let available = status.available.min(status.size);
        PoolStats {
            size: status.size,
            checked_out: status.size - available,
            available,
            waiting: status.waiting,
            max,
        }
    }

    /// Connections out, of those that may be open, in percent.
    pub fn usage_percent(&self) -> usize {
        self.checked_out * 100 / self.max.max(1)
    }

    pub fn status(&self) -> PoolStatus {
        // SQLite's only connection: in use is how it should be.
        if self.max == 1 {
            return PoolStatus::Healthy;
        }
        match self.usage_percent() {
            percent if percent >= 100 => PoolStatus::Exhausted,
            percent if percent >= 80 => PoolStatus::Pressured,
            _ => PoolStatus::Healthy,
        }
    }
}

impl PoolStatus {
    pub fn name(self) -> &'static str {
        match self {
            PoolStatus::Healthy => "healthy",
            PoolStatus::Pressured => "pressured",
            PoolStatus::Exhausted => "exhausted",
        }
    }
}

impl std::fmt::Display for PoolStats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "size={} checked_out={} available={} waiting={} max={} usage_percent={} {}",
            self.size,
            self.checked_out,
            self.available,
            self.waiting,
            self.max,
            self.usage_percent(),
            self.status().name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_follows_the_connections_that_are_out() {
        let stats = |checked_out| PoolStats {
            size: 50,
            checked_out,
            available: 50 - checked_out,
            waiting: 0,
            max: 50,
        };
        assert_eq!(stats(39).status(), PoolStatus::Healthy);
        assert_eq!(stats(40).status(), PoolStatus::Pressured);
        assert_eq!(stats(50).status(), PoolStatus::Exhausted);
    }
}
