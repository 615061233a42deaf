//! Embedded `SQLite`, for the first run, development and small single-machine
//! use. One connection, so one writer; every write is an immediate transaction,
//! because a deferred one fails instead of waiting when it turns into a write.

mod connection;
mod copy;
mod examine;
mod failures;
mod fleet;
mod groups;
mod migrate;
mod queue;
mod raw;
mod retention;
mod rows;
mod server;
mod texts;
mod versions;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use diesel::{QueryResult, SqliteConnection};
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;

use super::{ErrorClass, Result, StoreError};
use crate::config::Config;
use crate::domain::FoldRules;
use connection::{classify, commits, connect, file, mount};

/// Largest file whose pages are checked at a start.
const QUICK_CHECK_BYTES: u64 = 256 << 20;

/// What `SQLite` says of pages that make no sense.
const MALFORMED: &str = "is malformed";

/// A `SQLite` file.
#[derive(Clone)]
pub struct SqliteStore {
    pool: Pool<SyncConnectionWrapper<SqliteConnection>>,
    path: PathBuf,
    open_file: Arc<file::OpenFile>,
    /// It was said that the note of commits cannot be written.
    note_failed: Arc<AtomicBool>,
    rules: Arc<FoldRules>,
    /// Older hour rows are not missed.
    keep_hours: Option<Duration>,
    retains: bool,
}

impl SqliteStore {
    /// Prepares the connection; the first operation opens or creates the file.
    ///
    /// # Errors
    /// A URL that names no file, or a directory that does not exist.
    pub fn new(config: &Config) -> Result<SqliteStore> {
        let path = connect::path(&config.database.url)?;
        Ok(SqliteStore {
            pool: connect::pool(&path, config)?,
            path,
            open_file: Arc::default(),
            note_failed: Arc::default(),
            rules: Arc::new(config.aggregation.rules()),
            keep_hours: config.retention.keep_hours(),
            retains: config.retention.is_on(),
        })
    }

    /// Whether the file is still to be created.
    pub fn is_new(&self) -> bool {
        std::fs::metadata(&self.path).map_or(true, |file| file.len() == 0)
    }

    /// Looks before the first operation for what is lost, and for pages that
    /// contradict each other in files of up to 256 MiB, which takes a second or
    /// two.
    ///
    /// # Errors
    /// A fatal one that names the file and what to do.
    pub async fn check_file(&self) -> Result<()> {
        if let Some(trouble) = mount::trouble(&self.path) {
            tracing::warn!("{trouble}");
        }
        self.find_losses().await?;
        let length = self.size();
        if length == 0 || length > QUICK_CHECK_BYTES {
            return Ok(());
        }
        let checked = self.call("check the database file", server::is_sound);
        let sound = match checked.await {
            // The damage keeps the check itself from running.
            Err(error) if error.message.contains(MALFORMED) => false,
            checked => checked?,
        };
        if sound {
            return Ok(());
        }
        Err(StoreError::new(
            ErrorClass::Fatal,
            "check the database file",
            format!(
                "{} is damaged (pragma quick_check); restore it from a backup, or save what \
                 can be read with `sqlite3 FILE .recover`",
                self.path.display()
            ),
        ))
    }

    /// Looks before the first operation for a WAL, commits or a part of the file
    /// that is gone.
    ///
    /// # Errors
    /// A fatal one that names the file and what to do.
    pub async fn find_losses(&self) -> Result<()> {
        file::find_losses(&self.path)?;
        let note = commits::Note::read(&self.path)?;
        let length = self.size();
        if length == 0 {
            if note.is_some() {
                commits::warn_of_new(&self.path);
            }
            return Ok(());
        }
        if let Some(note) = note {
            let untouched = commits::untouched(&self.path, &note);
            let found = match self.call("read commits", commits::read).await {
                // The check of the pages tells.
                Err(error) if error.message.contains(MALFORMED) => None,
                found => found?,
            };
            if let Some(found) = found {
                commits::compare(&self.path, &note, untouched, &found)?;
            }
        }
        Ok(())
    }

    /// Runs one piece of work on the connection, off the async threads. It
    /// runs to its end even when the caller is gone.
    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        // Before the pool, which would create a file that was removed.
        self.open_file.check(&self.path)?;
        let mut connection = self
            .pool
            .get()
            .await
            .map_err(|error| self.named(classify::pool(operation, &error)))?;
        self.open_file.remember(&self.path)?;
        connection
            .spawn_blocking(work)
            .await
            .map_err(|error| self.named(classify::statement(operation, &error)))
    }

    /// The error with the file's name, where the file may be to blame.
    fn named(&self, mut error: StoreError) -> StoreError {
        if error.class != ErrorClass::Data {
            error.message = format!("{}: {}", self.path.display(), error.message);
        }
        error
    }

    /// Like `call`, in a transaction that takes the write lock first.
    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        let (path, note_failed) = (self.path.clone(), self.note_failed.clone());
        self.call(operation, move |connection| {
            let (done, commits) = connection.immediate_transaction(|connection| {
                let done = work(connection)?;
                QueryResult::Ok((done, commits::count(connection)?))
            })?;
            commits::write_note(&path, commits, &note_failed);
            Ok(done)
        })
        .await
    }
}
