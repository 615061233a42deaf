//! What Prometheus sees: the functions that change it. The names are in
//! `names`. No label carries a user, a value or an error's text.

mod names;

use std::sync::LazyLock;
use std::time::Duration;

use prometheus_client::encoding::text::encode;

use crate::domain::Domain;
use names::Metrics;

/// The form of [`render`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// How it ended that a group was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Folded,
    Failed,
    /// Another worker had its user.
    Locked,
    Interrupted,
}

impl Outcome {
    const ALL: [Outcome; 4] = [
        Outcome::Folded,
        Outcome::Failed,
        Outcome::Locked,
        Outcome::Interrupted,
    ];

    fn name(self) -> &'static str {
        match self {
            Outcome::Folded => "folded",
            Outcome::Failed => "failed",
            Outcome::Locked => "locked",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// What one domain's state tables hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    pub pending_rows: i64,
    pub failed_rows: i64,
    pub pending_groups: i64,
    pub waiting_groups: i64,
    pub dead_groups: i64,
    /// 0 where nothing is pending.
    pub oldest_pending_seconds: i64,
}

/// What is read when it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    pub open_connections: usize,
    pub connections_in_use: usize,
    pub connections_available: usize,
    pub max_connections: usize,
    pub waiting_callers: usize,
    pub breaker_is_open: bool,
    pub progress_age: Duration,
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A group was taken up and left.
pub fn group(domain: Domain, outcome: Outcome, took: Duration) {
    let domain = ("domain", domain.name());
    let labels = [domain, ("outcome", outcome.name())];
    METRICS.groups.get_or_create(&labels).inc();
    let seconds = METRICS.group_seconds.get_or_create(&[domain]);
    seconds.observe(took.as_secs_f64());
}

/// Changed rows of a group were folded.
pub fn rows(domain: Domain, completed: u64, rejected: u64) {
    for (outcome, rows) in [("completed", completed), ("rejected", rejected)] {
        let labels = [("domain", domain.name()), ("outcome", outcome)];
        METRICS.rows.get_or_create(&labels).inc_by(rows);
    }
}

/// A batch ended.
pub fn batch(domain: Domain, took: Duration) {
    let labels = [("domain", domain.name())];
    let seconds = METRICS.batch_seconds.get_or_create(&labels);
    seconds.observe(took.as_secs_f64());
}

/// A transient error of a group is to be tried again at once.
pub fn retry(domain: Domain) {
    let labels = [("domain", domain.name())];
    METRICS.retries.get_or_create(&labels).inc();
}

/// A group or a batch ended in an error of a class of this name.
pub fn error(class: &'static str) {
    METRICS.errors.get_or_create(&[("class", class)]).inc();
}

/// A caller got a connection, or gave up.
pub fn connection_waited(time: Duration) {
    METRICS.wait_seconds.observe(time.as_secs_f64());
}

/// A connection was given back.
pub fn connection_held(time: Duration) {
    METRICS.hold_seconds.observe(time.as_secs_f64());
}

/// Every connection was closed to begin afresh.
pub fn pool_reset() {
    METRICS.pool_resets.inc();
}

/// A line of the log could not be written.
pub fn log_line_lost() {
    METRICS.log_lines_lost.inc();
}

/// An operator paused or resumed every worker.
pub fn paused(paused: bool) {
    METRICS.paused.set(i64::from(paused));
}

/// Whether the database answered when it was last asked for the backlog.
pub fn database_up(up: bool) {
    METRICS.database_up.set(i64::from(up));
}

/// What the database says of one domain's backlog.
pub fn backlog(domain: Domain, backlog: &Backlog) {
    let domain = ("domain", domain.name());
    for (state, rows) in [
        ("pending", backlog.pending_rows),
        ("failed", backlog.failed_rows),
    ] {
        let labels = [domain, ("state", state)];
        METRICS.backlog_rows.get_or_create(&labels).set(rows);
    }
    for (state, groups) in [
        ("pending", backlog.pending_groups),
        ("waiting", backlog.waiting_groups),
        ("dead", backlog.dead_groups),
    ] {
        let labels = [domain, ("state", state)];
        METRICS.backlog_groups.get_or_create(&labels).set(groups);
    }
    let age = METRICS.oldest_pending.get_or_create(&[domain]);
    age.set(backlog.oldest_pending_seconds);
}

/// The metrics of this process in the `OpenMetrics` text form.
pub fn render(now: &Now) -> String {
    for (state, connections) in [
        ("in_use", now.connections_in_use),
        ("available", now.connections_available),
    ] {
        let gauge = METRICS.pool_connections.get_or_create(&[("state", state)]);
        gauge.set(signed(connections));
    }
    METRICS.pool_open.set(signed(now.open_connections));
    METRICS.pool_max.set(signed(now.max_connections));
    METRICS.pool_waiting.set(signed(now.waiting_callers));
    let usage = now.connections_in_use as f64 / now.max_connections.max(1) as f64;
    METRICS.pool_usage.set(usage);
    METRICS.breaker_open.set(i64::from(now.breaker_is_open));
    METRICS.progress_age.set(now.progress_age.as_secs_f64());
    if let Some(bytes) = resident_bytes() {
        METRICS.resident_memory.set(bytes);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        METRICS.open_fds.set(signed(files.count()));
    }
    let mut text = String::new();
    // Safety: writing to a String does not fail.
    encode(&mut text, &METRICS.registry).expect("a String takes any text");
    text
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
