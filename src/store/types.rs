//! What goes into a store's operations and comes out of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::PoolStats;
use crate::domain::{Domain, GroupKey, Period, UserId};

/// What [`RawStore::insert_raw`](super::RawStore::insert_raw) did with the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inserted {
    pub inserted: u64,
    /// The same row by its `source_id`, with other content: updated.
    pub corrected: u64,
    /// Stored already, untouched.
    pub duplicate: u64,
}

/// A group that has pending rows, and how many of them a pull took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PulledGroup {
    pub user_id: UserId,
    pub local_date: NaiveDate,
    pub rows: usize,
}

/// Which groups a backfill is about. An empty list of users is all users;
/// dates are inclusive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupFilter {
    pub users: Vec<UserId>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

/// Which failed groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedFilter {
    pub within: GroupFilter,
    /// `transient` or `data`; none is both.
    pub class: Option<super::ErrorClass>,
    /// Only groups whose attempts are used up.
    pub dead_only: bool,
}

/// A group whose last attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedGroup {
    pub user_id: UserId,
    pub local_date: NaiveDate,
    /// `due` or `dead`.
    pub state: String,
    pub attempts: i64,
    pub next_attempt_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub error_class: String,
    pub error: String,
}

/// Which of the groups within a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those that an older version of the fold wrote, and those with rejected
    /// rows, which a newer version may accept.
    Outdated,
}

/// What recomputing a group from its raw rows showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupCheck {
    /// Rows are pending or failed, or the group is marked: it is not meant to
    /// agree yet.
    Unsettled,
    Settled {
        /// Aggregates of any period touched that differ.
        drifts: Vec<crate::domain::drift::Drift>,
        /// Raw rows that are `completed` and should be `rejected`, or the
        /// other way round.
        misjudged_rows: usize,
    },
}

/// What became of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupOutcome {
    Folded {
        /// Rows that went from another state to `completed`.
        completed: u64,
        /// Rows that went from another state to `rejected`.
        rejected: u64,
    },
    /// Another worker has this user, or the group waits for its next attempt
    /// by now; nothing was done.
    Locked,
}

/// Rows that a fold leaves out and rejects, to find those at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// Ids of raw rows.
    pub rows: Arc<HashSet<i64>>,
    /// How the group fails with them; becomes their reason.
    pub error: Arc<str>,
    /// Roll back at the end: only find out whether the rest can be folded.
    pub trial: bool,
}

/// What became of a group that is to be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    Sealed {
        /// Raw rows removed.
        rows: u64,
    },
    /// Another worker has this user.
    Locked,
    /// The day's share is used up.
    Spent,
    /// It has rows still to be folded, failed, or is marked.
    Unsettled,
    /// Its rows do not fold to what is stored.
    Drifted,
}

/// A failed attempt at a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub error: String,
    pub class: super::ErrorClass,
    /// Who tried.
    pub worker: String,
    pub max_attempts: u32,
    /// Pause before the second attempt; doubles with each further one.
    pub backoff: Duration,
    pub max_backoff: Duration,
    /// Factor on the pause that keeps failed groups from coming back at once.
    pub jitter: f64,
}

/// One failed attempt of the past.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PastFailure {
    pub failed_at: DateTime<Utc>,
    /// Attempts counted against the group by then.
    pub attempts: i64,
    pub error_class: String,
    pub error: String,
    pub worker: String,
}

/// The state of a group that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// Tried again at its backoff time.
    Due { attempts: u32 },
    /// Attempts used up.
    Dead { attempts: u32 },
}

/// What one step of marking did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    pub groups: u64,
    /// The last group marked: where the next step goes on.
    pub last: Option<(UserId, NaiveDate)>,
}

/// The size of a backfill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GroupCounts {
    pub groups: u64,
    pub users: u64,
    pub rows: u64,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    pub worker: String,
    pub mode: &'static str,
    pub activity: &'static str,
    /// What it folds now.
    pub folding: Vec<GroupKey>,
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

/// A worker as its last sign of life left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSeen {
    pub worker: String,
    pub seen_seconds_ago: i64,
    pub folding: Vec<GroupKey>,
}

/// What every worker obeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    pub paused: bool,
    /// There are other workers, or what dead ones left.
    pub accompanied: bool,
    /// Whether a pull would find anything, where that was asked.
    pub work_waits: bool,
}

/// What is looked for by a worker that waits.
#[derive(Debug, Clone)]
pub struct Probe {
    pub domains: Vec<Domain>,
    /// Rows younger than this are left for later.
    pub settle: Duration,
}

