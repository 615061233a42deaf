//! For probes and Prometheus. Nothing here asks the database.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::App;
use crate::store::{PoolStatus, Store};
use crate::telemetry::metrics;

fn answer(good: bool, body: serde_json::Value) -> Response {
    let status = match good {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(body)).into_response()
}

/// Not alive: there is work, the database answers, and yet nothing has ended
/// for longer than its timeouts allow. A restart may help, which it does not
/// against a database that is away.
pub(super) async fn live<S: Store>(State(app): State<Arc<App<S>>>) -> Response {
    let still = app.progress.age();
    let stalled = still > app.stalled_after && app.monitor.reading().work_waits();
    answer(
        !stalled,
        json!({
            "status": if stalled { "stalled" } else { "live" },
            "seconds_since_progress": still.as_secs(),
            "stalled_after_seconds": app.stalled_after.as_secs(),
        }),
    )
}

/// Not ready: nothing that comes in now would be folded.
pub(super) async fn ready<S: Store>(State(app): State<Arc<App<S>>>) -> Response {
    let reason = if app.stopping.is_cancelled() {
        Some("stopping".to_owned())
    } else if app.breaker.is_open() {
        Some("the circuit breaker is open: the database does not answer".to_owned())
    } else {
        app.store.lost().or_else(|| app.monitor.reading().trouble())
    };
    answer(
        reason.is_none(),
        json!({
            "status": if reason.is_none() { "ready" } else { "not ready" },
            "reason": reason,
        }),
    )
}

pub(super) async fn pool<S: Store>(State(app): State<Arc<App<S>>>) -> Response {
    let pool = app.store.pool_stats();
    let breaker_open = app.breaker.is_open();
    let status = match breaker_open {
        true => "breaker open",
        false => pool.status().name(),
    };
    answer(
        !breaker_open && pool.status() != PoolStatus::Exhausted,
        json!({
            "status": status,
            "usage_percent": pool.usage_percent(),
            "available": pool.available,
            "in_use": pool.checked_out,
            "waiting": pool.waiting,
            "size": pool.size,
            "max": pool.max,
        }),
    )
}

pub(super) async fn metrics<S: Store>(State(app): State<Arc<App<S>>>) -> Response {
    let pool = app.store.pool_stats();
    let text = metrics::render(&metrics::Now {
        open_connections: pool.size,
        connections_in_use: pool.checked_out,
        connections_available: pool.available,
        max_connections: pool.max,
        waiting_callers: pool.waiting,
        breaker_is_open: app.breaker.is_open(),
        progress_age: app.progress.age(),
    });
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}
