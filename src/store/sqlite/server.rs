//! The file itself: its connection, its schema, its zones.

use diesel::connection::SimpleConnection;
use diesel::deserialize::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;

use super::rows::at_most;
use super::{SqliteStore, migrate};
use crate::store::{ErrorClass, PoolStats, Result, Server, ServerLoad, migrations};

impl Server for SqliteStore {
    fn pool_stats(&self) -> PoolStats {
        let status = self.pool.status();
        PoolStats::of(status, status.max_size)
    }

    fn reset_pool(&self) -> usize {
        self.pool.retain(|_, _| false).removed.len()
    }

    /// A file has no other sessions than its own.
    async fn server_load(&self) -> Result<ServerLoad> {
        Ok(ServerLoad::default())
    }

    async fn ping(&self) -> Result<()> {
        self.call("ping", |c| c.batch_execute("select 1")).await
    }

    fn max_concurrency(&self) -> usize {
        1
    }

    fn lost(&self) -> Option<String> {
        let checked = self.open_file.check(&self.path);
        checked.err().map(|error| error.message)
    }

    async fn migrate(&self) -> Result<Vec<String>> {
        let migrated = self.call("migrate", migrate::run).await;
        migrated.map_err(|mut error| {
            // No group's fault.
            if error.class == ErrorClass::Data {
                error.class = ErrorClass::Fatal;
            }
            error
        })
    }

    async fn pending_migrations(&self) -> Result<Vec<String>> {
        let (is_old, applied) = self.call("check schema", migrate::applied).await?;
        if is_old {
            return Ok(vec![migrations::UPGRADE.to_owned()]);
        }
        migrations::pending::<Sqlite>(&migrate::MIGRATIONS, applied)
    }

    async fn check_limits(&self) -> Result<()> {
        Ok(())
    }

    async fn set_default_time_zone(&self, zone: &str) -> Result<()> {
        let zone = zone.to_owned();
        self.write("set time zone", move |c| {
            diesel::sql_query("update worker_control set default_time_zone = ?")
                .bind::<Text, _>(zone)
                .execute(c)
                .map(|_| ())
        })
        .await
    }

    async fn default_time_zone(&self) -> Result<String> {
        self.call("read time zone", |c| {
            let row: Zone =
                diesel::sql_query("select default_time_zone as time_zone from worker_control")
                    .get_result(c)?;
            Ok(row.time_zone)
        })
        .await
    }

    async fn time_zone_names(&self, limit: usize) -> Result<Vec<String>> {
        self.call("read time zones", move |c| {
            let rows: Vec<Zone> = diesel::sql_query(
                "select distinct time_zone from user_time_zones order by time_zone limit ?",
            )
            .bind::<BigInt, _>(at_most(limit))
            .load(c)?;
            Ok(rows.into_iter().map(|row| row.time_zone).collect())
        })
        .await
    }
}

#[derive(QueryableByName)]
struct Zone {
    #[diesel(sql_type = Text)]
    time_zone: String,
}

#[derive(QueryableByName)]
struct QuickCheck {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

/// Whether the pages of the file agree with each other.
pub(super) fn is_sound(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let found: Vec<QuickCheck> = diesel::sql_query("pragma quick_check(1)").load(connection)?;
    Ok(found.iter().all(|found| found.quick_check == "ok"))
}
