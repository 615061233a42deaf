//! The pool: `size` connections kept, up to `max_overflow` more under load.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deadpool::managed::{Object, Pool, PoolError, QueueMode, TimeoutType};
use diesel::result::DatabaseErrorKind;
use diesel::result::Error::DatabaseError;
use diesel_async::AsyncPgConnection;

use super::classify;
use super::connect::{self, NotConnected};
use super::session::{Session, SessionManager};
use super::target::Server;
use super::tls::Tls;
use crate::config::Config;
use crate::store::{ErrorClass, PoolStats, Result, StoreError};
use crate::telemetry::metrics;

#[derive(Clone)]
pub(in crate::store::postgres) struct PgPool {
    pool: Pool<SessionManager>,
    size: usize,
    max: usize,
    wait_timeout: Duration,
    connect_timeout: Duration,
    /// Raised by a reset: connections lent before it are closed when given back.
    epoch: Arc<AtomicU64>,
    answer_timeout: Duration,
    server: Arc<Server>,
}

impl PgPool {
    pub(in crate::store::postgres) fn new(
        config: &Config,
        application_name: &str,
    ) -> Result<PgPool> {
        let limits = &config.pool;
        let (tls, url) = Tls::of(&config.database.url)?;
        let mut server: tokio_postgres::Config = url.parse().map_err(
            // The cause may quote a part of the password.
            |_: tokio_postgres::Error| {
                StoreError::new(
                    ErrorClass::Fatal,
                    "read database.url",
                    "not a PostgreSQL URL with known options; expected \
                     postgres://user:password@host:5432/database, with %40 for @, %2F for / and %3F \
                     for ? in the password",
                )
            },
        )?;
        server
            .application_name(application_name)
            .connect_timeout(limits.connect_timeout)
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3)
            .tcp_user_timeout(limits.statement_timeout);
        // Parallel workers would be sessions that the pool does not count. Compiling
        // a plan takes longer than a group. Rows that a policy hides are an error,
        // never a day that lost them.
        let settings = format!(
            "set max_parallel_workers_per_gather = 0; set jit = off; \
             set statement_timeout = {}; set lock_timeout = {}; \
             set idle_in_transaction_session_timeout = {}; set timezone = 'UTC'; \
             set row_security = off",
            limits.statement_timeout.as_millis(),
            limits.lock_timeout.as_millis(),
            limits.idle_in_transaction_timeout.as_millis(),
        );

        let password_file = config.database.password_file.clone();
        let server = Arc::new(Server::new(server, tls, password_file));
        let manager = SessionManager {
            server: server.clone(),
            settings,
            recycle: limits.recycle,
            pre_ping: limits.pre_ping,
            closed: Mutex::default(),
        };
        let max = limits.size + limits.max_overflow;
        let pool = Pool::builder(manager)
            .max_size(max)
            .runtime(deadpool::Runtime::Tokio1)
            .wait_timeout(Some(limits.wait_timeout))
            .create_timeout(Some(limits.connect_timeout))
            .recycle_timeout(Some(limits.connect_timeout))
            .queue_mode(QueueMode::Lifo)
            .build()
            .map_err(|error| StoreError::new(ErrorClass::Fatal, "build pool", error.to_string()))?;
        Ok(PgPool {
            pool,
            size: limits.size,
            max,
            wait_timeout: limits.wait_timeout,
            connect_timeout: limits.connect_timeout,
            epoch: Arc::default(),
            answer_timeout: limits.statement_timeout * ANSWER_FACTOR,
            server,
        })
    }

    /// Refuses a pooler that gives clients each other's sessions.
    pub(in crate::store::postgres) async fn refuse_shared_sessions(
        &self,
        operation: &'static str,
    ) -> Result<()> {
        // Not in the pool, so that it may be dropped. A pooler with one server
        // connection keeps the second client waiting: it shares nothing.
        let asked =
            tokio::time::timeout(self.connect_timeout, connect::shares_sessions(&self.server));
        match asked.await {
            Ok(Ok(true)) => Err(StoreError::new(
                ErrorClass::Fatal,
                operation,
                "a pooler in between shares server connections between clients (PgBouncer in \
                 transaction mode): named prepared statements can return another process's rows \
                 there. Set pool_mode = session, or connect to the server itself",
            )),
            Ok(Err(error)) => Err(classify::connection(operation, &error)),
            Ok(Ok(false)) | Err(_) => Ok(()),
        }
    }

    pub(in crate::store::postgres) fn max(&self) -> usize {
        self.max
    }

    /// Closes every connection: idle ones now, those on loan when they come
    /// back. Returns how many were closed now.
    pub(in crate::store::postgres) fn reset(&self) -> usize {
        metrics::pool_reset();
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.pool.retain(|_, _| false).removed.len()
    }

    pub(in crate::store::postgres) fn stats(&self) -> PoolStats {
        PoolStats::of(self.pool.status(), self.max)
    }

    pub(in crate::store::postgres) async fn get(&self, operation: &'static str) -> Result<Lease> {
        let asked = Instant::now();
        let got = self.pool.get().await;
        metrics::connection_waited(asked.elapsed());
        match got {
            Ok(object) => Ok(Lease {
                object: Some(object),
                since: Instant::now(),
                size: self.size,
                lent_in: self.epoch.load(Ordering::Acquire),
                epoch: self.epoch.clone(),
                clean: false,
                answer_timeout: self.answer_timeout,
            }),
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(StoreError::connection(
                operation,
                format!(
                    "no connection within {}: the pool is exhausted ({})",
                    humantime::format_duration(self.wait_timeout),
                    self.stats()
                ),
            )),
            Err(PoolError::Timeout(_)) => Err(classify::connection(
                operation,
                &NotConnected::from("the server did not answer in time".to_owned()),
            )),
            Err(PoolError::Backend(error)) => Err(classify::connection(operation, &error)),
            Err(error) => Err(StoreError::connection(operation, error.to_string())),
        }
    }
}

