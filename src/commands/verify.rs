//! `vitalfold verify`

use chrono::NaiveDate;
use futures::StreamExt;
use indicatif::ProgressBar;
use rand::RngExt;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::scope::Scope;
use super::{Exit, open, output};
use crate::config::Config;
use crate::domain::drift::{Drift, DriftKind};
use crate::domain::{Domain, GroupKey, Period, UserId};
use crate::store::{
    GroupCheck, GroupFilter, KnownGroup, Mark, Result as StoreResult, Store, Which,
};
use crate::worker::group::GroupResult;
use crate::worker::{Engine, group, shutdown};
use crate::{telemetry, with_store};

/// Drifts that are printed; all are counted.
const SHOWN: usize = 100;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold verify
  vitalfold verify --all --domain vitals --from 2026-01-01
  vitalfold verify --all --repair
  vitalfold verify --user 17 --all --repair --accept-missing

A group that has aggregates and no raw rows, although nothing tells of a deletion,
may have lost them, or this role may not see them. It is left alone until
--accept-missing says that its rows were deleted.

Exit code 1 says that drift was found, repaired or not.")]
pub struct Args {
    /// Check every group
    #[arg(long, conflicts_with = "sample")]
    all: bool,
    /// Check this many groups of each domain, picked by chance
    #[arg(long, value_name = "N", default_value_t = 1000)]
    sample: usize,
    /// Fold the groups again that drifted, but for those whose raw rows are
    /// missing
    #[arg(long)]
    repair: bool,
    /// Take it that raw rows which are missing were deleted: delete the
    /// aggregates that were made of them
    #[arg(long, requires = "repair")]
    accept_missing: bool,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    format: output::FormatArgs,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    checked: u64,
    /// Groups that are pending or failed, and so not meant to agree.
    unsettled: u64,
    drifted_groups: u64,
    drifts: u64,
    /// Drifted groups that have aggregates and no raw rows.
    missing_groups: u64,
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
        if args.all {
            all(engine, domain, filter, args, &mut report).await?;
        } else {
            let groups = sample(engine, domain, filter, args.sample).await?;
            let bar = telemetry::progress("verify", groups.len() as u64, "groups");
            check(engine, groups, args, &mut report, &bar).await?;
            bar.finish_and_clear();
        }
    }
    Ok(report)
}

