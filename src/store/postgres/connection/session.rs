//! One connection of the pool: how it is opened, checked and known.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio_util::task::AbortOnDropHandle;

use super::classify;
use super::connect::{self, NotConnected};
use super::target::Server;

/// A connection that was lent this short a time ago is lent again without
/// asking whether it lives, as `HikariCP` does (`aliveBypassWindowMs`): a ping
/// for each group would be a round trip in three.
const TRUSTED_FOR: Duration = Duration::from_millis(500);

/// How long a server may take to end a session whose connection was closed:
/// until then a new one would be one more than the pool may have.
const ENDING: Duration = Duration::from_millis(50);

pub(in crate::store::postgres) struct Session {
    pub(in crate::store::postgres) connection: AsyncPgConnection,
    pub(in crate::store::postgres) prepared: Prepared,
    /// Moves the messages of `connection`, and closes it when dropped.
    _task: AbortOnDropHandle<()>,
}

/// The statements that a connection has prepared. Such a one is sent in the
/// first poll of its future; another is prepared first, and meanwhile what
/// stands behind it overtakes it.
#[derive(Default)]
pub(in crate::store::postgres) struct Prepared(Vec<usize>);

impl Prepared {
    pub(in crate::store::postgres) fn has_all(&self, texts: &[&'static str]) -> bool {
        texts.iter().all(|text| self.0.contains(&address(text)))
    }

    /// Remembers statements that succeeded.
    pub(in crate::store::postgres) fn add(&mut self, texts: &[&'static str]) {
        for text in texts {
            let address = address(text);
            if !self.0.contains(&address) {
                self.0.push(address);
            }
        }
    }
}

/// Texts live as long as the process: their place is as good as they are.
fn address(text: &'static str) -> usize {
    text.as_ptr() as usize
}

pub(in crate::store::postgres) struct SessionManager {
    pub(in crate::store::postgres) server: Arc<Server>,
    /// Statements that every session begins with.
    pub(in crate::store::postgres) settings: String,
    /// A connection may be lent until it is this old.
    pub(in crate::store::postgres) recycle: Duration,
    pub(in crate::store::postgres) pre_ping: bool,
    /// When a connection was closed last.
    pub(in crate::store::postgres) closed: Mutex<Option<Instant>>,
}

impl SessionManager {
    fn closed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manager for SessionManager {
    type Type = Session;
    type Error = NotConnected;

    async fn create(&self) -> Result<Session, NotConnected> {
        let ended = self.closed().map(|at| at + ENDING);
        if let Some(ended) = ended {
            tokio::time::sleep_until(ended.into()).await;
        }
        let (connection, task) = connect::establish(&self.server, &self.settings).await?;
        Ok(Session {
            connection,
            prepared: Prepared::default(),
            _task: task,
        })
    }

    fn detach(&self, _session: &mut Session) {
        *self.closed() = Some(Instant::now());
    }

    async fn recycle(
        &self,
        session: &mut Session,
        metrics: &Metrics,
    ) -> RecycleResult<NotConnected> {
        if metrics.age() > self.recycle {
            return Err(RecycleError::message("older than pool.recycle"));
        }
        if session.connection.is_broken() {
            return Err(RecycleError::message("closed"));
        }
        if self.pre_ping && metrics.last_used() > TRUSTED_FOR {
            session
                .connection
                .batch_execute("")
                .await
                .map_err(|error| NotConnected::from(classify::message(&error)))?;
        }
        Ok(())
    }
}
