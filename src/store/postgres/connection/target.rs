//! A server, and what lets a session in: its password and whom TLS trusts. An
//! operator replaces both while the process runs; they are read anew for each
//! connection.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::config::Config;
use tracing::warn;

use super::connect::NotConnected;
use super::sqlstate;
use super::stream::Connector;
use super::tls::Tls;
use crate::config::password;

/// A password is changed on the server and in the file one after the other.
/// Logins that are refused for longer than this are refused for good.
const CHANGE: Duration = Duration::from_secs(5 * 60);

pub(in crate::store::postgres) struct Server {
    /// With the password of the start.
    config: Config,
    connector: Connector,
    tls: Tls,
    password_file: Option<PathBuf>,
    login: Mutex<Login>,
}

/// What is known of the logins of this process.
#[derive(Debug, Default)]
struct Login {
    /// The last password that was read after the start.
    password: Option<String>,
    succeeded: bool,
    refused_since: Option<Instant>,
}

/// What one connection is opened with.
pub(in crate::store::postgres) struct Credentials {
    pub(in crate::store::postgres) config: Config,
    pub(in crate::store::postgres) connector: Connector,
}

impl Server {
    /// An empty `password_file` is none.
    pub(in crate::store::postgres) fn new(
        mut config: Config,
        tls: Tls,
        password_file: PathBuf,
    ) -> Server {
        Server {
            connector: Connector::take_over(&mut config, tls.connector()),
            config,
            tls,
            password_file: Some(password_file).filter(|file| !file.as_os_str().is_empty()),
            login: Mutex::default(),
        }
    }

    pub(in crate::store::postgres) async fn credentials(
        server: &Arc<Server>,
    ) -> Result<Credentials, NotConnected> {
        let server = server.clone();
        // A folder of secrets may be on a slow file system.
        tokio::task::spawn_blocking(move || server.read())
            .await
            .map_err(|error| NotConnected::from(error.to_string()))
    }

    fn read(&self) -> Credentials {
        let mut config = self.config.clone();
        let read = self.password_file.as_deref().map(password::read);
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Some(Ok(password)) => login.password = Some(password),
            Some(Err(error)) => warn!("{error:#}; the password read before is used"),
            None => {}
        }
        if let Some(password) = &login.password {
            config.password(password);
        }
        Credentials {
            config,
            connector: self.connector.with_tls(self.tls.connector()),
        }
    }

    /// Remembers how a login ended. A refused one is no reason to give up while
    /// the password may be changing: with a file to read it from, after a login
    /// that succeeded, and for [`CHANGE`].
    pub(in crate::store::postgres) fn judge<T>(
        &self,
        opened: Result<T, NotConnected>,
    ) -> Result<T, NotConnected> {
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        opened
            .inspect(|_| {
                login.succeeded = true;
                login.refused_since = None;
            })
            .map_err(|mut error| {
                // Invalid authorization specification.
                let is_refused =
                    sqlstate::code(&error.text).is_some_and(|c| c.state.starts_with("28"));
                if is_refused && login.succeeded && self.password_file.is_some() {
                    let since = *login.refused_since.get_or_insert_with(Instant::now);
                    error.may_change = since.elapsed() < CHANGE;
                }
                error
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(password_file: &str) -> Server {
        let (tls, url) = Tls::of("postgres://u@h/d").unwrap();
        Server::new(url.parse().unwrap(), tls, password_file.into())
    }

    fn may_change(server: &Server, state: &str) -> bool {
        let refused = NotConnected::from(format!("no (SQLSTATE {state})"));
        server.judge::<()>(Err(refused)).unwrap_err().may_change
    }

    #[test]
    fn a_refused_login_may_end_where_the_password_can_change() {
        let with_file = server("password");
        assert!(!may_change(&with_file, "28P01"), "never logged in");
        with_file.judge(Ok(())).unwrap();
        for (state, changing) in [("28P01", true), ("28000", true), ("3D000", false)] {
            assert_eq!(may_change(&with_file, state), changing, "{state}");
        }
        // For a while.
        with_file.login.lock().unwrap().refused_since = Instant::now().checked_sub(CHANGE);
        assert!(!may_change(&with_file, "28P01"));
        with_file.judge(Ok(())).unwrap();
        assert!(may_change(&with_file, "28P01"), "it changes once more");

        let without_file = server("");
        without_file.judge(Ok(())).unwrap();
        assert!(!may_change(&without_file, "28P01"));
    }
}