async fn all<S: Store>(
    engine: &Engine<S>,
    domain: Domain,
    filter: &GroupFilter,
    args: &Args,
    report: &mut Report,
) -> StoreResult<()> {
    let (mut total, mut from) = (0, None);
    loop {
        let page = engine
            .store
            .groups(domain, filter, Which::All, from)
            .await?;
        total += page.groups.len() as u64;
        from = page.next;
        if from.is_none() || engine.stop.is_cancelled() {
            break;
        }
    }
    let bar = telemetry::progress("verify", total, "groups");
    let mut from = None;
    loop {
        let page = engine
            .store
            .groups(domain, filter, Which::All, from)
            .await?;
        let groups = page.groups.into_iter().map(|group| group.key).collect();
        check(engine, groups, args, report, &bar).await?;
        from = page.next;
        if from.is_none() || report.incomplete {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Picks `size` groups, each as likely as any other.
async fn sample<S: Store>(
    engine: &Engine<S>,
    domain: Domain,
    filter: &GroupFilter,
    size: usize,
) -> StoreResult<Vec<GroupKey>> {
    let mut reservoir = Reservoir::new(size);
    let mut from = None;
    loop {
        let page = engine
            .store
            .groups(domain, filter, Which::All, from)
            .await?;
        for group in page.groups {
            reservoir.offer(group.key);
        }
        from = page.next;
        if from.is_none() || engine.stop.is_cancelled() {
            return Ok(reservoir.picked);
        }
    }
}

/// A sample of a stream whose length is not known.
struct Reservoir<T> {
    size: usize,
    offered: usize,
    picked: Vec<T>,
}

impl<T> Reservoir<T> {
    fn new(size: usize) -> Self {
        Reservoir {
            size,
            offered: 0,
            picked: Vec::new(),
        }
    }

    fn offer(&mut self, item: T) {
        self.offered += 1;
        if self.picked.len() < self.size {
            self.picked.push(item);
            return;
        }
        let place = rand::rng().random_range(0..self.offered);
        if let Some(picked) = self.picked.get_mut(place) {
            *picked = item;
        }
    }
}

async fn check<S: Store>(
    engine: &Engine<S>,
    groups: Vec<GroupKey>,
    args: &Args,
    report: &mut Report,
    bar: &ProgressBar,
) -> StoreResult<()> {
    let started = groups.into_iter();
    let started = started.take_while(|_| !engine.stop.is_cancelled());
    let mut checks = std::pin::pin!(
        futures::stream::iter(started)
            .map(async |key| (key, engine.store.check(key).await))
            .buffer_unordered(engine.concurrency)
    );
    // Every check that was started is finished: none is dropped on an error.
    let mut first_error = None;
    let mut repairs = Vec::new();
    while let Some((key, check)) = checks.next().await {
        bar.inc(1);
        match check {
            Ok(check) => {
                let repair = report.add(key, check);
                repairs.extend(repair.map(|repair| (key, repair)));
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    report.incomplete |= engine.stop.is_cancelled();
    if let Some(error) = first_error {
        return Err(error);
    }
    repairs.sort_unstable_by_key(|(key, _)| *key);
    for (key, repair) in repairs {
        if engine.stop.is_cancelled() {
            report.incomplete = true;
            break;
        }
        let allowed = match repair {
            Mark::Refold => args.repair,
            Mark::Emptied => args.accept_missing,
        };
        if !allowed {
            continue;
        }
        let group = KnownGroup { key, rows: 0 };
        engine.store.mark(key.domain, &[group], repair).await?;
        if let GroupResult::Folded { .. } = group::process(engine, key).await? {
            report.repaired_groups += 1;
        }
    }
    Ok(())
}

impl Report {
    /// Returns what repairs the group, if it drifted.
    fn add(&mut self, key: GroupKey, check: GroupCheck) -> Option<Mark> {
        self.checked += u64::from(check != GroupCheck::Empty);
        let (drifts, misjudged_rows) = match check {
            GroupCheck::Empty => return None,
            GroupCheck::Unsettled => {
                self.unsettled += 1;
                return None;
            }
            GroupCheck::RowsMissing => {
                self.drifted_groups += 1;
                self.missing_groups += 1;
                self.show(Shown::group(key, "its raw rows are missing".into()));
                return Some(Mark::Emptied);
            }
            GroupCheck::Settled {
                drifts,
                misjudged_rows,
            } => (drifts, misjudged_rows),
        };
        if drifts.is_empty() && misjudged_rows == 0 {
            return None;
        }
        self.drifted_groups += 1;
        for drift in drifts {
            self.show(Shown::aggregate(key, drift));
        }
        if misjudged_rows > 0 {
            let what = format!("{misjudged_rows} rows rejected or completed in error");
            self.show(Shown::group(key, what));
        }
        Some(Mark::Refold)
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
    if report.missing_groups > 0 {
        text.push_str(&format!(
            "; the raw rows of {} groups are missing: bring them back, or see `vitalfold verify \
             --help` for --accept-missing",
            report.missing_groups
        ));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_holds_every_item_about_as_often_as_any_other() {
        let mut picked = [0_u32; 20];
        for _ in 0..2000 {
            let mut reservoir = Reservoir::new(5);
            (0..20).for_each(|item| reservoir.offer(item));
            assert_eq!(reservoir.picked.len(), 5);
            reservoir
                .picked
                .iter()
                .for_each(|&item: &usize| picked[item] += 1);
        }
        // 500 on average; ten standard deviations.
        assert!(
            picked.iter().all(|&times| (306..=694).contains(&times)),
            "{picked:?}"
        );
    }

    #[test]
    fn a_sample_is_all_there_is_where_that_is_less() {
        let mut reservoir = Reservoir::new(5);
        (0..3).for_each(|item| reservoir.offer(item));
        assert_eq!(reservoir.picked, [0, 1, 2]);
    }
}
