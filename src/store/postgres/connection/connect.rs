//! Opening one connection.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures::FutureExt;
use tokio::net::UnixStream;
use tokio_postgres::config::{Config, Host};
use tokio_postgres::{Client, SimpleQueryMessage};
use tokio_util::task::AbortOnDropHandle;

use super::classify;
use super::target::{Credentials, Server};

/// Why there is no connection.
#[derive(Debug)]
pub(in crate::store::postgres) struct NotConnected {
    /// That of a server's error ends with its SQLSTATE.
    pub(in crate::store::postgres) text: String,
    /// The password is being changed: a later login may succeed.
    pub(in crate::store::postgres) may_change: bool,
}

impl From<String> for NotConnected {
    fn from(text: String) -> NotConnected {
        NotConnected {
            text,
            may_change: false,
        }
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A client and the task that moves its messages; without the task the
/// connection is closed at once, whatever is under way on it.
pub(in crate::store::postgres) type Connected = (Client, AbortOnDropHandle<()>);

/// Connects and sets what every session of vitalfold has set.
pub(in crate::store::postgres) async fn establish(
    server: &Arc<Server>,
    settings: &str,
) -> Result<(AsyncPgConnection, AbortOnDropHandle<()>), NotConnected> {
    let (client, task) = open(server).await?;
    let mut connection = AsyncPgConnection::try_from(client)
        .await
        .map_err(|error| NotConnected::from(error.to_string()))?;
    connection
        .batch_execute(settings)
        .await
        .map_err(|error| NotConnected::from(classify::message(&error)))?;
    Ok((connection, task))
}

async fn open(server: &Arc<Server>) -> Result<Connected, NotConnected> {
    let credentials = Server::credentials(server).await?;
    let opened = open_with(&credentials).await;
    server.judge(opened)
}

async fn open_with(credentials: &Credentials) -> Result<Connected, NotConnected> {
    let Credentials { config, connector } = credentials;
    let sockets = sockets(config)?;
    if sockets.is_empty() {
        let (client, connection) = config
            .connect(connector.clone())
            .await
            .map_err(|error| not_connected(&error))?;
        let task = tokio::spawn(connection.map(drop));
        return Ok((client, AbortOnDropHandle::new(task)));
    }
    let mut failed = NotConnected::from(String::new());
    for socket in sockets {
        match open_socket(credentials, &socket).await {
            Ok(connected) => return Ok(connected),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn open_socket(credentials: &Credentials, socket: &str) -> Result<Connected, NotConnected> {
    let stream = UnixStream::connect(socket).await.map_err(|error| {
        NotConnected::from(format!("error connecting to server: {socket}: {error}"))
    })?;
    let (client, connection) = credentials
        .config
        .connect_raw(stream, credentials.connector.plain())
        .await
        .map_err(|error| not_connected(&error))?;
    let task = tokio::spawn(connection.map(drop));
    Ok((client, AbortOnDropHandle::new(task)))
}

/// The Unix sockets to try, where the hosts are folders of them.
fn sockets(config: &Config) -> Result<Vec<String>, NotConnected> {
    let (hosts, ports) = (config.get_hosts(), config.get_ports());
    let mut sockets = Vec::new();
    for (index, host) in hosts.iter().enumerate() {
        if let Host::Unix(folder) = host {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            let socket = folder.join(format!(".s.PGSQL.{port}"));
            sockets.push(socket.to_string_lossy().into_owned());
        }
    }
    if !sockets.is_empty() && sockets.len() < hosts.len() {
        let text = "database.url names hosts and folders of Unix sockets; give hosts of one kind";
        return Err(NotConnected::from(text.to_owned()));
    }
    Ok(sockets)
}

/// Whether two clients got the same server process: a pooler gives each
/// transaction whichever server connection is free, as PgBouncer does in
/// transaction mode. Asked without prepared statements, which are what breaks
/// there.
pub(in crate::store::postgres) async fn shares_sessions(
    server: &Arc<Server>,
) -> Result<bool, NotConnected> {
    let clients = [open(server).await?, open(server).await?];
    // A busy pooler may happen to give different ones: ask more than once.
    for _ in 0..5 {
        let mut seen = HashSet::new();
        for (client, _) in &clients {
            let rows = client
                .simple_query("select pg_backend_pid()")
                .await
                .map_err(|error| not_connected(&error))?;
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
fn not_connected(error: &tokio_postgres::Error) -> NotConnected {
    if let Some(reported) = error.as_db_error() {
        return NotConnected::from(reported.message().to_owned());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    NotConnected::from(text)
}
