//! Opening the file.

use std::path::{Path, PathBuf};

use diesel::{ConnectionError, SqliteConnection};
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use futures::FutureExt;

use crate::config::Config;
use crate::store::{ErrorClass, Result, StoreError};

/// The file that a `sqlite://` URL names, relative to the current directory
/// or absolute (`sqlite:///var/lib/vitalfold.db`).
pub(in crate::store::sqlite) fn path(url: &str) -> Result<PathBuf> {
    let fatal = |message: String| StoreError::new(ErrorClass::Fatal, "read database.url", message);
    let name = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
        .filter(|name| !name.is_empty())
        .ok_or_else(|| fatal("names no file; write sqlite://FILE".into()))?;
    if name == ":memory:" {
        return Err(fatal(
            "an in-memory database would be gone at once; name a file".into(),
        ));
    }
    let path = PathBuf::from(name);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(fatal(format!(
            "folder {} does not exist; create it first",
            folder.display()
        )));
    }
    if path.is_dir() {
        return Err(fatal(format!(
            "{} is a folder; name a file",
            path.display()
        )));
    }
    if path.exists() && !path.is_file() {
        return Err(fatal(format!("{} is no regular file", path.display())));
    }
    Ok(path)
}

pub(in crate::store::sqlite) fn pool(
    path: &Path,
    config: &Config,
) -> Result<Pool<SyncConnectionWrapper<SqliteConnection>>> {
    let settings = format!(
        "pragma busy_timeout = {}; pragma journal_mode = wal; pragma synchronous = normal; \
         pragma foreign_keys = on;",
        config.pool.lock_timeout.as_millis()
    );
    let mut manager = ManagerConfig::default();
    manager.custom_setup = Box::new(move |file| {
        let (file, settings) = (file.to_owned(), settings.clone());
        async move {
            let mut connection =
                SyncConnectionWrapper::<SqliteConnection>::establish(&file).await?;
            connection
                .batch_execute(&settings)
                .await
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        }
        .boxed()
    });
    manager.recycling_method = RecyclingMethod::Fast;
    let file = path.to_str().ok_or_else(|| {
        StoreError::new(
            ErrorClass::Fatal,
            "read database.url",
            "the path is not valid UTF-8",
        )
    })?;
    Pool::builder(AsyncDieselConnectionManager::new_with_config(file, manager))
        .max_size(1)
        .runtime(deadpool::Runtime::Tokio1)
        .wait_timeout(Some(config.pool.wait_timeout))
        .build()
        .map_err(|error| StoreError::new(ErrorClass::Fatal, "build pool", error.to_string()))
}