/// An operation may take this many times `statement_timeout`, which the server
/// keeps for each statement by itself; beyond that the server is not heard.
const ANSWER_FACTOR: u32 = 2;

/// Waits for an operation, at most for its lease's answer timeout: behind a
/// network or a pooler that goes on taking packets and answers none, neither
/// keepalives nor the server's own timeouts end it.
///
/// What is cut off in the middle ends with its connection: a lease is given
/// back clean only after an operation that ended well.
pub(in crate::store::postgres) async fn answer<T, E: From<diesel::result::Error>>(
    limit: Duration,
    operation: impl Future<Output = std::result::Result<T, E>>,
) -> std::result::Result<T, E> {
    tokio::time::timeout(limit, operation)
        .await
        .unwrap_or_else(|_| {
            let limit = humantime::format_duration(limit);
            let message = format!("no answer from the server within {limit}");
            Err(DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(message)).into())
        })
}

/// A connection on loan. It goes back to the pool only from an operation that
/// ended well: after an error, a cancelled future or a reset of the pool the
/// next user gets a fresh one. One of the overflow that nobody waits for is
/// closed too.
pub(in crate::store::postgres) struct Lease {
    object: Option<Object<SessionManager>>,
    since: Instant,
    size: usize,
    lent_in: u64,
    epoch: Arc<AtomicU64>,
    clean: bool,
    answer_timeout: Duration,
}

impl Lease {
    /// How long an operation on this connection may take, for [`answer`].
    pub(in crate::store::postgres) fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    /// Ends an operation: its error closes the connection.
    pub(in crate::store::postgres) fn finish<T>(
        mut self,
        operation: &'static str,
        result: diesel::QueryResult<T>,
    ) -> Result<T> {
        self.clean = result.is_ok();
        result.map_err(|error| classify::statement(operation, &error))
    }

    /// Gives the connection back: whatever was done on it ended well.
    pub(in crate::store::postgres) fn give_back(mut self) {
        self.clean = true;
    }
}

impl Lease {
    pub(in crate::store::postgres) fn session(&mut self) -> &mut Session {
        self.object.as_mut().expect(HELD)
    }
}

/// The object is taken out in `drop` alone.
const HELD: &str = "a lease holds its connection until it is dropped";

impl Deref for Lease {
    type Target = AsyncPgConnection;
    fn deref(&self) -> &AsyncPgConnection {
        &self.object.as_ref().expect(HELD).connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.session().connection
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else {
            return;
        };
        metrics::connection_held(self.since.elapsed());
        let overflow = Object::pool(&object).is_some_and(|pool| {
            let status = pool.status();
            status.size > self.size && status.waiting == 0
        });
        let reset = self.lent_in != self.epoch.load(Ordering::Acquire);
        if !self.clean || reset || overflow {
            drop(Object::take(object));
        }
    }
}
