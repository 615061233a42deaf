//! What Prometheus sees. Every metric is named, explained and registered at
//! zero here, and changed through the functions below alone. No label carries
//! a user, a value or an error's text.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use crate::domain::Domain;
use crate::store::{ErrorClass, PoolStats, Status};
use crate::worker::group::GroupResult;

/// The form of [`render`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;
type Ratio = Gauge<f64, AtomicU64>;

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
/// Milliseconds from [`STARTED`] to the last sign of progress.
static PROGRESS: AtomicU64 = AtomicU64::new(0);

const OUTCOMES: [&str; 4] = ["folded", "failed", "locked", "interrupted"];
const CLASSES: [ErrorClass; 3] = [ErrorClass::Transient, ErrorClass::Data, ErrorClass::Fatal];

struct Metrics {
    registry: Registry,
    rows: Counters<2>,
    groups: Counters<2>,
    refolds: Counters<1>,
    retries: Counters<1>,
    errors: Counters<1>,
    batch_seconds: Histograms<1>,
    group_seconds: Histograms<1>,
    wait_seconds: Histogram,
    hold_seconds: Histogram,
    pool_connections: Gauges<1>,
    pool_open: Gauge,
    pool_max: Gauge,
    pool_waiting: Gauge,
    pool_usage: Ratio,
    pool_resets: Counter,
    breaker_open: Gauge,
    backlog_rows: Gauges<2>,
    backlog_groups: Gauges<2>,
    oldest_pending: Gauges<1>,
    database_up: Gauge,
    paused: Gauge,
    progress_age: Ratio,
    resident_memory: Gauge,
    open_fds: Gauge,
}

/// From half a millisecond to a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.5, 14))
}

impl Metrics {
    fn new() -> Metrics {
        LazyLock::force(&STARTED);
        let mut registry = Registry::default();
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("vitalfold_build", "What runs here", build);
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let start_time = Ratio::default();
        start_time.set(started.unwrap_or_default().as_secs_f64());
        registry.register_with_unit(
            "process_start_time",
            "When the process started, since the Unix epoch",
            Unit::Seconds,
            start_time,
        );
        let resident_memory = Gauge::default();
        registry.register_with_unit(
            "process_resident_memory",
            "Memory in use",
            Unit::Bytes,
            resident_memory.clone(),
        );
        let mut plain = |name: &str, help: &str| add(&mut registry, name, help, Gauge::default());
        let metrics = Metrics {
            open_fds: plain("process_open_fds", "Open file descriptors"),
            pool_open: plain(
                "vitalfold_pool_open_connections",
                "Connections that are open",
            ),
            pool_max: plain(
                "vitalfold_pool_max_connections",
                "Connections that may be open: pool.size + pool.max_overflow",
            ),
            pool_waiting: plain(
                "vitalfold_pool_waiting_callers",
                "Callers that wait for a connection",
            ),
            breaker_open: plain(
                "vitalfold_breaker_open",
                "1 while the circuit breaker keeps the worker from the database",
            ),
            database_up: plain(
                "vitalfold_database_up",
                "1 while the last reading of the backlog succeeded",
            ),
            paused: plain(
                "vitalfold_worker_paused",
                "1 while an operator has paused every worker",
            ),
            pool_connections: add(
                &mut registry,
                "vitalfold_pool_connections",
                "Open connections by what they do",
                Family::default(),
            ),
            pool_usage: add(
                &mut registry,
                "vitalfold_pool_usage_ratio",
                "Connections in use, of those that may be open",
                Ratio::default(),
            ),
            pool_resets: add(
                &mut registry,
                "vitalfold_pool_resets",
                "How often every connection was closed to begin afresh",
                Counter::default(),
            ),
            rows: add(
                &mut registry,
                "vitalfold_rows",
                "Raw rows that reached a final state",
                Family::default(),
            ),
            groups: add(
                &mut registry,
                "vitalfold_groups",
                "Groups (user and day) taken up, by how that ended",
                Family::default(),
            ),
            refolds: add(
                &mut registry,
                "vitalfold_refolds",
                "Marked groups taken up again: edits, deletions, retries, backfills",
                Family::default(),
            ),
            retries: add(
                &mut registry,
                "vitalfold_group_retries",
                "Transient errors of groups that were tried again at once",
                Family::default(),
            ),
            errors: add(
                &mut registry,
                "vitalfold_errors",
                "Errors of groups and passes, by whose fault they are",
                Family::default(),
            ),
            backlog_rows: add(
                &mut registry,
                "vitalfold_backlog_rows",
                "Raw rows in the database that are not done",
                Family::default(),
            ),
            backlog_groups: add(
                &mut registry,
                "vitalfold_backlog_groups",
                "Groups in the database that are to be folded again, or dead",
                Family::default(),
            ),
            batch_seconds: timed(
                &mut registry,
                "vitalfold_batch_duration",
                "Time from a batch's pull to its last commit",
                Family::new_with_constructor(seconds as fn() -> Histogram),
            ),
            group_seconds: timed(
                &mut registry,
                "vitalfold_group_duration",
                "Time to fold one group, retries included",
                Family::new_with_constructor(seconds as fn() -> Histogram),
            ),
            wait_seconds: timed(
                &mut registry,
                "vitalfold_connection_wait",
                "Time that callers waited for a connection",
                seconds(),
            ),
            hold_seconds: timed(
                &mut registry,
                "vitalfold_connection_hold",
                "Time that connections were on loan",
                seconds(),
            ),
            oldest_pending: timed(
                &mut registry,
                "vitalfold_oldest_pending_age",
                "Age of the oldest pending row, 0 where there is none",
                Family::default(),
            ),
            progress_age: timed(
                &mut registry,
                "vitalfold_progress_age",
                "Time since a group or a round of the worker last ended",
                Ratio::default(),
            ),
            resident_memory,
            registry,
        };
        metrics.at_zero();
        metrics
    }

