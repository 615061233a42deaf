//! Opening one connection.

use diesel::ConnectionError;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Connects and sets what every session of vitalfold has set.
pub(super) async fn establish(
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
    settings: String,
) -> Result<AsyncPgConnection, ConnectionError> {
    let (client, connection) = config
        .connect(tls)
        .await
        .map_err(|error| bad_connection(&error))?;
    let mut connection =
        AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
    connection
        .batch_execute(&settings)
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
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
