//! `vitalfold status`

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, open, output, run_once};
use crate::config::Config;
use crate::domain::Domain;
use crate::store::postgres::PgStore;
use crate::store::{
    AnyStore, Result as StoreResult, RetentionStatus, Server, Status, View, WorkerStatus,
};
use crate::telemetry::note;
use crate::with_store;
use crate::worker::company::Glances;
use crate::worker::pace;

/// A shorter interval would only keep the server busy.
const SHORTEST: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold status
  vitalfold status --watch
  vitalfold status --watch 10s --format json")]
pub struct Args {
    /// Show it again and again, until Ctrl-C: in place on a terminal, else one
    /// below the other [default interval: 2s]
    #[arg(
        long, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "2s",
        value_parser = interval
    )]
    watch: Option<Duration>,
    #[command(flatten)]
    format: output::FormatArgs,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = run_once::duration(text)?;
    if interval < SHORTEST {
        return Err("shorter than 100ms, which would only keep the database busy".into());
    }
    Ok(interval)
}

pub async fn run(config: &Config, args: &Args) -> anyhow::Result<Exit> {
    let any = open::ready(config, "status").await?;
    let Some(interval) = args.watch else {
        output::print(&text(config, &any, args).await?)?;
        return Ok(Exit::Done);
    };
    let in_place = std::io::stdout().is_terminal() && !args.format.is_json();
    let mut interrupted = signal(SignalKind::interrupt())?;
    loop {
        match text(config, &any, args).await {
            Ok(text) if in_place => output::redraw(&text)?,
            Ok(text) => output::print(&text)?,
            // The database may come back while one is watching.
            Err(error) if error.is_transient() => note(&format!("{error}")),
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = interrupted.recv() => return Ok(Exit::Done),
        }
    }
}

async fn text(config: &Config, any: &AnyStore, args: &Args) -> StoreResult<String> {
    let status = with_store!(any, store => store.status(Domain::ALL).await)?;
    let hindered = match any {
        AnyStore::Postgres(store) => hindrances(config, store).await?,
        AnyStore::Sqlite(_) => Vec::new(),
    };
    Ok(if args.format.is_json() {
        let mut json = serde_json::json!(status);
        json["hindered_by"] = hindered.into();
        json.to_string()
    } else {
        let mut text = render(&status);
        for line in hindered {
            text.push_str(&format!("\n{line}"));
        }
        text
    })
}

/// What slows workers down or keeps them out, now.
async fn hindrances(config: &Config, store: &PgStore) -> StoreResult<Vec<String>> {
    let load = store.server_load().await?;
    let company = Glances::default().look(&load, Instant::now());
    let reason = pace::reason(&config.pace, &load, company);
    let slowed = reason.map(|reason| {
        let floor = config.pace.floor;
        format!("Slowed down: {reason}; rests leave {floor} rows a second")
    });
    let holders = store.lock_holders().await?;
    let strangers = holders.iter().filter(|holder| !holder.is_ours());
    let held =
        strangers.map(|holder| format!("Kept out: {} wait for {}", holder.lock, holder.session()));
    Ok(slowed.into_iter().chain(held).collect())
}

fn render(status: &Status) -> String {
    let mut domains = output::table(&[
        "DOMAIN",
        "PENDING ROWS",
        "OLDEST",
        "PENDING GROUPS",
        "WAITING GROUPS",
        "DEAD GROUPS",
        "FAILED ROWS",
        "REJECTED ROWS",
    ]);
    for row in &status.domains {
        domains.add_row([
            row.domain.to_string(),
            row.pending_rows.to_string(),
            row.oldest_pending_seconds.map_or("-".into(), age),
            row.pending_groups.to_string(),
            row.waiting_groups.to_string(),
            row.dead_groups.to_string(),
            row.failed_rows.to_string(),
            row.rejected_rows.to_string(),
        ]);
    }
    let mut text = output::render(&domains);
    let hour = &status.last_hour;
    text.push_str(&format!(
        "\n\nLast hour: {} batches, {} groups folded, {} failed, {} rows completed, {} rejected\n",
        hour.batches, hour.groups_ok, hour.groups_failed, hour.rows_completed, hour.rows_rejected
    ));
    for note in status.retention.iter().flat_map(RetentionStatus::notes) {
        text.push_str(&note);
        text.push('\n');
    }
    if status.paused {
        text.push_str("Paused: `vitalfold resume` lets the workers go on\n");
    }
    if status.workers.is_empty() {
        text.push_str("No worker is running\n");
    } else {
        let mut workers = output::table(&["WORKER", "DOES", "SINCE", "SEEN"]);
        for worker in &status.workers {
            workers.add_row([
                worker.worker.clone(),
                doing(worker),
                worker.started_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                format!("{} ago", age(worker.seen_seconds_ago)),
            ]);
        }
        text.push('\n');
        text.push_str(&output::render(&workers));
    }
    text
}

/// What a worker does, and to how many groups.
fn doing(worker: &WorkerStatus) -> String {
    match worker.folding.len() {
        0 => worker.activity.clone(),
        groups => format!("{}, {groups} groups", worker.activity),
    }
}

fn age(seconds: i64) -> String {
    let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    humantime::format_duration(duration).to_string()
}
