//! Configuration: defaults < `config.toml` < environment < flags.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::domain::{Domain, FoldRules, vitals::registry};

pub mod duration;
mod explain;
mod http;
pub(crate) mod password;
pub mod redact;

pub use http::HttpConfig;

/// The file that is read when `--config` names none and it exists.
pub const DEFAULT_FILE: &str = "config.toml";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub environment: Environment,
    pub database: DatabaseConfig,
    pub pool: PoolConfig,
    pub worker: WorkerConfig,
    pub pace: PaceConfig,
    pub http: HttpConfig,
    pub log: LogConfig,
    pub aggregation: AggregationConfig,
    pub retention: RetentionConfig,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Development,
    Production,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    #[serde(deserialize_with = "explain::string_like")]
    pub url: String,
    pub password_file: PathBuf,
    pub schema_check: bool,
}

/// Without the password.
impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url", &redact::url(&self.url))
            .field("password_file", &self.password_file)
            .field("schema_check", &self.schema_check)
            .finish()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolConfig {
    pub size: usize,
    pub max_overflow: usize,
    #[serde(with = "duration")]
    pub wait_timeout: Duration,
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    #[serde(with = "duration")]
    pub recycle: Duration,
    pub pre_ping: bool,
    #[serde(with = "duration")]
    pub statement_timeout: Duration,
    #[serde(with = "duration")]
    pub lock_timeout: Duration,
    #[serde(with = "duration")]
    pub idle_in_transaction_timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerConfig {
    #[serde(deserialize_with = "explain::domains")]
    pub domains: Vec<Domain>,
    pub batch_size: usize,
    pub max_batch_size: usize,
    pub concurrency: usize,
    #[serde(with = "duration")]
    pub poll: Duration,
    #[serde(with = "duration")]
    pub settle: Duration,
    pub max_attempts: u32,
    #[serde(with = "duration")]
    pub retry_backoff: Duration,
    #[serde(with = "duration")]
    pub max_retry_backoff: Duration,
    #[serde(with = "duration")]
    pub run_budget: Duration,
    #[serde(with = "duration")]
    pub shutdown_timeout: Duration,
    #[serde(with = "duration")]
    pub keep_history: Duration,
}

/// When a run holds back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaceConfig {
    /// Zero is without limit.
    pub rows_per_second: u32,
    /// Rows a second that rests leave; zero is none.
    pub floor: u32,
    /// Of `max_connections`, in percent.
    pub server_connections: u8,
    /// Sessions that wait for a lock.
    pub lock_waits: u32,
    /// Sessions of other applications; zero is never to yield to them.
    pub other_sessions: u32,
    #[serde(with = "duration")]
    pub replication_lag: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    pub format: LogFormat,
    pub level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Text,
    Json,
    /// Text with syslog priorities.
    Journal,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AggregationConfig {
    pub default_time_zone: chrono_tz::Tz,
    #[serde(deserialize_with = "explain::list")]
    pub source_priority: Vec<String>,
    #[serde(deserialize_with = "explain::list")]
    pub sum_overlaps: Vec<String>,
}

/// How long is kept what aggregates are made from; zero is for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    #[serde(with = "duration")]
    pub raw_rows: Duration,
    #[serde(with = "duration")]
    pub hour_aggregates: Duration,
    /// Of a domain's groups that have raw rows, the share that one day removes
    /// at most; above 0, at most 1.
    pub daily_share: f64,
}

impl RetentionConfig {
    /// Anything is ever removed.
    pub fn is_on(&self) -> bool {
        self.keep_rows().or(self.keep_hours()).is_some()
    }

    pub fn keep_rows(&self) -> Option<Duration> {
        Some(self.raw_rows).filter(|keep| !keep.is_zero())
    }

    pub fn keep_hours(&self) -> Option<Duration> {
        Some(self.hour_aggregates).filter(|keep| !keep.is_zero())
    }
}

