//! The schema, embedded in the binary.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::classify;
use super::connection::pool::Lease;
use super::{Result, StoreError};
use crate::store::ErrorClass;
use crate::store::migrations::{self, Applied};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

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
    let mut harness = AsyncMigrationHarness::new(lease);
    let applied = harness
        .run_pending_migrations(MIGRATIONS)
        .map(|versions| versions.iter().map(ToString::to_string).collect())
        .map_err(|error| migration_error(&*error));
    drop(harness);
    applied
}

pub(super) async fn pending(mut lease: Lease) -> Result<Vec<String>> {
    // No table is no migration: `to_regclass` finds it without failing.
    let applied = applied(&mut lease).await;
    let applied = lease.finish("check schema", applied)?;
    migrations::pending::<Pg>(&MIGRATIONS, applied)
}

async fn applied(connection: &mut AsyncPgConnection) -> QueryResult<Vec<Applied>> {
    let table: Table =
        diesel::sql_query("select to_regclass('__diesel_schema_migrations') is not null as exists")
            .get_result(connection)
            .await?;
    if !table.exists {
        return Ok(Vec::new());
    }
    diesel::sql_query("select version from __diesel_schema_migrations")
        .load(connection)
        .await
}

#[derive(diesel::QueryableByName)]
struct Table {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    exists: bool,
}

fn migration_error(error: &(dyn std::error::Error + Send + Sync)) -> StoreError {
    StoreError::new(ErrorClass::Fatal, "migrate", error.to_string())
}
