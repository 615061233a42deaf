//! `vitalfold status`

use std::time::Duration;

use super::{Exit, open, output};
use crate::config::Config;
use crate::domain::Domain;
use crate::store::{Status, Store};
use crate::with_store;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    format: output::FormatArgs,
}

pub async fn run(config: &Config, args: &Args) -> anyhow::Result<Exit> {
    let any = open::ready(config, "status").await?;
    let status = with_store!(&any, store => store.status(Domain::ALL).await)?;
    let text = if args.format.is_json() {
        serde_json::json!(status).to_string()
    } else {
        render(&status)
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

fn render(status: &Status) -> String {
    let mut domains = output::table(&[
        "DOMAIN",
        "PENDING ROWS",
        "OLDEST",
        "FAILED ROWS",
        "REJECTED ROWS",
        "DUE GROUPS",
        "DEAD GROUPS",
    ]);
    for row in &status.domains {
        domains.add_row([
            row.domain.to_string(),
            row.pending_rows.to_string(),
            row.oldest_pending_seconds.map_or("-".into(), age),
            row.failed_rows.to_string(),
            row.rejected_rows.to_string(),
            row.due_groups.to_string(),
            row.dead_groups.to_string(),
        ]);
    }
    let mut text = output::render(&domains);
    let hour = &status.last_hour;
    text.push_str(&format!(
        "\n\nLast hour: {} batches, {} groups folded, {} failed, {} rows completed, {} rejected\n",
        hour.batches, hour.groups_ok, hour.groups_failed, hour.rows_completed, hour.rows_rejected
    ));
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
                worker.activity.clone(),
                worker.started_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                format!("{} ago", age(worker.seen_seconds_ago)),
            ]);
        }
        text.push('\n');
        text.push_str(&output::render(&workers));
    }
    text
}

fn age(seconds: i64) -> String {
    let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    humantime::format_duration(duration).to_string()
}
