//! The names: every metric with its help and unit, registered at zero.

use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::Outcome;
use crate::domain::Domain;

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;
type Ratio = Gauge<f64, AtomicU64>;

/// Classes of errors.
const CLASSES: [&str; 3] = ["transient", "data", "fatal"];

pub(super) struct Metrics {
    pub(super) registry: Registry,
    pub(super) rows: Counters<2>,
    pub(super) groups: Counters<2>,
    pub(super) retries: Counters<1>,
    pub(super) errors: Counters<1>,
    pub(super) batch_seconds: Histograms<1>,
    pub(super) group_seconds: Histograms<1>,
    pub(super) wait_seconds: Histogram,
    pub(super) hold_seconds: Histogram,
    pub(super) pool_connections: Gauges<1>,
    pub(super) pool_open: Gauge,
    pub(super) pool_max: Gauge,
    pub(super) pool_waiting: Gauge,
    pub(super) pool_usage: Ratio,
    pub(super) pool_resets: Counter,
    pub(super) log_lines_lost: Counter,
    pub(super) breaker_open: Gauge,
    pub(super) backlog_rows: Gauges<2>,
    pub(super) backlog_groups: Gauges<2>,
    pub(super) oldest_pending: Gauges<1>,
    pub(super) database_up: Gauge,
    pub(super) paused: Gauge,
    pub(super) progress_age: Ratio,
    pub(super) resident_memory: Gauge,
    pub(super) open_fds: Gauge,
}

/// From half a millisecond to a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.5, 14))
}

impl Metrics {
    pub(super) fn new() -> Metrics {
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
            log_lines_lost: add(
                &mut registry,
                "vitalfold_log_lines_lost",
                "Lines of the log that could not be written",
                Counter::default(),
            ),
            rows: add(
                &mut registry,
                "vitalfold_rows",
                "Changed rows that were folded",
                Family::default(),
            ),
            groups: add(
                &mut registry,
                "vitalfold_groups",
                "Groups (user and day) taken up, by how that ended",
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
                "Errors of groups and batches, by whose fault they are",
                Family::default(),
            ),
            backlog_rows: add(
                &mut registry,
                "vitalfold_backlog_rows",
                "Changed rows in the database that are not folded",
                Family::default(),
            ),
            backlog_groups: add(
                &mut registry,
                "vitalfold_backlog_groups",
                "Groups in the database that have changes, wait for another attempt, or are dead",
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
                "Age of the oldest change that is not folded, 0 where there is none",
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
            exists(&self.errors, &[("class", class)]);
        }
        for domain in Domain::ALL.iter().map(|domain| domain.name()) {
            let domain = ("domain", domain);
            for outcome in ["completed", "rejected"] {
                exists(&self.rows, &[domain, ("outcome", outcome)]);
            }
            for outcome in Outcome::ALL {
                exists(&self.groups, &[domain, ("outcome", outcome.name())]);
            }
            for state in ["pending", "failed"] {
                exists(&self.backlog_rows, &[domain, ("state", state)]);
            }
            for state in ["pending", "waiting", "dead"] {
                exists(&self.backlog_groups, &[domain, ("state", state)]);
            }
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

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

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
            "vitalfold_log_lines_lost_total 0",
            "vitalfold_backlog_groups{domain=\"vitals\",state=\"dead\"} 0",
            "vitalfold_oldest_pending_age_seconds{domain=\"vitals\"} 0",
        ] {
            assert!(shown.contains(line), "{line} is missing in\n{shown}");
        }
    }
}
