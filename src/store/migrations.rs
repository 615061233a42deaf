//! Which migrations are still to be applied. Asked by reading alone: diesel's
//! own way would create its table, which readers have no right to.

use std::collections::HashSet;

use diesel::backend::Backend;
use diesel::migration::MigrationSource;
use diesel::sql_types::Text;

use super::{ErrorClass, Result, StoreError};

/// A row of diesel's table of applied migrations.
#[derive(diesel::QueryableByName)]
pub(super) struct Applied {
    #[diesel(sql_type = Text)]
    pub(super) version: String,
}

/// The versions of embedded migrations that were not applied, in order.
pub(super) fn pending<DB: Backend>(
    embedded: &impl MigrationSource<DB>,
    applied: Vec<Applied>,
) -> Result<Vec<String>> {
    let applied: HashSet<_> = applied.into_iter().map(|row| row.version).collect();
    let embedded = embedded.migrations().map_err(|error| {
        StoreError::new(ErrorClass::Fatal, "read migrations", error.to_string())
    })?;
    let mut versions: Vec<_> = embedded
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    versions.retain(|version| !applied.contains(version));
    versions.sort_unstable();
    Ok(versions)
}
