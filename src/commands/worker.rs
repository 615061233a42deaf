//! `vitalfold worker`

use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Exit, open};
use crate::config::{Config, redact};
use crate::with_store;
use crate::worker::scheduler::{self, Mode};
use crate::worker::{Engine, shutdown};

pub async fn run(config: &Config) -> anyhow::Result<Exit> {
    let any = open::for_folding(config, "worker").await?;
    let mode = Mode {
        name: "worker",
        settle: config.worker.settle,
        until_idle: false,
        budget: None,
        only_due: None,
    };
    let stop = CancellationToken::new();
    info!(
        version = env!("CARGO_PKG_VERSION"),
        "worker starts on {}",
        redact::url(&config.database.url)
    );
    with_store!(any, store => {
        let engine = Engine::new(store, &config.worker, mode.name, stop.clone());
        let work = scheduler::run(&engine, &config.worker.domains, &mode, |_| {});
        match shutdown::with_signals(stop, config.worker.shutdown_timeout, work).await? {
            Some(report) => {
                let report = report?;
                info!(
                    groups_ok = report.groups_ok,
                    groups_failed = report.groups_failed,
                    rows_completed = report.rows_completed,
                    rows_rejected = report.rows_rejected,
                    "worker stopped"
                );
                Ok(Exit::Done)
            }
            None => Ok(Exit::WorkLeft),
        }
    })
}
