//! Who holds the advisory locks that vitalfold takes: any role of the database
//! can.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::migrate::MIGRATION_LOCK;
use super::raw::ALLOCATION_LOCK;
use super::{PgStore, Result};
use crate::store::sql::flat;

/// Users with work whose locks are looked for.
const USERS: i64 = 10_000;

/// A session that holds locks of one kind.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct LockHolder {
    /// What waits for it: `runs`, `migrations`, `imports` or `users`.
    #[diesel(sql_type = Text)]
    pub lock: String,
    #[diesel(sql_type = Integer)]
    pub pid: i32,
    #[diesel(sql_type = Text)]
    pub role: String,
    #[diesel(sql_type = Text)]
    pub application: String,
    /// None where this role may not see it.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub connected_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    pub locks: i64,
}

impl LockHolder {
    /// Whether it says that it is a process of vitalfold.
    pub fn is_ours(&self) -> bool {
        self.application.starts_with("vitalfold ")
    }

    /// Names the session: `pid 17, psql as app, connected since …`.
    pub fn session(&self) -> String {
        let since = match self.connected_at {
            Some(at) => format!("connected since {}", at.format("%Y-%m-%d %H:%M:%SZ")),
            None => "connected since a time that this role may not see".to_owned(),
        };
        let name = match self.application.as_str() {
            "" => "no application name",
            name => name,
        };
        format!(
            "pid {}, {} as {}, {since}",
            self.pid,
            name.escape_debug(),
            self.role.escape_debug()
        )
    }
}

impl PgStore {
    /// Holders of advisory locks that vitalfold takes, other than this store's
    /// session that asks. Of users with work the first 10,000 are looked at.
    ///
    /// # Errors
    /// Those of the connection and of missing rights.
    pub async fn lock_holders(&self) -> Result<Vec<LockHolder>> {
        const OPERATION: &str = "examine locks";
        let mut lease = self.lease(OPERATION).await?;
        let holders = diesel::sql_query(flat(include_str!("sql/locks.sql")))
            .bind::<BigInt, _>(MIGRATION_LOCK)
            .bind::<BigInt, _>(ALLOCATION_LOCK)
            .bind::<BigInt, _>(USERS)
            .load(&mut *lease)
            .await;
        lease.finish(OPERATION, holders)
    }
}
