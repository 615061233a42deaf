//! How fast a run goes: as fast as the server and whoever else uses it leave
//! room for.

use std::fmt;
use std::time::{Duration, Instant};

use tracing::info;

use super::company::{Company, Glances};
use crate::config::PaceConfig;
use crate::store::ServerLoad;

/// Why a run makes room.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// Of the server's connections, in percent.
    Connections(u64),
    /// Sessions that wait for a lock.
    LockWaits(u64),
    /// Of the slowest standby.
    ReplicationLag(Duration),
    /// Sessions of other applications at work.
    Others(Company),
}

impl Reason {
    /// The server itself is pressed.
    fn is_pressure(&self) -> bool {
        !matches!(self, Reason::Others(_))
    }

    fn is_like(&self, other: &Reason) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
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
            Reason::Others(company) => write!(f, "{company}"),
        }
    }
}

/// The pace of one run.
#[derive(Debug)]
pub struct Pace {
    config: PaceConfig,
    reason: Option<Reason>,
    glances: Glances,
    /// No batch starts before: rows are paid for, or the run rests.
    not_before: Instant,
}

impl Pace {
    pub fn new(config: &PaceConfig) -> Self {
        Pace {
            config: config.clone(),
            reason: None,
            glances: Glances::default(),
            not_before: Instant::now(),
        }
    }

    /// Takes a new look at the server. Every change is one log line.
    pub fn look(&mut self, load: &ServerLoad) {
        let company = self.glances.look(load, Instant::now());
        let reason = reason(&self.config, load, company);
        match (&self.reason, &reason) {
            (Some(before), Some(now)) if before.is_like(now) => {}
            (_, Some(now)) => {
                let batches = if now.is_pressure() {
                    ", in small batches"
                } else {
                    ""
                };
                let floor = self.config.floor;
                info!(
                    "pace: one user at a time{batches}, with rests: {now}; rests leave {floor} rows a second"
                );
            }
            (Some(_), None) => info!("pace: as configured again: the server is at ease"),
            (None, None) => {}
        }
        self.reason = reason;
    }

    /// One user at a time, with rests.
    pub fn makes_room(&self) -> bool {
        self.reason.is_some()
    }

    pub fn takes_small_batches(&self) -> bool {
        self.reason.as_ref().is_some_and(Reason::is_pressure)
    }

    /// Counts rows that a batch takes against the limit.
    pub fn started(&mut self, rows: u64) {
        if self.config.rows_per_second > 0 {
            let seconds = rows as f64 / f64::from(self.config.rows_per_second);
            self.wait_for(Duration::from_secs_f64(seconds));
        }
    }

    /// After a batch of so many rows: a run that makes room rests, unless that
    /// would bring it below its floor.
    pub fn ended(&mut self, took: Duration, rows: u64) {
        if !self.makes_room() {
            return;
        }
        let mut rest = (took * REST).min(LONGEST_REST);
        if self.config.floor > 0 {
            let due = Duration::from_secs_f64(rows as f64 / f64::from(self.config.floor));
            rest = rest.min(due.saturating_sub(took));
        }
        self.wait_for(rest);
    }

    /// How long the next batch is to wait.
    pub fn wait(&self) -> Duration {
        self.not_before.saturating_duration_since(Instant::now())
    }

    fn wait_for(&mut self, pause: Duration) {
        self.not_before = self.not_before.max(Instant::now()) + pause;
    }
}

/// Why a run makes room beside this load, if it does.
pub fn reason(config: &PaceConfig, load: &ServerLoad, company: Company) -> Option<Reason> {
    let percent = load.connections * 100 / load.max_connections.max(1);
    if percent >= u64::from(config.server_connections) {
        return Some(Reason::Connections(percent));
    }
    if load.lock_waits >= u64::from(config.lock_waits) {
        return Some(Reason::LockWaits(load.lock_waits));
    }
    let behind = load
        .replication_lag
        .filter(|lag| *lag >= config.replication_lag);
    if let Some(lag) = behind {
        return Some(Reason::ReplicationLag(lag));
    }
    let at_most = u64::from(config.other_sessions);
    (at_most > 0 && company.sessions() >= at_most).then_some(Reason::Others(company))
}

/// Times as long as a batch took. Beside requests that take a millisecond, on
/// two cores, twice as long was noticed: `scripts/bench neighbour`.
const REST: u32 = 4;

/// A batch that waited for a lock says nothing of the server's load.
const LONGEST_REST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::OtherSession;

    fn load(connections: u64, lock_waits: u64, lag: Option<u64>) -> ServerLoad {
        ServerLoad {
            connections,
            max_connections: 100,
            lock_waits,
            others: Vec::new(),
            replication_lag: lag.map(Duration::from_secs),
        }
    }

    #[test]
    fn makes_room_while_the_server_is_pressed() {
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
            assert_eq!(pace.makes_room(), pressed, "{load:?}");
            assert_eq!(pace.takes_small_batches(), pressed, "{load:?}");
        }
    }

    #[test]
    fn makes_room_for_others_and_rests_longer_than_it_works() {
        let session = |pid| OtherSession {
            pid,
            application: "web".into(),
            role: "app".into(),
            hidden_transaction: None,
        };
        let beside = |others| ServerLoad {
            others: (0..others).map(session).collect(),
            ..load(10, 0, None)
        };
        let mut pace = Pace::new(&PaceConfig::default());
        pace.look(&beside(2));
        pace.ended(Duration::from_millis(500), 100_000);
        assert_eq!((pace.makes_room(), pace.wait()), (false, Duration::ZERO));
        pace.look(&beside(3));
        assert!(pace.makes_room() && !pace.takes_small_batches());
        pace.ended(Duration::from_millis(200), 100_000);
        let rest = pace.wait();
        assert!(rest > Duration::from_millis(400) && rest <= Duration::from_millis(800));
        pace.ended(Duration::from_secs(100), 100_000);
        assert!(pace.wait() <= Duration::from_millis(800) + LONGEST_REST);

        let mut never = Pace::new(&PaceConfig {
            other_sessions: 0,
            ..PaceConfig::default()
        });
        never.look(&beside(100));
        assert!(!never.makes_room());
    }

    #[test]
    fn rests_leave_the_floor() {
        let rest = |floor, milliseconds, rows| {
            let mut pace = Pace::new(&PaceConfig {
                floor,
                ..PaceConfig::default()
            });
            pace.look(&load(90, 0, None));
            pace.ended(Duration::from_millis(milliseconds), rows);
            pace.wait()
        };
        let about = |wait: Duration, milliseconds| {
            let exact = Duration::from_millis(milliseconds);
            wait <= exact && wait + Duration::from_millis(50) > exact
        };
        assert!(about(rest(200, 100, 200), 400), "that is 400 rows a second");
        assert!(about(rest(1000, 100, 200), 100));
        assert_eq!(rest(1000, 300, 200), Duration::ZERO, "slower than that");
        assert!(about(rest(0, 300, 0), 1000), "no floor");
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
