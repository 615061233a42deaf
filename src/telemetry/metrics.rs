//! What Prometheus sees: the functions that change it. The names are in
//! `names`. No label carries a user, a value or an error's text.

mod names;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;

use crate::domain::Domain;
use crate::store::{ErrorClass, PoolStats, Status};
use crate::worker::group::GroupResult;
use names::Metrics;

/// The form of [`render`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
/// Milliseconds from [`STARTED`] to the last sign of progress.
static PROGRESS: AtomicU64 = AtomicU64::new(0);

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A group was taken up and left.
pub fn group(domain: Domain, result: &GroupResult, took: Duration) {
    let domain = ("domain", domain.name());
    let outcome = match result {
        GroupResult::Folded {
            completed,
            rejected,
        } => {
            for (outcome, rows) in [("completed", *completed), ("rejected", *rejected)] {
                let labels = [domain, ("outcome", outcome)];
                METRICS.rows.get_or_create(&labels).inc_by(rows);
            }
            "folded"
        }
        GroupResult::Failed => "failed",
        GroupResult::Skipped => "locked",
        GroupResult::Interrupted => "interrupted",
    };
    let labels = [domain, ("outcome", outcome)];
    METRICS.groups.get_or_create(&labels).inc();
    let seconds = METRICS.group_seconds.get_or_create(&[domain]);
    seconds.observe(took.as_secs_f64());
    progress();
}

/// A batch ended, `marked` of whose groups were folded before.
pub fn batch(domain: Domain, took: Duration, marked: usize) {
    let labels = [("domain", domain.name())];
    let seconds = METRICS.batch_seconds.get_or_create(&labels);
    seconds.observe(took.as_secs_f64());
    METRICS.refolds.get_or_create(&labels).inc_by(marked as u64);
}

/// A transient error of a group is to be tried again at once.
pub fn retry(domain: Domain) {
    let labels = [("domain", domain.name())];
    METRICS.retries.get_or_create(&labels).inc();
}

/// A group or a pass ended in an error.
pub fn error(class: ErrorClass) {
    let labels = [("class", class.name())];
    METRICS.errors.get_or_create(&labels).inc();
    progress();
}

/// The worker is not stuck: something that it did just ended.
pub fn progress() {
    let now = u64::try_from(STARTED.elapsed().as_millis()).unwrap_or(u64::MAX);
    PROGRESS.store(now, Ordering::Relaxed);
}

/// Time since [`progress`] was last called, or since the start.
pub fn progress_age() -> Duration {
    let last = Duration::from_millis(PROGRESS.load(Ordering::Relaxed));
    STARTED.elapsed().saturating_sub(last)
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

/// The circuit breaker opened or closed.
pub fn breaker(open: bool) {
    METRICS.breaker_open.set(i64::from(open));
}

/// Whether the circuit breaker is open.
pub fn breaker_is_open() -> bool {
    METRICS.breaker_open.get() == 1
}

/// An operator paused or resumed every worker.
pub fn paused(paused: bool) {
    METRICS.paused.set(i64::from(paused));
}

/// What the database says of its backlog; none while it does not answer.
pub fn backlog(status: Option<&Status>) {
    METRICS.database_up.set(i64::from(status.is_some()));
    for status in status.map_or(&[][..], |status| &status.domains) {
        let domain = ("domain", status.domain.name());
        for (state, rows) in [
            ("pending", status.pending_rows),
            ("failed", status.failed_rows),
        ] {
            let labels = [domain, ("state", state)];
            METRICS.backlog_rows.get_or_create(&labels).set(rows);
        }
        for (state, groups) in [("due", status.due_groups), ("dead", status.dead_groups)] {
            let labels = [domain, ("state", state)];
            METRICS.backlog_groups.get_or_create(&labels).set(groups);
        }
        let age = status.oldest_pending_seconds.unwrap_or(0).max(0);
        METRICS.oldest_pending.get_or_create(&[domain]).set(age);
    }
}

/// The metrics of this process in the `OpenMetrics` text form.
pub fn render(pool: &PoolStats) -> String {
    for (state, connections) in [("in_use", pool.checked_out), ("available", pool.available)] {
        let gauge = METRICS.pool_connections.get_or_create(&[("state", state)]);
        gauge.set(signed(connections));
    }
    METRICS.pool_open.set(signed(pool.size));
    METRICS.pool_max.set(signed(pool.max));
    METRICS.pool_waiting.set(signed(pool.waiting));
    let usage = pool.checked_out as f64 / pool.max.max(1) as f64;
    METRICS.pool_usage.set(usage);
    METRICS.progress_age.set(progress_age().as_secs_f64());
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
