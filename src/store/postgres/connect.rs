//! Opening one connection.

use std::collections::HashSet;

use diesel::ConnectionError;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Connects and sets what every session of vitalfold has set.
pub(super) async fn establish(
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
    settings: &str,
) -> Result<AsyncPgConnection, ConnectionError> {
    let (client, connection) = config
        .connect(tls)
        .await
        .map_err(|error| bad_connection(&error))?;
    let mut connection =
        AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
    connection
        .batch_execute(settings)
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Whether two clients got the same server process: a pooler gives each
/// transaction whichever server connection is free, as PgBouncer does in
/// transaction mode. Asked without prepared statements, which are what breaks
/// there.
pub(super) async fn shares_sessions(
    config: &tokio_postgres::Config,
    tls: &MakeRustlsConnect,
) -> Result<bool, ConnectionError> {
    let mut clients = Vec::new();
    for _ in 0..2 {
        let (client, connection) = config
            .connect(tls.clone())
            .await
            .map_err(|error| bad_connection(&error))?;
        // Ends when its client is dropped.
        tokio::spawn(connection);
        clients.push(client);
    }
    // A busy pooler may happen to give different ones: ask more than once.
    for _ in 0..5 {
        let mut seen = HashSet::new();
        for client in &clients {
            let rows = client
                .simple_query("select pg_backend_pid()")
                .await
                .map_err(|error| bad_connection(&error))?;
            let pid = rows.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            if !seen.insert(pid) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// With the whole chain of causes: the top alone says `db error`.
fn bad_connection(error: &tokio_postgres::Error) -> ConnectionError {
    if let Some(reported) = error.as_db_error() {
        return ConnectionError::BadConnection(reported.message().to_owned());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    ConnectionError::BadConnection(text)
}
