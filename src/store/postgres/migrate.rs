//! The schema, embedded in the binary.

use diesel_async::{AsyncMigrationHarness, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::pool::Lease;
use super::{Result, StoreError, classify};
use crate::store::ErrorClass;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Migrators that start together wait for each other here: without the lock
/// all but one would fail on half-made catalogs. An arbitrary fixed number.
const MIGRATION_LOCK: i64 = 0x7669_7461_6c66;

pub(super) async fn run(mut lease: Lease) -> Result<Vec<String>> {
    // Closed afterwards, whatever happens: that frees the session's lock.
    lease.poison();
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

pub(super) async fn pending(lease: Lease) -> Result<Vec<String>> {
    let mut harness = AsyncMigrationHarness::new(lease);
    harness
        .pending_migrations(MIGRATIONS)
        .map(|pending| {
            pending
                .iter()
                .map(|migration| migration.name().to_string())
                .collect()
        })
        .map_err(|error| migration_error(&*error))
}

fn migration_error(error: &(dyn std::error::Error + Send + Sync)) -> StoreError {
    StoreError::new(ErrorClass::Fatal, "migrate", error.to_string())
}
