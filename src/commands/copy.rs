//! `vitalfold copy`

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Exit, open, output};
use crate::config::{Config, redact};
use crate::store::copy::{self, Cell, Column, Fingerprint, Table};
use crate::store::postgres::PgStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{AnyStore, Fleet, Server, View};
use crate::telemetry;
use crate::telemetry::note;
use crate::worker::shutdown;

/// Rows of one insert: short transactions, and little memory.
const STEP: usize = 1000;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold --database-url postgres://app:secret@db/health migrate
  vitalfold copy --from sqlite://vitalfold.db --to postgres://app:secret@db/health

Stop what writes to the source first. A copy that was interrupted goes on when
the command is given again.")]
pub struct Args {
    /// What is copied: `sqlite://FILE`
    #[arg(long, value_name = "URL")]
    from: String,
    /// An empty, migrated database: `postgres://…`
    #[arg(long, value_name = "URL")]
    to: String,
    #[command(flatten)]
    format: output::FormatArgs,
}

/// What became of one table.
#[derive(Debug, Serialize)]
struct Copied {
    table: &'static str,
    rows: u64,
    /// Of which an earlier run had copied these.
    found: u64,
}

pub async fn run(config: &Config, args: &Args) -> anyhow::Result<Exit> {
    let (from, to) = (source(config, args).await?, target(config, args).await?);
    // Keeps a second copy away, and `run-once` with it.
    let lock = to.try_run_lock().await?;
    ensure!(
        lock.is_some(),
        "another copy or run-once is at work on the target; nothing was done"
    );
    begin(&to, &args.from).await?;
    let stop = CancellationToken::new();
    let work = copy(&from, &to, &stop);
    let copied = shutdown::with_signals(stop.clone(), config.worker.shutdown_timeout, work).await?;
    let Some(copied) = copied.transpose()?.flatten() else {
        note("hint: the same command goes on where this stopped");
        return Ok(Exit::WorkLeft);
    };
    output::print(&render(&copied, args.format.is_json())?)?;
    Ok(Exit::Done)
}

async fn source(config: &Config, args: &Args) -> anyhow::Result<SqliteStore> {
    ensure!(
        args.from.starts_with("sqlite:"),
        "--from {} is not SQLite: copy goes from sqlite://FILE to postgres://…",
        redact::url(&args.from)
    );
    let mut config = config.clone();
    args.from.clone_into(&mut config.database.url);
    let store = SqliteStore::new(&config)?;
    ensure!(
        !store.is_new(),
        "--from {}: there is no such file",
        args.from
    );
    store.check_file().await?;
    ensure_migrated("--from", &args.from, store.pending_migrations().await?)?;
    ensure_idle("--from", &store).await?;
    Ok(store)
}

async fn target(config: &Config, args: &Args) -> anyhow::Result<PgStore> {
    let mut config = config.clone();
    args.to.clone_into(&mut config.database.url);
    // It is that of the configured database.
    config.database.password_file = PathBuf::new();
    ensure!(
        config.is_postgres(),
        "--to {} is not PostgreSQL: copy goes from sqlite://FILE to postgres://…",
        redact::url(&args.to)
    );
    let AnyStore::Postgres(store) = open::connected(&config, "copy").await? else {
        bail!("--to is not PostgreSQL");
    };
    ensure_migrated("--to", &args.to, store.pending_migrations().await?)?;
    ensure_idle("--to", &store).await?;
    Ok(store)
}

async fn ensure_idle<S: View>(flag: &str, store: &S) -> anyhow::Result<()> {
    if let Some(worker) = store.status(&[]).await?.workers.first() {
        bail!(
            "{} is at work on {flag} (seen {} s ago); stop it first",
            worker.worker,
            worker.seen_seconds_ago
        );
    }
    Ok(())
}

fn ensure_migrated(flag: &str, url: &str, pending: Vec<String>) -> anyhow::Result<()> {
    ensure!(
        pending.is_empty(),
        "the schema of {flag} is not up to date ({} missing); run `vitalfold --database-url {} \
         migrate`",
        pending.join(", "),
        redact::url(url)
    );
    Ok(())
}

