//! Which migrations are still to be applied. Asked by reading alone: diesel's
//! own way would create its table, which readers have no right to.

use std::collections::HashSet;

use diesel::backend::Backend;
use diesel::migration::MigrationSource;
use diesel::sql_types::Text;

use super::{ErrorClass, Result, StoreError};

/// The name of the step from the shape in which raw rows held their own states.
pub(super) const UPGRADE: &str = "upgrade";

/// The last migration of that shape.
const LAST_OF_OLD: &str = "00000000000012";

/// Why a database of that shape cannot be upgraded as it is.
pub(super) fn too_old(applied: &[Applied]) -> Option<String> {
    let is_last = |applied: &Applied| applied.version == LAST_OF_OLD;
    (!applied.iter().any(is_last)).then(|| {
        format!(
            "the schema is older than what can be upgraded: bring it to migration {LAST_OF_OLD} \
             with the program that made it, then run `vitalfold migrate` again"
        )
    })
}

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
