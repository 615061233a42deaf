//! What `doctor` asks of a `SQLite` file. Reads only.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{Result, SqliteStore, mount};
use crate::domain::Domain;

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl SqliteStore {
    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    /// What is unsafe about the place of the file: a network file system, or a
    /// mount of the file without its folder.
    pub fn unsafe_place(&self) -> Option<String> {
        mount::trouble(&self.path)
    }

    /// What `SQLite` finds wrong with the file and its indexes, at most 10
    /// lines. Reads the whole file.
    pub async fn damage(&self) -> Result<Vec<String>> {
        let found =
            self.names("select integrity_check as name from pragma_integrity_check limit 10");
        let mut found = found.await?;
        found.retain(|line| line != "ok");
        Ok(found)
    }

    /// Indexes and triggers that the migrations create and that are not there.
    pub async fn missing_objects(&self) -> Result<Vec<String>> {
        let there = self
            .names("select name from sqlite_master where type in ('index', 'trigger')")
            .await?;
        let mut missing = objects();
        missing.retain(|name| !there.contains(name));
        Ok(missing)
    }

    async fn names(&self, text: &'static str) -> Result<Vec<String>> {
        self.call("examine file", move |connection| {
            let names: Vec<Name> = diesel::sql_query(text).load(connection)?;
            Ok(names.into_iter().map(|row| row.name).collect())
        })
        .await
    }
}

fn objects() -> Vec<String> {
    let mut names: Vec<String> = [
        "aggregation_batches_started_at",
        "aggregation_errors_failed_at",
        "aggregation_errors_group",
        "failed_groups_due",
        "group_changes_group",
    ]
    .map(str::to_owned)
    .into();
    for domain in Domain::ALL {
        let tables = domain.tables();
        for object in ["time", "source_id", "inserted", "edited", "deleted"] {
            names.push(format!("{}_{object}", tables.raw));
        }
        if tables.end.is_some() {
            for object in ["long", "inserted_further", "deleted_further"] {
                names.push(format!("{}_{object}", tables.raw));
            }
        }
    }
    names
}