/// Takes an empty target, or goes on with this source's own copy.
async fn begin(to: &PgStore, source: &str) -> anyhow::Result<()> {
    match to.unfinished_copy().await? {
        Some(begun) if begun == source => note("going on with an unfinished copy"),
        Some(begun) => bail!("--to holds an unfinished copy of {begun}; finish it, or empty --to"),
        None => {
            if let Some(table) = to.begin_copy(source).await? {
                bail!(
                    "--to is not empty: {table} has rows. Copy goes into a new database: create \
                     one and run `migrate` on it"
                );
            }
        }
    }
    Ok(())
}

/// Copies and compares; none when it was stopped.
async fn copy(
    from: &SqliteStore,
    to: &PgStore,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Vec<Copied>>> {
    let mut tables = Vec::new();
    let mut total = 0;
    for table in copy::tables() {
        let columns = to.copied_columns(&table).await?;
        total += from.count_rows(&table).await?;
        tables.push((table, columns));
    }
    let bar = telemetry::progress("copy", total, "rows");
    let mut copied = Vec::new();
    for (table, columns) in &tables {
        let found = to.count_rows(table).await?;
        bar.inc(found);
        let sent = send(from, to, table, columns, found, stop, |rows| bar.inc(rows)).await?;
        let Some(sent) = sent else {
            return Ok(None);
        };
        copied.push(Copied {
            table: table.name,
            rows: found + sent,
            found,
        });
    }
    bar.finish_and_clear();
    let bar = telemetry::progress("compare", total, "rows");
    for (table, columns) in &tables {
        let print = fingerprint(from, table, columns).await?;
        let arrived = to
            .fingerprint(table, columns, STEP, |rows| bar.inc(rows))
            .await?;
        ensure!(
            print == arrived,
            "{} differs: {} rows in --from, {} in --to. Something wrote to one of them meanwhile: \
             stop it, empty --to and copy again",
            table.name,
            print.rows,
            arrived.rows
        );
        if stop.is_cancelled() {
            return Ok(None);
        }
    }
    bar.finish_and_clear();
    to.set_default_time_zone(&from.default_time_zone().await?)
        .await?;
    to.set_paused(from.status(&[]).await?.paused).await?;
    to.finish_copy().await?;
    Ok(Some(copied))
}

/// Sends what is not yet there; none when it was stopped.
async fn send(
    from: &SqliteStore,
    to: &PgStore,
    table: &Table,
    columns: &[Column],
    found: u64,
    stop: &CancellationToken,
    progress: impl Fn(u64),
) -> anyhow::Result<Option<u64>> {
    let (sender, mut batches) = tokio::sync::mpsc::channel(2);
    let read = from.read_rows(table, columns, found, STEP, sender);
    let write = async {
        let mut sent = 0;
        while let Some(rows) = batches.recv().await {
            let count = rows.len() as u64;
            to.insert_rows(table, columns, rows).await?;
            sent += count;
            progress(count);
            if stop.is_cancelled() {
                break;
            }
        }
        // Ends the reader, which may still have more.
        drop(batches);
        Ok(sent)
    };
    let (read, written): (_, crate::store::Result<u64>) = futures::join!(read, write);
    let sent = written.with_context(|| format!("copy {}", table.name))?;
    read.with_context(|| format!("copy {}", table.name))?;
    Ok((!stop.is_cancelled()).then_some(sent))
}

async fn fingerprint(
    from: &SqliteStore,
    table: &Table,
    columns: &[Column],
) -> anyhow::Result<Fingerprint> {
    let (sender, mut batches) = tokio::sync::mpsc::channel::<Vec<Vec<Cell>>>(2);
    let add = async {
        let mut print = Fingerprint::default();
        while let Some(rows) = batches.recv().await {
            for row in &rows {
                print.add_cells(row, columns);
            }
        }
        print
    };
    let (read, print) = futures::join!(from.read_rows(table, columns, 0, STEP, sender), add);
    read.with_context(|| format!("compare {}", table.name))?;
    Ok(print)
}

fn render(copied: &[Copied], json: bool) -> anyhow::Result<String> {
    if json {
        return Ok(serde_json::to_string(copied)?);
    }
    let mut table = output::table(&["TABLE", "ROWS", "FOUND THERE"]);
    for row in copied {
        table.add_row([
            row.table.to_owned(),
            row.rows.to_string(),
            row.found.to_string(),
        ]);
    }
    Ok(format!(
        "{}\n\nEvery table was read back and is the same on both sides. Next: set database.url to \
         the new one",
        output::render(&table)
    ))
}