    /// Every series exists before its first event, so that a rate over it is
    /// right from the first event on.
    fn at_zero(&self) {
        for state in ["in_use", "available"] {
            exists(&self.pool_connections, &[("state", state)]);
        }
        for class in CLASSES {
            exists(&self.errors, &[("class", class.name())]);
        }
        for domain in Domain::ALL.iter().map(|domain| domain.name()) {
            let domain = ("domain", domain);
            for outcome in ["completed", "rejected"] {
                exists(&self.rows, &[domain, ("outcome", outcome)]);
            }
            for outcome in OUTCOMES {
                exists(&self.groups, &[domain, ("outcome", outcome)]);
            }
            for state in ["pending", "failed"] {
                exists(&self.backlog_rows, &[domain, ("state", state)]);
            }
            for state in ["due", "dead"] {
                exists(&self.backlog_groups, &[domain, ("state", state)]);
            }
            exists(&self.refolds, &[domain]);
            exists(&self.retries, &[domain]);
            exists(&self.batch_seconds, &[domain]);
            exists(&self.group_seconds, &[domain]);
            exists(&self.oldest_pending, &[domain]);
        }
    }
}

fn exists<const N: usize, M, C: MetricConstructor<M>>(
    family: &Family<Labels<N>, M, C>,
    labels: &Labels<N>,
) {
    drop(family.get_or_create(labels));
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// `_seconds` is added to the name.
fn timed<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_there_before_anything_happened() {
        let text = Metrics::new();
        let mut shown = String::new();
        encode(&mut shown, &text.registry).unwrap();
        for line in [
            "vitalfold_build_info{version=",
            "vitalfold_rows_total{domain=\"labs\",outcome=\"rejected\"} 0",
            "vitalfold_groups_total{domain=\"nutrition\",outcome=\"failed\"} 0",
            "vitalfold_errors_total{class=\"fatal\"} 0",
            "vitalfold_batch_duration_seconds_count{domain=\"vitals\"} 0",
            "vitalfold_connection_hold_seconds_count 0",
            "vitalfold_pool_resets_total 0",
            "vitalfold_backlog_groups{domain=\"vitals\",state=\"dead\"} 0",
            "vitalfold_oldest_pending_age_seconds{domain=\"vitals\"} 0",
        ] {
            assert!(shown.contains(line), "{line} is missing in\n{shown}");
        }
    }
}
