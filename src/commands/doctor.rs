//! `vitalfold doctor`

mod finding;
mod judge;

use chrono::Utc;

use super::{Exit, open, output};
use crate::config::{Config, Environment, redact};
use crate::domain::Domain;
use crate::store::postgres::PgStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{AnyStore, Result as StoreResult, Server, Store};
use crate::telemetry::note;
use crate::with_store;
use finding::{Finding, Level};

/// Zone names that are read; people live in fewer.
const ZONES: usize = 1000;
/// An open transaction is told from this many times
/// `pool.idle_in_transaction_timeout` on.
const LONG_TRANSACTION: u32 = 10;

/// Bytes of a SQLite file whose check takes more than a moment: about ten
/// seconds.
const LARGE_FILE: u64 = 256 << 20;
const FILE_HELP: &str = "docs/operations.md, A SQLite file that is lost or damaged";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold doctor
  vitalfold doctor --format json

Exit code 1 says that a finding is an error; warnings alone are code 0.")]
pub struct Args {
    #[command(flatten)]
    format: output::FormatArgs,
}

pub async fn run(config: &Config, args: &Args) -> anyhow::Result<Exit> {
    let findings = examine(config, &open::store(config, "doctor")?).await;
    output::print(&match args.format.is_json() {
        true => finding::as_json(&findings),
        false => finding::as_table(&findings),
    })?;
    let failed = findings.iter().any(|found| found.level == Level::Error);
    Ok(if failed { Exit::Failures } else { Exit::Done })
}

async fn examine(config: &Config, any: &AnyStore) -> Vec<Finding> {
    let mut findings = Vec::new();
    let usable = match any {
        AnyStore::Postgres(store) => server(config, store, &mut findings).await,
        AnyStore::Sqlite(store) => file(config, store, &mut findings).await,
    };
    if !usable {
        return findings;
    }
    let pending = with_store!(any, store => store.pending_migrations().await);
    let migrated = matches!(&pending, Ok(pending) if pending.is_empty());
    findings.push(judged("schema", pending, |pending| judge::schema(&pending)));
    // The rest asks for tables that a migration still has to make.
    if migrated {
        match any {
            AnyStore::Postgres(store) => tables(config, store, &mut findings).await,
            AnyStore::Sqlite(store) => findings.push(judged(
                "indexes and triggers",
                store.missing_objects().await,
                |missing| judge::objects("indexes and triggers", &missing),
            )),
        }
        with_store!(any, store => contents(config, store, &mut findings).await);
    }
    findings
}

/// What is wrong with the connection and the server; says whether it can be
/// asked for more.
async fn server(config: &Config, store: &PgStore, findings: &mut Vec<Finding>) -> bool {
    let shown = redact::url(&config.database.url);
    if let Err(error) = store.refuse_shared_sessions().await {
        findings.push(judge::connection(&shown, &error));
        return false;
    }
    let asked = Utc::now();
    let server = match store.examine_server().await {
        Ok(server) => server,
        Err(error) => {
            findings.push(judge::connection(&shown, &error));
            return false;
        }
    };
    let answered = Utc::now();
    findings.push(Finding::ok("connection", shown));
    findings.push(judge::version(&server));
    findings.push(judge::writable(&server));
    findings.push(judge::encoding(&server));
    findings.push(judge::owner(&server));
    findings.push(judge::clock(server.clock, asked, answered));
    findings.push(judge::room(&config.pool, store.check_limits().await));
    let idle = config.pool.idle_in_transaction_timeout;
    let long = idle * LONG_TRANSACTION;
    match store
        .examine_sessions(idle.as_secs_f64(), long.as_secs_f64())
        .await
    {
        Ok(sessions) => findings.extend(judge::sessions(&sessions, idle, long)),
        Err(error) => findings.push(Finding::unknown("sessions", &error)),
    }
    true
}

async fn tables(config: &Config, store: &PgStore, findings: &mut Vec<Finding>) {
    findings.push(judged("indexes", store.broken_indexes().await, |broken| {
        judge::objects("indexes", &broken)
    }));
    match store.examine_tables().await {
        Ok(tables) => findings.extend(judge::tables(&tables)),
        Err(error) => findings.push(Finding::unknown("triggers", &error)),
    }
    match store.lock_holders().await {
        Ok(holders) => findings.extend(judge::locks(&holders)),
        Err(error) => findings.push(Finding::unknown("advisory locks", &error)),
    }
    findings.push(judged(
        "privileges",
        store
            .missing_rights(config.retention.keep_rows().is_some())
            .await,
        |missing| judge::privileges(&missing),
    ));
}

async fn file(config: &Config, store: &SqliteStore, findings: &mut Vec<Finding>) -> bool {
    let shown = &config.database.url;
    if store.is_new() {
        findings.push(Finding::error(
            "connection",
            format!("{shown}: there is no such file yet"),
            "run `vitalfold migrate` to create it, or correct database.url",
        ));
        return false;
    }
    if let Err(error) = store.find_losses().await {
        findings.push(Finding::error("connection", error.message, FILE_HELP));
        return false;
    }
    if store.size() > LARGE_FILE {
        note(&format!(
            "reading all {} MiB of {shown} (pragma integrity_check)",
            store.size() >> 20
        ));
    }
    match store.damage().await {
        Ok(damage) if damage.is_empty() => {
            findings.push(Finding::ok("connection", shown.clone()));
        }
        Ok(damage) => findings.push(Finding::error(
            "connection",
            format!("the file is damaged: {}", damage.join("; ")),
            "restore a backup, or save what `sqlite3 FILE .recover` still reads",
        )),
        Err(error) => {
            findings.push(Finding::error("connection", error.message, FILE_HELP));
            return false;
        }
    }
    if let Some(trouble) = store.unsafe_place() {
        findings.push(Finding::warn("place", trouble, FILE_HELP));
    }
    if config.environment == Environment::Production {
        findings.push(Finding::warn(
            "backend",
            "SQLite in production: one writer, no failover",
            "set up PostgreSQL and move there with `vitalfold copy`",
        ));
    }
    true
}

/// What both backends are asked about their rows.
async fn contents<S: Store>(config: &Config, store: &S, findings: &mut Vec<Finding>) {
    let configured = config.aggregation.default_time_zone.name();
    findings.push(judged(
        "default time zone",
        store.default_time_zone().await,
        |stored| judge::default_zone(configured, &stored),
    ));
    findings.push(judged(
        "time zones",
        store.time_zone_names(ZONES).await,
        |names| judge::zones(&names),
    ));
    match store.status(Domain::ALL).await {
        Ok(status) => {
            findings.extend(judge::work(&status));
            if config.retention.is_on() {
                findings.push(judge::retention(&status.retention));
            }
        }
        Err(error) => findings.push(Finding::unknown("work", &error)),
    }
}

/// The finding about an answer, or that there was none.
fn judged<T>(
    check: &'static str,
    answer: StoreResult<T>,
    judge: impl FnOnce(T) -> Finding,
) -> Finding {
    answer.map_or_else(|error| Finding::unknown(check, &error), judge)
}
