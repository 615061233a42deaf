//! How fast a run goes: as fast as the server and whoever else uses it leave
//! room for.

use std::fmt;
use std::time::{Duration, Instant};

use tracing::info;

use crate::config::PaceConfig;
use crate::store::ServerLoad;

/// Why a run holds back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Of the server's connections, in percent.
    Connections(u64),
    /// Sessions that wait for a lock.
    LockWaits(u64),
    /// Of the slowest standby.
    ReplicationLag(Duration),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Connections(percent) => {
                write!(f, "{percent} % of the server's connections are in use")
            }
            Reason::LockWaits(sessions) => write!(f, "{sessions} sessions wait for locks"),
            Reason::ReplicationLag(lag) => {
                write!(f, "a standby is {:.0} s behind", lag.as_secs_f64())
            }
        }
    }
}

/// The pace of one run.
#[derive(Debug)]
pub struct Pace {
    config: PaceConfig,
    held_back: Option<Reason>,
    /// When the rows started so far are paid for, where there is a limit.
    paid_until: Instant,
}

impl Pace {
    pub fn new(config: &PaceConfig) -> Self {
        Pace {
            config: config.clone(),
            held_back: None,
            paid_until: Instant::now(),
        }
    }

    /// Takes a new look at the server. Every change is one log line.
    pub fn look(&mut self, load: &ServerLoad) {
        let reason = self.reason(load);
        match (self.held_back, reason) {
            (None, Some(reason)) => info!("pace: one user at a time, in small batches: {reason}"),
            (Some(_), None) => info!("pace: as configured again: the server is at ease"),
            _ => {}
        }
        self.held_back = reason;
    }

    /// One user at a time, in small batches.
    pub fn is_held_back(&self) -> bool {
        self.held_back.is_some()
    }

    /// Counts rows that a batch takes against the limit.
    pub fn started(&mut self, rows: u64) {
        if self.config.rows_per_second > 0 {
            let seconds = rows as f64 / f64::from(self.config.rows_per_second);
            let cost = Duration::from_secs_f64(seconds);
            self.paid_until = self.paid_until.max(Instant::now()) + cost;
        }
    }

    /// How long the limit keeps the next batch waiting.
    pub fn wait(&self) -> Duration {
        self.paid_until.saturating_duration_since(Instant::now())
    }

    fn reason(&self, load: &ServerLoad) -> Option<Reason> {
        let percent = load.connections * 100 / load.max_connections.max(1);
        if percent >= u64::from(self.config.server_connections) {
            return Some(Reason::Connections(percent));
        }
        if load.lock_waits >= u64::from(self.config.lock_waits) {
            return Some(Reason::LockWaits(load.lock_waits));
        }
        load.replication_lag
            .filter(|lag| *lag >= self.config.replication_lag)
            .map(Reason::ReplicationLag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(connections: u64, lock_waits: u64, lag: Option<u64>) -> ServerLoad {
        ServerLoad {
            connections,
            max_connections: 100,
            lock_waits,
            replication_lag: lag.map(Duration::from_secs),
        }
    }

    #[test]
    fn holds_back_while_the_server_is_pressed() {
        let mut pace = Pace::new(&PaceConfig::default());
        for (pressed, load) in [
            (false, load(79, 9, Some(29))),
            (true, load(80, 0, None)),
            (false, load(10, 0, None)),
            (true, load(10, 10, None)),
            (true, load(10, 0, Some(30))),
            (false, load(10, 0, Some(0))),
        ] {
            pace.look(&load);
            assert_eq!(pace.is_held_back(), pressed, "{load:?}");
        }
    }

    #[test]
    fn rows_are_paid_for_at_the_rate() {
        let mut free = Pace::new(&PaceConfig::default());
        free.started(1_000_000);
        assert_eq!(free.wait(), Duration::ZERO);
        let mut limited = Pace::new(&PaceConfig {
            rows_per_second: 100,
            ..PaceConfig::default()
        });
        assert_eq!(limited.wait(), Duration::ZERO);
        limited.started(100);
        limited.started(900);
        let wait = limited.wait();
        assert!(wait > Duration::from_secs(9) && wait <= Duration::from_secs(10));
    }
}
