//! `vitalfold backfill`

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::scope::Scope;
use super::{Exit, open, output, run_once};
use crate::config::Config;
use crate::domain::{Domain, UserId};
use crate::store::{GroupFilter, Mark, Queue, Result as StoreResult, Retention, Store, Which};
use crate::telemetry::note;
use crate::worker::scheduler::{self, Mode};
use crate::worker::{Engine, shutdown};
use crate::{telemetry, with_store};

/// Groups marked per statement: short transactions, also over years of data.
const MARK_STEP: usize = 1000;

/// The size of a backfill.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Counts {
    groups: u64,
    users: u64,
    rows: u64,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold backfill --from 2026-01-01 --to 2026-03-31 --dry-run
  vitalfold backfill --domain labs --user 17 --user 18
  vitalfold backfill --resume")]
pub struct Args {
    #[command(flatten)]
    scope: Scope,
    /// Only groups that an older version of the folds wrote, or that have
    /// rejected rows
    #[arg(long)]
    outdated: bool,
    /// Say what would be folded and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on with groups that have changes already; mark no further ones
    #[arg(long, conflicts_with = "dry_run")]
    resume: bool,
    /// Longest run, such as 2h [default: `worker.run_budget`]
    #[arg(long, value_name = "DURATION", value_parser = run_once::duration)]
    budget: Option<Duration>,
    #[command(flatten)]
    format: output::FormatArgs,
}

pub async fn run(config: &Config, args: Args) -> anyhow::Result<Exit> {
    let domains = args.scope.domains(config);
    let filter = args.scope.filter()?;
    let which = if args.outdated {
        Which::Outdated
    } else {
        Which::All
    };
    let any = open::for_folding(config, "backfill").await?;
    with_store!(any, store => {
        let mut sealed = 0;
        for &domain in &domains {
            sealed += store.count_sealed(domain, &filter).await?;
        }
        if sealed > 0 {
            note(&format!("{sealed} groups are left out: retention removed their raw rows, their aggregates stay"));
        }
        if args.dry_run {
            return dry_run(&store, &domains, &filter, which, args.format.is_json()).await;
        }
        let stop = CancellationToken::new();
        let engine = Engine::new(store, config, "backfill", stop.clone());
        let budget = run_once::budget(args.budget, config);
        let work = fold(&engine, &domains, filter, (!args.resume).then_some(which), budget);
        match shutdown::with_signals(stop, config.worker.shutdown_timeout, work).await? {
            Some(report) => {
                let report = report?;
                output::print(&run_once::summary(&report, args.format.is_json()))?;
                if report.work_left {
                    note("hint: `vitalfold backfill --resume` goes on where this stopped");
                }
                Ok(run_once::exit(&report))
            }
            None => Ok(Exit::WorkLeft),
        }
    })
}

async fn dry_run<S: Queue>(
    store: &S,
    domains: &[Domain],
    filter: &GroupFilter,
    which: Which,
    json: bool,
) -> anyhow::Result<Exit> {
    let mut counts = Vec::new();
    for &domain in domains {
        counts.push((domain, count(store, domain, filter, which).await?));
    }
    let text = if json {
        let by_domain: serde_json::Map<_, _> = counts
            .iter()
            .map(|(domain, counts)| (domain.name().to_owned(), serde_json::json!(counts)))
            .collect();
        serde_json::Value::Object(by_domain).to_string()
    } else {
        let mut table = output::table(&["DOMAIN", "USERS", "GROUPS", "ROWS"]);
        for (domain, counts) in &counts {
            table.add_row([
                domain.to_string(),
                counts.users.to_string(),
                counts.groups.to_string(),
                counts.rows.to_string(),
            ]);
        }
        output::render(&table)
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

async fn count<S: Queue>(
    store: &S,
    domain: Domain,
    filter: &GroupFilter,
    which: Which,
) -> StoreResult<Counts> {
    let (mut counts, mut from) = (Counts::default(), None);
    let mut last_user: Option<UserId> = None;
    loop {
        let page = store.groups(domain, filter, which, from).await?;
        for group in page.groups {
            counts.groups += 1;
            counts.rows += group.rows;
            // In order of users.
            counts.users += u64::from(last_user != Some(group.key.user_id));
            last_user = Some(group.key.user_id);
        }
        from = page.next;
        if from.is_none() {
            return Ok(counts);
        }
    }
}

async fn fold<S: Store>(
    engine: &Engine<S>,
    domains: &[Domain],
    filter: GroupFilter,
    mark_first: Option<Which>,
    budget: Option<Duration>,
) -> anyhow::Result<scheduler::RunReport> {
    if let Some(which) = mark_first {
        for &domain in domains {
            let marked = mark(engine, domain, &filter, which).await?;
            info!(domain = %domain, groups = marked, "marked {marked} groups of {domain}");
        }
    }
    let mut total = 0;
    for &domain in domains {
        total += engine.store.count_due(domain, &filter).await?;
    }
    let bar = telemetry::progress("backfill", total, "groups");
    let mode = Mode {
        name: "backfill",
        settle: Duration::ZERO,
        until_idle: true,
        budget,
        within: Some(filter),
    };
    let report = scheduler::run(engine, domains, &mode, |batch| {
        bar.inc(batch.groups_ok + batch.groups_failed);
    })
    .await?;
    bar.finish_and_clear();
    Ok(report)
}

async fn mark<S: Store>(
    engine: &Engine<S>,
    domain: Domain,
    filter: &GroupFilter,
    which: Which,
) -> anyhow::Result<u64> {
    let (mut total, mut from) = (0, None);
    loop {
        let page = engine.store.groups(domain, filter, which, from).await?;
        for groups in page.groups.chunks(MARK_STEP) {
            if engine.stop.is_cancelled() {
                return Ok(total);
            }
            engine.store.mark(domain, groups, Mark::Refold).await?;
            total += groups.len() as u64;
        }
        from = page.next;
        if from.is_none() {
            return Ok(total);
        }
    }
}
