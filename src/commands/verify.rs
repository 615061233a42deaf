//! `vitalfold verify`

use chrono::NaiveDate;
use futures::StreamExt;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::scope::Scope;
use super::{Exit, open, output};
use crate::config::Config;
use crate::domain::drift::{Drift, DriftKind};
use crate::domain::{Domain, Fold, GroupKey, Period, UserId};
use crate::store::{GroupCheck, GroupFilter, Result as StoreResult, Store, Which};
use crate::worker::group::GroupResult;
use crate::worker::{Engine, group, shutdown};
use crate::{telemetry, with_domain, with_store};

/// Groups listed per statement.
const STEP: usize = 1000;
/// Drifts that are printed; all are counted.
const SHOWN: usize = 100;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold verify
  vitalfold verify --all --domain vitals --from 2026-01-01
  vitalfold verify --all --repair

Exit code 1 says that drift was found, repaired or not.")]
pub struct Args {
    /// Check every group
    #[arg(long, conflicts_with = "sample")]
    all: bool,
    /// Check this many groups of each domain, picked by chance
    #[arg(long, value_name = "N", default_value_t = 1000)]
    sample: usize,
    /// Fold the groups again that drifted
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    format: output::FormatArgs,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    checked: u64,
    /// Groups that are pending, failed or marked, and so not meant to agree.
    unsettled: u64,
    drifted_groups: u64,
    drifts: u64,
    repaired_groups: u64,
    /// Without raw rows, which retention removed: nothing to check against.
    sealed: u64,
    /// Stopped by a signal before every group was checked.
    incomplete: bool,
    /// The first of the drifts.
    shown: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    domain: Domain,
    user_id: UserId,
    /// The group whose check found it.
    local_date: NaiveDate,
    period: String,
    series: String,
    unit: String,
    what: String,
}

pub async fn run(config: &Config, args: Args) -> anyhow::Result<Exit> {
    let any = open::ready(config, "verify").await?;
    let domains = args.scope.domains(config);
    let filter = args.scope.filter()?;
    with_store!(any, store => {
        let stop = CancellationToken::new();
        let engine = Engine::new(store, config, "verify", stop.clone());
        let work = verify(&engine, &domains, &filter, &args);
        match shutdown::with_signals(stop, config.worker.shutdown_timeout, work).await? {
            Some(report) => {
                let report = report?;
                let text = match args.format.is_json() {
                    true => serde_json::to_string(&report)?,
                    false => render(&report),
                };
                output::print(&text)?;
                Ok(match &report {
                    Report { drifts: 1.., .. } => Exit::Failures,
                    Report { incomplete: true, .. } => Exit::WorkLeft,
                    _ => Exit::Done,
                })
            }
            None => Ok(Exit::WorkLeft),
        }
    })
}

async fn verify<S: Store>(
    engine: &Engine<S>,
    domains: &[Domain],
    filter: &GroupFilter,
    args: &Args,
) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for &domain in domains {
        report.sealed += engine.store.count_sealed(domain, filter).await?;
        with_domain!(domain, F => {
            if args.all {
                // Only for the bar: where they cannot be counted in time, it
                // shows no end.
                let counts = engine.store.count_groups::<F>(filter, Which::All).await;
                let total = counts.map_or(0, |counts| counts.groups);
                let bar = telemetry::progress("verify", total, "groups");
                let mut after = None;
                loop {
                    let groups = engine.store.groups::<F>(filter, after, STEP).await?;
                    after = groups.last().copied();
                    let last = groups.len() < STEP;
                    check::<F, S>(engine, groups, args.repair, &mut report, || bar.inc(1)).await?;
                    if last || report.incomplete {
                        break;
                    }
                }
                bar.finish_and_clear();
            } else {
                let groups = engine.store.sample_groups::<F>(filter, args.sample).await?;
                let bar = telemetry::progress("verify", groups.len() as u64, "groups");
                check::<F, S>(engine, groups, args.repair, &mut report, || bar.inc(1)).await?;
                bar.finish_and_clear();
            }
        });
    }
    Ok(report)
}

