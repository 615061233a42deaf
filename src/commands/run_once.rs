//! `vitalfold run-once`

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Exit, open, output};
use crate::config::Config;
use crate::store::{AnyStore, Fleet, Result as StoreResult, StoreError};
use crate::telemetry::note;
use crate::with_store;
use crate::worker::scheduler::{self, Mode, RunReport};
use crate::worker::{Engine, retention, shutdown};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold run-once
  vitalfold run-once --budget 5m --format json

Exit code 3 says that work was left, 4 that another run-once is at work.")]
pub struct Args {
    /// Longest run, such as 5m [default: `worker.run_budget`]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub budget: Option<Duration>,
    /// Remove what is older than `retention` keeps even if the clock jumped
    #[arg(long)]
    accept_clock: bool,
    /// Remove all that is older than `retention` keeps, whatever `retention.daily_share`
    #[arg(long)]
    retain_all: bool,
    #[command(flatten)]
    format: output::FormatArgs,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    crate::config::duration::parse(text)
}

pub async fn run(config: &Config, args: &Args) -> anyhow::Result<Exit> {
    let any = open::for_folding(config, "run-once").await?;
    with_store!(&any, store => {
        let Some(_lock) = store.try_run_lock().await? else {
            let holder = held_by(&any).await?;
            note(&format!("another run has not finished{holder}; nothing was done"));
            return Ok(Exit::Locked);
        };
        let mode = Mode {
            name: "run-once",
            settle: Duration::ZERO,
            until_idle: true,
            budget: budget(args.budget, config),
            within: None,
        };
        let stop = CancellationToken::new();
        let engine = Engine::new(store.clone(), config, mode.name, stop.clone());
        let deadline = mode.budget.map(|budget| Instant::now() + budget);
        let domains = &config.worker.domains;
        let work = async {
            let report = scheduler::run(&engine, domains, &mode, |_| {}).await?;
            let mut retained = Ok(());
            if !report.work_left && config.retention.is_on() {
                let told = retention::Told {
                    accept_clock: args.accept_clock,
                    all: args.retain_all,
                };
                retained =
                    retention::once(&engine, &config.retention, domains, told, deadline).await;
            }
            Ok::<_, StoreError>((report, retained))
        };
        match shutdown::with_signals(stop, config.worker.shutdown_timeout, work).await? {
            Some(report) => {
                let (report, retained) = report?;
                output::print(&summary(&report, args.format.is_json()))?;
                retained?;
                Ok(exit(&report))
            }
            None => Ok(Exit::WorkLeft),
        }
    })
}

/// Who holds the lock of runs. Nobody does if it was given back meanwhile;
/// `SQLite` does not know.
async fn held_by(any: &AnyStore) -> StoreResult<String> {
    let AnyStore::Postgres(store) = any else {
        return Ok(String::new());
    };
    let holders = store.lock_holders().await?;
    let holder = holders.iter().find(|holder| holder.lock == "runs");
    Ok(holder.map_or_else(String::new, |holder| format!(": {}", holder.session())))
}

/// The flag, else the configured budget; zero is without limit.
pub(super) fn budget(flag: Option<Duration>, config: &Config) -> Option<Duration> {
    Some(flag.unwrap_or(config.worker.run_budget)).filter(|budget| !budget.is_zero())
}

pub(super) fn exit(report: &RunReport) -> Exit {
    if report.work_left {
        Exit::WorkLeft
    } else if report.groups_failed > 0 {
        Exit::Failures
    } else {
        Exit::Done
    }
}

pub(super) fn summary(report: &RunReport, json: bool) -> String {
    if json {
        return serde_json::json!(report).to_string();
    }
    if report.paused {
        return format!(
            "paused after {} groups; `vitalfold resume` lets the next run go on",
            report.groups_ok
        );
    }
    if report.batches == 0 && report.work_left {
        return "stopped before anything was done".into();
    }
    if report.batches == 0 {
        return "nothing to do".into();
    }
    let mut text = format!(
        "{} groups folded in {} batches: {} rows completed, {} rejected",
        report.groups_ok, report.batches, report.rows_completed, report.rows_rejected
    );
    if report.groups_failed > 0 {
        text.push_str(&format!(
            "; {} groups failed, see `vitalfold failed list`",
            report.groups_failed
        ));
    }
    if report.work_left {
        text.push_str("; stopped before everything was done");
    }
    text
}