impl AggregationConfig {
    /// What folds obey.
    pub fn rules(&self) -> FoldRules {
        FoldRules {
            source_priority: self
                .source_priority
                .iter()
                .map(|part| part.to_lowercase())
                .collect(),
            sum_overlaps: self.sum_overlaps.iter().cloned().collect(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            environment: Environment::Development,
            database: DatabaseConfig::default(),
            pool: PoolConfig::default(),
            worker: WorkerConfig::default(),
            pace: PaceConfig::default(),
            http: HttpConfig::default(),
            log: LogConfig::default(),
            aggregation: AggregationConfig::default(),
            retention: RetentionConfig::default(),
        }
    }
}

impl Default for RetentionConfig {
    fn default() -> Self {
        RetentionConfig {
            raw_rows: Duration::ZERO,
            hour_aggregates: Duration::ZERO,
            daily_share: 0.05,
        }
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        DatabaseConfig {
            url: "sqlite://vitalfold.db".into(),
            password_file: PathBuf::new(),
            schema_check: true,
        }
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        PoolConfig {
            size: 20,
            max_overflow: 30,
            wait_timeout: Duration::from_secs(45),
            connect_timeout: Duration::from_secs(10),
            recycle: Duration::from_secs(300),
            pre_ping: true,
            statement_timeout: Duration::from_secs(60),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(60),
        }
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        WorkerConfig {
            domains: Domain::ALL.to_vec(),
            batch_size: 50,
            max_batch_size: 200,
            concurrency: 6,
            poll: Duration::from_secs(1),
            settle: Duration::from_secs(15),
            max_attempts: 5,
            retry_backoff: Duration::from_secs(30),
            max_retry_backoff: Duration::from_secs(3600),
            run_budget: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(30),
            keep_history: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

impl Default for PaceConfig {
    fn default() -> Self {
        PaceConfig {
            rows_per_second: 0,
            floor: 200,
            server_connections: 80,
            lock_waits: 10,
            other_sessions: 3,
            replication_lag: Duration::from_secs(30),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            format: LogFormat::Auto,
            level: "info".into(),
        }
    }
}

impl Default for AggregationConfig {
    fn default() -> Self {
        let rules = FoldRules::default();
        AggregationConfig {
            default_time_zone: chrono_tz::UTC,
            source_priority: rules.source_priority,
            sum_overlaps: rules.sum_overlaps.into_iter().collect(),
        }
    }
}

impl Config {
    /// Reads the configuration. `file` must exist when given; otherwise
    /// [`DEFAULT_FILE`] is read if it is there. `url` is the flag's value.
    ///
    /// # Errors
    /// Names the file, variable or key, what was wrong and what to do.
    pub fn load(file: Option<&Path>, url: Option<&str>) -> anyhow::Result<Config> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(path) = Self::file(file)? {
            // Read here, not by figment, which takes an unreadable file for an
            // absent one.
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read configuration file {}", path.display()))?;
            text.parse::<toml::Table>().map_err(|error| {
                // The line itself may hold a password: only its number is shown.
                let start = error.span().map_or(0, |span| span.start.min(text.len()));
                let before = text.as_bytes()[..start].iter();
                let line = before.filter(|byte| **byte == b'\n').count() + 1;
                anyhow::anyhow!(
                    "{}: TOML parse error at line {line}: {}",
                    path.display(),
                    error.message()
                )
            })?;
            figment = figment.merge(Toml::string(&text)).select("default");
            explain::check(&figment, &path.display().to_string())?;
        }
        if let Some(url) = std::env::var_os("DATABASE_URL") {
            let url = url
                .to_str()
                .context("DATABASE_URL is not valid UTF-8")?
                .to_owned();
            figment = figment.merge(("database.url", url));
        }
        figment = figment.merge(Env::prefixed("VITALFOLD__").split("__"));
        if let Some(url) = url {
            figment = figment.merge(("database.url", url));
        }
        let mut config = explain::check(&figment, "environment")?;
        config.http.read_token()?;
        config.validate()?;
        password::insert(&mut config.database)?;
        Ok(config)
    }

    fn file(file: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
        match file {
            Some(path) if path.is_file() => Ok(Some(path.to_owned())),
            Some(path) => bail!(
                "configuration file {} does not exist; give another one with --config",
                path.display()
            ),
            None => {
                let path = PathBuf::from(DEFAULT_FILE);
                Ok(path.is_file().then_some(path))
            }
        }
    }

    fn validate(&self) -> anyhow::Result<()> {
        if self.pool.size == 0 {
            bail!("pool.size is 0: at least one connection is needed");
        }
        if self.worker.domains.is_empty() {
            bail!(
                "worker.domains is empty: name at least one of {}",
                Domain::ALL
                    .iter()
                    .map(|domain| domain.name())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
        }
        if self.worker.batch_size == 0 {
            bail!("worker.batch_size is 0: 50 to 200 are good values");
        }
        if self.worker.max_batch_size < self.worker.batch_size {
            bail!(
                "worker.max_batch_size ({}) is below worker.batch_size ({})",
                self.worker.max_batch_size,
                self.worker.batch_size
            );
        }
        if self.worker.concurrency == 0 {
            bail!("worker.concurrency is 0: nothing would be folded");
        }
        if self.worker.max_attempts == 0 {
            bail!("worker.max_attempts is 0: every group would be dead before it is tried");
        }
        // One connection stays free for pulls, history and heartbeats.
        let connections = self.pool.size + self.pool.max_overflow;
        if self.is_postgres() && self.worker.concurrency >= connections {
            bail!(
                "worker.concurrency ({}) needs a connection each and one besides: raise pool.size + \
                 pool.max_overflow ({connections}) or lower it",
                self.worker.concurrency
            );
        }
        self.http.validate()?;
        let share = self.retention.daily_share;
        if !(share > 0.0 && share <= 1.0) {
            bail!(
                "retention.daily_share is {share}: give a part of the days that have raw rows, \
                 above 0 and at most 1, such as 0.05"
            );
        }
        // PostgreSQL counts them in milliseconds in 31 bits.
        for (key, value) in [
            ("pool.statement_timeout", self.pool.statement_timeout),
            ("pool.lock_timeout", self.pool.lock_timeout),
            (
                "pool.idle_in_transaction_timeout",
                self.pool.idle_in_transaction_timeout,
            ),
        ] {
            if value > Duration::from_secs(24 * 24 * 3600) {
                bail!("{key} is longer than 24 days, the longest that PostgreSQL takes");
            }
        }
        if !(1..=100).contains(&self.pace.server_connections) {
            bail!(
                "pace.server_connections ({}) is a percentage: 1 to 100",
                self.pace.server_connections
            );
        }
        if self.pace.lock_waits == 0 {
            bail!("pace.lock_waits is 0: every run would hold back for ever");
        }
        for name in &self.aggregation.sum_overlaps {
            if registry::lookup(name).is_none_or(|found| found.metric.name != name) {
                bail!("aggregation.sum_overlaps: `{name}` is not the canonical name of a metric");
            }
        }
        for (key, keep) in [
            ("retention.raw_rows", self.retention.keep_rows()),
            ("retention.hour_aggregates", self.retention.keep_hours()),
        ] {
            if keep.is_some_and(|keep| keep < Duration::from_secs(24 * 3600)) {
                bail!("{key} is less than a day: give \"90days\", say, or \"0s\" to keep all");
            }
        }
        for (key, value) in [
            ("pool.wait_timeout", self.pool.wait_timeout),
            ("pool.connect_timeout", self.pool.connect_timeout),
            ("pool.recycle", self.pool.recycle),
            ("pool.statement_timeout", self.pool.statement_timeout),
            ("pool.lock_timeout", self.pool.lock_timeout),
            (
                "pool.idle_in_transaction_timeout",
                self.pool.idle_in_transaction_timeout,
            ),
            ("worker.poll", self.worker.poll),
            ("worker.retry_backoff", self.worker.retry_backoff),
            ("pace.replication_lag", self.pace.replication_lag),
        ] {
            if value.is_zero() {
                bail!("{key} is 0: give a duration such as \"10s\"");
            }
        }
        Ok(())
    }

    pub fn is_postgres(&self) -> bool {
        ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| self.database.url.starts_with(scheme))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_states_every_default() {
        let text = include_str!("../config.toml");
        let shipped: Config = toml::from_str(text).unwrap();
        assert_eq!(shipped, Config::default());

        // And leaves no key out.
        let keys = |table: &toml::Table| {
            table
                .iter()
                .flat_map(|(key, value)| match value.as_table() {
                    Some(inner) => inner.keys().map(|k| format!("{key}.{k}")).collect(),
                    None => vec![key.clone()],
                })
                .collect::<std::collections::BTreeSet<_>>()
        };
        let all = toml::Table::try_from(Config::default()).unwrap();
        assert_eq!(keys(&text.parse().unwrap()), keys(&all));
    }

    #[test]
    fn the_password_is_never_printed() {
        let mut config = Config::default();
        config.database.url = "postgres://app:s3cret@db/health".into();
        config.http.token = "s3cret-of-the-page".into();
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
