//! `vitalfold worker`

use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Exit, open};
use crate::config::{Config, redact};
use crate::http::{self, Server};
use crate::with_store;
use crate::worker::notify::{self, Finished};
use crate::worker::scheduler::{self, Mode};
use crate::worker::{Engine, retention, shutdown};

pub async fn run(config: &Config) -> anyhow::Result<Exit> {
    // First, so that a second worker on the same address ends at once.
    let listener = match config.http.enabled {
        true => Some(http::bind(&config.http).await?),
        false => None,
    };
    let any = open::for_folding(config, "worker").await?;
    let mode = Mode {
        name: "worker",
        settle: config.worker.settle,
        until_idle: false,
        budget: None,
        within: None,
    };
    let stop = CancellationToken::new();
    info!(
        version = env!("CARGO_PKG_VERSION"),
        "worker starts on {}",
        redact::url(&config.database.url)
    );
    with_store!(any, store => {
        let engine = Engine::new(store, config, mode.name, stop.clone());
        let server = listener
            .map(|listener| Server::start(listener, &engine, config))
            .transpose()?;
        let domains = &config.worker.domains;
        let finished = Finished::default();
        let work = async {
            let fold = async {
                let report =
                    scheduler::run(&engine, domains, &mode, |batch| finished.add(batch)).await;
                // Whatever ended it ends the rest.
                engine.stop.cancel();
                report
            };
            let retain = retention::run(&engine, &config.retention, domains);
            futures::join!(fold, retain, notify::run(&engine, domains, &finished)).0
        };
        let ended = shutdown::with_signals(stop, config.worker.shutdown_timeout, work).await?;
        // Last, so that it tells of the stop until the end; not where the
        // process is to leave now.
        if let (Some(server), Some(_)) = (server, &ended) {
            server.close().await;
        }
        match ended {
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
