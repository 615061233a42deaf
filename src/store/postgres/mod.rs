//! PostgreSQL, in production.

/// Runs one operation on a connection of the pool; its error closes the
/// connection, so that the next user gets a fresh one.
macro_rules! on_connection {
    ($store:ident, $operation:literal, $connection:ident => $call:expr) => {{
        let mut lease = $store.lease($operation).await?;
        let limit = lease.answer_timeout();
        let $connection = &mut *lease;
        let result = pool::answer(limit, $call).await;
        lease.finish($operation, result)
    }};
}

mod array;
mod connection;
mod copy;
mod days;
pub mod examine;
mod failures;
mod fleet;
mod groups;
pub mod locks;
mod migrate;
mod queue;
mod raw;
mod retention;
mod rows;
mod schema;
mod server;
mod versions;
mod view;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::*;
use crate::config::Config;
use crate::domain::FoldRules;
use connection::pool::{self, Lease, PgPool};

/// What `server_encoding` must be.
pub const UNICODE: &str = "UTF8";

/// A PostgreSQL database and the pool of connections to it.
#[derive(Clone)]
pub struct PgStore {
    pool: PgPool,
    rules: Arc<FoldRules>,
    /// Older hour rows are not missed.
    keep_hours: Option<Duration>,
    retains: bool,
    /// The turn of the one group at a time that needs more than its room.
    large: Arc<Semaphore>,
}

impl PgStore {
    /// Prepares the pool; the first operation connects.
    ///
    /// `application_name` is what `pg_stat_activity` shows.
    ///
    /// # Errors
    /// A URL that is not a PostgreSQL URL.
    pub fn new(config: &Config, application_name: &str) -> Result<PgStore> {
        Ok(PgStore {
            pool: PgPool::new(config, application_name)?,
            rules: Arc::new(config.aggregation.rules()),
            keep_hours: config.retention.keep_hours(),
            retains: config.retention.is_on(),
            large: Arc::new(Semaphore::new(1)),
        })
    }

    /// Refuses a pooler in between on which sessions are not one's own.
    ///
    /// # Errors
    /// There is one, or there is no connection.
    pub async fn refuse_shared_sessions(&self) -> Result<()> {
        self.pool.refuse_shared_sessions("connect").await
    }

    /// Refuses a database whose texts are not Unicode: some of what arrives
    /// could not be stored, or would be stored as other characters.
    ///
    /// # Errors
    /// It is in another encoding, or there is no connection.
    pub async fn refuse_encoding(&self) -> Result<()> {
        const OPERATION: &str = "connect";
        let encoding = self.examine_server().await?.encoding;
        if encoding == UNICODE {
            return Ok(());
        }
        Err(StoreError::new(
            ErrorClass::Fatal,
            OPERATION,
            format!(
                "the database's encoding is {encoding}; texts need UTF8. Create a database with \
                 `create database … encoding 'UTF8' template template0` and name it in database.url"
            ),
        ))
    }

    async fn lease(&self, operation: &'static str) -> Result<Lease> {
        self.pool.get(operation).await
    }
}