async fn check<F: Fold, S: Store>(
    engine: &Engine<S>,
    groups: Vec<(UserId, NaiveDate)>,
    repair: bool,
    report: &mut Report,
    progress: impl Fn(),
) -> StoreResult<()> {
    let concurrency = engine
        .config
        .concurrency
        .min(engine.store.max_concurrency());
    let mut checks = std::pin::pin!(
        futures::stream::iter(groups)
            .map(async |(user_id, local_date)| {
                let check = engine.store.check_group::<F>(user_id, local_date).await;
                (
                    GroupKey {
                        domain: F::DOMAIN,
                        user_id,
                        local_date,
                    },
                    check,
                )
            })
            .buffer_unordered(concurrency)
    );
    // Every check that was started is finished: none is dropped on an error.
    let mut first_error = None;
    let mut drifted = Vec::new();
    while let Some((key, check)) = checks.next().await {
        progress();
        match check {
            Ok(check) => {
                if report.add(key, check) {
                    drifted.push(key);
                }
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
        if engine.stop.is_cancelled() {
            report.incomplete = true;
        }
    }
    if let Some(error) = first_error {
        return Err(error);
    }
    drifted.sort_unstable();
    for key in drifted.into_iter().filter(|_| repair) {
        let only = GroupFilter {
            users: vec![key.user_id],
            from: Some(key.local_date),
            to: Some(key.local_date),
        };
        engine
            .store
            .mark_due::<F>(&only, Which::All, None, 1)
            .await?;
        if let GroupResult::Folded { .. } = group::process(engine, key).await? {
            report.repaired_groups += 1;
        }
    }
    Ok(())
}

impl Report {
    /// Returns whether the group drifted.
    fn add(&mut self, key: GroupKey, check: GroupCheck) -> bool {
        self.checked += 1;
        let (drifts, misjudged_rows) = match check {
            GroupCheck::Unsettled => {
                self.unsettled += 1;
                return false;
            }
            GroupCheck::Settled {
                drifts,
                misjudged_rows,
            } => (drifts, misjudged_rows),
        };
        if drifts.is_empty() && misjudged_rows == 0 {
            return false;
        }
        self.drifted_groups += 1;
        for drift in drifts {
            self.show(Shown::aggregate(key, drift));
        }
        if misjudged_rows > 0 {
            let what = format!("{misjudged_rows} rows rejected or completed in error");
            self.show(Shown::group(key, what));
        }
        true
    }

    fn show(&mut self, shown: Shown) {
        self.drifts += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(shown);
        }
    }
}

impl Shown {
    fn aggregate(group: GroupKey, drift: Drift) -> Shown {
        let what = match drift.what {
            DriftKind::Missing => "missing".to_owned(),
            DriftKind::Extra => "extra".to_owned(),
            DriftKind::Differs(columns) => format!("differs in {}", columns.join(", ")),
            DriftKind::Outdated(version) => format!("of version {version} of the fold"),
        };
        Shown {
            period: match drift.key.period {
                Period::Hour => format!("hour {}", drift.key.period_start.format("%F %H:%MZ")),
                period => format!("{period} {}", drift.key.local_date),
            },
            series: drift.key.series,
            unit: drift.key.unit,
            ..Shown::group(group, what)
        }
    }

    fn group(group: GroupKey, what: String) -> Shown {
        Shown {
            domain: group.domain,
            user_id: group.user_id,
            local_date: group.local_date,
            period: "-".into(),
            series: "-".into(),
            unit: "-".into(),
            what,
        }
    }
}

fn render(report: &Report) -> String {
    let mut text = String::new();
    if !report.shown.is_empty() {
        let mut table = output::table(&[
            "DOMAIN", "USER", "DATE", "PERIOD", "SERIES", "UNIT", "DRIFT",
        ]);
        for drift in &report.shown {
            table.add_row([
                drift.domain.to_string(),
                drift.user_id.to_string(),
                drift.local_date.to_string(),
                drift.period.clone(),
                drift.series.clone(),
                drift.unit.clone(),
                drift.what.clone(),
            ]);
        }
        text = format!("{}\n\n", output::render(&table));
        let more = report.drifts - report.shown.len() as u64;
        if more > 0 {
            text.push_str(&format!("and {more} more\n\n"));
        }
    }
    text.push_str(&format!(
        "{} groups checked, {} not settled yet, {} drifted in {} places, {} repaired",
        report.checked,
        report.unsettled,
        report.drifted_groups,
        report.drifts,
        report.repaired_groups
    ));
    if report.sealed > 0 {
        text.push_str(&format!(
            "; {} groups without raw rows, which retention removed, were left out",
            report.sealed
        ));
    }
    if report.incomplete {
        text.push_str("; stopped before every group was checked");
    }
    text
}