/// One line of the run history.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRecord {
    pub id: uuid::Uuid,
    pub worker: String,
    pub domain: Domain,
    /// Its start is that much before its recording, by the database's clock.
    pub duration_ms: i64,
    pub rows_pulled: i64,
    pub rows_completed: i64,
    pub rows_rejected: i64,
    pub groups_ok: i64,
    pub groups_failed: i64,
    pub groups_skipped: i64,
    pub pool_before: PoolStats,
    pub pool_after: PoolStats,
}

/// What waits, what failed and who works.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    pub paused: bool,
    pub domains: Vec<DomainStatus>,
    pub workers: Vec<WorkerStatus>,
    /// Batches that ended within the last hour.
    pub last_hour: HourStatus,
    /// Domains that retention looked at; none where it is off.
    pub retention: Vec<RetentionStatus>,
}

/// What retention saw and did of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetentionStatus {
    pub domain: Domain,
    /// The database's clock at the last round that was not refused.
    pub ran_at: Option<DateTime<Utc>>,
    /// That round was today, in UTC.
    pub ran_today: bool,
    /// Why rounds are refused, and how to allow them.
    pub refused: Option<String>,
    pub refused_since: Option<DateTime<Utc>>,
    pub backlog: Backlog,
    /// Groups of the share that were sealed that day.
    pub removed: u64,
    /// Old groups that are dead and keep their raw rows and hours.
    pub dead_groups: u64,
    pub oldest_dead: Option<NaiveDate>,
}

impl RetentionStatus {
    /// What an operator is to know or to do.
    pub fn notes(&self) -> Vec<String> {
        let domain = self.domain;
        let mut notes = Vec::new();
        if let Some(reason) = &self.refused {
            let since = self.refused_since.map_or_else(String::new, |at| {
                format!(" since {}", at.format("%Y-%m-%d %H:%M:%SZ"))
            });
            notes.push(format!("Retention of {domain} is refused{since}: {reason}"));
        }
        let Backlog { waiting, allowance } = self.backlog;
        if waiting > allowance {
            notes.push(format!(
                "Retention of {domain}: {waiting} old groups waited at the day's first round, {} \
                 of at most {allowance} are removed; `vitalfold run-once --retain-all` removes all",
                self.removed
            ));
        }
        if let (1.., Some(oldest)) = (self.dead_groups, self.oldest_dead) {
            notes.push(format!(
                "Retention of {domain} leaves {} dead groups alone, the oldest of {oldest}; see \
                 `vitalfold failed list --dead`",
                self.dead_groups
            ));
        }
        notes
    }
}

/// Groups that are older than they are to be kept, at a day's first round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// Without those that the share does not count.
    pub waiting: u64,
    /// How many of them may be sealed that day.
    pub allowance: u64,
}

/// One domain's rows and groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DomainStatus {
    pub domain: Domain,
    pub pending_rows: i64,
    pub failed_rows: i64,
    pub rejected_rows: i64,
    pub due_groups: i64,
    pub dead_groups: i64,
    /// Age of the oldest pending row.
    pub oldest_pending_seconds: Option<i64>,
}

/// A worker that was seen lately.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkerStatus {
    pub worker: String,
    pub mode: String,
    pub activity: String,
    /// The groups in flight at its last sign of life.
    pub folding: Vec<GroupKey>,
    pub started_at: DateTime<Utc>,
    pub seen_seconds_ago: i64,
}

/// Sums over the batches of the last hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct HourStatus {
    pub batches: i64,
    pub rows_completed: i64,
    pub rows_rejected: i64,
    pub groups_ok: i64,
    pub groups_failed: i64,
}

/// Which aggregates to read; dates are inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateQuery {
    pub user_id: UserId,
    pub series: Option<String>,
    pub period: Period,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

impl PulledGroup {
    /// The first groups that hold `limit` rows together; the last one counts
    /// only the rows that still fit.
    pub(super) fn cut(groups: impl Iterator<Item = PulledGroup>, limit: usize) -> Vec<PulledGroup> {
        let mut room = limit;
        groups
            .map_while(|group| {
                let rows = group.rows.min(room);
                room -= rows;
                (rows > 0).then_some(PulledGroup { rows, ..group })
            })
            .collect()
    }
}

impl Inserted {
    pub fn add(&mut self, other: Inserted) {
        self.inserted += other.inserted;
        self.corrected += other.corrected;
        self.duplicate += other.duplicate;
    }
}

/// What retention judges the database's clock by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// Hours from the last round of retention to now; without one, from the
    /// newest of the raw rows' arrivals and of the sealed days. Below zero
    /// where the clock is behind; none without any of them.
    pub hours_ahead: Option<f64>,
    /// There was a round.
    pub by_round: bool,
}
