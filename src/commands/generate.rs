//! `vitalfold generate`

use std::time::Duration;

use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};
use indicatif::ProgressBar;

use super::{Exit, open, output};
use crate::config::Config;
use crate::domain::{Domain, UserId};
use crate::store::{Inserted, RawRows};
use crate::synthetic::{Load, Place, Synthetic};
use crate::{telemetry, with_domain, with_store};

/// Rows in one insert.
const CHUNK: usize = 5000;
/// Inserts side by side.
const WRITERS: usize = 2;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold generate --users 1000 --days 7 --rows 40
  vitalfold generate --domain labs --users 5000 --days 3 --rows 10
  vitalfold generate --users 20 --days 10 --first-row 2000 --rows 300 --rate 5")]
pub struct Args {
    #[arg(long, value_enum, default_value = "vitals")]
    domain: Domain,
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    users: u64,
    /// Days of each user
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=36500))]
    days: u64,
    /// Rows of each user and day
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// Metrics, analytes or nutrients that the rows are spread over
    #[arg(long, default_value_t = 6)]
    series: usize,
    #[arg(long, default_value_t = 1, allow_negative_numbers = true)]
    first_user: UserId,
    /// Begin behind this many rows of each day: rows that were generated before
    /// stay as they are
    #[arg(long, default_value_t = 0)]
    first_row: u64,
    /// First local date
    #[arg(long, default_value = "2026-01-05")]
    from: NaiveDate,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rows a second, each user and day in turn, instead of all at once
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    #[command(flatten)]
    format: output::FormatArgs,
}

impl Args {
    fn load(&self) -> anyhow::Result<Load> {
        let fits = self
            .users
            .checked_mul(self.days)
            .and_then(|groups| groups.checked_mul(self.rows))
            .is_some();
        anyhow::ensure!(fits, "--users × --days × --rows is too large a number");
        let last = chrono::Days::new(self.days);
        anyhow::ensure!(
            self.from.checked_add_days(last).is_some(),
            "--from with --days goes beyond the last date there is"
        );
        Ok(Load {
            first_user: self.first_user,
            users: self.users,
            from: self.from,
            days: self.days,
            first_row: self.first_row,
            rows: self.rows,
            series: self.series,
            seed: self.seed,
        })
    }
}

pub async fn run(config: &Config, args: Args) -> anyhow::Result<Exit> {
    let load = args.load()?;
    let any = open::ready(config, "generate").await?;
    let bar = telemetry::progress("generate", load.total(), "rows");
    let inserted = with_store!(&any, store => with_domain!(args.domain, F => match args.rate {
        None => at_once::<F, _>(store, &load, &bar).await,
        Some(rate) => at_a_rate::<F, _>(store, &load, rate, &bar).await,
    }))?;
    bar.finish_and_clear();
    output::print(&if args.format.is_json() {
        serde_json::json!({"inserted": inserted.inserted, "duplicate": inserted.duplicate})
            .to_string()
    } else {
        format!(
            "{} rows inserted, {} stored already",
            inserted.inserted, inserted.duplicate
        )
    })?;
    Ok(Exit::Done)
}

async fn at_once<F: Synthetic, S: RawRows>(
    store: &S,
    load: &Load,
    bar: &ProgressBar,
) -> anyhow::Result<Inserted> {
    let chunks = futures::stream::iter(load.places()).chunks(CHUNK);
    let inserts = chunks.map(|places| insert::<F, S>(store, load, places, bar));
    let results: Vec<Inserted> = inserts.buffer_unordered(WRITERS).try_collect().await?;
    let mut total = Inserted::default();
    results.into_iter().for_each(|inserted| total.add(inserted));
    Ok(total)
}

async fn insert<F: Synthetic, S: RawRows>(
    store: &S,
    load: &Load,
    places: Vec<Place>,
    bar: &ProgressBar,
) -> anyhow::Result<Inserted> {
    let count = places.len() as u64;
    let rows = places
        .into_iter()
        .map(|place| F::row(load, place))
        .collect();
    let inserted = store.insert_raw::<F>(rows).await?;
    bar.inc(count);
    Ok(inserted)
}

/// As an application inserts: row by row, at even intervals. A row that comes
/// late does not delay the ones behind it.
async fn at_a_rate<F: Synthetic, S: RawRows>(
    store: &S,
    load: &Load,
    rate: u32,
    bar: &ProgressBar,
) -> anyhow::Result<Inserted> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut total = Inserted::default();
    for place in load.places_in_turn() {
        ticks.tick().await;
        total.add(insert::<F, S>(store, load, vec![place], bar).await?);
    }
    Ok(total)
}
