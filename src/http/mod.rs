//! The endpoint of `worker`: health, metrics, the page and what it asks for.
//!
//! It stays up and says so while the database is away. It never asks the
//! database on its own account more than `reads::AT_ONCE` times at once;
//! what an open page shows again and again comes from `monitor`, which asks
//! for all of them.

mod actions;
mod api;
mod guard;
mod health;
mod limit;
mod monitor;
mod page;
mod problem;
mod reads;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Config, HttpConfig};
use crate::domain::Domain;
use crate::store::Store;
use crate::worker::Engine;
use crate::worker::breaker::Breaker;
use crate::worker::progress::Progress;
use limit::RateLimit;
use monitor::Monitor;
use problem::Problem;
use reads::Reads;

/// An action's body is a few names.
const LARGEST_BODY: usize = 4096;

/// How long open requests may take to end after a stop.
const CLOSING: Duration = Duration::from_secs(2);

/// What requests are answered from.
struct App<S> {
    store: S,
    config: HttpConfig,
    worker: Arc<str>,
    breaker: Arc<Breaker>,
    progress: Arc<Progress>,
    domains: Vec<Domain>,
    monitor: Arc<Monitor>,
    reads: Reads,
    actions: RateLimit,
    wrong_tokens: RateLimit,
    /// Longest time without progress that is not a standstill.
    stalled_after: Duration,
    /// Cancelled when the worker is told to stop.
    stopping: CancellationToken,
}

/// Takes the address.
///
/// # Errors
/// It is in use, or not this machine's.
pub async fn bind(config: &HttpConfig) -> anyhow::Result<TcpListener> {
    let listen = config.listen;
    TcpListener::bind(listen).await.with_context(|| {
        format!(
            "cannot listen on http.listen = \"{listen}\"; give this worker another address, or \
             set http.enabled = false"
        )
    })
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    closing: CancellationToken,
    server: JoinHandle<()>,
    monitor: JoinHandle<()>,
}

impl Server {
    /// Serves what becomes of a worker until [`Server::close`]. Readiness reports
    /// that the worker is told to stop.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start<S: Store>(
        listener: TcpListener,
        engine: &Engine<S>,
        config: &Config,
    ) -> anyhow::Result<Server> {
        let address = listener.local_addr().context("http.listen")?;
        let closing = CancellationToken::new();
        let monitor = Arc::new(Monitor::default());
        let watch = monitor::watch(
            engine.store.clone(),
            config.worker.domains.clone(),
            Arc::clone(&monitor),
            Arc::clone(&engine.breaker),
            closing.clone(),
        );
        let app = Arc::new(App {
            store: engine.store.clone(),
            config: HttpConfig {
                listen: address,
                ..config.http.clone()
            },
            worker: engine.worker.clone(),
            breaker: Arc::clone(&engine.breaker),
            progress: Arc::clone(&engine.progress),
            domains: config.worker.domains.clone(),
            monitor,
            reads: Reads::default(),
            actions: RateLimit::new(20, Duration::from_secs(10)),
            wrong_tokens: RateLimit::new(10, Duration::from_secs(10)),
            stalled_after: config.pool.wait_timeout
                + config.pool.connect_timeout
                + config.pool.statement_timeout * 2,
            stopping: engine.stop.clone(),
        });
        info!(
            http.address = %address,
            "http://{address}/ shows what this worker does; /metrics, /health/live, /health/ready"
        );
        if !address.ip().is_loopback() && app.config.token.is_empty() {
            warn!(
                "http.listen is reachable from other machines: without http.token nobody's \
                 aggregates are shown and nothing can be changed"
            );
        }
        let pool = config.pool.size + config.pool.max_overflow;
        let most = serve::most_connections(pool);
        let serve = serve::serve(listener, router(app), most, closing.clone());
        Ok(Server {
            address,
            closing,
            server: tokio::spawn(serve),
            monitor: tokio::spawn(watch),
        })
    }

    /// The address in use, which tells the port where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it: the last step of a stop. What is still open after a moment is
    /// left to the end of the process.
    pub async fn close(self) {
        self.closing.cancel();
        let ended = futures::future::join(self.server, self.monitor);
        drop(tokio::time::timeout(CLOSING, ended).await);
    }
}

fn router<S: Store>(app: Arc<App<S>>) -> Router {
    let people = Router::new()
        .route("/api/failed", get(api::failed))
        .route("/api/users", get(api::users))
        .route("/api/series", get(api::series))
        .route("/api/aggregates/{domain}", get(api::aggregates))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            guard::reader,
        ));
    let actions = Router::new()
        .route("/api/pause", post(actions::pause))
        .route("/api/resume", post(actions::resume))
        .route("/api/failed/retry", post(actions::retry))
        .route("/api/failed/discard", post(actions::discard))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            guard::operator,
        ));
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/db-pool", get(health::pool))
        .route("/metrics", get(health::metrics))
        .route("/api/overview", get(api::overview))
        .merge(people)
        .merge(actions)
        .merge(page::routes())
        .fallback(async || Problem::not_found("there is nothing at this address"))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            guard::host,
        ))
        .layer(middleware::from_fn(guard::headers))
        .with_state(app)
}
