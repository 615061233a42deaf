//! The stop ladder: finish the groups in flight, then leave, or leave now.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Runs `work` until it ends by itself or by `stop`, which the first SIGTERM
/// or SIGINT cancels. Returns none when it had to be left unfinished: at
/// `deadline` after the stop, or at a second signal.
///
/// Whoever gets none must end the process: what is left unfinished still
/// holds connections, whose transactions the server rolls back.
///
/// # Errors
/// Signal handlers could not be installed.
pub async fn with_signals<T>(
    stop: CancellationToken,
    deadline: Duration,
    work: impl Future<Output = T>,
) -> std::io::Result<Option<T>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut next = async || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => return Ok(Some(result)),
        name = next() => {
            info!("{name}: no further group is started, those in flight finish");
            stop.cancel();
        }
    }
    tokio::select! {
        result = &mut work => Ok(Some(result)),
        name = next() => {
            warn!("{name} again: leaving now");
            Ok(None)
        }
        () = tokio::time::sleep(deadline) => {
            warn!("groups still in flight after {deadline:?}: leaving, the server rolls them back");
            Ok(None)
        }
    }
}
