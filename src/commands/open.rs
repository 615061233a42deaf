//! From a configuration to a store that is ready for work.

use anyhow::{Context, bail};
use tracing::{info, warn};

use crate::config::{Config, Environment, redact};
use crate::store::postgres::PgStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{AnyStore, Server};
use crate::with_store;

/// The store that the configuration names, not yet connected. `command` is
/// part of the connections' `application_name`.
pub fn store(config: &Config, command: &str) -> anyhow::Result<AnyStore> {
    let url = &config.database.url;
    if config.is_postgres() {
        Ok(AnyStore::Postgres(PgStore::new(
            config,
            &format!("vitalfold {command}"),
        )?))
    } else if url.starts_with("sqlite:") {
        if config.environment == Environment::Production {
            warn!(
                "SQLite in production: one writer, no failover. `vitalfold copy` moves everything \
                 to PostgreSQL"
            );
        }
        Ok(AnyStore::Sqlite(SqliteStore::new(config)?))
    } else {
        let shown = redact::url(url);
        bail!("database.url `{shown}` is neither postgres://… nor sqlite://FILE")
    }
}

/// A store on a connection that can be relied upon.
pub async fn connected(config: &Config, command: &str) -> anyhow::Result<AnyStore> {
    let any = store(config, command)?;
    match &any {
        AnyStore::Postgres(postgres) => {
            postgres.refuse_shared_sessions().await?;
            postgres.refuse_encoding().await?;
        }
        AnyStore::Sqlite(sqlite) => sqlite.check_file().await?,
    }
    Ok(any)
}

/// A store whose schema is up to date. A fresh `SQLite` file gets its schema.
pub async fn ready(config: &Config, command: &str) -> anyhow::Result<AnyStore> {
    let any = connected(config, command).await?;
    if let AnyStore::Sqlite(sqlite) = &any
        && sqlite.is_new()
    {
        sqlite
            .migrate()
            .await
            .with_context(|| format!("cannot create {}", redact::url(&config.database.url)))?;
        set_default_time_zone(config, sqlite).await?;
        info!("created {}", redact::url(&config.database.url));
    }
    if config.database.schema_check {
        let pending = with_store!(&any, store => store.pending_migrations().await)?;
        if !pending.is_empty() {
            bail!(
                "the schema of {} is not up to date ({} missing); run `vitalfold migrate`",
                redact::url(&config.database.url),
                pending.join(", ")
            );
        }
    }
    Ok(any)
}

/// Makes the configured zone that of rows which other programs insert.
pub async fn set_default_time_zone<S: Server>(config: &Config, store: &S) -> anyhow::Result<()> {
    let zone = config.aggregation.default_time_zone.name();
    Ok(store.set_default_time_zone(zone).await?)
}

/// Says so when the database was told of another default zone than this
/// process: only `migrate` changes it.
pub async fn warn_of_other_zone(config: &Config, any: &AnyStore) -> anyhow::Result<()> {
    let stored = with_store!(any, store => store.default_time_zone().await)?;
    let configured = config.aggregation.default_time_zone.name();
    if stored != configured {
        warn!(
            "aggregation.default_time_zone is {configured} here and {stored} in the database; \
             `vitalfold migrate` brings the database in line"
        );
    }
    Ok(())
}

/// A store for folding: it states its pool and refuses one that the server
/// could not serve.
pub async fn for_folding(config: &Config, command: &str) -> anyhow::Result<AnyStore> {
    let any = ready(config, command).await?;
    warn_of_other_zone(config, &any).await?;
    let pool = &config.pool;
    match &any {
        AnyStore::Postgres(store) => {
            if let Some(source) = store.unfinished_copy().await? {
                bail!(
                    "the copy of {source} into this database is unfinished; give `vitalfold copy` \
                     again to finish it"
                );
            }
            store.check_limits().await?;
            let time = humantime::format_duration;
            info!(
                pool.size = pool.size,
                pool.max_overflow = pool.max_overflow,
                pool.max = pool.size + pool.max_overflow,
                concurrency = config.worker.concurrency.min(store.max_concurrency()),
                "pool: size {} + overflow {}, wait {}, connect {}, recycle {}, pre-ping {}, \
                 statement {}, lock {}, idle in transaction {}",
                pool.size,
                pool.max_overflow,
                time(pool.wait_timeout),
                time(pool.connect_timeout),
                time(pool.recycle),
                if pool.pre_ping { "on" } else { "off" },
                time(pool.statement_timeout),
                time(pool.lock_timeout),
                time(pool.idle_in_transaction_timeout),
            );
        }
        AnyStore::Sqlite(_) => info!(
            pool.max = 1,
            "pool: one connection to an embedded SQLite file"
        ),
    }
    Ok(any)
}
