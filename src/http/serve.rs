//! Accepts connections: so many at once, each for so long.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// Connections at once, where the process may open that many files.
const MOST: usize = 64;
const FEWEST: usize = 4;

/// File descriptors for logs, the runtime and files beside the pool's.
const OTHER_FILES: usize = 64;

/// From the start of a connection, or the end of an answer, to the end of the
/// next request's head.
const HEAD: Duration = Duration::from_secs(5);

/// A connection is asked to end after this long, and cut off after `CUT` more:
/// bodies that trickle in and answers that nobody reads end too.
const LONGEST: Duration = Duration::from_secs(60);
const CUT: Duration = Duration::from_secs(15);

/// Time between attempts to accept while the process has no file descriptor left.
const BREATH: Duration = Duration::from_millis(200);

/// Connections that leave `pool` connections to the database their file
/// descriptors.
pub(super) fn most_connections(pool: usize) -> usize {
    std::fs::read_to_string("/proc/self/limits")
        .ok()
        .and_then(|limits| soft_file_limit(&limits))
        .map_or(MOST, |files| {
            files.saturating_sub(pool + OTHER_FILES).clamp(FEWEST, MOST)
        })
}

fn soft_file_limit(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Serves until `closing` is cancelled and open requests have ended.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    most: usize,
    closing: CancellationToken,
) {
    let turns = Arc::new(Semaphore::new(most));
    let open = TaskTracker::new();
    let mut is_failing = false;
    while let Some(Ok(turn)) = closing
        .run_until_cancelled(Arc::clone(&turns).acquire_owned())
        .await
    {
        let Some(accepted) = closing.run_until_cancelled(listener.accept()).await else {
            break;
        };
        match accepted {
            Ok((stream, _)) => {
                is_failing = false;
                let connection = connection(stream, router.clone(), closing.clone());
                open.spawn(async move {
                    connection.await;
                    drop(turn);
                });
            }
            Err(error) => {
                if !is_failing {
                    warn!("http.listen accepts no connection: {error}; trying again");
                }
                is_failing = true;
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
}

async fn connection(stream: TcpStream, router: Router, closing: CancellationToken) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(32 << 10)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = finish(&closing) => {
            served.as_mut().graceful_shutdown();
            match tokio::time::timeout(CUT, served).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        debug!("an HTTP connection ended: {error}");
    }
}

async fn finish(closing: &CancellationToken) {
    drop(tokio::time::timeout(LONGEST, closing.cancelled()).await);
}

#[cfg(test)]
mod tests {
    use super::soft_file_limit;

    #[test]
    fn the_soft_limit_of_open_files_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max processes             63447                63447                processes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(soft_file_limit(limits), Some(1024));
        assert_eq!(soft_file_limit("Max open files unlimited unlimited"), None);
    }
}
