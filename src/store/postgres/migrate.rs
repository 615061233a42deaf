//! The schema, embedded in the binary.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel_async::{
    AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::classify;
use super::connection::pool::Lease;
use super::{Result, StoreError};
use crate::store::ErrorClass;
use crate::store::migrations::{self, Applied};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The migrations that the upgrade takes functions, triggers and views from.
const TEXTS: [&str; 4] = [
    include_str!("../../../migrations/postgres/00000000000001_core/up.sql"),
    include_str!("../../../migrations/postgres/00000000000002_vitals/up.sql"),
    include_str!("../../../migrations/postgres/00000000000003_labs/up.sql"),
    include_str!("../../../migrations/postgres/00000000000004_nutrition/up.sql"),
];

/// What begins the part of a migration that follows its tables.
const BEHIND_TABLES: &str = "\ndo $migration$\n";

/// Migrators that start together wait for each other here: without the lock
/// all but one would fail on half-made catalogs. An arbitrary fixed number.
pub(super) const MIGRATION_LOCK: i64 = 0x7669_7461_6c66;

pub(super) async fn run(mut lease: Lease) -> Result<Vec<String>> {
    // Never given back but closed: that frees the session's lock.
    diesel::sql_query("select pg_advisory_lock($1)")
        .bind::<diesel::sql_types::BigInt, _>(MIGRATION_LOCK)
        .execute(&mut *lease)
        .await
        .map_err(|error| classify::statement("migrate", &error))?;
    let mut steps = Vec::new();
    let (is_old, applied) = applied(&mut lease)
        .await
        .map_err(|error| classify::statement("migrate", &error))?;
    if is_old {
        upgrade(&mut lease, &applied).await?;
        steps.push(migrations::UPGRADE.to_owned());
    }
    let mut harness = AsyncMigrationHarness::new(lease);
    let applied = harness
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| migration_error(error.to_string()))?;
    steps.extend(applied.iter().map(ToString::to_string));
    drop(harness);
    Ok(steps)
}

/// Makes a database of the old shape what the migrations make, in one
/// transaction.
async fn upgrade(connection: &mut AsyncPgConnection, applied: &[Applied]) -> Result<()> {
    if let Some(reason) = migrations::too_old(applied) {
        return Err(migration_error(reason));
    }
    connection
        .transaction(async |connection| {
            connection
                .batch_execute(include_str!("../../../migrations/upgrade/postgres.sql"))
                .await?;
            for text in TEXTS {
                let at = text.find(BEHIND_TABLES).unwrap_or(text.len());
                connection.batch_execute(&text[at..]).await?;
            }
            Ok(())
        })
        .await
        .map_err(|error: diesel::result::Error| migration_error(error.to_string()))
}

pub(super) async fn pending(mut lease: Lease) -> Result<Vec<String>> {
    // No table is no migration: `to_regclass` finds it without failing.
    let applied = applied(&mut lease).await;
    let (is_old, applied) = lease.finish("check schema", applied)?;
    if is_old {
        return Ok(vec![migrations::UPGRADE.to_owned()]);
    }
    migrations::pending::<Pg>(&MIGRATIONS, applied)
}

/// Whether the database is of the old shape, and what was applied to it.
async fn applied(connection: &mut AsyncPgConnection) -> QueryResult<(bool, Vec<Applied>)> {
    let found: Found = diesel::sql_query(
        "select to_regclass('__diesel_schema_migrations') is not null as migrations, \
         to_regclass('aggregation_groups') is not null as is_old",
    )
    .get_result(connection)
    .await?;
    if !found.migrations {
        return Ok((found.is_old, Vec::new()));
    }
    let applied = diesel::sql_query("select version from __diesel_schema_migrations")
        .load(connection)
        .await?;
    Ok((found.is_old, applied))
}

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    migrations: bool,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    is_old: bool,
}

fn migration_error(error: String) -> StoreError {
    StoreError::new(ErrorClass::Fatal, "migrate", error)
}
