//! The schema, embedded in the binary.

use diesel::connection::SimpleConnection;
use diesel::deserialize::QueryableByName;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::migrations::{self, Applied};

pub(super) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

pub(super) fn run(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    if applied(connection)?.0 {
        return upgrade(connection);
    }
    run_pending(connection)
}

/// Each migration is a transaction; a second process waits for it and then finds
/// it applied.
fn run_pending(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    connection
        .run_pending_migrations(MIGRATIONS)
        .map(|versions| versions.iter().map(ToString::to_string).collect())
        .map_err(Error::QueryBuilderError)
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Whether the file is of the old shape, and what was applied to it.
pub(super) fn applied(connection: &mut SqliteConnection) -> QueryResult<(bool, Vec<Applied>)> {
    let tables: Vec<Name> = diesel::sql_query(
        "select name from sqlite_master \
         where name in ('__diesel_schema_migrations', 'aggregation_groups')",
    )
    .load(connection)?;
    let has = |name: &str| tables.iter().any(|table| table.name == name);
    let applied = match has("__diesel_schema_migrations") {
        true => {
            diesel::sql_query("select version from __diesel_schema_migrations").load(connection)?
        }
        false => Vec::new(),
    };
    Ok((has("aggregation_groups"), applied))
}

/// Makes a file of the old shape what the migrations make, in one transaction.
fn upgrade(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    // Views of others stay with the names of the tables, not with the old tables.
    connection.batch_execute("pragma legacy_alter_table = on")?;
    let upgraded = connection.immediate_transaction(|connection| {
        let (is_old, applied) = applied(connection)?;
        // Another process upgraded it meanwhile.
        if !is_old {
            return Ok(Vec::new());
        }
        if let Some(reason) = migrations::too_old(&applied) {
            return Err(Error::QueryBuilderError(reason.into()));
        }
        connection.batch_execute(include_str!(
            "../../../migrations/upgrade/sqlite_set_aside.sql"
        ))?;
        run_pending(connection)?;
        connection.batch_execute(include_str!(
            "../../../migrations/upgrade/sqlite_bring_over.sql"
        ))?;
        Ok(vec![migrations::UPGRADE.to_owned()])
    });
    connection.batch_execute("pragma legacy_alter_table = off")?;
    upgraded
}
